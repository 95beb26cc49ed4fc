//! Failures that wait for the control probes, across reloads and restarts.

use super::state::Ledger;
use super::transitions::TransitionLog;
use crate::config::Config;
use crate::outcome::{Record, Timestamp};
use crate::slo::vantage::{GuardedOutcome, NetworkGuard};
use crate::store::{Stage, Store, StoreError, StoreHandle};
use std::time::Duration;

/// Outcomes may be labeled this much later than they ran: the label distinguishes repeated ticks.
const LABEL: Duration = Duration::from_secs(1);

/// The control probes of a config, without earlier results.
pub(super) fn controls(config: &Config) -> NetworkGuard {
    let probes = config.vantage.iter();
    NetworkGuard::new(probes.map(|spec| (&spec.key, spec.interval, spec.timeout)))
}

/// The control probes of a config, with their recent results and the failures that waited for them
/// when the last process ended.
pub fn recalled(
    config: &Config,
    store: &Store,
    now: Timestamp,
) -> Result<NetworkGuard, StoreError> {
    let mut vantage = controls(config);
    let mut found: Vec<Record> = Vec::new();
    for (key, length) in vantage.controls() {
        store.for_each_outcome(key, now.before(length), now, &[], |record| {
            found.push(record);
        })?;
    }
    found.sort_by_key(|record| record.at);
    for record in &found {
        vantage.note(record, record.at);
    }
    vantage.recall(store.held()?);
    Ok(vantage)
}

/// Counts outcomes immediately and queues them for the store; a full queue never delays the
/// counting.
pub(super) fn keep(
    ledger: &mut Ledger,
    transitions: &mut TransitionLog,
    store: &StoreHandle,
    passed: Vec<GuardedOutcome>,
    now: Timestamp,
) {
    for one in passed {
        let (stage, record) = match one {
            GuardedOutcome::AtOnce(record) => (Stage::Known, record),
            GuardedOutcome::Held(record) => (Stage::Held, record),
            GuardedOutcome::Judged(record) => (Stage::Judged, record),
        };
        if stage != Stage::Held {
            if record.at > now.after(LABEL) {
                ledger.set_aside(record.at);
            } else {
                let before = ledger.failing(&record.key);
                ledger.record(&record);
                transitions.log(&record, before, ledger.failing(&record.key), now);
            }
        }
        store.take(stage, record);
    }
}

/// Stores an outcome of a control probe as evidence; it is not counted.
pub(super) fn keep_control(vantage: &NetworkGuard, record: &Record, store: &StoreHandle) {
    if vantage.is_control(&record.key) {
        store.append(record.clone());
    }
}
