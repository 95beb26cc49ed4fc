//! The alerts of all objectives.

use super::condition::{Burning, met};
use super::objective::ObjectiveAlerts;
use super::record::{AlertKey, AlertRecord, Source};
use super::rules::AlertRules;
use super::state::Firing;
use crate::outcome::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often the budgets of objectives without failures are evaluated.
const THOROUGH_EVERY: Duration = Duration::from_mins(10);

/// The firing and pending alerts of objectives.
#[derive(Clone, Debug, Default)]
pub struct AlertSet {
    /// By service and objective.
    active: BTreeMap<(Arc<str>, Arc<str>), ObjectiveAlerts>,
    /// When all budgets were last evaluated.
    thorough: Option<Timestamp>,
}

impl AlertSet {
    /// Continues an alert whose condition was last met at `last_met` or earlier.
    pub fn resume(&mut self, alert: AlertRecord, last_met: Timestamp) {
        if let Source::Budget { slo, .. } = &alert.key.source {
            let key = (alert.key.service.clone(), slo.clone());
            self.active.entry(key).or_default().resume(alert, last_met);
        }
    }

    /// See [`ObjectiveAlerts::resume_after_gap`].
    pub fn resume_after_gap(&mut self, last_met: Timestamp) {
        self.active
            .values_mut()
            .for_each(|alerts| alerts.resume_after_gap(last_met));
        self.active.retain(|_, alerts| !alerts.is_inactive());
        self.thorough = None;
    }

    /// Applies the state of all objectives at a moment. Returns the alerts that began or ended. Alerts of
    /// objectives that no longer exist end now.
    pub fn step(
        &mut self,
        objectives: impl Iterator<Item = impl Burning>,
        rules: &AlertRules,
        now: Timestamp,
    ) -> Vec<AlertRecord> {
        let mut changes = Vec::new();
        let mut before = std::mem::take(&mut self.active);
        let is_due = self.is_due(now);
        for burning in objectives {
            let name = burning.objective().name.as_str();
            let policy = rules.policy(burning.service(), name);
            let key = || (burning.service().clone(), Arc::from(name));
            let known = if before.is_empty() {
                None
            } else {
                before.remove(&key())
            };
            let met = met(policy, &burning, now, is_due || known.is_some());
            if known.is_none() && !met.any() {
                continue;
            }
            let mut alerts = known.unwrap_or_default();
            alerts.renew(policy, met, &burning, now);
            alerts.step(policy, met, &burning, now, &mut changes);
            if !alerts.is_inactive() {
                self.active.insert(key(), alerts);
            }
        }
        for mut gone in before.into_values() {
            changes.extend(gone.end(now));
        }
        changes
    }

    /// Whether all budgets are due for an evaluation.
    fn is_due(&mut self, now: Timestamp) -> bool {
        let last = self.thorough;
        let is_due = last.is_none_or(|last| now < last || last.after(THOROUGH_EVERY) <= now);
        if is_due {
            self.thorough = Some(now);
        }
        is_due
    }

    /// The firing alerts, by service, objective and condition.
    pub fn firing(&self) -> impl Iterator<Item = &AlertRecord> {
        self.active.values().flat_map(ObjectiveAlerts::firing)
    }

    /// The pending alerts. `from` is since when the condition is met; the evidence is empty.
    pub fn pending(&self) -> impl Iterator<Item = AlertRecord> {
        let all = self.active.iter();
        all.flat_map(|((service, slo), alerts)| {
            alerts.pending().map(|(condition, since)| {
                let key = AlertKey::budget(service.clone(), slo.clone(), condition);
                let (name, urgency) = (condition.alertname(), condition.urgency());
                AlertRecord::new(key, name, urgency, since, "")
            })
        })
    }

    /// The firing alerts, as of the last step.
    pub fn firing_mut(&mut self) -> impl Iterator<Item = Firing<'_>> {
        let all = self.active.values_mut();
        all.flat_map(ObjectiveAlerts::firing_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{AlertPolicy, Condition, Inhibitor, TIERS};
    use crate::slo::series::Counts;
    use crate::slo::{Objective, StandardWindow, StandardWindows, WindowView};
    use std::time::Duration;

    /// Windows that all have this share of bad events.
    fn windows(bad: u64) -> StandardWindows {
        StandardWindows::of(|_| WindowView {
            good: 1000 - bad,
            bad,
            nominal: 1000.0,
            sli: Some(1.0 - bad as f64 / 1000.0),
            ..WindowView::default()
        })
    }

    /// Steps with these objectives, each given by its name and the number of bad events per thousand.
    fn step(set: &mut AlertSet, objectives: &[(&str, u64)], second: i64) -> Vec<AlertRecord> {
        step_by(set, &AlertRules::default(), objectives, second)
    }

    fn step_by(
        set: &mut AlertSet,
        rules: &AlertRules,
        objectives: &[(&str, u64)],
        second: i64,
    ) -> Vec<AlertRecord> {
        let service = Arc::from("web");
        let objectives: Vec<_> = objectives
            .iter()
            .map(|(name, bad)| (Objective::of_successes(name), windows(*bad)))
            .collect();
        let burning = objectives.iter().map(|(objective, windows)| Known {
            service: &service,
            objective,
            windows,
        });
        set.step(burning, rules, Timestamp::from_secs(second))
    }

    struct Known<'a> {
        service: &'a Arc<str>,
        objective: &'a Objective,
        windows: &'a StandardWindows,
    }

    impl Burning for Known<'_> {
        fn service(&self) -> &Arc<str> {
            self.service
        }

        fn objective(&self) -> &Objective {
            self.objective
        }

        fn counts(&self, window: StandardWindow) -> Counts {
            let view = self.windows[window];
            Counts {
                good: view.good,
                bad: view.bad,
                ..Counts::default()
            }
        }

        fn window(&self, window: StandardWindow) -> WindowView {
            self.windows[window]
        }

        fn remaining(&self) -> Option<f64> {
            let month = self.windows[StandardWindow::Days30];
            Some(1.0 - month.bad as f64 / 4.0)
        }

        fn exhaustion(&self) -> Option<Timestamp> {
            None
        }

        fn was_bad(&self, _: Duration) -> bool {
            self.windows[StandardWindow::Minutes5].bad > 0
        }
    }

    fn firing(set: &AlertSet) -> Vec<(String, u8)> {
        set.firing().map(row).collect()
    }

    fn row(one: &AlertRecord) -> (String, u8) {
        let tier = one.key.condition().and_then(Condition::tier);
        let slo = one.key.slo().unwrap_or_default().to_owned();
        (slo, tier.map_or(0, |tier| tier.number))
    }

    fn resumed(firing: Vec<AlertRecord>, last_met: Timestamp) -> AlertSet {
        let mut set = AlertSet::default();
        for alert in firing {
            set.resume(alert, last_met);
        }
        set
    }

    #[test]
    fn only_active_alerts_are_kept_by_objective_and_tier() {
        let mut set = AlertSet::default();
        let began = step(&mut set, &[("errors", 4), ("uptime", 20), ("idle", 0)], 10);
        assert_eq!(began.len(), 2 + 4);
        assert!(began.iter().all(|one| one.spent >= Some(1.0)));
        let all = [("errors", 3), ("errors", 4), ("uptime", 1), ("uptime", 2)];
        let all = all.map(|(slo, tier)| (slo.to_owned(), tier));
        assert_eq!(firing(&set)[..4], all);
        assert_eq!(step(&mut set, &[("errors", 4), ("uptime", 20)], 20), []);
        let ended = step(&mut set, &[("errors", 0), ("uptime", 0)], 90_000);
        assert_eq!(ended.len(), 6);
        assert!(set.active.is_empty());
    }

    #[test]
    fn alerts_of_a_removed_objective_end() {
        let mut set = AlertSet::default();
        step(&mut set, &[("errors", 20), ("uptime", 20)], 10);
        let ended = step(&mut set, &[("errors", 20)], 20);
        assert_eq!(ended.len(), 4);
        let end = Some(Timestamp::from_secs(20));
        assert!(
            ended
                .iter()
                .all(|one| one.key.slo() == Some("uptime") && one.to == end)
        );
        // If it is configured again, this is another alert.
        let began = step(&mut set, &[("errors", 20), ("uptime", 20)], 30);
        assert!(began.iter().all(|one| one.from == Timestamp::from_secs(30)));
    }

    #[test]
    fn a_clock_set_back_ends_alerts_that_began_later() {
        let mut set = AlertSet::default();
        step(&mut set, &[("errors", 20)], 5000);
        let changed = step(&mut set, &[("errors", 20)], 4000);
        let (ended, began): (Vec<_>, Vec<_>) = changed.iter().partition(|one| one.to.is_some());
        assert_eq!((ended.len(), began.len()), (4, 4));
        assert!(ended.iter().all(|one| one.to == Some(one.from)));
        assert!(
            began
                .iter()
                .all(|one| one.from == Timestamp::from_secs(4000))
        );
        let firing: Vec<_> = set.firing().cloned().collect();
        // So does an alert resumed with a future time, without its objective.
        let mut set = resumed(firing, Timestamp::from_secs(9000));
        let ended = step(&mut set, &[], 3000);
        assert!(ended.len() == 4 && ended.iter().all(|one| one.to == Some(one.from)));
    }

    #[test]
    fn an_alert_that_fired_before_a_restart_is_not_repeated() {
        let mut before = AlertSet::default();
        let began = step(&mut before, &[("errors", 20)], 1000);
        let mut set = resumed(began.clone(), Timestamp::from_secs(1200));
        assert_eq!(step(&mut set, &[("errors", 20)], 1300), []);
        assert_eq!(set.firing().cloned().collect::<Vec<_>>(), began);
    }

    #[test]
    fn a_faster_tier_inhibits_the_slower_ones() {
        let mut set = AlertSet::default();
        let inhibited = |all: &[AlertRecord]| -> Vec<_> {
            let words = |one: &AlertRecord| one.inhibited_by.as_ref().map(Inhibitor::words);
            all.iter().map(|one| (row(one).1, words(one))).collect()
        };
        let began = step(&mut set, &[("errors", 4)], 10);
        assert_eq!(
            inhibited(&began),
            [(3, None), (4, Some("tier 3".to_owned()))]
        );
        // A firing slower tier does not inhibit a faster one.
        let began = step(&mut set, &[("errors", 20)], 20);
        assert_eq!(
            inhibited(&began),
            [(1, None), (2, Some("tier 1".to_owned()))]
        );
    }

    #[test]
    fn a_slower_tier_that_keeps_burning_is_no_longer_inhibited() {
        let mut set = AlertSet::default();
        let inhibited = |set: &AlertSet| -> Vec<_> {
            let words = |one: &AlertRecord| one.inhibited_by.as_ref().map(Inhibitor::words);
            set.firing().map(|one| (row(one).1, words(one))).collect()
        };
        let by = |tier: u8| Some(format!("tier {tier}"));
        step(&mut set, &[("errors", 20)], 0);
        let mut run = |seconds: std::ops::Range<i64>, bad| {
            for second in seconds.step_by(10) {
                step(&mut set, &[("errors", bad)], second);
            }
            inhibited(&set)
        };
        // Tier 1 ended after 5 minutes; the short window of tier 2 contains its failures for half an hour.
        let during = run(10..2090, 8);
        assert_eq!(during, [(2, by(1)), (3, by(2)), (4, by(2))]);
        let after = run(2090..2110, 8);
        assert_eq!(after, [(2, None), (3, by(2)), (4, by(2))]);
        // Tier 3 may still burn after that, and tier 4 is inhibited by it.
        let later = run(2110..2110 + 1800 + 7200 + 20, 4);
        assert_eq!(later, [(3, None), (4, by(3))]);
        let why = set.firing().map(|one| one.held_back.to_string());
        let why: Vec<_> = why.collect();
        let released = "inhibited by a faster tier until that ended; the budget still burns";
        assert_eq!(why, [released, ""]);
        // An alert that no longer burns stays inhibited.
        let mut set = AlertSet::default();
        step(&mut set, &[("errors", 20)], 0);
        for second in (10..21_600).step_by(10) {
            step(&mut set, &[("errors", 0)], second);
        }
        assert_eq!(inhibited(&set), [(4, by(3))]);
    }

    #[test]
    fn each_tier_keeps_firing_for_its_short_window() {
        let mut set = AlertSet::default();
        step(&mut set, &[("errors", 20)], 0);
        let mut ends = Vec::new();
        for second in (0..8 * 3600).step_by(10) {
            ends.extend(step(&mut set, &[("errors", 0)], second));
        }
        let ends: Vec<_> = ends.iter().filter_map(|one| one.to).collect();
        assert_eq!(ends, [300, 1800, 7200, 21_600].map(Timestamp::from_secs));
    }

    #[test]
    fn an_objective_has_the_conditions_of_its_policy() {
        let own = |conditions: Vec<Condition>| {
            let policy = AlertPolicy::new(conditions);
            let of_objective = BTreeMap::from([(Arc::from("errors"), policy)]);
            AlertRules {
                own: BTreeMap::from([(Arc::from("web"), of_objective)]),
                ..AlertRules::default()
            }
        };
        let mut set = AlertSet::default();
        let rules = own(vec![Condition::Tier(TIERS[2]), Condition::Exhausted]);
        let began = step_by(&mut set, &rules, &[("errors", 20)], 10);
        assert_eq!(
            began.iter().map(row).map(|row| row.1).collect::<Vec<_>>(),
            [3, 0]
        );
        assert!(began.iter().all(|one| !one.is_inhibited()));
        // Alerts whose condition is no longer in the policy end.
        let ended = step_by(&mut set, &own(vec![]), &[("errors", 20)], 20);
        assert_eq!(ended.len(), 2);
        // A budget that was exhausted before the first evaluation, without recent failures.
        let mut set = AlertSet::default();
        let rules = own(vec![Condition::Tier(TIERS[0]), Condition::Exhausted]);
        assert_eq!(step_by(&mut set, &rules, &[("errors", 0)], 0), []);
        assert_eq!(
            step_by(&mut set, &rules, &[("errors", 1)], 10),
            [],
            "one failure is no incident"
        );
        assert_eq!(
            step_by(&mut set, &rules, &[("other", 4)], 700).len(),
            2,
            "the default tiers"
        );
    }
}
