//! The page of all alerts.

use super::{alerts, alerts_page, plain};
use slod::web::page::alert_list::Alerts;

#[test]
fn the_page_of_alerts_is_paginated_and_filtered() {
    let shown = alerts(120, 30);
    let html = alerts_page(&shown, "");
    assert!(
        html.contains("40 pages and 80 tickets are firing"),
        "{html}"
    );
    let place = |html: &str, text: &str| html.find(text).unwrap_or(usize::MAX);
    assert!(
        place(&html, "shop-117<") < place(&html, "shop-1<"),
        "pages come first"
    );
    assert!(
        html.contains("Part 1 of 2") && !html.contains("<h2>Pending"),
        "{html}"
    );
    let rest = plain(&alerts_page(&shown, "page=2&reload"));
    for part in [
        "Firing 120",
        "Pending 2",
        "grows by 8000 MiB/h",
        "Over 30",
        ", until 2026-11-22 15:01:57 UTC",
    ] {
        assert!(rest.contains(part), "{part} is missing in {rest}");
    }
    for (query, count) in [
        ("state=pending", 2),
        ("state=over", 30),
        ("urgency=page", 40),
        ("q=shop-11", 11),
        ("q=SHOP-117+1170", 0),
        ("q=grows+shop-117", 1),
        ("q=nothing", 0),
    ] {
        let html = alerts_page(&shown, query);
        let of = format!("{count} of 152");
        assert!(html.contains(&of), "{query}: {html}");
    }
    let unread = Alerts {
        over: None,
        ..alerts(0, 0)
    };
    assert!(alerts_page(&unread, "").contains("cannot be read"));
    assert!(
        alerts_page(
            &Alerts {
                over: Some(Vec::new()),
                ..Alerts::default()
            },
            ""
        )
        .contains("No alerts are firing")
    );
}
