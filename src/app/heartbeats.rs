//! The heartbeat probes of a config, and the reports of their jobs so far.

use crate::clock::Clock;
use crate::config::Config;
use crate::ledger;
use crate::outcome::{Record, Timestamp, Verdict, millis};
use crate::probe::heartbeat::{HeartbeatBoard, PreviousRun};
use crate::store::{Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Creates the board of a config's probes, in the state that the last process left it. Reports are
/// accepted since `since`.
pub(super) fn board(
    config: &Config,
    store: &Store,
    since: Timestamp,
) -> Result<HeartbeatBoard, StoreError> {
    let latest = store.last_seen()?;
    let beats = store.beats()?;
    let reported: HashMap<_, _> = beats
        .iter()
        .map(|(key, stored)| (key.clone(), stored.last.at))
        .collect();
    let board = HeartbeatBoard::new(beats);
    let probes = config.running().map(|spec| (&spec.key, &*spec.probe));
    board.accept(since, probes, |key| {
        // If it cannot be read, the job gets its full time again.
        let last = store.last_outcome(key, latest?).ok().flatten()?;
        let first = store.first_seen(key)?;
        let from = reported.get(key).copied().unwrap_or(first);
        let verdict = last.outcome.verdict;
        let waited = match verdict {
            Verdict::Void(_) => waited(store, &last, from)?,
            Verdict::Good | Verdict::Bad(_) => Duration::ZERO,
        };
        Some(PreviousRun {
            first,
            last: last.at,
            verdict,
            waited,
        })
    });
    Ok(board)
}

/// How long a probe ran between `from` and its last outcome. Its interval may have been shorter
/// before.
fn waited(store: &Store, last: &Record, from: Timestamp) -> Option<Duration> {
    let outcomes = store.count_outcomes(&last.key, from, last.at).ok()?;
    let each = millis(last.interval).unsigned_abs();
    let ran = Duration::from_millis(outcomes.saturating_mul(each));
    Some(ran.min(last.at.since(from)))
}

/// Restores the heartbeats of a config's probes from the store, for attempts outside of the daemon:
/// as if reports had been accepted without interruption since the first outcome.
pub fn recall_heartbeats(config: &Config) -> Result<(), StoreError> {
    if config
        .running()
        .any(|spec| HeartbeatBoard::serves(&*spec.probe))
    {
        let store = Store::open_read_only(&config.store.path)?;
        let first = store
            .probes()
            .iter()
            .filter_map(|key| store.first_seen(key))
            .min();
        if let Some(first) = first {
            let corrections: Arc<[_]> = ledger::in_force(config, &store)?.into();
            board(config, &store, first)?.correct_by(move || corrections.clone());
        }
    }
    Ok(())
}

/// Checks the time every second, so that the board knows when reports could not be received.
pub(super) async fn listen(board: HeartbeatBoard, clock: Clock, stop: CancellationToken) {
    let mut every = interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => board.listen(clock.now()),
        }
    }
}
