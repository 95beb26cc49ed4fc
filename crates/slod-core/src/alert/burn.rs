//! The burn-rate alerts of one objective.

use super::record::{AlertKey, AlertRecord};
use super::state::AlertState;
use super::tier::{Met, TIERS};
use crate::outcome::Timestamp;
use std::sync::Arc;

/// One alert per tier.
#[derive(Clone, Debug)]
pub struct BurnAlerts {
    service: Arc<str>,
    slo: Arc<str>,
    tiers: [AlertState; TIERS.len()],
}

impl BurnAlerts {
    /// Of which nothing fires yet.
    pub fn new(service: Arc<str>, slo: Arc<str>) -> Self {
        let tiers = Default::default();
        Self {
            service,
            slo,
            tiers,
        }
    }

    /// Continues an alert whose condition was met at `held` at the latest.
    pub fn resume(&mut self, alert: AlertRecord, held: Timestamp) {
        let mut tiers = TIERS.iter().zip(&mut self.tiers);
        if let Some((_, state)) = tiers.find(|(tier, _)| *tier == alert.key.tier) {
            let held = held.max(alert.from);
            *state = AlertState::Firing { alert, held };
        }
    }

    /// Takes which conditions are met now; `spent` is the share of the error budget that is spent.
    /// What began or ended is added to `changes`.
    pub fn step(
        &mut self,
        met: Met,
        now: Timestamp,
        spent: impl Fn() -> Option<f64>,
        changes: &mut Vec<AlertRecord>,
    ) {
        let mut inhibited = false;
        for ((tier, state), met) in TIERS.iter().zip(&mut self.tiers).zip(met) {
            let begin = || AlertRecord {
                key: AlertKey {
                    service: self.service.clone(),
                    slo: self.slo.clone(),
                    tier,
                },
                from: now,
                to: None,
                spent: spent(),
                inhibited,
            };
            state.step(met, tier.short.length(), now, begin, changes);
            inhibited |= state.is_firing();
        }
    }

    /// Ends what fires, because the objective no longer exists.
    pub fn end(&mut self, now: Timestamp) -> impl Iterator<Item = AlertRecord> {
        self.tiers
            .iter_mut()
            .filter_map(move |state| state.end(now))
    }

    /// What fires, the fastest tier first.
    pub fn firing(&self) -> impl Iterator<Item = &AlertRecord> {
        self.tiers.iter().filter_map(AlertState::firing)
    }

    pub fn is_firing(&self) -> bool {
        self.tiers.iter().any(AlertState::is_firing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Met = [false; TIERS.len()];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    fn alerts() -> BurnAlerts {
        BurnAlerts::new("web".into(), "errors".into())
    }

    fn step(alerts: &mut BurnAlerts, met: Met, second: i64) -> Vec<AlertRecord> {
        let mut changes = Vec::new();
        alerts.step(met, at(second), || Some(0.25), &mut changes);
        changes
    }

    #[test]
    fn a_faster_tier_inhibits_the_slower_ones() {
        let mut alerts = alerts();
        let began = step(&mut alerts, [false, true, true, false], 100);
        let row = |one: &AlertRecord| (one.key.tier.number, one.inhibited, one.spent);
        let rows: Vec<_> = began.iter().map(row).collect();
        assert_eq!(rows, [(2, false, Some(0.25)), (3, true, Some(0.25))]);
        // A slower tier that fires does not inhibit a faster one.
        let began = step(&mut alerts, [true, true, true, true], 110);
        let rows: Vec<_> = began.iter().map(row).collect();
        assert_eq!(rows, [(1, false, Some(0.25)), (4, true, Some(0.25))]);
        let firing: Vec<_> = alerts.firing().map(|one| one.key.tier.number).collect();
        assert_eq!(firing, [1, 2, 3, 4]);
    }

    #[test]
    fn each_tier_keeps_firing_for_its_short_window() {
        let mut alerts = alerts();
        step(&mut alerts, [true; TIERS.len()], 0);
        let mut ends = Vec::new();
        for second in (0..8 * 3600).step_by(10) {
            ends.extend(step(&mut alerts, NONE, second));
        }
        let ends: Vec<_> = ends.iter().filter_map(|one| one.to).collect();
        assert_eq!(ends, [at(300), at(1800), at(7200), at(21_600)]);
        assert!(!alerts.is_firing());
    }

    #[test]
    fn what_fired_before_a_restart_goes_on_and_began_then() {
        let mut alerts = alerts();
        let mut before = step(&mut self::alerts(), [true, false, false, false], 1000);
        let alert = before.pop().expect("it began");
        alerts.resume(alert.clone(), at(1200));
        assert_eq!(step(&mut alerts, NONE, 1400), []);
        assert_eq!(alerts.firing().next(), Some(&alert));
        assert_eq!(step(&mut alerts, NONE, 9000)[0].to, Some(at(1500)));
    }
}
