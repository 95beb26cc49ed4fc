//! Replays the alerts of warning signs.

use super::gaps::Gaps;
use super::record::{AlertKey, AlertRecord};
use super::signs::{Sign, SignAlerts, SignTimings};
use super::timeline::AlertTimeline;
use crate::outcome::Timestamp;
use crate::slo::correction::Spans;
use std::collections::BTreeMap;

/// The alerts that past signs raised, as the daemon raises them.
#[derive(Debug, Default)]
pub struct SignReplay {
    alerts: SignAlerts,
    gaps: Gaps,
    firing: BTreeMap<AlertKey, AlertTimeline>,
    ended: Vec<AlertTimeline>,
}

impl SignReplay {
    /// `gaps` are the times in which slod did not evaluate alerts.
    pub fn new(gaps: &Spans) -> Self {
        Self {
            gaps: Gaps::new(gaps, Timestamp(0)),
            ..Self::default()
        }
    }

    /// Applies the signs of a moment. Moments must be in ascending order.
    pub fn step(&mut self, signs: &[Sign], timings: &SignTimings, now: Timestamp) {
        if let Some(last_met) = self.gaps.ended(now) {
            self.alerts.resume_after_gap(last_met);
        }
        if self.gaps.around(now).is_some() {
            return;
        }
        let mut changes: Vec<AlertRecord> = Vec::new();
        let timing = |key: &AlertKey| timings.of(key);
        self.alerts.step(signs, timing, now, &mut changes);
        for change in changes {
            if change.to.is_none() {
                let key = change.key.clone();
                self.firing.insert(key, AlertTimeline::new(change));
            } else if let Some(mut timeline) = self.firing.remove(&change.key) {
                timeline.end(change);
                self.ended.push(timeline);
            }
        }
        for firing in self.alerts.firing_mut() {
            if let Some(timeline) = self.firing.get_mut(&firing.alert.key) {
                timeline.take(&firing, now);
            }
        }
    }

    /// All alerts that fired.
    pub fn finish(self) -> Vec<AlertTimeline> {
        let all = self.ended.into_iter();
        all.chain(self.firing.into_values()).collect()
    }
}
