//! A new store from what can be read of a damaged one. Deletes nothing.

mod first_page;
mod outcomes;
mod source;
pub(super) mod tables;
mod workspace;

use super::backup::sync_folder;
use super::lock::WriterLock;
use super::{Store, StoreError, schema, series, with_suffix};
use crate::format::numbers::plural;
use crate::outcome::Timestamp;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use workspace::Workspace;

/// What was kept and what was not.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// Where the damaged store is now.
    pub damaged: PathBuf,
    pub probes: u64,
    /// Outcomes that are in no block yet.
    pub outcomes: u64,
    /// A probe's hours, with every outcome.
    pub hours: u64,
    pub corrections: u64,
    /// Alerts that fired.
    pub alerts: u64,
    /// Whether the table of probes could not be read, so that nobody knows whose an outcome was.
    pub nameless: bool,
    /// A probe's hours of which the exact counts are left, and no single outcome.
    pub hours_counts_only: u64,
    /// A probe's hours that have every outcome, but whose latencies are only known roughly: the borders of
    /// their buckets are gone.
    pub hours_rough: u64,
    /// A probe's hours that cannot be read or make no sense.
    pub hours_lost: u64,
    /// Outcomes that can be read but make no sense.
    pub outcomes_lost: u64,
    /// Gauges and counters with a history.
    pub series: u64,
    /// Hours and days of a series.
    pub sample_blocks: u64,
    pub sample_blocks_lost: u64,
    /// Tables of the store's version that are missing.
    pub missing: Vec<String>,
    /// Corrections that end before they start.
    pub corrections_lost: u64,
    /// Damaged places whose number of outcomes is unknown.
    pub gaps: u64,
}

impl Recovered {
    /// What is gone, in one sentence.
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

    /// Whether something was lost and nothing kept.
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
                ", of which the exact counts are kept and no single outcome",
            ),
            (
                self.hours_rough,
                "probe-hour",
                ", of which every outcome is kept, with latencies that may be off by some percent",
            ),
            (self.outcomes_lost, "invalid recent outcome", ""),
            (self.corrections_lost, "invalid correction", ""),
            (
                self.sample_blocks_lost,
                "block",
                " of samples, an hour or a day of a series each",
            ),
            (
                self.gaps,
                "unreadable place",
                " with an unknown number of records",
            ),
        ];
        let lost = parts.into_iter().filter(|(count, ..)| *count > 0);
        lost.map(|(count, what, about)| plural(count, what) + about)
    }
}

/// How far a recovery is: hours of `what`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub what: &'static str,
    pub done: u64,
    pub of: u64,
}

/// Makes a new store of what is readable at `path`, sets the damaged one aside and puts the new
/// one in its place. Needs the writer's lock: a running daemon is refused.
pub fn recover(
    path: &Path,
    now: Timestamp,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing);
    }
    let _lock = WriterLock::take(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
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
    // One file again, without a log beside it that would keep the temporary name.
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

/// Gives the damaged store another name, with what belongs to it. Its log goes first: a new store
/// must never find it. The store itself keeps its old name too until the new one takes it over, so
/// that a crash in between leaves no empty place where a daemon would begin anew.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let stamp = now.to_utc().format("%Y%m%dT%H%M%S%3fZ");
    let aside = with_suffix(path, &format!(".damaged-{stamp}"));
    for suffix in ["-wal", "-shm"] {
        let from = with_suffix(path, suffix);
        if from.exists() {
            fs::rename(from, with_suffix(&aside, suffix))
                .map_err(StoreError::io("set the damaged store's log aside"))?;
        }
    }
    fs::hard_link(path, &aside)
        // Some file systems know no second name.
        .or_else(|_| fs::rename(path, &aside))
        .map_err(StoreError::io("set the damaged store aside"))?;
    Ok(aside)
}
