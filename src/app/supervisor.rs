//! Notifies the service manager of the daemon's state: ready, alive, whether the last reload succeeded,
//! stopping. Without one (no `NOTIFY_SOCKET`), every call does nothing.

use crate::alerting::RELOAD_FAILED;
use crate::web::Liveness;
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::time::{Interval, interval};
use tokio_util::sync::CancellationToken;

/// Notifies that the daemon is ready, then feeds the watchdog while nothing hangs. `reloaded` is whether
/// the config and the web configuration were last read successfully.
pub(super) async fn run(
    liveness: Liveness,
    mut reloaded: watch::Receiver<bool>,
    stop: CancellationToken,
) {
    notify(&[NotifyState::Ready]);
    // Zero disables the watchdog.
    let timeout = sd_notify::watchdog_enabled().filter(|timeout| !timeout.is_zero());
    // Half of the timeout, as recommended by systemd's documentation.
    let mut watchdog = timeout.map(|timeout| interval(timeout / 2));
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Ok(()) = reloaded.changed() => {
                let status = reload_status(*reloaded.borrow_and_update());
                notify(&[NotifyState::Status(status)]);
            }
            () = tick(&mut watchdog) => match liveness.trouble() {
                None => notify(&[NotifyState::Watchdog]),
                Some(trouble) => tracing::error!("{trouble}; the watchdog is not notified"),
            },
        }
    }
    notify(&[NotifyState::Stopping]);
}

/// Shown by `systemctl status`, because `systemctl reload` only sends a signal and cannot fail.
const fn reload_status(is_reloaded: bool) -> &'static str {
    if is_reloaded { "" } else { RELOAD_FAILED }
}

/// Waits for the next tick; forever without an interval.
async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("cannot notify the service manager: {error}");
    }
}
