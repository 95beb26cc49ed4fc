//! The alerts of one objective.

use super::condition::{AlertPolicy, Burning, Condition, MetConditions};
use super::record::{AlertKey, AlertRecord, Inhibitor, Source};
use super::state::{AlertState, Firing, REMOVED};
use super::tier::Tier;
use crate::outcome::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How often the evidence of a firing alert is refreshed, in milliseconds.
const EVIDENCE_MS: i64 = 30_000;
/// Why people are notified of a slower tier only now.
const RELEASED: &str = "inhibited by a faster tier until that ended; the budget still burns";
/// How long an objective counts as bad after a bad event.
const LATELY: Duration = Duration::from_mins(1);

/// One alert per condition.
#[derive(Clone, Debug, Default)]
pub struct ObjectiveAlerts {
    /// The firing and pending ones.
    states: Vec<ConditionAlert>,
    /// The latest known moment at which an event of the objective was bad.
    bad: Timestamp,
}

/// The alert of one condition.
#[derive(Clone, Debug)]
struct ConditionAlert {
    condition: Condition,
    state: AlertState,
    /// The latest known moment at which a tier that inhibits it fired.
    faster: Option<Timestamp>,
}

impl ObjectiveAlerts {
    /// Continues an alert whose condition was last met at `last_met` or earlier.
    pub fn resume(&mut self, alert: AlertRecord, last_met: Timestamp) {
        if let Source::Budget { condition, .. } = alert.key.source {
            let last_met = last_met.max(alert.from);
            let state = AlertState::firing_since(alert, last_met);
            self.bad = self.bad.max(last_met);
            self.states.push(ConditionAlert {
                condition,
                state,
                faster: None,
            });
        }
    }

    /// Continues the firing alerts after time in which nothing was evaluated. Pending ones begin again.
    pub fn resume_after_gap(&mut self, last_met: Timestamp) {
        for alert in std::mem::take(self).firing() {
            self.resume(alert.clone(), last_met);
        }
    }

    /// Applies which conditions of the policy are met now. Alerts that began or ended are added to
    /// `changes`. Alerts of conditions that are no longer in the policy end.
    pub fn step(
        &mut self,
        policy: &AlertPolicy,
        met: MetConditions,
        burning: &impl Burning,
        now: Timestamp,
        changes: &mut Vec<AlertRecord>,
    ) {
        // If the clock was set back, the last bad event may be in the future.
        self.bad = if burning.was_bad(LATELY) {
            now
        } else {
            self.bad.min(now)
        };
        let mut before = std::mem::take(&mut self.states);
        let mut firing: Vec<&Tier> = Vec::new();
        for (position, condition) in policy.conditions().iter().enumerate() {
            let known = before.iter().position(|one| one.condition == *condition);
            let mut tracked = known.map_or_else(
                || ConditionAlert::new(*condition),
                |position| before.swap_remove(position),
            );
            let met = met.contains(position);
            let cause = firing.iter().find(|tier| condition.is_inhibited_by(tier));
            let inhibitor = cause.map(|tier| Inhibitor::Tier(tier.number));
            let begin = || AlertRecord {
                spent: burning.remaining().map(|left| 1.0 - left),
                inhibited_by: inhibitor.clone(),
                ..begin(condition, burning, now)
            };
            let timing = condition.timing();
            tracked.state.step(met, timing, now, begin, changes);
            tracked.inhibit(inhibitor, met, now);
            if tracked.state.is_firing() {
                firing.extend(condition.tier());
            }
            if !tracked.state.is_inactive() {
                self.states.push(tracked);
            }
        }
        changes.extend(
            before
                .into_iter()
                .filter_map(|mut gone| gone.state.end(now, REMOVED)),
        );
    }

    /// Refreshes the evidence of the firing alerts. Called before a step.
    pub fn renew(
        &mut self,
        policy: &AlertPolicy,
        met: MetConditions,
        burning: &impl Burning,
        now: Timestamp,
    ) {
        let is_old = |last_met: Timestamp| last_met.0 / EVIDENCE_MS != now.0 / EVIDENCE_MS;
        let all = policy.conditions().iter().enumerate();
        for (_, condition) in all.filter(|(position, _)| met.contains(*position)) {
            let known = self
                .states
                .iter_mut()
                .find(|one| one.condition == *condition);
            let Some(ConditionAlert { state, .. }) = known else {
                continue;
            };
            if state
                .firing_mut()
                .is_some_and(|(last_met, _)| is_old(last_met))
            {
                state.found(|alert| alert.evidence = condition.sentence(burning).into());
            }
        }
    }

    /// Ends all firing alerts, because the objective no longer exists.
    pub fn end(&mut self, now: Timestamp) -> impl Iterator<Item = AlertRecord> {
        let states = self.states.drain(..);
        states.filter_map(move |mut one| one.state.end(now, REMOVED))
    }

    /// The firing alerts, the fastest tier first.
    pub fn firing(&self) -> impl Iterator<Item = &AlertRecord> {
        self.states.iter().filter_map(|one| one.state.firing())
    }

    /// The conditions that have not been met for long enough yet, and since when they are met.
    pub fn pending(&self) -> impl Iterator<Item = (Condition, Timestamp)> {
        let states = self.states.iter();
        states.filter_map(|one| Some((one.condition, one.state.pending()?)))
    }

    /// The firing alerts, as of the last step.
    pub fn firing_mut(&mut self) -> impl Iterator<Item = Firing<'_>> {
        let bad = self.bad;
        let states = self.states.iter_mut();
        let firing = states.filter_map(|one| one.state.firing_mut());
        firing.map(move |(last_met, alert)| Firing {
            last_met,
            bad,
            alert,
        })
    }

    /// Whether no alert fires or is pending.
    pub fn is_inactive(&self) -> bool {
        self.states.is_empty()
    }
}

impl ConditionAlert {
    const fn new(condition: Condition) -> Self {
        Self {
            condition,
            state: AlertState::Inactive,
            faster: None,
        }
    }

    /// Updates the faster tier that inhibits an alert that was inhibited when it began. When the last of
    /// these tiers ends, the short window of this one still contains the same failures. Receivers are
    /// notified of this one only if the budget still burns after they have left the window.
    fn inhibit(&mut self, by: Option<Inhibitor>, met: bool, now: Timestamp) {
        let last = self.faster.filter(|last| *last <= now && by.is_none());
        let last = *self.faster.insert(last.unwrap_or(now));
        let is_over = met && last.after(self.condition.timing().keep) <= now;
        if let Some((_, alert)) = self.state.firing_mut()
            && matches!(alert.inhibited_by, Some(Inhibitor::Tier(_)))
            && (by.is_some() || is_over)
        {
            if by.is_none() {
                alert.held_back = RELEASED.into();
            }
            alert.inhibited_by = by;
        }
    }
}

fn begin(condition: &Condition, burning: &impl Burning, now: Timestamp) -> AlertRecord {
    let slo: Arc<str> = burning.objective().name.as_str().into();
    let key = AlertKey::budget(burning.service().clone(), slo, *condition);
    let (name, evidence) = (condition.alertname(), condition.sentence(burning));
    AlertRecord::new(key, name, condition.urgency(), now, evidence)
}
