//! Recovery: creates a new store from everything readable in a damaged one. Deletes nothing.

mod first_page;
mod outcomes;
mod source;
pub(super) mod tables;
mod workspace;

use super::backup::sync_folder;
use super::lock::WriterLock;
use super::{Store, StoreError, access, folder_of, leftover, schema, series, with_suffix};
use crate::format::numbers::plural;
use crate::outcome::Timestamp;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use workspace::Workspace;

/// What was recovered and what was lost.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The path of the damaged store after recovery.
    pub damaged: PathBuf,
    pub probes: u64,
    /// Outcomes that are in no block yet.
    pub outcomes: u64,
    /// Hours of a probe with every outcome.
    pub hours: u64,
    pub corrections: u64,
    /// Fired alerts.
    pub alerts: u64,
    /// Whether the table of probes could not be read, so that outcomes cannot be assigned to
    /// probes.
    pub nameless: bool,
    /// Hours of a probe whose exact counts were recovered, but no individual outcomes.
    pub hours_counts_only: u64,
    /// Hours of a probe with every outcome but only approximate latencies, because the bucket
    /// boundaries are lost.
    pub hours_rough: u64,
    /// Hours of a probe that cannot be read or are invalid.
    pub hours_lost: u64,
    /// Invalid individual outcomes.
    pub outcomes_lost: u64,
    /// Time series of gauges and counters.
    pub series: u64,
    /// Blocks of samples: an hour or a day of a series each.
    pub sample_blocks: u64,
    pub sample_blocks_lost: u64,
    /// Tables of the store's version that are missing.
    pub missing: Vec<String>,
    /// Corrections that end before they start.
    pub corrections_lost: u64,
    /// Damaged places with an unknown number of records.
    pub gaps: u64,
}

impl Recovered {
    /// Describes in one sentence what was lost.
    pub fn lost(&self) -> String {
        let missing = self.missing.iter();
        let missing = missing.map(|table| format!("everything in {table}, which is missing"));
        let lost: Vec<String> = if self.nameless {
            let all =
                "all outcomes: the table of probes cannot be read, so their probes are unknown";
            [all.to_owned()].into_iter().chain(missing).collect()
        } else {
            self.lost_parts().chain(missing).collect()
        };
        if lost.is_empty() {
            return "Nothing was lost.".to_owned();
        }
        format!("Lost: {}.", lost.join("; "))
    }

    /// Whether something was lost and nothing recovered.
    fn is_empty(&self) -> bool {
        let kept = [
            self.probes,
            self.outcomes,
            self.hours,
            self.hours_counts_only,
            self.corrections,
            self.alerts,
            self.series,
        ];
        kept == [0; 7] && (self.gaps > 0 || !self.missing.is_empty())
    }

    fn lost_parts(&self) -> impl Iterator<Item = String> {
        let parts = [
            (self.hours_lost, "probe-hour", ""),
            (
                self.hours_counts_only,
                "probe-hour",
                " (the exact counts were kept, but no individual outcomes)",
            ),
            (
                self.hours_rough,
                "probe-hour",
                " (every outcome was kept, but latencies may be off by a few percent)",
            ),
            (self.outcomes_lost, "invalid recent outcome", ""),
            (self.corrections_lost, "invalid correction", ""),
            (
                self.sample_blocks_lost,
                "block",
                " of samples (an hour or a day of one series each)",
            ),
            (
                self.gaps,
                "unreadable section",
                " with an unknown number of records",
            ),
        ];
        let lost = parts.into_iter().filter(|(count, ..)| *count > 0);
        lost.map(|(count, what, about)| plural(count, what) + about)
    }
}

/// The progress of a recovery, in hours of `what`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub what: &'static str,
    pub done: u64,
    pub of: u64,
}

/// Creates a new store from everything readable at `path`, renames the damaged store, and puts the
/// new one in its place. Acquires the writer's lock: fails while a daemon is running.
pub fn recover(
    path: &Path,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, StoreError> {
    access::require_file(path)?;
    let lock = WriterLock::take(path)?;
    leftover::set_aside(path, &lock)?;
    let folder = folder_of(path);
    let workspace = Workspace::create(path)?;
    let (file, to) = workspace.new_store()?;
    let mut recovered = Recovered::default();
    let old = source::open(path, &workspace, &mut recovered)?;
    rebuild(&old, &to, now, &mut recovered, progress)?;
    drop(old);
    if recovered.is_empty() {
        return Err(StoreError::Unreadable {
            reason: "nothing in it can be read".to_owned(),
        });
    }
    let synced = file.sync_all();
    synced.map_err(StoreError::io("sync the new store"))?;
    recovered.damaged = set_aside(path, now)?;
    let placed = fs::rename(&to, path);
    placed.map_err(StoreError::io("put the new store in its place"))?;
    sync_folder(folder)?;
    Ok(recovered)
}

fn rebuild(
    old: &Connection,
    to: &Path,
    now: Timestamp,
    recovered: &mut Recovered,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), StoreError> {
    let mut new = Connection::open(to).map_err(StoreError::sql("create the new store"))?;
    schema::prepare(&mut new)?;
    let new = copy(old, new, to, now, recovered, progress)?.conn;
    // A single file again, without a write-ahead log under the temporary name.
    let mode = new.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()));
    mode.map_err(StoreError::sql("finish the new store"))
}

fn copy(
    old: &Connection,
    new: Connection,
    path: &Path,
    now: Timestamp,
    recovered: &mut Recovered,
    progress: &mut dyn FnMut(Progress),
) -> Result<Store, StoreError> {
    let sql = StoreError::sql("write the new store");
    tables::copy(old, &new, recovered).map_err(sql)?;
    let store = Store::new(new, path, None)?;
    outcomes::copy(old, &store, now, recovered, progress)
        .map_err(StoreError::sql("write the new store"))?;
    let samples = series::recover(old, &store.conn, now, progress);
    let samples = samples.map_err(StoreError::sql("write the new store"))?;
    recovered.series = samples.series;
    recovered.sample_blocks = samples.blocks;
    recovered.sample_blocks_lost = samples.blocks_lost;
    recovered.gaps += samples.gaps;
    Ok(store)
}

/// Renames the damaged store and its related files. The write-ahead log is moved first, so that the
/// new store never finds it. The store itself keeps its old name as well until the new one replaces
/// it: a crash in between must not leave an empty path, where a daemon would create an empty store.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let stamp = now.to_utc().format("%Y%m%dT%H%M%S%3fZ");
    let aside = with_suffix(path, &format!(".damaged-{stamp}"));
    for suffix in ["-wal", "-shm"] {
        let from = with_suffix(path, suffix);
        if from.exists() {
            fs::rename(from, with_suffix(&aside, suffix))
                .map_err(StoreError::io("rename the damaged store's write-ahead log"))?;
        }
    }
    fs::hard_link(path, &aside)
        // Some file systems have no hard links.
        .or_else(|_| fs::rename(path, &aside))
        .map_err(StoreError::io("rename the damaged store"))?;
    Ok(aside)
}
