use super::*;
use crate::alert::{AlertKey, Burning, Causes, Decisions, Machine, Sign, StepInput};
use crate::slo::series::Counts;
use crate::slo::{Objective, ProbeRef, Sli, WindowView};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Objectives of `web` (requests, minutes, latency) and of `shop`, a journey through it.
const OBJECTIVES: [(&str, &str); 4] = [
    ("web", "errors"),
    ("web", "uptime"),
    ("web", "latency"),
    ("shop", "journey"),
];

static NAMES: LazyLock<[Arc<str>; 2]> = LazyLock::new(|| ["web".into(), "shop".into()]);

fn objective(name: &str) -> Objective {
    let sli = match name {
        "errors" => Sli::Success,
        "latency" => Sli::Latency {
            of: None,
            below: Duration::from_millis(300),
        },
        _ => Sli::Availability,
    };
    let through = ProbeRef {
        service: Some("web".into()),
        probe: "home".to_owned(),
        weight: 1,
    };
    Objective {
        sli,
        probes: if name == "journey" {
            vec![through]
        } else {
            vec![]
        },
        ..Objective::of_successes(name)
    }
}

struct Known {
    service: &'static Arc<str>,
    objective: Objective,
    is_bad: bool,
}

impl Burning for &Known {
    fn service(&self) -> &Arc<str> {
        self.service
    }

    fn objective(&self) -> &Objective {
        &self.objective
    }

    fn counts(&self, window: StandardWindow) -> Counts {
        let view = self.window(window);
        Counts {
            good: view.good,
            bad: view.bad,
            ..Counts::default()
        }
    }

    fn window(&self, _: StandardWindow) -> WindowView {
        let bad = if self.is_bad { 20 } else { 0 };
        WindowView {
            good: 1000 - bad,
            bad,
            nominal: 1000.0,
            sli: Some(1.0 - bad as f64 / 1000.0),
            ..WindowView::default()
        }
    }

    fn remaining(&self) -> Option<f64> {
        None
    }

    fn exhaustion(&self) -> Option<Timestamp> {
        None
    }

    fn was_bad(&self, _: Duration) -> bool {
        self.is_bad
    }
}

struct Fixture {
    machine: Machine,
    rules: Arc<AlertRules>,
    decisions: Arc<Decisions>,
    second: i64,
}

impl Fixture {
    fn new() -> Self {
        Self::with(BTreeMap::new())
    }

    /// Services with these dependencies.
    fn with(below: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>) -> Self {
        let of_service = |service: &Arc<str>| {
            let own = OBJECTIVES.iter().filter(|(one, _)| *one == &**service);
            let own: Vec<_> = own.map(|(_, name)| objective(name)).collect();
            (service.clone(), own)
        };
        let all = NAMES.each_ref().map(of_service);
        let all = all
            .each_ref()
            .map(|(name, own)| (name.clone(), own.iter().collect()));
        Self {
            machine: Machine::default(),
            rules: Arc::new(AlertRules {
                causes: Causes::new(&all, below),
                ..AlertRules::default()
            }),
            decisions: Arc::default(),
            second: 0,
        }
    }

    /// Advances ten seconds with these bad objectives and present signs. Returns the notifications: `+` for
    /// firing, `-` for resolved.
    fn step(&mut self, bad: &[&str], signs: &[&str]) -> Vec<String> {
        self.second += 10;
        let all = OBJECTIVES.map(|(service, name)| Known {
            service: &NAMES[usize::from(service == "shop")],
            objective: objective(name),
            is_bad: bad.contains(&name),
        });
        let signs: Vec<Sign> = signs.iter().map(|name| sign(name)).collect();
        let input = StepInput {
            rules: &self.rules,
            decisions: &self.decisions,
            signs: Some(&signs),
            gone: &[],
            own: &[],
            maintained: &[],
            now: Timestamp::from_secs(self.second),
        };
        let changes = self.machine.step(all.iter(), input);
        let row = |one: &crate::alert::Notice| {
            let mark = if one.is_resolved() { '-' } else { '+' };
            let name = one.label("slo").or(one.label("signal"));
            format!("{mark}{}", name.unwrap_or_default())
        };
        changes.notices.iter().map(row).collect()
    }

    /// Repeats the step for some minutes.
    fn run(&mut self, minutes: i64, bad: &[&str], signs: &[&str]) -> Vec<String> {
        (0..minutes * 6)
            .flat_map(|_| self.step(bad, signs))
            .collect()
    }

    /// What inhibits the fastest alert of an objective.
    fn inhibitor(&self, name: &str) -> Option<String> {
        let mut firing = self.machine.firing();
        let found = firing.find(|one| one.key.slo() == Some(name));
        found
            .expect("it fires")
            .inhibited_by
            .as_ref()
            .map(Inhibitor::words)
    }
}

fn sign(name: &str) -> Sign {
    Sign {
        key: AlertKey::sign("web".into(), name.into(), "".into()),
        alertname: "Sign".into(),
        urgency: Urgency::Ticket,
        is_present: Some(true),
        evidence: "it is present".into(),
        chart: "".into(),
    }
}

#[test]
fn an_outage_is_one_page_and_one_resolution() {
    let all = ["errors", "uptime", "latency", "journey"];
    let mut fixture = Fixture::new();
    assert_eq!(fixture.run(1, &["uptime"], &[]), ["+uptime"]);
    let signs = ["errors_climbing", "metrics_unreadable", "latency_rising"];
    assert_eq!(fixture.run(30, &all, &signs), [""; 0]);
    for name in ["errors", "latency"] {
        assert_eq!(fixture.inhibitor(name).as_deref(), Some("objective uptime"));
    }
    assert_eq!(fixture.inhibitor("journey").as_deref(), Some("service web"));
    assert_eq!(fixture.run(600, &[], &[]), ["-uptime"]);
    // The other way around.
    let mut fixture = Fixture::new();
    assert_eq!(fixture.run(1, &["errors"], &[]), ["+errors"]);
    assert_eq!(fixture.run(30, &all, &signs), [""; 0]);
    assert_eq!(fixture.run(600, &[], &[]), ["-errors"]);
}

#[test]
fn one_of_several_simultaneous_alerts_notifies() {
    let mut fixture = Fixture::new();
    let heard = fixture.run(30, &["errors", "uptime", "latency", "journey"], &[]);
    assert_eq!(heard, ["+errors"]);
    // An unknown value leaves no gap in the sentence.
    let mut firing = fixture.machine.firing();
    let evidence = &firing.next().expect("it fires").evidence;
    assert!(evidence.ends_with("the limit is 14.4x)"), "{evidence}");
}

#[test]
fn an_alert_that_outlasts_its_cause_notifies_then() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.run(1, &["errors"], &[]), ["+errors"]);
    assert_eq!(fixture.run(10, &["errors", "latency"], &[]), [""; 0]);
    assert_eq!(fixture.run(4, &["latency"], &[]), [""; 0]);
    let heard = fixture.run(2, &["latency"], &[]);
    assert_eq!(heard, ["-errors", "+latency"]);
}

#[test]
fn a_slow_service_explains_neither_failures_nor_unrelated_signs() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.run(1, &["latency"], &[]), ["+latency"]);
    assert_eq!(fixture.run(1, &["latency", "errors"], &[]), ["+errors"]);
    let heard = fixture.run(5, &["latency", "errors"], &["pool_exhausted"]);
    assert_eq!(heard, ["+pool_exhausted"]);
}

#[test]
fn the_dependency_that_failed_last_explains() {
    let below = ["cache", "database"].map(Arc::from);
    let rules = AlertRules {
        causes: Causes::new(&[], BTreeMap::from([("web".into(), BTreeSet::from(below))])),
        ..AlertRules::default()
    };
    let (at, urgency) = (Timestamp::from_secs(305), Urgency::Page);
    let key = AlertKey::budget(
        "web".into(),
        "errors".into(),
        crate::alert::Condition::Exhausted,
    );
    let alert = AlertRecord::new(key, "Burn", urgency, at, "");
    let explained = |paging: &[(&str, i64, i64)]| {
        let mut all = Paging::default();
        for (name, bad, from) in paging {
            let page = Page {
                slo: None,
                long: None,
                bad: Timestamp::from_secs(*bad),
                from: Timestamp::from_secs(*from),
                is_notified: true,
            };
            all.add(&Arc::from(*name), page);
        }
        let by = rules.explained_by(&alert, &all, at);
        by.map(|by| by.words())
    };
    assert_eq!(explained(&[("other", 9, 1)]), None);
    let both = [("cache", 9, 1), ("database", 9, 5)];
    assert_eq!(explained(&both).as_deref(), Some("service database"));
    let one_is_over = [("cache", 9, 1), ("database", 7, 5)];
    assert_eq!(explained(&one_is_over).as_deref(), Some("service cache"));
    assert_eq!(explained(&[("cache", 4, 1)]), None, "it has recovered");
}

#[test]
fn a_page_for_a_journey_does_not_explain_the_services_on_it() {
    // The journey of `shop` leads through `web`, which depends on `shop`.
    let below = || BTreeMap::from([("web".into(), BTreeSet::from(["shop".into()]))]);
    let mut fixture = Fixture::with(below());
    let heard = fixture.run(30, &["errors", "journey"], &[]);
    assert_eq!(heard, ["+errors"]);
    assert_eq!(fixture.inhibitor("journey").as_deref(), Some("service web"));
    let mut fixture = Fixture::with(below());
    assert_eq!(fixture.run(1, &["journey"], &[]), ["+journey"]);
    let heard = fixture.run(30, &["errors", "journey"], &[]);
    assert_eq!(heard, ["+errors"], "the cause");
}

#[test]
fn a_dependency_of_a_service_explains_a_journey_through_it() {
    let below = BTreeMap::from([("web".into(), BTreeSet::from(["database".into()]))]);
    let fixture = Fixture::with(below);
    let key = |service: &str, slo: &str| {
        let condition = crate::alert::Condition::Tier(crate::alert::TIERS[0]);
        AlertKey::budget(service.into(), slo.into(), condition)
    };
    let at = Timestamp::from_secs(300);
    let journey = AlertRecord::new(key("shop", "journey"), "Burn", Urgency::Page, at, "");
    let mut paging = Paging::default();
    let mut database = AlertRecord::new(key("database", "errors"), "Burn", Urgency::Page, at, "");
    let (last_met, bad, alert) = (at, at, &mut database);
    paging.add_firing(&Firing {
        last_met,
        bad,
        alert,
    });
    let by = fixture.rules.explained_by(&journey, &paging, at);
    assert_eq!(by, Some(Inhibitor::Service("database".into())));
}
