//! The states of one alert.

use super::record::AlertRecord;
use crate::outcome::Timestamp;
use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum AlertState {
    #[default]
    Inactive,
    Firing {
        alert: AlertRecord,
        /// When its condition was last met.
        held: Timestamp,
    },
}

impl AlertState {
    /// Takes whether the condition is met now. An alert fires at once, and keeps firing for `keep`
    /// after its condition was last met, so that sparse failures are one alert. What began or ended
    /// is added to `changes`; `begin` makes the record of an alert that begins now.
    pub fn step(
        &mut self,
        met: bool,
        keep: Duration,
        now: Timestamp,
        begin: impl FnOnce() -> AlertRecord,
        changes: &mut Vec<AlertRecord>,
    ) {
        if let Some(end) = self.over(met, keep, now) {
            changes.extend(self.end(end));
        }
        match self {
            Self::Inactive if met => {
                let alert = begin();
                changes.push(alert.clone());
                *self = Self::Firing { alert, held: now };
            }
            Self::Inactive => {}
            Self::Firing { held, .. } if met => *held = now,
            // No condition was met later than now, even if the clock was set back since.
            Self::Firing { held, .. } => *held = (*held).min(now),
        }
    }

    /// Ends it, if it fires.
    pub fn end(&mut self, at: Timestamp) -> Option<AlertRecord> {
        match std::mem::take(self) {
            Self::Inactive => None,
            Self::Firing { alert, .. } => Some(AlertRecord {
                to: Some(at.max(alert.from)),
                ..alert
            }),
        }
    }

    pub const fn firing(&self) -> Option<&AlertRecord> {
        match self {
            Self::Inactive => None,
            Self::Firing { alert, .. } => Some(alert),
        }
    }

    pub const fn is_firing(&self) -> bool {
        matches!(self, Self::Firing { .. })
    }

    /// Since when it is over, if it fires no longer.
    fn over(&self, met: bool, keep: Duration, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Inactive => None,
            // The clock was set back to before it began.
            Self::Firing { alert, .. } if now < alert.from => Some(alert.from),
            Self::Firing { held, .. } => {
                let end = held.after(keep);
                (!met && end <= now).then_some(end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::AlertKey;
    use super::super::tier::TIERS;
    use super::*;

    const KEEP: Duration = Duration::from_secs(300);

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    fn record(second: i64) -> AlertRecord {
        AlertRecord {
            key: AlertKey {
                service: "web".into(),
                slo: "errors".into(),
                tier: &TIERS[0],
            },
            from: at(second),
            to: None,
            spent: None,
            inhibited: false,
        }
    }

    /// Begin and end of what changed.
    fn step(state: &mut AlertState, met: bool, second: i64) -> Vec<(i64, Option<i64>)> {
        let mut changes = Vec::new();
        state.step(met, KEEP, at(second), || record(second), &mut changes);
        let seconds = |at: Timestamp| at.0 / 1000;
        let row = |one: &AlertRecord| (seconds(one.from), one.to.map(seconds));
        changes.iter().map(row).collect()
    }

    #[test]
    fn it_fires_at_once_and_keeps_firing_over_gaps() {
        let mut state = AlertState::default();
        assert_eq!(step(&mut state, false, 1000), []);
        assert_eq!(step(&mut state, true, 1010), [(1010, None)]);
        assert_eq!(step(&mut state, false, 1309), [], "within the gap");
        assert_eq!(step(&mut state, true, 1309), []);
        assert_eq!(step(&mut state, false, 1608), []);
        assert_eq!(step(&mut state, false, 1700), [(1010, Some(1609))]);
        assert_eq!(state, AlertState::Inactive);
    }

    #[test]
    fn after_a_pause_it_ended_when_its_gap_was_over() {
        let mut state = AlertState::default();
        step(&mut state, true, 1000);
        assert_eq!(step(&mut state, false, 9000), [(1000, Some(1300))]);
        // A condition that is met again after a pause is still the same alert.
        step(&mut state, true, 9000);
        assert_eq!(step(&mut state, true, 99_000), []);
    }

    #[test]
    fn a_clock_that_is_set_back_ends_what_began_later() {
        let mut state = AlertState::default();
        step(&mut state, true, 5000);
        assert_eq!(
            step(&mut state, true, 4000),
            [(5000, Some(5000)), (4000, None)]
        );
        // One that began before was not met later than now.
        step(&mut state, true, 8000);
        assert_eq!(step(&mut state, false, 4100), []);
        assert_eq!(step(&mut state, false, 4400), [(4000, Some(4400))]);
    }

    #[test]
    fn an_end_is_never_before_the_begin() {
        let mut state = AlertState::default();
        step(&mut state, true, 5000);
        let ended = state.end(at(4000)).expect("it fires");
        assert_eq!((ended.to, state.is_firing()), (Some(at(5000)), false));
        assert_eq!(state.end(at(6000)), None);
    }
}
