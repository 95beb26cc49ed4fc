//! The status page as sent to clients. Every page is also written to `target/page/`, for
//! `tests/tools/screenshots.mjs`.

mod alert_list;
mod colors;
mod days;
mod markup;
mod overview;

use crate::synthetic::{
    AT, Fate, corrections, failure, findings, firing, many, probe, service, snapshot, system,
};
use slod::alert::{AlertKey, AlertRecord, Matcher, Silence, Urgency};
use slod::alerting::AlertsView;
use slod::ledger::snapshot::{ServiceView, Snapshot};
use slod::outcome::{Cause, Timestamp};
use slod::report::health::HealthLevel;
use slod::report::signals::HealthAnswer;
use slod::report::silences::SilenceEntry;
use slod::report::timeline::TimelineEvent;
use slod::slo::correction::Correction;
use slod::web::page::alert_list::{Alerts, render_alerts};
use slod::web::page::past::Past;
use slod::web::page::style::{NAME, STYLE};
use slod::web::page::{
    Overview, PageQuery, ServicePage, View, Writer, render_overview, render_service,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const VIEW: View<'_> = View {
    now: Timestamp(AT.0 + 3000),
    query: PageQuery::NONE,
    store_trouble: None,
    writer: Some(Writer { has_name: false }),
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

/// Every external text is an injection attempt.
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
        shard: None,
    };
    render_overview(shown, view)
}

/// Events of an afternoon, newest first.
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

/// Alerts in each state: a number of firing ones, two pending ones, and a number of resolved ones.
fn alerts(firing_ones: usize, over: usize) -> Alerts {
    let alert = |number: usize, urgency, ago: u64| {
        let service = format!("shop-{number}").into();
        let key = AlertKey::sign(service, "memory_growing".into(), "worker".into());
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
    let silence = Silence {
        id: 7,
        matchers: vec![Matcher::new("service", SCRIPT, true, false).expect("valid")],
        from: AT,
        to: AT.after(Duration::from_hours(1)),
        author: SCRIPT.to_owned(),
        reason: SCRIPT.to_owned(),
    };
    let over = (0..over).map(|number| {
        let from = 86_400 + number as u64 * 60;
        AlertRecord {
            to: Some(AT.before(Duration::from_secs(from - 3600))),
            ..alert(1000 + number, Urgency::Ticket, from)
        }
    });
    Alerts {
        rules: Arc::default(),
        silences: vec![SilenceEntry::of(&silence, AT)],
        firing: pages.collect(),
        pending: vec![alert(8000, Urgency::Ticket, 40), hostile],
        over: Some(over.collect()),
    }
}

fn alerts_page(shown: &Alerts, query: &str) -> String {
    let query = PageQuery::of(Some(query));
    render_alerts(shown, AT, View { query, ..VIEW })
}

/// Every page, by file name.
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
        writer: None,
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
fn pages_are_written_for_visual_checks() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("page");
    std::fs::create_dir_all(&folder).expect("the target folder is ours");
    for (name, html) in pages() {
        let html = html.replace(&format!("../{NAME}?"), &format!("{NAME}?"));
        std::fs::write(folder.join(name).with_extension("html"), html).expect("ours too");
    }
    std::fs::write(folder.join(NAME), STYLE).expect("ours too");
}

/// The text outside of tags.
fn plain(html: &str) -> String {
    let texts = html
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    texts.collect::<String>().trim().to_owned()
}
