use super::*;
use crate::alert::notice::HELD_BACK;
use crate::alert::{Causes, Inhibitor, Matcher, SignTimings, Silence, Tracked, Urgency};
use std::collections::{BTreeMap, BTreeSet};

fn sign(service: &str, is_present: bool) -> Sign {
    Sign {
        key: AlertKey::sign(service.into(), "down".into(), "".into()),
        alertname: "Down".into(),
        urgency: Urgency::Page,
        is_present: Some(is_present),
        evidence: "it is down".into(),
        chart: "▁█".into(),
    }
}

struct Fixture {
    machine: Machine,
    rules: Arc<AlertRules>,
    decisions: Arc<Decisions>,
    maintained: Vec<(Arc<str>, Timestamp)>,
    second: i64,
}

fn at_once(keep: Duration) -> SignTimings {
    SignTimings {
        default: Timing::at_once(keep),
        ..SignTimings::default()
    }
}

impl Fixture {
    /// `web` depends on `database`.
    fn new() -> Self {
        let below = BTreeSet::from(["database".into()]);
        let rules = AlertRules {
            causes: Causes::new(&[], BTreeMap::from([("web".into(), below)])),
            signs: at_once(Duration::from_mins(1)),
            ..AlertRules::default()
        };
        Self {
            machine: Machine::default(),
            rules: Arc::new(rules),
            decisions: Arc::default(),
            maintained: Vec::new(),
            second: 0,
        }
    }

    /// Advances ten seconds with these failing services. Returns the notifications: `+` for firing, `-` for
    /// resolved.
    fn step(&mut self, failing: &[&str]) -> Vec<String> {
        self.second += 10;
        let signs = ["database", "web"].map(|one| sign(one, failing.contains(&one)));
        let input = StepInput {
            rules: &self.rules,
            decisions: &self.decisions,
            signs: Some(&signs),
            gone: &[],
            own: &[],
            maintained: &self.maintained,
            now: Timestamp::from_secs(self.second),
        };
        let changes = self.machine.step(std::iter::empty::<Tracked<'_>>(), input);
        let row = |one: &Notice| {
            let mark = if one.is_resolved() { '-' } else { '+' };
            let is_late = !one.is_resolved() && one.annotation(HELD_BACK).is_some();
            let late = if is_late { " late" } else { "" };
            format!("{mark}{}{late}", one.label("service").unwrap_or_default())
        };
        changes.notices.iter().map(row).collect()
    }

    /// Same, every ten seconds up to a time; returns the notifications of all steps.
    fn step_until(&mut self, second: i64, failing: &[&str]) -> Vec<String> {
        let mut heard = Vec::new();
        while self.second < second {
            heard.extend(self.step(failing));
        }
        heard
    }

    fn record(&self, service: &str) -> AlertRecord {
        let mut firing = self.machine.firing();
        let found = firing.find(|one| *one.key.service == *service);
        found.expect("it fires").clone()
    }

    fn silence(&mut self, matchers: &[&str], from: i64, to: i64) {
        let read = |one: &&str| Matcher::parse(one).expect("valid");
        let silence = Silence {
            id: 7,
            matchers: matchers.iter().map(read).collect(),
            from: Timestamp::from_secs(from),
            to: Timestamp::from_secs(to),
            author: "ada".to_owned(),
            reason: "upgrade".to_owned(),
        };
        self.decisions = Arc::new(Decisions {
            silences: vec![silence],
            ..Decisions::default()
        });
    }
}

#[test]
fn a_page_of_a_dependency_inhibits_new_alerts_of_its_dependents() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.step(&["database", "web"]), ["+database"]);
    let by = Inhibitor::Service("database".into());
    assert_eq!(fixture.record("web").inhibited_by, Some(by));
    // Both recover: the dependent is never notified.
    let mut heard = Vec::new();
    for _ in 0..10 {
        heard.extend(fixture.step(&[]));
    }
    assert_eq!(heard, ["-database"]);
    // An alert that began earlier is not revoked, and its resolution is sent.
    assert_eq!(fixture.step(&["web"]), ["+web"]);
    assert_eq!(fixture.step(&["database"]), ["+database"]);
    for _ in 0..10 {
        heard.extend(fixture.step(&["database"]));
    }
    assert_eq!(heard, ["-database", "-web"]);
}

#[test]
fn a_dependency_explains_nothing_long_after_it_has_recovered() {
    let mut fixture = Fixture::new();
    fixture.rules = Arc::new(AlertRules {
        signs: at_once(Duration::from_hours(1)),
        ..(*fixture.rules).clone()
    });
    fixture.step(&["database"]);
    assert_eq!(fixture.step_until(590, &[]), [""; 0]);
    assert_eq!(fixture.step(&["web"]), [""; 0]);
    let by = Inhibitor::Service("database".into());
    assert_eq!(fixture.record("web").inhibited_by, Some(by));
    // The page of the dependency still fires.
    assert_eq!(fixture.step(&["web"]), [""; 0]);
    assert_eq!(fixture.step(&["web"]), ["+web late"]);
    assert_eq!(fixture.record("database").to, None);
}

#[test]
fn a_late_notice_names_what_held_it_back() {
    let by = Some(Inhibitor::Service("database".into()));
    let at = Timestamp::from_secs(60);
    let words = |by, silence| held_back(&(by, silence, false), at);
    assert_eq!(words(None, None), None);
    let expected = "inhibited by service database until 1970-01-01 00:01 UTC";
    assert_eq!(words(by, None).as_deref(), Some(expected));
    let expected = "silence 7 until 1970-01-01 00:01 UTC";
    assert_eq!(words(None, Some(7)).as_deref(), Some(expected));
}

#[test]
fn a_silence_is_matched_against_the_labels_of_the_current_config() {
    let mut fixture = Fixture::new();
    fixture.silence(&["team=a"], 0, 1_000_000);
    let labelled = |fixture: &Fixture, team: &str| {
        let team: Arc<[_]> = [("team".to_owned(), team.to_owned())].into();
        Arc::new(AlertRules {
            labels: BTreeMap::from([("web".into(), team)]),
            ..(*fixture.rules).clone()
        })
    };
    fixture.rules = labelled(&fixture, "a");
    assert_eq!(fixture.step(&["web"]), [""; 0]);
    fixture.rules = labelled(&fixture, "b");
    assert_eq!(fixture.step(&["web"]), ["+web late"]);
    fixture.rules = labelled(&fixture, "a");
    fixture.step(&["web"]);
    assert_eq!(fixture.record("web").silenced_by, Some(7));
}

#[test]
fn a_service_that_still_fails_when_its_dependency_is_back_notifies_then() {
    let mut fixture = Fixture::new();
    fixture.step(&["database", "web"]);
    let heard: Vec<_> = (0..10).flat_map(|_| fixture.step(&["web"])).collect();
    assert_eq!(heard, ["-database", "+web late"]);
    assert_eq!(fixture.record("web").inhibited_by, None);
}

#[test]
fn a_silence_keeps_an_alert_from_notifying_until_it_ends() {
    let mut fixture = Fixture::new();
    fixture.silence(&["service=web"], 0, 50);
    assert_eq!(fixture.step(&["web"]), [""; 0]);
    assert_eq!(fixture.record("web").silenced_by, Some(7));
    for _ in 0..3 {
        assert_eq!(fixture.step(&["web"]), [""; 0]);
    }
    assert_eq!(
        fixture.step(&["web"]),
        ["+web late"],
        "the silence ends at 50"
    );
    assert_eq!(fixture.record("web").silenced_by, None);
    // A silence created while the alert fires is shown, and does not hold back its resolution.
    fixture.silence(&["service=~w.*"], 0, 10_000);
    assert_eq!(fixture.step(&["web"]), [""; 0]);
    assert_eq!(fixture.record("web").silenced_by, Some(7));
    let heard: Vec<_> = (0..10).flat_map(|_| fixture.step(&[])).collect();
    assert_eq!(heard, ["-web"]);
    // An alert that began and ended during a silence is never notified.
    let heard: Vec<_> = (0..10).flat_map(|_| fixture.step(&[])).collect();
    assert_eq!(heard, [""; 0]);
}

#[test]
fn a_restart_repeats_nothing() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.step(&["web"]), ["+web"]);
    let firing: Vec<_> = fixture.machine.firing().cloned().collect();
    let last_met = Timestamp::from_secs(fixture.second);
    fixture.machine = Machine::resumed(firing.clone(), last_met, &[]);
    assert_eq!(fixture.step(&["web"]), [""; 0]);
    assert_eq!(fixture.record("web"), firing[0]);
    // A stored alert that was never sent to receivers is sent now.
    let mut unheard = firing;
    unheard[0].notified = false;
    fixture.machine = Machine::resumed(unheard, last_met, &[]);
    assert_eq!(fixture.step(&["web"]), ["+web"]);
}

#[test]
fn a_dependency_that_fails_during_maintenance_explains_its_dependents() {
    let mut fixture = Fixture::new();
    fixture.maintained = vec![("database".into(), Timestamp::from_secs(5))];
    assert_eq!(fixture.step(&["web"]), [""; 0]);
    let by: Vec<_> = fixture.machine.firing().collect();
    assert_eq!(
        by[0].inhibited_by,
        Some(Inhibitor::Service("database".into()))
    );
    // The dependency has been back for longer than it explains, and the other service keeps failing.
    assert_eq!(fixture.step_until(610, &["web"]), ["+web late"]);
}

#[test]
fn a_resolution_is_also_sent_with_the_labels_from_before_a_reload() {
    let mut fixture = Fixture::new();
    let reload = |fixture: &mut Fixture, team: Option<&str>| {
        let label = team.map(|team| ("team".to_owned(), team.to_owned()));
        let labels: Vec<_> = label.into_iter().collect();
        fixture.rules = Arc::new(AlertRules {
            labels: BTreeMap::from([("web".into(), labels.into())]),
            ..(*fixture.rules).clone()
        });
    };
    reload(&mut fixture, Some("x"));
    assert_eq!(fixture.step(&["web"]), ["+web"]);
    reload(&mut fixture, Some("y"));
    assert_eq!(fixture.step(&["web"]), [""; 0]);
    assert_eq!(fixture.step_until(70, &[]), [""; 0]);
    reload(&mut fixture, None);
    assert_eq!(fixture.step(&[]), ["-web", "-web", "-web"]);
}

/// A laptop that was suspended, or a clock that was set forward: nothing is known about the time in between.
#[test]
fn time_in_which_nothing_is_evaluated_resolves_no_alert() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.step(&["database", "web"]), ["+database"]);
    fixture.second += 7200;
    // Nobody has found yet whether they still fail.
    assert_eq!(fixture.step_until(7240, &[]), [""; 0]);
    assert_eq!(fixture.step_until(7600, &["database", "web"]), [""; 0]);
    assert_eq!(fixture.record("database").from, Timestamp::from_secs(10));
    fixture.second += 7200;
    let recovered = fixture.second + 70;
    assert_eq!(fixture.step_until(recovered, &[]), ["-database"]);
}

#[test]
fn a_dependency_in_maintenance_explains_its_dependents_after_a_suspend() {
    let mut fixture = Fixture::new();
    fixture.maintained = vec![("database".into(), Timestamp::from_secs(5))];
    assert_eq!(fixture.step(&["web"]), [""; 0]);
    fixture.second += 7200;
    // Neither was probed yet.
    fixture.maintained.clear();
    assert_eq!(fixture.step(&[]), [""; 0]);
    fixture.maintained = vec![("database".into(), Timestamp::from_secs(fixture.second + 10))];
    assert_eq!(fixture.step_until(7500, &["web"]), [""; 0]);
}

#[test]
fn a_pending_alert_begins_again_after_a_suspend() {
    let mut fixture = Fixture::new();
    let timing = Timing {
        pending: Duration::from_mins(5),
        confirmations: 2,
        keep: Duration::from_mins(1),
    };
    fixture.rules = Arc::new(AlertRules {
        signs: SignTimings {
            default: timing,
            ..SignTimings::default()
        },
        ..(*fixture.rules).clone()
    });
    assert_eq!(fixture.step_until(100, &["web"]), [""; 0]);
    fixture.second += 7200;
    let again = fixture.second + 10;
    assert_eq!(fixture.step_until(again + 290, &["web"]), [""; 0]);
    assert_eq!(fixture.step(&["web"]), ["+web"]);
}
