//! The history of the host of a daemon that starts.

use super::super::host::HostHistory;
use super::{Kept, STEP, hours, steps};
use crate::outcome::Timestamp;
use crate::sample::{Sample, SeriesKey};
use crate::signal::Settings;
use crate::signal::rules::Disk;
use crate::store::{SeriesId, Store, StoreError};
use crate::units::HOUR;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Disks are judged by six hours, and a forecast is confirmed for half of another.
const HOST_BACK: Duration = Duration::from_secs(7 * 3600);

/// What was sampled of the host at a time.
#[derive(Default)]
struct HostRow {
    boot: Option<f64>,
    cpu: Option<f64>,
    /// Size and what is available, by mount point.
    disks: BTreeMap<String, (Option<f64>, Option<f64>)>,
}

impl HostRow {
    fn disk(&mut self, mount_point: &str) -> &mut (Option<f64>, Option<f64>) {
        self.disks.entry(mount_point.to_owned()).or_default()
    }
}

pub(super) fn recall_host(
    host: &mut HostHistory,
    kept: &Kept,
    settings: &Settings,
    store: &Store,
    now: Timestamp,
) -> Result<(), StoreError> {
    let from = now.before(HOST_BACK);
    let names: BTreeMap<SeriesId, &SeriesKey> =
        kept.host.iter().map(|(id, key)| (*id, key)).collect();
    let is_wanted = |key: &SeriesKey| {
        matches!(
            key.name(),
            "slod_host_boot_time_seconds"
                | "slod_host_cpu_usage_ratio"
                | "slod_host_filesystem_size_bytes"
                | "slod_host_filesystem_available_bytes"
        )
    };
    let wanted = names.iter().filter(|(_, key)| is_wanted(key));
    let wanted: BTreeSet<SeriesId> = wanted.map(|(id, _)| *id).collect();
    for hour in hours(from, now) {
        let mut rows: BTreeMap<Timestamp, HostRow> = BTreeMap::new();
        for (id, samples) in store.samples_of_hour(hour, &wanted)? {
            let Some(key) = names.get(&id) else { continue };
            let point = key.label("mountpoint").unwrap_or_default();
            for Sample { at, value } in samples.into_iter().filter(|one| one.at >= from) {
                let row = rows.entry(at).or_default();
                match key.name() {
                    "slod_host_boot_time_seconds" => row.boot = Some(value),
                    "slod_host_cpu_usage_ratio" => row.cpu = Some(value),
                    "slod_host_filesystem_size_bytes" => row.disk(point).0 = Some(value),
                    _ => row.disk(point).1 = Some(value),
                }
            }
        }
        let mut begin = hour;
        for end in steps((hour, hour.after(HOUR).min(now)), STEP) {
            for (at, row) in rows.range(begin..end) {
                host.take_boot(*at, row.boot);
                host.take_cpu(*at, row.cpu);
                for (point, (size, available)) in &row.disks {
                    if let (Some(size), Some(available)) = (*size, *available) {
                        host.take_disk(*at, point, Disk { size, available });
                    }
                }
            }
            begin = end;
            if end >= now.before(HOUR) && end < now {
                host.judge_trends(settings);
            }
        }
    }
    Ok(())
}
