//! The task that owns the alerts: takes states of the ledger, publishes records, notices and views.

use super::failing::FailingReceivers;
use super::live::{Inputs, LiveAlerts};
use super::own::SelfState;
use super::view::AlertsView;
use crate::alert::{AlertRecord, Decisions, Notice};
use crate::config::Config;
use crate::ledger::LedgerView;
use crate::outcome::Timestamp;
use crate::signal::Findings;
use crate::store::{NewDelivery, StoreHandle};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

/// Inverse of the maximum share of a processor's time spent on evaluating objectives.
const SHARE: u32 = 200;
/// Maximum time between two evaluations, even if evaluating is slow.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// Decides which receivers are sent notices, and when.
pub type Route = Box<dyn FnMut(&[Notice], Timestamp) -> Vec<NewDelivery> + Send>;

/// The dependencies of the task.
pub struct Deps {
    pub states: watch::Receiver<Arc<LedgerView>>,
    pub configs: watch::Receiver<Arc<Config>>,
    /// Silences and acknowledgements.
    pub decisions: watch::Receiver<Arc<Decisions>>,
    /// The findings of warning signs.
    pub findings: watch::Receiver<Arc<Findings>>,
    /// Whether the last reload of the config succeeded.
    pub reloaded: watch::Receiver<bool>,
    pub failing: FailingReceivers,
    /// Stores alerts that started or ended, with the notices to deliver.
    pub store: StoreHandle,
    pub route: Route,
    pub views: watch::Sender<Arc<AlertsView>>,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

/// Runs until the ledger stops publishing. The last state is evaluated as well.
pub async fn run(mut alerts: LiveAlerts, mut deps: Deps) {
    loop {
        let started = Instant::now();
        let state = Arc::clone(&deps.states.borrow_and_update());
        let inputs = deps.inputs();
        // During a reload, the ledger already has the objectives of the next config, but the rules and routes of
        // their alerts are not active yet.
        if Arc::ptr_eq(&state.rules, &inputs.rules) {
            deps.evaluate(&mut alerts, &state, &inputs);
        }
        let pause = started.elapsed().saturating_mul(SHARE).min(MAX_PAUSE);
        if !is_followed(&mut deps.states, started + pause).await {
            return;
        }
    }
}

impl Deps {
    fn evaluate(&mut self, alerts: &mut LiveAlerts, state: &LedgerView, inputs: &Inputs) {
        let changes = alerts.step(state, inputs);
        let view = alerts.view(state.at, &inputs.rules);
        self.views.send_replace(Arc::new(view));
        changes.records.iter().for_each(log);
        let deliveries = (self.route)(&changes.notices, state.at);
        if let Some(gap) = changes.gap {
            self.store.keep_gap(gap);
        }
        self.store.keep_alerts(changes.records, deliveries);
    }

    fn inputs(&self) -> Inputs {
        let config = self.configs.borrow().clone();
        Inputs {
            rules: config.alerts.clone(),
            config: Some(config),
            decisions: self.decisions.borrow().clone(),
            findings: self.findings.borrow().clone(),
            own: SelfState {
                store: self.store.stats().trouble(),
                reload_failed: !*self.reloaded.borrow(),
                failing: self.failing.clone(),
            },
        }
    }
}

/// Waits for the next state; if several arrive by `until`, only the last one is evaluated. Returns
/// `false` if there are no more.
async fn is_followed(states: &mut watch::Receiver<Arc<LedgerView>>, until: Instant) -> bool {
    // The last value sent is received before the end of the channel.
    if states.changed().await.is_err() {
        return false;
    }
    while let Ok(Ok(())) = timeout_at(until, states.changed()).await {}
    true
}

fn log(alert: &AlertRecord) {
    let words = alert.key.words();
    // Alerts of the host and of slod itself belong to no service.
    let service = Some(&*alert.key.service).filter(|service| !service.is_empty());
    let (urgency, slo) = (alert.urgency.label(), alert.key.slo());
    let what = match alert.key.condition() {
        Some(condition) => match condition.tier() {
            Some(tier) => format!("error-budget burn ({})", tier.windows()),
            None => condition.words(),
        },
        None => alert.evidence.to_string(),
    };
    let kept = match (&alert.inhibited_by, alert.silenced_by) {
        (Some(by), _) => format!(" (inhibited by {})", by.described()),
        (None, Some(id)) => format!(" (silence {id})"),
        (None, None) => String::new(),
    };
    if alert.to.is_none() {
        let numbers = alert.evidence.strip_prefix(&*format!("{words}: "));
        // The numbers of an inhibited alert add nothing new.
        let numbers = numbers.filter(|_| slo.is_some() && kept.is_empty());
        let numbers = numbers.map_or_else(String::new, |numbers| format!(": {numbers}"));
        warn!(
            service,
            slo, urgency, "{words}: {what}: {urgency}{kept}{numbers}"
        );
    } else if let Some(tier) = alert.key.tier() {
        let windows = tier.windows();
        info!(
            service,
            slo, urgency, "{words}: burn alert resolved ({windows}): {urgency}"
        );
    } else {
        info!(service, slo, urgency, "{words}: alert resolved: {urgency}");
    }
}
