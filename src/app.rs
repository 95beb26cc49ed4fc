//! The daemon as a whole: an [`App`] is built from a config (if that fails, nothing is left
//! behind), the app runs, and a stop request shuts it down gracefully.

mod budgets;
mod build;
mod changes;
mod heartbeats;
mod reload;
mod supervisor;
mod wiring;

pub use budgets::recall_budgets;
pub use build::{StartError, check_address};
pub use heartbeats::recall_heartbeats;
pub use reload::Origin;

use crate::alert::Decisions;
use crate::alerting::{AlertsView, LiveAlerts};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{Ledger, LedgerView, Plans};
use crate::metrics::SelfMetrics;
use crate::outcome::Timestamp;
use crate::probe::heartbeat::HeartbeatBoard;
use crate::schedule::ProbeThreads;
use crate::slo::vantage::NetworkGuard;
use crate::store::Writer;
use crate::tasks::Tasks;
use crate::web::Access;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Maximum time for all tasks to end after a stop request.
const DRAIN: Duration = Duration::from_secs(15);
/// Maximum time from the stop request until the store is written. Service managers and Kubernetes kill the
/// process after 30 s; the runtime needs up to one more second.
const STOP: Duration = Duration::from_secs(25);
/// The name of the task that watches the store's writer thread.
const STORE: &str = "store";

/// The state of all services, and the firing alerts.
pub type Views = (
    watch::Receiver<Arc<LedgerView>>,
    watch::Receiver<Arc<AlertsView>>,
);

/// A daemon that is ready to run.
pub struct App {
    config: Arc<Config>,
    origin: Origin,
    clock: Clock,
    listener: TcpListener,
    /// SIGHUP: requests to reload the config.
    hangups: Signal,
    threads: ProbeThreads,
    ledger: Ledger,
    vantage: NetworkGuard,
    writer: Writer,
    plans: Plans,
    heartbeats: HeartbeatBoard,
    /// The latest tick in the store.
    used_until: Option<Timestamp>,
    own: SelfMetrics,
    access: Access,
    alerts: LiveAlerts,
    ledger_views: watch::Sender<Arc<LedgerView>>,
    alert_views: watch::Sender<Arc<AlertsView>>,
    decisions: watch::Sender<Arc<Decisions>>,
}

/// Why the daemon ended without a stop request, or did not end in time.
#[derive(Debug, Error)]
pub enum RunError {
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
    #[error("gave up waiting for {0} after {secs} s", secs = DRAIN.as_secs())]
    Stuck(String),
    #[error("gave up writing to the store {secs} s after the stop request: {0}", secs = STOP.as_secs())]
    Unwritten(String),
}

impl App {
    /// The address that the daemon listens on, with the actual port.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether it serves HTTPS.
    pub fn is_secure(&self) -> bool {
        self.access.rules().file.tls.is_some()
    }

    /// The published views.
    pub fn views(&self) -> Views {
        (self.ledger_views.subscribe(), self.alert_views.subscribe())
    }

    /// Runs until a stop is requested, then shuts down gracefully: probes end, their outcomes are
    /// stored, and the store is flushed.
    pub async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
        let mut tasks = Tasks::new(stop.clone());
        let writer = self.spawn_all(&mut tasks, &stop);
        let ended = tasks.until_stop().await;
        tracing::info!("stopping");
        shut_down(tasks, writer, ended, Instant::now() + STOP).await
    }
}

/// Waits for the tasks, then closes the store, which must be written by `end`. `ended` is the task that ended
/// without a stop request.
async fn shut_down(
    tasks: Tasks,
    writer: Writer,
    ended: Option<&'static str>,
    end: Instant,
) -> Result<(), RunError> {
    let stuck = tasks.drain(DRAIN).await;
    let store = writer.handle();
    // Blocks here: nothing else is left to do, and a thread for blocking work may not be available.
    let is_written = writer.close(end.saturating_duration_since(Instant::now()));
    match ended {
        // Its thread panicked, so nothing more could be written.
        Some(STORE) => Err(RunError::Ended(STORE)),
        _ if !is_written => Err(RunError::Unwritten(store.unwritten())),
        Some(name) => Err(RunError::Ended(name)),
        None if stuck.is_empty() => Ok(()),
        None => Err(RunError::Stuck(stuck.join(", "))),
    }
}

#[cfg(test)]
mod tests;
