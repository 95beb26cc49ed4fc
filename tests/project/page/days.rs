//! The bars of the most recent days.

use super::{pages, plain};

#[test]
fn a_day_shows_its_ratio_and_verdict() {
    let html = &pages()["3-down"];
    assert!(html.contains("<title>2026-11-23: 93.935%, target missed by far</title>"));
    assert!(html.contains("<title>2026-10-25: no data</title>"));
    assert!(
        html.contains(
            "missed by far on 1, no requests on 0, no data on 3, corrected on 3, coverage below 99% on 2\""
        )
    );
}

#[test]
fn a_day_shows_unknown_time_and_maintenance() {
    for page in ["3-ok", "service-ok"] {
        let html = &pages()[page];
        for title in [
            "2026-10-28: 100%, target met, coverage 50%",
            "2026-11-13: 100%, target met, corrected 40% of the time, coverage 50%",
            "2026-11-14: corrected",
        ] {
            assert!(html.contains(&format!("<title>{title}</title>")), "{title}");
        }
        let corrected = r#"<title>2026-11-14: corrected</title><rect class="corrected" "#;
        assert!(html.contains(corrected));
    }
    let table = &pages()["service-ok"];
    let row = "<td>100%</td><td>50%</td><td>target met</td>";
    assert!(table.contains(row));
}

#[test]
fn the_days_can_be_ninety() {
    let pages = pages();
    let page = &pages["service-days"];
    assert!(plain(page).contains("Last 90 days"));
    assert!(page.contains("aria-label=\"Last 90 days: target met on "));
    assert!(page.contains("<a href=\"?days=30\">30 days</a>"));
    let bars = page.matches("<g><title>2026-").count();
    assert!(bars >= 90, "{bars}");
    assert!(plain(&pages["service-ok"]).contains("Last 30 days"));
}
