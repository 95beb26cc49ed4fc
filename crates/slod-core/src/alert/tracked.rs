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
