//! The stored history of the host: restored when a daemon starts, and replayed.

use super::{CHUNK, EVERY, STEP, StoredSeries, hours, steps};
use crate::outcome::{Timestamp, millis};
use crate::sample::{Sample, SeriesKey};
use crate::signal::rules::Disk;
use crate::signal::{Finding, Settings};
use crate::signals::host::HostHistory;
use crate::store::{SeriesId, Store, StoreError};
use crate::units::HOUR;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Disks are evaluated over six hours, and a forecast is confirmed over another half.
const HOST_BACK: Duration = Duration::from_hours(7);

/// The sampled values of the host at one time.
#[derive(Default)]
struct HostRow {
    boot: Option<f64>,
    cpu: Option<f64>,
    /// By mount point.
    disks: BTreeMap<String, DiskRow>,
}

#[derive(Clone, Copy, Default)]
struct DiskRow {
    size: Option<f64>,
    free: Option<f64>,
    available: Option<f64>,
    files: Option<f64>,
    files_free: Option<f64>,
    is_read_only: bool,
}

impl DiskRow {
    fn disk(self) -> Option<Disk> {
        let (size, available) = (self.size?, self.available?);
        let reserved = self.free.map_or(0.0, |free| free - available);
        Some(Disk {
            size,
            available,
            reserved,
            files_left: self
                .files
                .zip(self.files_free)
                .map(|(all, free)| free / all),
        })
    }
}

impl HostRow {
    fn disk(&mut self, mount_point: &str) -> &mut DiskRow {
        self.disks.entry(mount_point.to_owned()).or_default()
    }

    /// Read-only file systems are ignored, as in live evaluation, since they cannot fill up.
    fn writable(&self) -> impl Iterator<Item = (&String, &DiskRow)> {
        self.disks.iter().filter(|(_, disk)| !disk.is_read_only)
    }
}

type HostRows = BTreeMap<Timestamp, HostRow>;

/// Takes a sample; series without a value used by signs are ignored.
fn set(rows: &mut HostRows, key: &SeriesKey, at: Timestamp, value: f64) {
    let point = key.label("mountpoint").unwrap_or_default();
    let row = rows.entry(at).or_default();
    match key.name() {
        "slod_host_boot_time_seconds" => row.boot = Some(value),
        "slod_host_cpu_usage_ratio" => row.cpu = Some(value),
        "slod_host_filesystem_size_bytes" => row.disk(point).size = Some(value),
        "slod_host_filesystem_free_bytes" => row.disk(point).free = Some(value),
        "slod_host_filesystem_available_bytes" => row.disk(point).available = Some(value),
        "slod_host_filesystem_files" => row.disk(point).files = Some(value),
        "slod_host_filesystem_files_free" => row.disk(point).files_free = Some(value),
        "slod_host_filesystem_readonly" => row.disk(point).is_read_only = value > 0.0,
        _ => {}
    }
}

fn is_wanted(key: &SeriesKey) -> bool {
    matches!(
        key.name(),
        "slod_host_boot_time_seconds"
            | "slod_host_cpu_usage_ratio"
            | "slod_host_filesystem_size_bytes"
            | "slod_host_filesystem_free_bytes"
            | "slod_host_filesystem_available_bytes"
            | "slod_host_filesystem_files"
            | "slod_host_filesystem_files_free"
            | "slod_host_filesystem_readonly"
    )
}

/// Feeds samples in order of time, and calls `look` with the history after each step.
fn feed(
    host: &mut HostHistory,
    rows: &HostRows,
    (span, width): ((Timestamp, Timestamp), Duration),
    look: &mut dyn FnMut(&mut HostHistory, Timestamp),
) {
    let mut begin = span.0;
    for end in steps(span, width) {
        for (at, row) in rows.range(begin..end) {
            host.take_boot(*at, row.boot);
            host.take_cpu(*at, row.cpu);
            if !row.disks.is_empty() {
                host.retain_disks(|point| row.writable().any(|(known, _)| known == point));
            }
            for (point, row) in row.writable() {
                if let Some(disk) = row.disk() {
                    host.take_disk(*at, point, disk);
                }
            }
        }
        begin = end;
        host.advance(end);
        look(host, end);
    }
}

pub(super) fn recall_host(
    host: &mut HostHistory,
    kept: &StoredSeries,
    settings: &Settings,
    store: &Store,
    now: Timestamp,
) -> Result<(), StoreError> {
    let from = now.before(HOST_BACK);
    let wanted = kept.host.iter().filter(|(_, key)| is_wanted(key));
    let names: BTreeMap<SeriesId, &SeriesKey> = wanted.map(|(id, key)| (*id, key)).collect();
    let ids: BTreeSet<SeriesId> = names.keys().copied().collect();
    for hour in hours(from, now) {
        let mut rows = HostRows::new();
        for (id, samples) in store.samples_of_hour(hour, &ids)? {
            let Some(key) = names.get(&id) else { continue };
            for Sample { at, value } in samples.into_iter().filter(|one| one.at >= from) {
                set(&mut rows, key, at, value);
            }
        }
        let span = (hour, hour.after(HOUR).min(now));
        feed(host, &rows, (span, STEP), &mut |host, end| {
            if end >= now.before(HOUR) && end < now {
                host.judge_trends(settings);
            }
        });
    }
    Ok(())
}

/// Evaluates the signs of the host over the stored history of `from..to`, once a minute, with the
/// rules and histories of the running daemon.
pub fn replay_host(
    store: &Store,
    kept: &StoredSeries,
    settings: &Settings,
    (from, to): (Timestamp, Timestamp),
    visit: &mut dyn FnMut(Timestamp, Vec<Finding>),
) -> Result<(), StoreError> {
    let mut host = HostHistory::new();
    let mut look = |host: &mut HostHistory, at: Timestamp| {
        if at.0.rem_euclid(millis(STEP)) == 0 {
            host.judge_trends(settings);
        }
        if at >= from {
            let mut all = host.findings(settings);
            all.retain(|one| settings.is_on(one.kind));
            visit(at, all);
        }
    };
    let mut begin = from.before(HOST_BACK);
    while begin < to {
        let span = (begin, begin.after(CHUNK).min(to));
        let mut rows = HostRows::new();
        for (id, key) in kept.host.iter().filter(|(_, key)| is_wanted(key)) {
            store.for_each_point(*id, span.0, span.1, |point| {
                set(&mut rows, key, point.at, point.last);
                true
            })?;
        }
        feed(&mut host, &rows, (span, EVERY), &mut look);
        begin = span.1;
    }
    Ok(())
}
