//! Tells the service manager how the daemon is: ready, alive, stopping. Without one (no
//! `NOTIFY_SOCKET`) every call does nothing.

use crate::alerting::AlertsView;
use crate::clock::Clock;
use crate::outcome::millis;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

/// Alerts of a snapshot this old mean that the ledger or the alerting hangs: then the watchdog must
/// bite.
const ALIVE: Duration = Duration::from_secs(20);

/// Says that the daemon is ready, then feeds the watchdog while snapshots keep coming and their
/// alerts are evaluated.
pub(super) async fn run(
    alerts: watch::Receiver<Arc<AlertsView>>,
    clock: Clock,
    stop: CancellationToken,
) {
    notify(&[NotifyState::Ready]);
    let Some(timeout) = sd_notify::watchdog_enabled() else {
        stop.cancelled().await;
        notify(&[NotifyState::Stopping]);
        return;
    };
    // Half of the timeout is what systemd's own documentation recommends.
    let mut tick = interval(timeout / 2);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        let age_ms = clock.now().0 - alerts.borrow().at.0;
        if age_ms.abs() <= millis(ALIVE) {
            notify(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(
                age_ms,
                "no snapshot for {age_ms} ms; the watchdog is not notified"
            );
        }
    }
    notify(&[NotifyState::Stopping]);
}

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("cannot notify the service manager: {error}");
    }
}
