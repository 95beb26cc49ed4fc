//! The alerts of all objectives.

use super::burn::BurnAlerts;
use super::record::AlertRecord;
use super::tier::met;
use crate::outcome::Timestamp;
use crate::slo::series::Counts;
use crate::slo::{Objective, StandardWindow, WindowView};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keeps those that fire. A step takes a moment from its argument only, so that it may be of a clock
/// that was changed since.
#[derive(Clone, Debug, Default)]
pub struct AlertSet {
    /// By service and objective; only where something fires.
    firing: BTreeMap<(Arc<str>, Arc<str>), BurnAlerts>,
}

/// How an objective's budget burns at a moment.
pub trait Burning {
    fn service(&self) -> &Arc<str>;

    fn objective(&self) -> &Objective;

    fn counts(&self, window: StandardWindow) -> Counts;

    fn window(&self, window: StandardWindow) -> WindowView;

    /// Share of the error budget that is left.
    fn remaining(&self) -> Option<f64>;
}

impl AlertSet {
    /// Continues with alerts whose conditions were met at `held` at the latest.
    pub fn resumed(alerts: impl IntoIterator<Item = AlertRecord>, held: Timestamp) -> Self {
        let mut set = Self::default();
        for alert in alerts {
            let (service, slo) = (alert.key.service.clone(), alert.key.slo.clone());
            let key = (service.clone(), slo.clone());
            let each = set.firing.entry(key);
            let each = each.or_insert_with(|| BurnAlerts::new(service, slo));
            each.resume(alert, held);
        }
        set
    }

    /// Takes all objectives of a moment. Returns what began or ended; alerts of objectives that
    /// are no longer there end now.
    pub fn step(
        &mut self,
        objectives: impl Iterator<Item = impl Burning>,
        now: Timestamp,
    ) -> Vec<AlertRecord> {
        let mut changes = Vec::new();
        let mut before = std::mem::take(&mut self.firing);
        for burning in objectives {
            let objective = burning.objective();
            let met = met(
                objective,
                |window| burning.counts(window),
                |window| burning.window(window),
            );
            if before.is_empty() && !met.contains(&true) {
                continue;
            }
            let slo: Arc<str> = objective.name.as_str().into();
            let key = (burning.service().clone(), slo);
            let new = || BurnAlerts::new(key.0.clone(), key.1.clone());
            let mut alerts = before.remove(&key).unwrap_or_else(new);
            let spent = || burning.remaining().map(|left| 1.0 - left);
            alerts.step(met, now, spent, &mut changes);
            if alerts.is_firing() {
                self.firing.insert(key, alerts);
            }
        }
        for mut gone in before.into_values() {
            changes.extend(gone.end(now));
        }
        changes
    }

    /// What fires, by service, objective and tier.
    pub fn firing(&self) -> impl Iterator<Item = &AlertRecord> {
        self.firing.values().flat_map(BurnAlerts::firing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::{BudgetingMethod, Combine, NoDataPolicy, Sli, StandardWindows, Window};
    use std::time::Duration;

    fn objective(name: &str) -> Objective {
        Objective {
            name: name.into(),
            sli: Sli::Success,
            source: crate::slo::EventSource::Probes,
            target: 0.999,
            window: Window::rolling(Duration::from_secs(30 * 86_400)),
            further: vec![],
            budgeting: BudgetingMethod::Occurrences,
            missing: NoDataPolicy::Exclude,
            combine: Combine::Pooled,
            probes: vec![],
        }
    }

    /// Every window with this share of bad events.
    fn windows(bad: u64) -> StandardWindows {
        StandardWindows::of(|_| WindowView {
            good: 1000 - bad,
            bad,
            nominal: 1000.0,
            sli: Some(1.0 - bad as f64 / 1000.0),
            ..WindowView::default()
        })
    }

    /// Steps with objectives by name, each with its bad events of a thousand.
    fn step(set: &mut AlertSet, objectives: &[(&str, u64)], second: i64) -> Vec<AlertRecord> {
        let service = Arc::from("web");
        let objectives: Vec<_> = objectives
            .iter()
            .map(|(name, bad)| (objective(name), windows(*bad)))
            .collect();
        let burning = objectives.iter().map(|(objective, windows)| Known {
            service: &service,
            objective,
            windows,
        });
        set.step(burning, Timestamp::from_secs(second))
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
            Some(0.75)
        }
    }

    fn firing(set: &AlertSet) -> Vec<(String, u8)> {
        let row = |one: &AlertRecord| (one.key.slo.to_string(), one.key.tier.number);
        set.firing().map(row).collect()
    }

    #[test]
    fn only_what_fires_is_kept_by_objective_and_tier() {
        let mut set = AlertSet::default();
        let began = step(&mut set, &[("errors", 4), ("uptime", 20), ("idle", 0)], 10);
        assert_eq!(began.len(), 2 + 4);
        assert!(began.iter().all(|one| one.spent == Some(0.25)));
        let all = [("errors", 3), ("errors", 4), ("uptime", 1), ("uptime", 2)];
        let all = all.map(|(slo, tier)| (slo.to_owned(), tier));
        assert_eq!(firing(&set)[..4], all);
        assert_eq!(step(&mut set, &[("errors", 4), ("uptime", 20)], 20), []);
        let ended = step(&mut set, &[("errors", 0), ("uptime", 0)], 90_000);
        assert_eq!(ended.len(), 6);
        assert!(set.firing.is_empty());
    }

    #[test]
    fn an_objective_that_is_gone_takes_its_alerts_along() {
        let mut set = AlertSet::default();
        step(&mut set, &[("errors", 20), ("uptime", 20)], 10);
        let ended = step(&mut set, &[("errors", 20)], 20);
        assert_eq!(ended.len(), 4);
        let end = Some(Timestamp::from_secs(20));
        assert!(
            ended
                .iter()
                .all(|one| &*one.key.slo == "uptime" && one.to == end)
        );
        // Configured again, it is another alert.
        let began = step(&mut set, &[("errors", 20), ("uptime", 20)], 30);
        assert!(began.iter().all(|one| one.from == Timestamp::from_secs(30)));
    }

    #[test]
    fn a_moment_before_the_last_one_ends_what_began_between() {
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
        // So does one that was recalled with a time that is still to come, without its objective.
        let mut set = AlertSet::resumed(firing, Timestamp::from_secs(9000));
        let ended = step(&mut set, &[], 3000);
        assert!(ended.len() == 4 && ended.iter().all(|one| one.to == Some(one.from)));
    }

    #[test]
    fn what_fired_before_a_restart_is_not_repeated() {
        let mut before = AlertSet::default();
        let began = step(&mut before, &[("errors", 20)], 1000);
        let mut set = AlertSet::resumed(began.clone(), Timestamp::from_secs(1200));
        assert_eq!(step(&mut set, &[("errors", 20)], 1300), []);
        assert_eq!(set.firing().cloned().collect::<Vec<_>>(), began);
    }
}
