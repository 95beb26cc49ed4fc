//! The state of all alerts, from snapshot to snapshot.

use super::view::AlertsView;
use crate::alert::{AlertRecord, AlertSet, Burning};
use crate::ledger::Snapshot;
use crate::ledger::snapshot::{ObjectiveView, ServiceView};
use crate::outcome::Timestamp;

/// Owned by one task.
#[derive(Debug, Default)]
pub struct LiveAlerts(AlertSet);

impl LiveAlerts {
    /// Continues with what fired when the program ended; `held` is the latest time that anything is
    /// known of.
    pub fn resumed(firing: Vec<AlertRecord>, held: Timestamp) -> Self {
        Self(AlertSet::resumed(firing, held))
    }

    /// Takes a snapshot. Returns the alerts that began or ended by it.
    pub fn step(&mut self, snapshot: &Snapshot) -> Vec<AlertRecord> {
        let services = snapshot.services.iter();
        let objectives = services.flat_map(|service| {
            let views = service.objectives.iter();
            views.map(|view| burning(service, view))
        });
        self.0.step(objectives, snapshot.at)
    }

    /// What fires, as of the snapshot that was taken `at` this moment.
    pub fn view(&self, at: Timestamp) -> AlertsView {
        AlertsView::new(at, self.0.firing().cloned().collect())
    }
}

fn burning<'a>(service: &'a ServiceView, view: &'a ObjectiveView) -> Burning<'a> {
    Burning {
        service: &service.name,
        objective: &view.objective,
        windows: &view.windows,
        remaining: view.budget.remaining,
    }
}
