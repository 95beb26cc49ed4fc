//! Where the content of the page comes from.

use super::{MetricsPage, SelfMetrics};
use crate::alerting::AlertsView;
use crate::ledger::LedgerView;
use crate::observe::SystemView;
use crate::runs::RunsView;
use crate::signal::Findings;
use crate::store::StoreHandle;
use std::sync::Arc;
use tokio::sync::watch;

/// The published views, and the daemon's own metrics.
#[derive(Clone, Debug)]
pub struct Sources {
    pub ledger: watch::Receiver<Arc<LedgerView>>,
    pub alerts: watch::Receiver<Arc<AlertsView>>,
    pub system: watch::Receiver<Arc<SystemView>>,
    pub findings: watch::Receiver<Arc<Findings>>,
    pub runs: watch::Receiver<Arc<RunsView>>,
    pub own: SelfMetrics,
    pub store: StoreHandle,
}

/// The content of the page at one time.
#[derive(Debug)]
pub struct Content {
    ledger: Arc<LedgerView>,
    alerts: Arc<AlertsView>,
    system: Arc<SystemView>,
    findings: Arc<Findings>,
    runs: Arc<RunsView>,
    own: SelfMetrics,
}

impl Sources {
    /// The latest content.
    pub fn latest(&self) -> Content {
        let ledger = Arc::clone(&self.ledger.borrow());
        self.own.store(&self.store.stats());
        self.own.future_outcomes(ledger.ahead.outcomes);
        Content {
            ledger,
            alerts: Arc::clone(&self.alerts.borrow()),
            system: Arc::clone(&self.system.borrow()),
            findings: Arc::clone(&self.findings.borrow()),
            runs: Arc::clone(&self.runs.borrow()),
            own: self.own.clone(),
        }
    }
}

impl Content {
    pub fn page(&self) -> MetricsPage<'_> {
        MetricsPage {
            ledger: &self.ledger,
            alerts: &self.alerts,
            system: &self.system,
            findings: &self.findings,
            runs: &self.runs,
            own: &self.own,
        }
    }
}
