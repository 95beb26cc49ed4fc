//! The main statement of the overview, and how it orders, finds and counts services.

use super::{VIEW, pages, plain, render, thirty};
use crate::synthetic::{AT, Fate, many, service, snapshot};
use slod::ledger::snapshot::{Maintenance, ServiceView, Uncounted};
use slod::web::page::{PageQuery, View};
use std::sync::Arc;
use std::time::Duration;

/// The text of the only first-level heading.
fn headline(html: &str) -> String {
    assert_eq!(html.matches("<h1>").count(), 1);
    let (_, rest) = html.split_once("<h1>").expect("every page has one");
    plain(rest.split_once("</h1>").expect("it ends").0)
}

#[test]
fn the_headline_shows_whether_anything_is_wrong() {
    let pages = pages();
    let headline = |page: &str| headline(&pages[page]);
    assert_eq!(headline("3-ok"), "All 3 services are healthy");
    assert_eq!(headline("3-down"), "concierge is down");
    assert_eq!(headline("3-new"), "No data yet");
    assert_eq!(headline("0"), "No services are configured");
    assert_eq!(headline("30"), "4 of 30 services need attention");
    assert_eq!(headline("1000"), "10 of 1,000 services need attention");
    assert_eq!(
        headline("service-burning"),
        "concierge is burning its error budget"
    );
    assert!(pages["3-down"].contains("<title>✕ concierge is down – slod</title>"));
    assert_eq!(
        headline("3-outdated"),
        "13m ago: All 3 services are healthy"
    );
    assert!(
        pages["3-outdated"].contains("<title>! 13m ago: All 3 services are healthy – slod</title>")
    );
    assert!(!pages["3-outdated"].contains("headline ok"));
    assert!(pages["3-outdated"].contains("http-equiv=\"refresh\""));
    assert!(!pages["3-ok"].contains("http-equiv=\"refresh\""));
}

/// A service while a correction excludes all of it.
fn maintained(mut service: ServiceView) -> ServiceView {
    service.maintenance = Some(Maintenance {
        until: AT.after(Duration::from_hours(1)),
        reason: "upgrade of the database".into(),
    });
    for objective in &mut service.objectives {
        objective.corrected = true;
    }
    service
}

#[test]
fn services_in_maintenance_are_marked_and_need_no_attention() {
    let fates = [Fate::Down, Fate::Burning, Fate::Healthy];
    let names = ["concierge", "rag", "guardrails"];
    let services = || {
        names
            .iter()
            .zip(fates)
            .map(|(name, fate)| service(name, fate))
    };
    let page = |maintained_ones: usize| {
        let of = |(at, service)| {
            if at < maintained_ones {
                maintained(service)
            } else {
                service
            }
        };
        render(&snapshot(services().enumerate().map(of).collect()), VIEW)
    };
    assert_eq!(headline(&page(0)), "2 of 3 services need attention");
    assert_eq!(headline(&page(1)), "rag is burning its error budget");
    assert_eq!(
        headline(&page(2)),
        "No problems; 2 of 3 services are in maintenance"
    );
    let html = page(2);
    assert!(plain(&html).contains("2 in maintenance"), "{html}");
    assert!(
        !html.contains("At risk") && !html.contains("correction active"),
        "{html}"
    );
    let alone = render(
        &snapshot(vec![maintained(service("rag", Fate::Down))]),
        VIEW,
    );
    assert_eq!(headline(&alone), "rag is in maintenance");
}

#[test]
fn what_fails_comes_first_and_all_are_there() {
    let all = many(1000);
    let part = |number: usize| {
        let query = format!("page={number}");
        let query = PageQuery::of(Some(&query));
        render(&all, View { query, ..VIEW })
    };
    let parts: Vec<String> = (1..=5).map(part).collect();
    let html = &pages()["1000"];
    let first = html
        .find("<article")
        .and_then(|at| html[at..].find("href=\"").map(|href| at + href));
    let first = &html[first.expect("a card with a link")..];
    assert!(
        first.starts_with("href=\"services/team-17-service-0017\""),
        "{}",
        &first[..60]
    );
    assert!(html.contains(">990 "));
    let lines = |html: &str| html.matches("<tr><th scope=\"row\"><a ").count();
    for service in &all.services {
        let link = format!(">{}</a>", service.name);
        let found = parts.iter().filter(|part| part.contains(&link)).count();
        assert_eq!(found, 1, "{}", service.name);
    }
    assert_eq!(lines(html), lines(&parts[0]));
    assert_eq!(parts.iter().map(|part| lines(part)).sum::<usize>(), 990);
    assert!(html.contains("href=\"?page=2#services\">Next 200</a>"));
    assert!(!parts[4].contains(">Next 200<") && lines(&part(6)) == lines(&parts[4]));
    assert!(html.len() < 400_000, "{} bytes", html.len());
}

#[test]
fn services_are_found_by_name_label_and_state() {
    let mut all = thirty();
    all.services[4].labels = Arc::new([("team".to_owned(), "a <b>".to_owned())]);
    let listed = |query: &str| {
        let query = PageQuery::of(Some(query));
        let html = render(&all, View { query, ..VIEW });
        let (_, list) = html.split_once("id=\"services\"").expect("the list");
        let names = all
            .services
            .iter()
            .filter(|one| list.contains(&format!(">{}</a>", one.name)));
        let names: Vec<String> = names.map(|one| one.name.to_string()).collect();
        (names.join(" "), html)
    };
    assert_eq!(listed("q=concierge+EU").0, "concierge-eu");
    assert_eq!(listed("q=team:assistants+search-us").0, "search-us");
    assert_eq!(listed("q=team%3Aa+%3Cb%3E").0, "search-eu");
    assert_eq!(listed("state=no+recent+data").0, "guardrails-ap");
    assert_eq!(listed("state=unheard-of").0.matches(' ').count(), 29);
    let (names, html) = listed("q=%22%3E%3Cscript%3E&reload");
    assert_eq!(names, "");
    assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;\"") && html.contains("0 of 30"));
    assert!(html.contains("<input type=\"hidden\" name=\"reload\""));
    // The statement covers all services, including those that are not listed.
    assert!(html.contains("4 of 30 services need attention"));
    assert!(!pages()["3-ok"].contains("<form"), "few need no filter");
}

#[test]
fn the_first_lines_show_state_start_cause_and_remaining_budget() {
    let pages = pages();
    let top = |page: &str| {
        let (_, rest) = pages[page].split_once("<main>").expect("it has one");
        plain(rest.split_once("</section>").expect("the headline").0)
    };
    for page in ["3-down", "service-down"] {
        let top = top(page);
        for part in [
            "concierge is down",
            "for 8m, since 2026-11-23 13:53:27 UTC",
            "health: the status is 503, expected 200-299",
            "Budget left: errors 5%",
        ] {
            assert!(top.contains(part), "{page}: {part} is missing in {top}");
        }
    }
    let top = top("30");
    for part in ["search-eu is down", "billing-sa", "has no recent data"] {
        assert!(top.contains(part), "{part} is missing in {top}");
    }
    assert!(plain(&pages["30"]).contains("positive again in 9d without failures"));
}

#[test]
fn every_state_is_counted_in_words() {
    let html = &pages()["30"];
    let (_, counts) = html
        .split_once("<ul class=\"counts\">")
        .expect("there are some");
    let counts = counts.split_once("</ul>").expect("it ends").0;
    let items: Vec<String> = counts.split("</li>").map(plain).collect();
    let expected = [
        "1 down",
        "1 budget spent",
        "1 no recent data",
        "1 burning",
        "1 no data yet",
        "1 warming up",
        "24 ok",
        "",
    ];
    assert_eq!(items, expected);
}

#[test]
fn an_outage_of_everything_stays_readable() {
    let services = (0..1000).map(|index| service(&format!("service-{index}"), Fate::Down));
    let html = render(&snapshot(services.collect()), VIEW);
    assert!(html.contains("All 1,000 services need attention"));
    assert_eq!(html.matches("<article").count(), 12);
    assert!(html.contains("<details class=\"lines\" open><summary><h2>988 also need attention"));
}

#[test]
fn services_without_probes_show_their_own_metrics() {
    let mut scraped = service("shop", Fate::Healthy);
    scraped.probes.clear();
    let mut dead = service("cart", Fate::Healthy);
    dead.probes.clear();
    dead.objectives[0].uncounted = Some(Uncounted {
        since: AT.before(Duration::from_mins(12)),
        why: "its metrics cannot be read: connection refused".into(),
        is_unreadable: true,
    });
    let mut bare = service("worker", Fate::Healthy);
    bare.probes.clear();
    bare.objectives.clear();
    let html = render(&snapshot(vec![scraped, dead, bare]), VIEW);
    let text = plain(&html);
    for part in [
        "cart has no recent data",
        "for 12m",
        "nothing is counted: its metrics cannot be read: connection refused",
        "1 no objectives",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(!text.contains("Last latency"), "no table of probes");
    assert_eq!(
        html.matches("30 days ago").count(),
        2,
        "a service without objectives has no days"
    );
    let mut scraped = service("concierge", Fate::Healthy);
    scraped.probes.clear();
    let text = plain(&render(&snapshot(vec![scraped]), VIEW));
    assert!(
        text.contains("concierge is healthy") && text.contains("Response time p50"),
        "{text}"
    );
}
