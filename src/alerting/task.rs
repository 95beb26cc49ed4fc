//! The task that owns the alerts: snapshots in, records and views out.

use super::live::LiveAlerts;
use super::view::AlertsView;
use crate::alert::{AlertKey, AlertRecord};
use crate::ledger::Snapshot;
use crate::store::StoreHandle;
use std::sync::Arc;
use tokio::sync::watch;
use tracing::{info, warn};

/// What the task needs from outside.
#[derive(Debug)]
pub struct Deps {
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Where alerts that began or ended are recorded.
    pub store: StoreHandle,
    pub views: watch::Sender<Arc<AlertsView>>,
}

/// Runs until the ledger publishes no more snapshots. The last one is evaluated as well.
pub async fn run(mut alerts: LiveAlerts, mut deps: Deps) {
    loop {
        let snapshot = Arc::clone(&deps.snapshots.borrow_and_update());
        let changes = alerts.step(&snapshot);
        deps.views.send_replace(Arc::new(alerts.view(snapshot.at)));
        changes.iter().for_each(log);
        deps.store.keep_alerts(changes);
        // The value that was sent last is seen before the end of the channel.
        if deps.snapshots.changed().await.is_err() {
            return;
        }
    }
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
