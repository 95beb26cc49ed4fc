//! What the metrics read of the services: from a snapshot, or computed from live state for each
//! family, so that a page of thousands of services needs no memory for all their numbers.

use super::objective::ObjectiveState;
use super::snapshot::{ObjectiveView, ProbeView, Snapshot};
use super::view::LedgerView;
use crate::alert::Burning;
use crate::outcome::Timestamp;
use crate::slo::series::Counts;
use crate::slo::{BudgetView, Objective, StandardWindow, WindowView};
use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;

/// All services at a moment.
pub trait Services {
    /// Name and labels of each service.
    fn names(&self) -> impl Iterator<Item = (&str, &[(String, String)])> + Clone;

    fn probes(&self) -> impl Iterator<Item = impl Borrow<ProbeView>>;

    /// With the service of each.
    fn objectives(&self) -> impl Iterator<Item = (&Arc<str>, impl ObjectiveNumbers)> + Clone;
}

/// The numbers of one objective at a moment.
pub trait ObjectiveNumbers {
    fn objective(&self) -> &Objective;

    fn event_interval(&self) -> Duration;

    fn events(&self) -> u64;

    fn bad_events(&self) -> u64;

    fn is_corrected(&self) -> bool;

    fn window(&self, window: StandardWindow) -> WindowView;

    /// Of the objective's own window.
    fn budget(&self) -> BudgetView;

    /// Of further windows.
    fn further(&self) -> Vec<BudgetView>;
}

impl Services for Snapshot {
    fn names(&self) -> impl Iterator<Item = (&str, &[(String, String)])> + Clone {
        let services = self.services.iter();
        services.map(|service| (&*service.name, &*service.labels))
    }

    fn probes(&self) -> impl Iterator<Item = impl Borrow<ProbeView>> {
        self.services.iter().flat_map(|service| &service.probes)
    }

    fn objectives(&self) -> impl Iterator<Item = (&Arc<str>, impl ObjectiveNumbers)> + Clone {
        let services = self.services.iter();
        services.flat_map(|service| service.objectives.iter().map(|slo| (&service.name, slo)))
    }
}

impl ObjectiveNumbers for &ObjectiveView {
    fn objective(&self) -> &Objective {
        &self.objective
    }

    fn event_interval(&self) -> Duration {
        self.event_interval
    }

    fn events(&self) -> u64 {
        self.events
    }

    fn bad_events(&self) -> u64 {
        self.bad_events
    }

    fn is_corrected(&self) -> bool {
        self.corrected
    }

    fn window(&self, window: StandardWindow) -> WindowView {
        self.windows[window]
    }

    fn budget(&self) -> BudgetView {
        self.budget
    }

    fn further(&self) -> Vec<BudgetView> {
        self.further.clone()
    }
}

impl Services for LedgerView {
    fn names(&self) -> impl Iterator<Item = (&str, &[(String, String)])> + Clone {
        let services = self.services.iter();
        services.map(|service| (&*service.name, &*service.labels))
    }

    fn probes(&self) -> impl Iterator<Item = impl Borrow<ProbeView>> {
        let mut merged = Vec::new();
        let services = self.services.iter();
        services.flat_map(move |service| service.probe_views(self.at, &self.scale, &mut merged))
    }

    fn objectives(&self) -> impl Iterator<Item = (&Arc<str>, impl ObjectiveNumbers)> + Clone {
        self.live_objectives()
    }
}

/// An objective at the moment of a view, computed when it is read.
pub(super) struct LiveObjective<'a> {
    pub(super) service: &'a Arc<str>,
    pub(super) state: &'a ObjectiveState,
    pub(super) now: Timestamp,
}

impl ObjectiveNumbers for LiveObjective<'_> {
    fn objective(&self) -> &Objective {
        self.state.tracker.objective()
    }

    fn event_interval(&self) -> Duration {
        self.state.tracker.event_interval()
    }

    fn events(&self) -> u64 {
        self.state.tracker.counters().0
    }

    fn bad_events(&self) -> u64 {
        self.state.tracker.counters().1
    }

    fn is_corrected(&self) -> bool {
        self.state.tracker.corrected().contains(self.now)
    }

    fn window(&self, window: StandardWindow) -> WindowView {
        self.state.tracker.view(self.now, window.length())
    }

    fn budget(&self) -> BudgetView {
        let window = self.state.tracker.objective().window;
        self.state.tracker.budget(self.now, window)
    }

    fn further(&self) -> Vec<BudgetView> {
        let further = self.state.tracker.objective().further.iter();
        let budget = |window: &_| self.state.tracker.budget(self.now, *window);
        further.map(budget).collect()
    }
}

impl Burning for LiveObjective<'_> {
    fn service(&self) -> &Arc<str> {
        self.service
    }

    fn objective(&self) -> &Objective {
        ObjectiveNumbers::objective(self)
    }

    fn counts(&self, window: StandardWindow) -> Counts {
        self.state.tracker.counts(self.now, window.length())
    }

    fn window(&self, window: StandardWindow) -> WindowView {
        ObjectiveNumbers::window(self, window)
    }

    fn remaining(&self) -> Option<f64> {
        self.budget().remaining
    }
}
