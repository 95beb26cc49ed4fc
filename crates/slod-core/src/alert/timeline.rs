//! Decides which past alerts would have notified people, and what prevented the others.

use super::explain::Paging;
use super::moments::{MaintenanceFailures, Runs};
use super::record::{AlertRecord, Inhibitor};
use super::rules::AlertRules;
use super::silence::Decisions;
use super::state::Firing;
use crate::outcome::Timestamp;
use crate::slo::correction::Spans;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A past alert with the data that decides whether another one explains it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertTimeline {
    pub alert: AlertRecord,
    /// When events of its objective were bad while it fired.
    bad: Runs,
    /// When its condition was met as well.
    failing: Runs,
    /// When its inhibiting faster tier had ended while it still fired.
    released: Option<Timestamp>,
}

/// What else prevented notifications of past alerts.
#[derive(Debug, Default)]
pub struct PastConditions {
    pub decisions: Decisions,
    pub maintained: Vec<(Arc<str>, MaintenanceFailures)>,
    /// When nothing was decided.
    pub gaps: Spans,
    /// The end of the replayed time range.
    pub until: Timestamp,
}

impl AlertTimeline {
    pub(super) fn new(alert: AlertRecord) -> Self {
        Self {
            alert,
            bad: Runs::default(),
            failing: Runs::default(),
            released: None,
        }
    }

    /// Records the state of the firing alert at a moment.
    pub(super) fn take(&mut self, firing: &Firing<'_>, now: Timestamp) {
        self.bad.add(firing.bad);
        if firing.bad == now && firing.last_met == now {
            self.failing.add(now);
        }
        if self.alert.is_inhibited() && !firing.alert.is_inhibited() {
            self.released.get_or_insert(now);
        }
    }

    pub(super) fn end(&mut self, ended: AlertRecord) {
        self.alert = AlertRecord {
            inhibited_by: self.alert.inhibited_by.take(),
            ..ended
        };
    }

    /// When it is no longer inhibited by a faster tier.
    fn opens(&self) -> Option<Timestamp> {
        match self.alert.inhibited_by {
            None => Some(self.alert.from),
            Some(_) => self.released,
        }
    }

    /// Decides whether people are notified now. If not, returns when to decide again.
    fn settle(
        &mut self,
        past: &PastConditions,
        rules: &AlertRules,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let alert = &mut self.alert;
        let silence = past.decisions.active(&rules.labels(alert), now);
        alert.silenced_by = silence.map(|silence| silence.id);
        alert.notified = !alert.is_inhibited() && silence.is_none();
        if alert.is_inhibited() {
            return self.failing.after(now);
        }
        let over =
            silence.map(|silence| past.gaps.around(silence.to).map_or(silence.to, |gap| gap.1));
        over.filter(|over| *over <= past.until)
    }

    fn fires_at(&self, now: Timestamp) -> bool {
        self.alert.to.is_none_or(|to| now < to)
    }

    fn at(&mut self, now: Timestamp) -> Firing<'_> {
        let known = |runs: &Runs| runs.until(now).unwrap_or_default();
        Firing {
            last_met: known(&self.failing),
            bad: known(&self.bad),
            alert: &mut self.alert,
        }
    }
}

/// Decides like the daemon which of these alerts are explained by others and which are silenced. Alerts
/// that would have notified people are marked as notified, with neither an inhibitor nor a silence.
pub fn decide(timelines: &mut [AlertTimeline], past: &PastConditions, rules: &AlertRules) {
    let mut all: Vec<&mut AlertTimeline> = timelines.iter_mut().collect();
    all.sort_by(|one, two| {
        let order = |timeline: &AlertTimeline| (timeline.alert.key.clone(), timeline.alert.from);
        order(one).cmp(&order(two))
    });
    let mut begins: BTreeMap<Timestamp, Vec<usize>> = BTreeMap::new();
    let mut due: BTreeMap<Timestamp, BTreeSet<usize>> = BTreeMap::new();
    for (place, timeline) in all.iter().enumerate() {
        begins.entry(timeline.alert.from).or_default().push(place);
        if let Some(at) = timeline.opens() {
            due.entry(at).or_default().insert(place);
        }
    }
    let mut firing: Vec<usize> = Vec::new();
    while let Some((now, open)) = due.pop_first() {
        while let Some(begun) = begins.first_entry().filter(|begun| *begun.key() <= now) {
            firing.extend(begun.remove());
        }
        firing.retain(|place| all[*place].fires_at(now));
        let mut paging = Paging::default();
        for place in &firing {
            paging.add_firing(&all[*place].at(now));
        }
        for (service, maintained) in &past.maintained {
            if let Some(bad) = maintained.last(now) {
                paging.add_maintained(service, bad);
            }
        }
        for place in open.into_iter().filter(|place| firing.contains(place)) {
            let timeline = &mut *all[place];
            let is_of_tier = matches!(timeline.alert.inhibited_by, Some(Inhibitor::Tier(_)));
            if is_of_tier {
                timeline.alert.inhibited_by = None;
            }
            rules.explain(&mut timeline.at(now), &paging, now);
            let again = timeline.settle(past, rules, now);
            if let Some(again) = again {
                due.entry(again).or_default().insert(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{
        AlertKey, Causes, Condition, Matcher, Sign, SignReplay, SignTimings, Silence, TIERS,
        Urgency, all_below,
    };

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    /// A page of the fastest tier for a service whose requests fail in this range.
    fn page(service: &str, from: i64, to: i64) -> AlertTimeline {
        let condition = Condition::Tier(TIERS[0]);
        let key = AlertKey::budget(service.into(), "errors".into(), condition);
        let mut timeline =
            AlertTimeline::new(AlertRecord::new(key, "A", Urgency::Page, at(from), ""));
        let mut alert = timeline.alert.clone();
        for second in (from..to).step_by(10) {
            let (last_met, bad) = (at(second), at(second));
            let alert = &mut alert;
            timeline.take(
                &Firing {
                    last_met,
                    bad,
                    alert,
                },
                at(second),
            );
        }
        timeline.end(AlertRecord {
            to: Some(at(to + 300)),
            ..alert
        });
        timeline
    }

    fn decided(timelines: Vec<AlertTimeline>) -> Vec<Option<String>> {
        decided_in(timelines, &PastConditions::default())
    }

    /// What prevented the notification of each.
    fn decided_in(mut timelines: Vec<AlertTimeline>, past: &PastConditions) -> Vec<Option<String>> {
        let below: Vec<Arc<str>> = vec!["db".into()];
        let rules = AlertRules {
            causes: Causes::new(&[], all_below(&[("web".into(), below)].into())),
            ..AlertRules::default()
        };
        decide(&mut timelines, past, &rules);
        let words = timelines.iter().map(|one| {
            let silence = one.alert.silenced_by.map(|id| format!("silence {id}"));
            let by = one
                .alert
                .inhibited_by
                .as_ref()
                .map(Inhibitor::words)
                .or(silence);
            assert_ne!(one.alert.notified, by.is_some());
            by
        });
        words.collect()
    }

    #[test]
    fn a_page_of_a_dependency_explains_those_of_its_dependents() {
        let explained = Some("service db".to_owned());
        let both = vec![page("web", 1010, 1500), page("db", 1000, 1500)];
        assert_eq!(decided(both), [explained, None]);
        let before = vec![page("web", 1010, 1500), page("db", 1020, 1500)];
        assert_eq!(decided(before), [None, None]);
    }

    #[test]
    fn a_page_explains_a_sign_that_follows_from_it() {
        let sign = Sign {
            key: AlertKey::sign("web".into(), "latency_rising".into(), "".into()),
            alertname: "SlodLatencyRising".into(),
            urgency: Urgency::Ticket,
            is_present: Some(true),
            evidence: "slower".into(),
            chart: "".into(),
        };
        let mut signs = SignReplay::default();
        for second in (1080..1700).step_by(60) {
            signs.step(
                std::slice::from_ref(&sign),
                &SignTimings::default(),
                at(second),
            );
        }
        let all = signs.finish();
        assert_eq!(all[0].alert.from, at(1200));
        assert_eq!(decided(all.clone()), [None]);
        let explained = Some("objective errors".to_owned());
        let both = vec![all[0].clone(), page("web", 1000, 1500)];
        assert_eq!(decided(both), [explained, None]);
        let silence = Silence {
            id: 3,
            matchers: Matcher::parse_list("service=web").expect("valid"),
            from: at(0),
            to: at(9000),
            author: "ada".to_owned(),
            reason: String::new(),
        };
        let past = PastConditions {
            decisions: Decisions {
                silences: vec![silence],
                ..Decisions::default()
            },
            until: at(2000),
            ..PastConditions::default()
        };
        assert_eq!(decided_in(all, &past), [Some("silence 3".to_owned())]);
    }

    #[test]
    fn an_alert_that_long_outlasts_its_dependencys_outage_is_notified() {
        let (db, short) = (page("db", 1000, 1500), page("web", 1010, 1790));
        assert_eq!(
            decided(vec![short, db.clone()])[0].as_deref(),
            Some("service db")
        );
        assert_eq!(decided(vec![page("web", 1010, 2000), db]), [None, None]);
    }

    #[test]
    fn an_alert_is_explained_by_others_once_its_faster_tier_has_ended() {
        let mut slower = page("web", 1010, 2000);
        slower.alert.inhibited_by = Some(Inhibitor::Tier(1));
        assert_eq!(decided(vec![slower.clone()]), [Some("tier 1".to_owned())]);
        slower.released = Some(at(1200));
        let db = page("db", 1000, 2200);
        assert_eq!(
            decided(vec![slower.clone(), db])[0].as_deref(),
            Some("service db")
        );
        assert_eq!(decided(vec![slower]), [None]);
    }

    #[test]
    fn a_service_that_fails_during_maintenance_explains_its_dependents() {
        let mut database = MaintenanceFailures::default();
        (1000..1500)
            .step_by(10)
            .for_each(|second| database.failed(at(second), true));
        let past = PastConditions {
            maintained: vec![("db".into(), database)],
            ..PastConditions::default()
        };
        let by = |timelines| decided_in(timelines, &past);
        assert_eq!(
            by(vec![page("web", 1010, 1500)]),
            [Some("service db".to_owned())]
        );
        assert_eq!(
            by(vec![page("web", 1010, 2000)]),
            [None],
            "it keeps failing"
        );
        assert_eq!(by(vec![page("web", 2500, 2600)]), [None]);
    }

    #[test]
    fn a_silenced_alert_is_notified_if_it_outlasts_the_silence() {
        let silence = |to| Silence {
            id: 7,
            matchers: Matcher::parse_list("service=web").expect("matchers"),
            from: at(900),
            to: at(to),
            author: String::new(),
            reason: String::new(),
        };
        let by = |to, fails_until| {
            let decisions = Decisions {
                silences: vec![silence(to)],
                ..Decisions::default()
            };
            let past = PastConditions {
                decisions,
                until: at(5000),
                ..PastConditions::default()
            };
            decided_in(
                vec![page("web", 1000, fails_until), page("db", 3000, 3100)],
                &past,
            )
        };
        assert_eq!(by(1800, 1500), [Some("silence 7".to_owned()), None]);
        assert_eq!(by(1799, 1500), [None, None]);
        assert_eq!(by(1000, 1500), [None, None]);
        let silenced = Some("silence 7".to_owned());
        assert_eq!(by(6000, 7000), [silenced, None], "until the end");
    }
}
