//! The status page as its readers get it. Every page is also written to `target/page/`, for
//! `tests/tools/screenshots.mjs`.

use crate::synthetic::{
    AT, Fate, corrections, failure, findings, firing, many, probe, service, snapshot, system,
};
use slod::alert::{AlertKey, AlertRecord, Source, Urgency};
use slod::alerting::AlertsView;
use slod::ledger::snapshot::{Maintenance, ServiceView, Snapshot};
use slod::outcome::{Cause, Timestamp};
use slod::report::health::HealthLevel;
use slod::report::signals::HealthAnswer;
use slod::report::timeline::TimelineEvent;
use slod::slo::correction::Correction;
use slod::web::page::alert_list::{Alerts, render_alerts};
use slod::web::page::past::Past;
use slod::web::page::style::{HASH, NAME, STYLE};
use slod::web::page::{Overview, PageQuery, ServicePage, View, render_overview, render_service};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const VIEW: View<'_> = View {
    now: Timestamp(AT.0 + 3000),
    query: PageQuery::NONE,
    store_trouble: None,
};

const SCRIPT: &str = "<script>alert('x')</script><img src=//evil.example onerror=\"x\">&amp;";

fn three(fate: Fate) -> Snapshot {
    snapshot(vec![
        service("concierge", fate),
        service(
            "rag",
            if fate == Fate::Down {
                Fate::Healthy
            } else {
                fate
            },
        ),
        service(
            "guardrails",
            if fate == Fate::New {
                fate
            } else {
                Fate::Healthy
            },
        ),
    ])
}

fn thirty() -> Snapshot {
    let fates = |index| match index {
        4 => Fate::Down,
        9 => Fate::Burning,
        14 => Fate::Unseen,
        21 => Fate::BudgetSpent,
        25 => Fate::Young,
        28 => Fate::New,
        _ => Fate::Healthy,
    };
    let names = [
        "concierge",
        "rag",
        "guardrails",
        "billing",
        "search",
        "mail",
    ];
    let name = |index: usize| {
        format!(
            "{}-{}",
            names[index % 6],
            ["eu", "us", "ap", "sa", "af"][index / 6]
        )
    };
    snapshot(
        (0..30)
            .map(|index| service(&name(index), fates(index)))
            .collect(),
    )
}

/// Every text that comes from outside is an attack.
fn hostile() -> ServiceView {
    let mut hostile = service(SCRIPT, Fate::Down);
    hostile.description = SCRIPT.into();
    hostile.labels = Arc::new([(SCRIPT.to_owned(), SCRIPT.to_owned())]);
    for view in &mut hostile.objectives {
        SCRIPT.clone_into(&mut Arc::make_mut(&mut view.objective).name);
    }
    let probe = &mut hostile.probes[0];
    probe.key.probe = SCRIPT.into();
    probe.target = SCRIPT.into();
    let obeyed = format!("{SCRIPT}\u{1b}[31mred\u{202e}");
    probe.recent_failures = vec![Arc::new(failure(AT, Cause::Body, &obeyed))];
    hostile
}

fn strange() -> Snapshot {
    let mut arabic = service("خدمة الاستقبال", Fate::Burning);
    arabic.description = "يجيب على أسئلة الضيوف".into();
    let mut long = service("payments", Fate::Down);
    let url = format!("https://payments.example/{}", "averylongpath".repeat(14));
    long.probes[0].target = url[..200].into();
    long.probes.push(probe(
        "payments",
        "a-second-probe-with-quite-a-long-name",
        Fate::Healthy,
        9,
    ));
    let message = format!("failed to connect to {}", &url[..200]);
    long.probes[0].recent_failures = vec![Arc::new(failure(AT, Cause::Refused, &message))];
    snapshot(vec![arabic, long, hostile()])
}

fn render(snapshot: &Snapshot, view: View<'_>) -> String {
    let shown = Overview {
        snapshot,
        firing: &firing(&snapshot.services),
        findings: &findings(),
        system: &system(),
        silences: &[],
    };
    render_overview(shown, view)
}

/// Events of an afternoon, the newest first.
fn events() -> Vec<TimelineEvent> {
    let event = |minutes: u64, level, what, text: &str| TimelineEvent {
        at: AT.before(Duration::from_mins(minutes)),
        level,
        what,
        text: text.to_owned(),
    };
    let mut all = vec![
        event(
            5,
            HealthLevel::Warn,
            "ticket",
            "memory growing (worker): grows by 96 MiB/h",
        ),
        event(12, HealthLevel::Ok, "up", "health, after 3m20s"),
        event(
            15,
            HealthLevel::Bad,
            "down",
            "health: status 503, expected 200-299",
        ),
        event(40, HealthLevel::Warn, "restarted", "processes of worker"),
        event(
            60,
            HealthLevel::Idle,
            "correction",
            "ends: database upgrade",
        ),
        event(
            90,
            HealthLevel::Idle,
            "correction",
            "begins: database upgrade, by ada",
        ),
    ];
    all.extend((0..20).map(|n| {
        event(
            200 + n * 60,
            HealthLevel::Ok,
            "resolved",
            "errors: error-budget burn (1h/5m), after 12m",
        )
    }));
    all
}

fn page(
    service: &ServiceView,
    corrections: &[Correction],
    firing: &AlertsView,
    past: &Past,
) -> String {
    let shown = ServicePage {
        service,
        corrections,
        firing,
        health: &HealthAnswer::of(Some(service), &findings(), firing.firing()),
        system: &system(),
        at: AT,
        past,
    };
    render_service(shown, VIEW)
}

/// Every page by its file's name.
/// Alerts of each stage: so many that fire, two that are pending, and so many that are over.
fn alerts(firing_ones: usize, over: usize) -> Alerts {
    let alert = |number: usize, urgency, ago: u64| {
        let key = AlertKey {
            service: format!("shop-{number}").into(),
            source: Source::Sign {
                sign: "memory_growing".into(),
                subject: "worker".into(),
            },
        };
        let from = AT.before(Duration::from_secs(ago));
        let evidence = format!("grows by {number} MiB/h");
        AlertRecord::new(key, "SlodMemoryGrowing", urgency, from, evidence)
    };
    let mut hostile = alert(9000, Urgency::Ticket, 30);
    hostile.evidence = SCRIPT.into();
    let pages = (0..firing_ones).map(|number| match number % 3 {
        0 => alert(number, Urgency::Page, 60 + number as u64),
        _ => alert(number, Urgency::Ticket, 60 + number as u64),
    });
    let over = (0..over).map(|number| {
        let from = 86_400 + number as u64 * 60;
        AlertRecord {
            to: Some(AT.before(Duration::from_secs(from - 3600))),
            ..alert(1000 + number, Urgency::Ticket, from)
        }
    });
    Alerts {
        firing: pages.collect(),
        pending: vec![alert(8000, Urgency::Ticket, 40), hostile],
        over: Some(over.collect()),
    }
}

fn alerts_page(shown: &Alerts, query: &str) -> String {
    let query = PageQuery::of(Some(query));
    render_alerts(shown, AT, View { query, ..VIEW })
}

#[test]
fn all_alerts_are_on_their_page_part_by_part_and_by_the_filter() {
    let shown = alerts(120, 30);
    let html = alerts_page(&shown, "");
    assert!(html.contains("40 pages and 80 tickets fire"), "{html}");
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
        .contains("No alert fires")
    );
}

fn pages() -> BTreeMap<&'static str, String> {
    let overview = |snapshot: &Snapshot| render(snapshot, VIEW);
    let strange = strange();
    let of = |fate| {
        let service = service("concierge", fate);
        let firing = firing(std::slice::from_ref(&service));
        let past = Past {
            events: events(),
            ..Past::default()
        };
        page(&service, &corrections(), &firing, &past)
    };
    let deep = |service: &ServiceView| {
        let firing = firing(&strange.services);
        page(service, &strange.corrections, &firing, &Past::default())
    };
    let long = || {
        let service = service("concierge", Fate::BudgetSpent);
        let past = Past {
            days: Some([service.days; 3].concat()),
            ..Past::default()
        };
        let firing = firing(std::slice::from_ref(&service));
        page(&service, &[], &firing, &past)
    };
    let later = View {
        now: AT.after(Duration::from_mins(13)),
        query: PageQuery::of(Some("reload")),
        store_trouble: Some("the store cannot be written: disk full <b>"),
    };
    BTreeMap::from([
        ("3-ok", overview(&three(Fate::Healthy))),
        ("3-down", overview(&three(Fate::Down))),
        ("3-new", overview(&three(Fate::New))),
        ("3-young", overview(&three(Fate::Young))),
        ("3-outdated", render(&three(Fate::Healthy), later)),
        ("0", overview(&snapshot(Vec::new()))),
        ("30", overview(&thirty())),
        ("1000", overview(&many(1000))),
        ("strange", overview(&strange)),
        ("alerts", alerts_page(&alerts(120, 30), "")),
        ("alerts-2", alerts_page(&alerts(120, 30), "page=2")),
        ("service-ok", of(Fate::Healthy)),
        ("service-down", of(Fate::Down)),
        ("service-burning", of(Fate::Burning)),
        ("service-new", of(Fate::New)),
        ("service-days", long()),
        ("service-long", deep(&strange.services[1])),
        ("service-arabic", deep(&strange.services[0])),
        ("service-hostile", deep(&strange.services[2])),
    ])
}

#[test]
fn pages_are_written_for_the_eye() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("page");
    std::fs::create_dir_all(&folder).expect("the target folder is ours");
    for (name, html) in pages() {
        let html = html.replace(&format!("../{NAME}?"), &format!("{NAME}?"));
        std::fs::write(folder.join(name).with_extension("html"), html).expect("ours too");
    }
    std::fs::write(folder.join(NAME), STYLE).expect("ours too");
}

#[test]
fn no_page_has_script_inline_style_or_foreign_resources() {
    for (name, html) in pages() {
        for forbidden in [
            "<script",
            " style=",
            "<style",
            " src=",
            "<img",
            "javascript:",
            "@import",
            "url(",
        ] {
            let mut places = html.match_indices(forbidden);
            // As text within a value it is harmless: there, no tag is open.
            let found = places.find(|(at, _)| forbidden.starts_with('<') || in_a_tag(&html, *at));
            assert!(found.is_none(), "{name} has {forbidden}");
        }
        for (tag, _) in html.match_indices("href=\"") {
            let target = &html[tag + 6..];
            let own = ["./", "../", "#", "?", "services/", "data:image/svg+xml,"];
            assert!(
                own.iter().any(|start| target.starts_with(start)),
                "{name}: {}",
                &target[..40]
            );
        }
        assert!(html.contains(&format!("{NAME}?v={}", *HASH)));
    }
    assert!(!STYLE.contains("@import") && !STYLE.contains("url("));
}

/// Whether `at` is within a tag, outside the values of its attributes.
fn in_a_tag(html: &str, at: usize) -> bool {
    let before = &html[..at];
    let tag = before.rfind('<').map_or("", |open| &before[open..]);
    !tag.contains('>') && tag.matches('"').count().is_multiple_of(2)
}

#[test]
fn hostile_values_never_become_markup() {
    for name in ["strange", "service-hostile"] {
        let html = &pages()[name];
        assert!(
            html.contains("&lt;script&gt;alert('x')&lt;/script&gt;&lt;img"),
            "{name} shows it"
        );
        assert!(
            html.contains("onerror=&quot;x&quot;&gt;&amp;amp;"),
            "{name} escapes all of it"
        );
        assert!(!html.contains(SCRIPT) && !html.contains("<img") && !html.contains("alert('x')<"));
    }
    let front = &pages()["strange"];
    assert!(front.contains("href=\"services/%3Cscript%3Ealert%28%27x%27%29%3C%2Fscript%3E"));
}

#[test]
fn the_headline_answers_whether_anything_is_wrong() {
    let pages = pages();
    let headline = |page: &str| {
        let html = &pages[page];
        let (_, rest) = html.split_once("<h1>").expect("every page has one");
        let text = rest.split_once("</h1>").expect("it ends").0;
        assert_eq!(html.matches("<h1>").count(), 1);
        plain(text)
    };
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

/// A service while a correction takes out all of it.
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
fn what_is_in_maintenance_is_shown_as_such_and_not_asked_for() {
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
    let headline = |html: &str| {
        plain(
            html.split_once("<h1>")
                .expect("one")
                .1
                .split_once("</h1>")
                .expect("it ends")
                .0,
        )
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
        !html.contains("About to break") && !html.contains("corrected now"),
        "{html}"
    );
    let alone = render(
        &snapshot(vec![maintained(service("rag", Fate::Down))]),
        VIEW,
    );
    assert_eq!(headline(&alone), "rag is in maintenance");
}

/// The text between the tags.
fn plain(html: &str) -> String {
    let texts = html
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    texts.collect::<String>().trim().to_owned()
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
    // The answer is about all services, whatever is listed.
    assert!(html.contains("4 of 30 services need attention"));
    assert!(!pages()["3-ok"].contains("<form"), "few need no filter");
}

#[test]
fn the_first_lines_answer_what_since_when_why_and_what_is_left() {
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
fn no_page_has_characters_that_are_obeyed_or_invisible() {
    for (name, html) in pages() {
        let found = html.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(found, None, "{name}");
        assert!(
            !html.contains(['\u{202e}', '\u{2066}', '\u{200b}']),
            "{name}"
        );
    }
    assert!(pages()["service-hostile"].contains("\u{fffd}[31mred\u{fffd}"));
}

#[test]
fn every_standing_is_counted_in_words() {
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
fn a_day_reports_its_ratio_and_judgement() {
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
fn a_day_reports_what_is_unknown_and_what_is_maintenance() {
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

#[test]
fn headings_never_skip_a_level() {
    for (name, html) in pages() {
        let levels = html
            .match_indices("<h")
            .filter_map(|(at, _)| html[at + 2..].chars().next()?.to_digit(10));
        let mut before = 0;
        for level in levels {
            assert!(
                level <= before + 1,
                "{name}: h{before} is followed by h{level}"
            );
            before = level;
        }
    }
}

/// The custom properties of one theme.
fn theme(block: &str) -> BTreeMap<&str, &str> {
    let declarations = block.split([';', '{', '\n']);
    declarations
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": "))
        .collect()
}

/// The contrast ratio of WCAG 2.2.
fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let byte = u8::from_str_radix(&colour[at..at + 2], 16).expect("a hexadecimal colour");
        let c = f64::from(byte) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[test]
fn both_themes_have_contrast_enough() {
    let (light, rest) = STYLE
        .split_once("@media (prefers-color-scheme: dark)")
        .expect("both themes");
    let dark = rest.split_once("*, ::before").expect("rules follow").0;
    let (light, dark) = (theme(light), theme(dark));
    assert!(
        light.keys().eq(dark.keys()),
        "both themes declare the same names"
    );
    for theme in [light, dark] {
        let check = |front: &str, back: &str, least: f64| {
            let ratio = contrast(theme[front], theme[back]);
            assert!(ratio >= least, "{front} on {back}: {ratio:.2} < {least}");
        };
        let tints = ["ok-tint", "warn-tint", "bad-tint", "idle-tint"];
        for back in ["page", "card"].into_iter().chain(tints) {
            for front in ["ink", "quiet", "link"] {
                check(front, back, 4.5);
            }
        }
        for tone in ["ok", "warn", "bad", "idle"] {
            for back in ["page", "card", &format!("{tone}-tint")] {
                check(tone, back, 4.5);
            }
        }
        for bar in ["ok", "warn", "bad", "idle", "corrected"] {
            check(&format!("{bar}-bar"), "card", 3.0);
            check(&format!("{bar}-bar"), "page", 3.0);
        }
    }
}
