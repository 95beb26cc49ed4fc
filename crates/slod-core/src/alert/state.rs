//! The states of one alert.

use super::record::AlertRecord;
use crate::outcome::Timestamp;
use crate::units::show_duration;
use std::time::Duration;

/// Why alerts end that nothing evaluates.
pub(super) const REMOVED: &str = "it is no longer in the config";
const SET_BACK: &str = "the clock was set back to before it fired";

/// How long a condition must be met for an alert to fire, and unmet for it to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long it must be met without interruption.
    pub pending: Duration,
    /// How many consecutive evaluations must find it met.
    pub confirmations: u32,
    /// How long an alert keeps firing after its condition was last met, so that an intermittent condition
    /// is one alert.
    pub keep: Duration,
}

impl Timing {
    pub const fn at_once(keep: Duration) -> Self {
        Self {
            pending: Duration::ZERO,
            confirmations: 1,
            keep,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum AlertState {
    #[default]
    Inactive,
    /// The condition is met, but not for long enough yet.
    Pending { since: Timestamp, times: u32 },
    Firing {
        /// Boxed because most states belong to conditions that are not met.
        alert: Box<AlertRecord>,
        /// When its condition was last met.
        last_met: Timestamp,
    },
}

/// A firing alert.
#[derive(Debug)]
pub struct Firing<'a> {
    /// When its condition was last met.
    pub last_met: Timestamp,
    /// When its subject was last bad. A burn rate stays above its threshold for longer.
    pub bad: Timestamp,
    pub alert: &'a mut AlertRecord,
}

impl AlertState {
    /// Applies whether the condition is met now. An alert that began or ended is added to `changes`;
    /// `begin` creates the record of a new alert.
    pub fn step(
        &mut self,
        met: bool,
        timing: Timing,
        now: Timestamp,
        begin: impl FnOnce() -> AlertRecord,
        changes: &mut Vec<AlertRecord>,
    ) {
        if let Some((end, why)) = self.over(met, timing.keep, now) {
            changes.extend(self.end(end, &why));
        }
        if let Self::Firing { last_met, .. } = self {
            // If the clock was set back, `last_met` may be in the future.
            *last_met = if met { now } else { (*last_met).min(now) };
            return;
        }
        if !met {
            *self = Self::Inactive;
            return;
        }
        let (since, times) = match *self {
            // The clock may have been set back.
            Self::Pending { since, times } => (since.min(now), times.saturating_add(1)),
            _ => (now, 1),
        };
        *self = if since.after(timing.pending) <= now && times >= timing.confirmations {
            let alert = Box::new(begin());
            changes.push((*alert).clone());
            Self::Firing {
                alert,
                last_met: now,
            }
        } else {
            Self::Pending { since, times }
        };
    }

    /// The state of an alert that began earlier, whose condition was last met at `last_met`.
    pub fn firing_since(alert: AlertRecord, last_met: Timestamp) -> Self {
        Self::Firing {
            alert: Box::new(alert),
            last_met,
        }
    }

    /// Ends the alert if it fires.
    pub fn end(&mut self, at: Timestamp, why: &str) -> Option<AlertRecord> {
        match std::mem::take(self) {
            Self::Inactive | Self::Pending { .. } => None,
            Self::Firing { alert, .. } => Some(AlertRecord {
                to: Some(at.max(alert.from)),
                ended_because: why.into(),
                ..*alert
            }),
        }
    }

    /// Updates the record if it fires.
    pub fn found(&mut self, renew: impl FnOnce(&mut AlertRecord)) {
        if let Self::Firing { alert, .. } = self {
            renew(alert);
        }
    }

    pub fn firing(&self) -> Option<&AlertRecord> {
        match self {
            Self::Inactive | Self::Pending { .. } => None,
            Self::Firing { alert, .. } => Some(alert),
        }
    }

    /// When the condition of a firing alert was last met, and its record.
    pub fn firing_mut(&mut self) -> Option<(Timestamp, &mut AlertRecord)> {
        match self {
            Self::Inactive | Self::Pending { .. } => None,
            Self::Firing { alert, last_met } => Some((*last_met, alert)),
        }
    }

    /// Since when its condition is met, while it is pending.
    pub const fn pending(&self) -> Option<Timestamp> {
        match self {
            Self::Pending { since, .. } => Some(*since),
            Self::Inactive | Self::Firing { .. } => None,
        }
    }

    pub const fn is_firing(&self) -> bool {
        matches!(self, Self::Firing { .. })
    }

    pub const fn is_inactive(&self) -> bool {
        matches!(self, Self::Inactive)
    }

    /// When and why it was resolved; `None` if it does not fire or keeps firing.
    fn over(&self, met: bool, keep: Duration, now: Timestamp) -> Option<(Timestamp, String)> {
        match self {
            Self::Inactive | Self::Pending { .. } => None,
            // The clock was set back to before it began.
            Self::Firing { alert, .. } if now < alert.from => {
                Some((alert.from, SET_BACK.to_owned()))
            }
            Self::Firing { last_met, .. } => {
                let end = last_met.after(keep);
                let why = || format!("its condition was not met for {}", show_duration(keep));
                (!met && end <= now).then(|| (end, why()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{AlertKey, Condition, Source, TIERS, Urgency};
    use proptest::prelude::*;

    const KEEP: Duration = Duration::from_mins(5);

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    fn record(second: i64) -> AlertRecord {
        let source = Source::Budget {
            slo: "errors".into(),
            condition: Condition::Tier(TIERS[0]),
        };
        let service = "web".into();
        let key = AlertKey { service, source };
        AlertRecord::new(key, "Burn", Urgency::Page, at(second), "")
    }

    /// Steps, and returns the begin and end of each changed alert.
    fn step(state: &mut AlertState, met: bool, second: i64) -> Vec<(i64, Option<i64>)> {
        let mut changes = Vec::new();
        state.step(
            met,
            Timing::at_once(KEEP),
            at(second),
            || record(second),
            &mut changes,
        );
        let seconds = |at: Timestamp| at.0 / 1000;
        let row = |one: &AlertRecord| (seconds(one.from), one.to.map(seconds));
        changes.iter().map(row).collect()
    }

    #[test]
    fn it_fires_at_once_and_keeps_firing_over_gaps() {
        let mut state = AlertState::default();
        assert_eq!(step(&mut state, false, 1000), []);
        assert_eq!(step(&mut state, true, 1010), [(1010, None)]);
        assert_eq!(step(&mut state, false, 1309), [], "within the keep time");
        assert_eq!(step(&mut state, true, 1309), []);
        assert_eq!(step(&mut state, false, 1608), []);
        assert_eq!(step(&mut state, false, 1700), [(1010, Some(1609))]);
        assert_eq!(state, AlertState::Inactive);
    }

    #[test]
    fn after_a_pause_its_end_is_when_its_keep_time_was_over() {
        let mut state = AlertState::default();
        step(&mut state, true, 1000);
        assert_eq!(step(&mut state, false, 9000), [(1000, Some(1300))]);
        // A condition that is met again after a pause is still the same alert.
        step(&mut state, true, 9000);
        assert_eq!(step(&mut state, true, 99_000), []);
    }

    #[test]
    fn a_clock_set_back_ends_alerts_that_began_later() {
        let mut state = AlertState::default();
        step(&mut state, true, 5000);
        assert_eq!(
            step(&mut state, true, 4000),
            [(5000, Some(5000)), (4000, None)]
        );
        // The time that an earlier alert was last met is not in the future.
        step(&mut state, true, 8000);
        assert_eq!(step(&mut state, false, 4100), []);
        assert_eq!(step(&mut state, false, 4400), [(4000, Some(4400))]);
    }

    #[test]
    fn an_alert_never_ends_before_it_begins() {
        let mut state = AlertState::default();
        step(&mut state, true, 5000);
        let ended = state.end(at(4000), REMOVED).expect("it fires");
        assert_eq!((ended.to, state.is_firing()), (Some(at(5000)), false));
        assert_eq!(&*ended.ended_because, REMOVED);
        assert_eq!(state.end(at(6000), REMOVED), None);
    }

    #[test]
    fn it_is_pending_until_it_has_been_met_long_and_often_enough() {
        let timing = Timing {
            pending: Duration::from_mins(1),
            confirmations: 3,
            keep: KEEP,
        };
        let mut state = AlertState::default();
        let mut changes = Vec::new();
        let mut step = |state: &mut AlertState, met, second| {
            state.step(met, timing, at(second), || record(second), &mut changes);
            changes.len()
        };
        assert_eq!(step(&mut state, true, 0), 0);
        assert_eq!(step(&mut state, true, 90), 0, "long enough, met twice");
        assert_eq!(step(&mut state, false, 95), 0);
        assert!(state.is_inactive(), "an interruption restarts it");
        for second in [100, 110, 120, 159] {
            assert_eq!(step(&mut state, true, second), 0, "often enough, not long");
        }
        assert_eq!(step(&mut state, true, 160), 1);
        // Occurrences within its keep time are the same alert.
        for second in (170..2000).step_by(200) {
            step(&mut state, second % 400 == 170, second);
        }
        assert_eq!(state.firing().map(|one| one.from), Some(at(160)));
        assert_eq!(changes.len(), 1);
    }

    proptest! {
        #[test]
        fn one_fires_at_a_time_and_no_end_is_before_its_begin(
            steps in prop::collection::vec((any::<bool>(), -400_i64..2000), 1..60),
            confirmations in 1_u32..4,
            pending in 0_u64..500,
        ) {
            let timing = Timing { pending: Duration::from_secs(pending), confirmations, keep: KEEP };
            let (mut state, mut changes, mut second) = (AlertState::default(), Vec::new(), 100_000);
            for (met, after) in steps {
                second += after;
                state.step(met, timing, at(second), || record(second), &mut changes);
                // A restart in between changes nothing.
                if let Some(alert) = state.firing().cloned() {
                    let AlertState::Firing { last_met, .. } = state else { unreachable!() };
                    state = AlertState::firing_since(alert, last_met);
                }
            }
            let mut open: Option<AlertRecord> = None;
            for change in changes {
                match change.to {
                    None => prop_assert!(open.replace(change).is_none(), "two fire"),
                    Some(to) => {
                        let began = open.take().expect("it began before");
                        prop_assert!(began.from == change.from && to >= change.from);
                    }
                }
            }
            prop_assert_eq!(open.is_some(), state.is_firing());
        }
    }
}
