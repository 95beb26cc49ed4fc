//! The alerts of one objective.

use super::condition::{AlertPolicy, Burning, Condition, Met};
use super::record::{AlertKey, AlertRecord, Inhibitor, Source};
use super::state::AlertState;
use crate::outcome::Timestamp;
use std::sync::Arc;

/// The evidence of what fires is renewed in such steps.
const EVIDENCE_MS: i64 = 30_000;

/// One alert per condition.
#[derive(Clone, Debug, Default)]
pub struct ObjectiveAlerts {
    /// Those that fire or are pending.
    states: Vec<(Condition, AlertState)>,
}

impl ObjectiveAlerts {
    /// Continues an alert whose condition was met at `held` at the latest.
    pub fn resume(&mut self, alert: AlertRecord, held: Timestamp) {
        if let Source::Budget { condition, .. } = alert.key.source {
            let held = held.max(alert.from);
            let state = AlertState::firing_since(alert, held);
            self.states.push((condition, state));
        }
    }

    /// Takes which conditions of the policy are met now. What began or ended is added to `changes`;
    /// alerts of conditions that the policy no longer has end.
    pub fn step(
        &mut self,
        policy: &AlertPolicy,
        met: Met,
        burning: &impl Burning,
        now: Timestamp,
        changes: &mut Vec<AlertRecord>,
    ) {
        let mut before = std::mem::take(&mut self.states);
        let mut faster = None;
        for (position, condition) in policy.conditions().iter().enumerate() {
            let known = before.iter().position(|(one, _)| one == condition);
            let mut state = known.map_or_else(AlertState::default, |at| before.swap_remove(at).1);
            let met = met.contains(position);
            let inhibited_by = match condition {
                Condition::Tier(_) | Condition::Forecast(_) => faster.clone(),
                Condition::Exhausted => None,
            };
            let begin = || AlertRecord {
                spent: burning.remaining().map(|left| 1.0 - left),
                inhibited_by,
                ..begin(condition, burning, now)
            };
            state.step(met, condition.timing(), now, begin, changes);
            if let (Condition::Tier(tier), true) = (condition, state.is_firing()) {
                faster.get_or_insert(Inhibitor::Tier(tier.number));
            }
            if !state.is_inactive() {
                self.states.push((*condition, state));
            }
        }
        changes.extend(before.into_iter().filter_map(|(_, mut gone)| gone.end(now)));
    }

    /// Renews the evidence of what fires, as it is read while an alert lasts: before a step.
    pub fn renew(
        &mut self,
        policy: &AlertPolicy,
        met: Met,
        burning: &impl Burning,
        now: Timestamp,
    ) {
        let is_old = |held: Timestamp| held.0 / EVIDENCE_MS != now.0 / EVIDENCE_MS;
        let all = policy.conditions().iter().enumerate();
        for (_, condition) in all.filter(|(position, _)| met.contains(*position)) {
            let known = self.states.iter_mut().find(|(one, _)| one == condition);
            let Some((_, state)) = known else { continue };
            if state.firing_mut().is_some_and(|(held, _)| is_old(held)) {
                state.found(|alert| alert.evidence = condition.sentence(burning).into());
            }
        }
    }

    /// Ends what fires, because the objective no longer exists.
    pub fn end(&mut self, now: Timestamp) -> impl Iterator<Item = AlertRecord> {
        let states = self.states.drain(..);
        states.filter_map(move |(_, mut state)| state.end(now))
    }

    /// What fires, the fastest tier first.
    pub fn firing(&self) -> impl Iterator<Item = &AlertRecord> {
        self.states.iter().filter_map(|(_, state)| state.firing())
    }

    /// What fires, and when its condition was last met.
    pub fn firing_mut(&mut self) -> impl Iterator<Item = (Timestamp, &mut AlertRecord)> {
        let states = self.states.iter_mut();
        states.filter_map(|(_, state)| state.firing_mut())
    }

    /// Whether nothing fires or is pending.
    pub fn is_inactive(&self) -> bool {
        self.states.is_empty()
    }
}

fn begin(condition: &Condition, burning: &impl Burning, now: Timestamp) -> AlertRecord {
    let slo: Arc<str> = burning.objective().name.as_str().into();
    let key = AlertKey::budget(burning.service().clone(), slo, *condition);
    let (name, evidence) = (condition.alertname(), condition.sentence(burning));
    AlertRecord::new(key, name, condition.urgency(), now, evidence)
}
