//! The budget state of a tracker's objective at a moment.

use super::condition::Burning;
use crate::outcome::Timestamp;
use crate::slo::series::Counts;
use crate::slo::{Objective, StandardWindow, Tracker, WindowView};
use std::sync::Arc;
use std::time::Duration;

/// A tracker at a moment.
pub struct Tracked<'a> {
    pub service: &'a Arc<str>,
    pub tracker: &'a Tracker,
    pub now: Timestamp,
}

impl Burning for Tracked<'_> {
    fn service(&self) -> &Arc<str> {
        self.service
    }

    fn objective(&self) -> &Objective {
        self.tracker.objective()
    }

    fn counts(&self, window: StandardWindow) -> Counts {
        self.tracker.counts(self.now, window.length())
    }

    fn window(&self, window: StandardWindow) -> WindowView {
        self.tracker.view(self.now, window.length())
    }

    fn remaining(&self) -> Option<f64> {
        self.tracker.remaining(self.now, &self.objective().window)
    }

    fn exhaustion(&self) -> Option<Timestamp> {
        self.tracker.runs_out(self.now, &self.objective().window)
    }

    fn was_bad(&self, within: Duration) -> bool {
        self.tracker.was_bad(self.now, within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Condition;
    use crate::slo::calendar::{Calendar, Period};
    use crate::slo::{ContributingProbe, Window};

    #[test]
    fn an_exhausted_budget_recovers_when_its_window_moves_on() {
        let sentence = |calendar| {
            let objective = Objective {
                window: Window {
                    calendar,
                    ..Objective::of_successes("errors").window
                },
                ..Objective::of_successes("errors")
            };
            let probes = vec![ContributingProbe::every(Duration::from_secs(10))];
            let tracked = Tracked {
                service: &"web".into(),
                tracker: &Tracker::new(Arc::new(objective), probes),
                now: Timestamp(0),
            };
            Condition::Exhausted.sentence(&tracked)
        };
        let rolling = "missed until failures leave the window of 30d";
        assert!(sentence(None).ends_with(rolling), "{}", sentence(None));
        let month = sentence(Some(Calendar {
            period: Period::Month,
            zone: crate::units::Tz::UTC,
        }));
        assert!(
            month.ends_with("missed until the next month begins"),
            "{month}"
        );
    }
}
