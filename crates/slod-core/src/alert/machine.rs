//! The alerts of everything, from moment to moment: what fires, what is kept from receivers, and what
//! receivers are given.

use super::notice::Notice;
use super::record::{AlertKey, AlertRecord, Inhibitor, Source};
use super::rules::AlertRules;
use super::set::AlertSet;
use super::signs::{Sign, SignAlerts};
use super::silence::Decisions;
use super::state::Timing;
use super::{Burning, Urgency};
use crate::outcome::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Troubles of slod itself are certain, and end soon after they are over.
const OWN: Timing = Timing::at_once(Duration::from_secs(60));

/// Owned by one task. A step takes its moment from an argument only, so that it may be of a clock
/// that was changed since.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    objectives: AlertSet,
    signs: SignAlerts,
    own: SignAlerts,
    /// Names of the troubles in `own`.
    troubles: &'static [&'static str],
    decided: Arc<Decisions>,
    /// When silences were last looked at.
    looked: Option<Timestamp>,
}

/// What a step takes, apart from objectives.
#[derive(Clone, Copy, Debug)]
pub struct StepInput<'a> {
    pub rules: &'a AlertRules,
    pub decisions: &'a Arc<Decisions>,
    /// Warning signs, if they were looked for since the step before.
    pub signs: Option<&'a [Sign]>,
    /// Troubles of slod itself.
    pub own: &'a [Sign],
    pub now: Timestamp,
}

/// What a step changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Alerts that began, ended, or are kept from notifying by something else than before, as they
    /// are now.
    pub records: Vec<AlertRecord>,
    /// What receivers are to be given: each alert once when it fires and nothing keeps it from
    /// notifying, and once when it resolves.
    pub notices: Vec<Notice>,
}

impl Machine {
    /// Continues with alerts whose conditions were met at `held` at the latest. `troubles` are the
    /// names of those of slod itself.
    pub fn resumed(
        alerts: impl IntoIterator<Item = AlertRecord>,
        held: Timestamp,
        troubles: &'static [&'static str],
    ) -> Self {
        let mut machine = Self {
            troubles,
            ..Self::default()
        };
        for alert in alerts {
            match &alert.key.source {
                Source::Budget { .. } => machine.objectives.resume(alert, held),
                Source::Sign { sign, .. } if machine.troubles.contains(&&**sign) => {
                    machine.own.resume(alert, held);
                }
                Source::Sign { .. } => machine.signs.resume(alert, held),
            }
        }
        machine
    }

    /// Takes all of a moment.
    pub fn step(
        &mut self,
        objectives: impl Iterator<Item = impl Burning>,
        input: StepInput<'_>,
    ) -> Changes {
        let StepInput { rules, now, .. } = input;
        let mut records = self.objectives.step(objectives, rules, now);
        if let Some(signs) = input.signs {
            self.signs.step(signs, rules.signs, now, &mut records);
        }
        self.own.step(input.own, OWN, now, &mut records);
        let mut changes = Changes::default();
        for record in records.into_iter().filter(|one| one.to.is_some()) {
            changes.end(record, rules);
        }
        self.review(input, &mut changes);
        changes
    }

    /// Decides for all that fires whether something keeps it from notifying. What was not seen
    /// before, and what changed, is added to `changes`.
    fn review(&mut self, input: StepInput<'_>, changes: &mut Changes) {
        let StepInput {
            rules,
            decisions,
            now,
            ..
        } = input;
        let last = self.looked.replace(now);
        let is_decided = !Arc::ptr_eq(&self.decided, decisions)
            || last.is_none_or(|last| now < last || decisions.change_between(last, now));
        self.decided = Arc::clone(decisions);
        let paging = if rules.depends_on.is_empty() {
            BTreeSet::new()
        } else {
            self.paging()
        };
        for (held, alert) in self.firing_mut() {
            let is_new = alert.from == now && !alert.notified;
            let before = (
                alert.inhibited_by.clone(),
                alert.silenced_by,
                alert.notified,
            );
            match &alert.inhibited_by {
                None if is_new => {
                    let explained = rules.explained_by(&alert.key.service, &paging);
                    alert.inhibited_by = explained.map(Inhibitor::Service);
                }
                // The service below is back, and this one still fails: for a reason of its own.
                Some(Inhibitor::Service(_)) if held == now => {
                    let explained = rules.explained_by(&alert.key.service, &paging);
                    alert.inhibited_by = explained.map(Inhibitor::Service);
                }
                _ => {}
            }
            if is_decided || is_new {
                alert.silenced_by = decisions.silence(&rules.labels(alert), now);
                let acknowledged = &decisions.acknowledged;
                let key = (alert.key.clone(), alert.from);
                alert.acknowledged = acknowledged.get(&key).cloned();
            }
            let is_kept = alert.is_inhibited() || alert.silenced_by.is_some();
            if !alert.notified && !is_kept {
                alert.notified = true;
                changes.notices.push(rules.notice(alert));
            }
            let after = (
                alert.inhibited_by.clone(),
                alert.silenced_by,
                alert.notified,
            );
            if is_new || before != after {
                changes.records.push(alert.clone());
            }
        }
    }

    /// Whether the alert of a sign fires or is pending: of any other, only one that is there matters.
    pub fn follows(&self, sign: &AlertKey) -> bool {
        self.signs.follows(sign)
    }

    /// The services that something pages for.
    fn paging(&self) -> BTreeSet<Arc<str>> {
        let pages = self.firing().filter(|one| one.urgency == Urgency::Page);
        pages.map(|one| one.key.service.clone()).collect()
    }

    /// All that fires.
    pub fn firing(&self) -> impl Iterator<Item = &AlertRecord> {
        let signs = self.signs.firing().chain(self.own.firing());
        self.objectives.firing().chain(signs)
    }

    fn firing_mut(&mut self) -> impl Iterator<Item = (Timestamp, &mut AlertRecord)> {
        let signs = self.signs.firing_mut().chain(self.own.firing_mut());
        self.objectives.firing_mut().chain(signs)
    }
}

impl Changes {
    /// Takes one that ended. A resolution is never kept back from those who know of the alert.
    fn end(&mut self, record: AlertRecord, rules: &AlertRules) {
        if record.notified {
            self.notices.push(rules.notice(&record));
        }
        self.records.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Matcher, Silence};
    use super::*;
    use crate::slo::series::Counts;
    use crate::slo::{Objective, StandardWindow, WindowView};
    use std::collections::BTreeMap;

    /// No objectives.
    enum Nothing {}

    impl Burning for Nothing {
        fn service(&self) -> &Arc<str> {
            match *self {}
        }

        fn objective(&self) -> &Objective {
            match *self {}
        }

        fn counts(&self, _: StandardWindow) -> Counts {
            match *self {}
        }

        fn window(&self, _: StandardWindow) -> WindowView {
            match *self {}
        }

        fn remaining(&self) -> Option<f64> {
            match *self {}
        }

        fn exhaustion(&self) -> Option<Timestamp> {
            match *self {}
        }
    }

    fn sign(service: &str, is_there: bool) -> Sign {
        let source = Source::Sign {
            sign: "down".into(),
            subject: "".into(),
        };
        Sign {
            key: AlertKey {
                service: service.into(),
                source,
            },
            alertname: "Down".into(),
            urgency: Urgency::Page,
            is_there: Some(is_there),
            evidence: "it is down".into(),
        }
    }

    struct Fixture {
        machine: Machine,
        rules: AlertRules,
        decisions: Arc<Decisions>,
        second: i64,
    }

    impl Fixture {
        /// `web` depends on `database`.
        fn new() -> Self {
            let below = BTreeSet::from(["database".into()]);
            let rules = AlertRules {
                depends_on: BTreeMap::from([("web".into(), below)]),
                signs: Timing::at_once(Duration::from_secs(60)),
                ..AlertRules::default()
            };
            Self {
                machine: Machine::default(),
                rules,
                decisions: Arc::default(),
                second: 0,
            }
        }

        /// Ten seconds later: which services fail, and so who is notified of what: `+` begins, `-`
        /// resolves.
        fn step(&mut self, failing: &[&str]) -> Vec<String> {
            self.second += 10;
            let signs = ["database", "web"].map(|one| sign(one, failing.contains(&one)));
            let input = StepInput {
                rules: &self.rules,
                decisions: &self.decisions,
                signs: Some(&signs),
                own: &[],
                now: Timestamp::from_secs(self.second),
            };
            let changes = self.machine.step(std::iter::empty::<Nothing>(), input);
            let row = |one: &Notice| {
                let mark = if one.is_resolved() { '-' } else { '+' };
                format!("{mark}{}", one.label("service").unwrap_or_default())
            };
            changes.notices.iter().map(row).collect()
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
    fn a_service_below_that_pages_inhibits_what_begins_above() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.step(&["database", "web"]), ["+database"]);
        let by = Inhibitor::Service("database".into());
        assert_eq!(fixture.record("web").inhibited_by, Some(by));
        // Both are back: nobody hears of the one above.
        let mut heard = Vec::new();
        for _ in 0..10 {
            heard.extend(fixture.step(&[]));
        }
        assert_eq!(heard, ["-database"]);
        // What began before is not taken back, and its resolution is not kept back.
        assert_eq!(fixture.step(&["web"]), ["+web"]);
        assert_eq!(fixture.step(&["database"]), ["+database"]);
        for _ in 0..10 {
            heard.extend(fixture.step(&["database"]));
        }
        assert_eq!(heard, ["-database", "-web"]);
    }

    #[test]
    fn what_still_fails_when_the_service_below_is_back_notifies_then() {
        let mut fixture = Fixture::new();
        fixture.step(&["database", "web"]);
        let heard: Vec<_> = (0..10).flat_map(|_| fixture.step(&["web"])).collect();
        assert_eq!(heard, ["-database", "+web"]);
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
        assert_eq!(fixture.step(&["web"]), ["+web"], "it is over at 50");
        assert_eq!(fixture.record("web").silenced_by, None);
        // A silence that is made while it fires is shown, and does not keep its resolution back.
        fixture.silence(&["service=~w.*"], 0, 10_000);
        assert_eq!(fixture.step(&["web"]), [""; 0]);
        assert_eq!(fixture.record("web").silenced_by, Some(7));
        let heard: Vec<_> = (0..10).flat_map(|_| fixture.step(&[])).collect();
        assert_eq!(heard, ["-web"]);
        // What began and ended in silence is not heard of.
        let heard: Vec<_> = (0..10).flat_map(|_| fixture.step(&[])).collect();
        assert_eq!(heard, [""; 0]);
    }

    #[test]
    fn a_restart_repeats_nothing() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.step(&["web"]), ["+web"]);
        let firing: Vec<_> = fixture.machine.firing().cloned().collect();
        let held = Timestamp::from_secs(fixture.second);
        fixture.machine = Machine::resumed(firing.clone(), held, &[]);
        assert_eq!(fixture.step(&["web"]), [""; 0]);
        assert_eq!(fixture.record("web"), firing[0]);
        // One that was stored and of which receivers were not given anything is given to them now.
        let mut unheard = firing;
        unheard[0].notified = false;
        fixture.machine = Machine::resumed(unheard, held, &[]);
        assert_eq!(fixture.step(&["web"]), ["+web"]);
    }
}
