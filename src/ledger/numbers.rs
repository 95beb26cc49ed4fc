//! Probes and objectives at the moment of a view. Their numbers are computed when they are read, so
//! that a page of thousands of services needs no memory for all of them.

use super::objective::ObjectiveState;
use super::probe::ProbeState;
use super::snapshot::Quantiles;
use crate::alert::Burning;
use crate::outcome::Timestamp;
use crate::slo::series::Counts;
use crate::slo::{BudgetView, Objective, StandardWindow, WindowView};
use crate::stats::scale::Scale;
use std::sync::Arc;
use std::time::Duration;

/// A probe at the moment of a view.
pub(super) struct LiveProbe<'a> {
    pub(super) state: &'a ProbeState,
    pub(super) now: Timestamp,
    pub(super) scale: &'a Scale,
}

impl LiveProbe<'_> {
    pub(super) fn quantiles(&self) -> Quantiles {
        self.state.quantiles(self.now, self.scale, &mut Vec::new())
    }
}

/// An objective at the moment of a view.
pub struct LiveObjective<'a> {
    pub(super) service: &'a Arc<str>,
    pub(super) state: &'a ObjectiveState,
    pub(super) now: Timestamp,
}

impl LiveObjective<'_> {
    pub fn service(&self) -> &Arc<str> {
        self.service
    }

    pub fn objective(&self) -> &Objective {
        self.state.tracker.objective()
    }

    pub(super) fn event_interval(&self) -> Duration {
        self.state.tracker.event_interval()
    }

    pub(super) fn events(&self) -> u64 {
        self.state.tracker.counters().0
    }

    pub(super) fn bad_events(&self) -> u64 {
        self.state.tracker.counters().1
    }

    pub(super) fn is_corrected(&self) -> bool {
        self.state.tracker.corrected().contains(self.now)
    }

    /// Of the objective's own window.
    pub(super) fn budget(&self) -> BudgetView {
        let window = self.objective().window;
        self.state.tracker.budget(self.now, window)
    }

    /// Of further windows.
    pub(super) fn further(&self) -> impl Iterator<Item = BudgetView> {
        let further = self.objective().further.iter();
        further.map(|window| self.state.tracker.budget(self.now, *window))
    }
}

impl Burning for LiveObjective<'_> {
    fn service(&self) -> &Arc<str> {
        self.service
    }

    fn objective(&self) -> &Objective {
        self.state.tracker.objective()
    }

    fn counts(&self, window: StandardWindow) -> Counts {
        self.state.tracker.counts(self.now, window.length())
    }

    fn window(&self, window: StandardWindow) -> WindowView {
        self.state.tracker.view(self.now, window.length())
    }

    fn remaining(&self) -> Option<f64> {
        self.budget().remaining
    }

    fn exhaustion(&self) -> Option<Timestamp> {
        self.budget().exhaustion
    }
}
