//! The state of all alerts, from moment to moment.

use super::view::AlertsView;
use crate::alert::{AlertRecord, AlertSet};
use crate::ledger::LedgerView;
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

    /// Takes the state of a moment. Returns the alerts that began or ended by it.
    pub fn step(&mut self, view: &LedgerView) -> Vec<AlertRecord> {
        self.0.step(view.objectives(), view.at)
    }

    /// What fires, as of the state that was taken `at` this moment.
    pub fn view(&self, at: Timestamp) -> AlertsView {
        AlertsView::new(at, self.0.firing().cloned().collect())
    }
}
