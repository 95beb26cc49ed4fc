//! The task that owns the alerts: states of the ledger in, records and views out.

use super::live::LiveAlerts;
use super::notices::notice;
use super::view::AlertsView;
use crate::alert::{AlertKey, AlertRecord};
use crate::ledger::LedgerView;
use crate::notify::Notifier;
use crate::store::StoreHandle;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

/// Evaluating thousands of objectives takes one part in this many of a processor's time,
const SHARE: u32 = 200;
/// but is done at least this often.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// What the task needs from outside.
#[derive(Debug)]
pub struct Deps {
    pub states: watch::Receiver<Arc<LedgerView>>,
    /// Where alerts that began or ended are recorded.
    pub store: StoreHandle,
    pub views: watch::Sender<Arc<AlertsView>>,
    pub notifier: Notifier,
}

/// Runs until the ledger publishes no more. The last one is evaluated as well.
pub async fn run(mut alerts: LiveAlerts, mut deps: Deps) {
    loop {
        let started = Instant::now();
        let state = Arc::clone(&deps.states.borrow_and_update());
        let changes = alerts.step(&state);
        deps.views.send_replace(Arc::new(alerts.view(state.at)));
        changes.iter().for_each(log);
        let notices: Vec<_> = changes.iter().filter_map(notice).collect();
        deps.notifier.notify(&notices, state.at);
        deps.store.keep_alerts(changes);
        let pause = started.elapsed().saturating_mul(SHARE).min(MAX_PAUSE);
        if !is_followed(&mut deps.states, started + pause).await {
            return;
        }
    }
}

/// Waits for the next state; of those that come until `until` only the last one is evaluated.
/// `false` if there is none any more.
async fn is_followed(states: &mut watch::Receiver<Arc<LedgerView>>, until: Instant) -> bool {
    // The value that was sent last is seen before the end of the channel.
    if states.changed().await.is_err() {
        return false;
    }
    while let Ok(Ok(())) = timeout_at(until, states.changed()).await {}
    true
}

fn log(alert: &AlertRecord) {
    let AlertKey { service, slo, tier } = &alert.key;
    let (windows, urgency) = (tier.windows(), tier.urgency.label());
    if alert.to.is_none() {
        warn!(%service, %slo, urgency, "{service}/{slo}: error-budget burn ({windows}): {urgency}");
    } else {
        info!(%service, %slo, urgency, "{service}/{slo}: burn alert resolved ({windows}): {urgency}");
    }
}
