//! Notifies the service manager of the daemon's state: ready, alive, stopping. Without one (no
//! `NOTIFY_SOCKET`), every call does nothing.

use crate::web::Liveness;
use sd_notify::NotifyState;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

/// Notifies that the daemon is ready, then feeds the watchdog while nothing hangs.
pub(super) async fn run(liveness: Liveness, stop: CancellationToken) {
    notify(&[NotifyState::Ready]);
    // Zero disables the watchdog.
    let timeout = sd_notify::watchdog_enabled().filter(|timeout| !timeout.is_zero());
    let Some(timeout) = timeout else {
        stop.cancelled().await;
        notify(&[NotifyState::Stopping]);
        return;
    };
    // Half of the timeout, as recommended by systemd's documentation.
    let mut tick = interval(timeout / 2);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        match liveness.trouble() {
            None => notify(&[NotifyState::Watchdog]),
            Some(trouble) => tracing::error!("{trouble}; the watchdog is not notified"),
        }
    }
    notify(&[NotifyState::Stopping]);
}

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("cannot notify the service manager: {error}");
    }
}
