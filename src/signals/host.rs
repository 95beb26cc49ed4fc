//! The recent history of the host, and its warning signs.

use super::finding;
use crate::observe::{FileSystemView, SystemView};
use crate::outcome::Timestamp;
use crate::signal::rules::above;
use crate::signal::{Finding, Keep, Presence, Track, kinds};
use crate::trend::{GrowthRules, GrowthVerdict, growth};
use std::collections::BTreeMap;
use std::time::Duration;

const CPU: (f64, f64) = (0.8, 0.7);
/// Disks are judged by six hours: an hour of samples forecasts a disk that a nightly job fills.
const DISK_WINDOW: Duration = Duration::from_secs(360);
const DISK_WINDOWS: usize = 60;
/// Below this, a forecast is no warning.
const DISK_LEVEL: f64 = 0.8;
const DISK_LEFT: f64 = 0.05;
const HORIZON: Duration = Duration::from_secs(86_400);

#[derive(Debug)]
pub(super) struct HostHistory {
    cpu: Track,
    was_busy: bool,
    /// Used bytes, by mount point.
    disks: BTreeMap<String, (Track, FileSystemView)>,
}

impl HostHistory {
    pub(super) const fn new() -> Self {
        Self {
            cpu: Track::new(Duration::from_secs(60), 10, Keep::Mean),
            was_busy: false,
            disks: BTreeMap::new(),
        }
    }

    pub(super) fn take(&mut self, at: Timestamp, system: &SystemView) {
        self.cpu
            .take(at, system.host.as_ref().and_then(|host| host.cpu_usage));
        let mounted = |point: &String| {
            system
                .file_systems
                .iter()
                .any(|one| one.mount_point == *point)
        };
        self.disks.retain(|point, _| mounted(point));
        for view in system.file_systems.iter().filter(|one| !one.is_read_only) {
            let new = || {
                (
                    Track::new(DISK_WINDOW, DISK_WINDOWS, Keep::Mean),
                    view.clone(),
                )
            };
            let (track, last) = self
                .disks
                .entry(view.mount_point.clone())
                .or_insert_with(new);
            track.take(
                at,
                Some(view.size_bytes.saturating_sub(view.available_bytes) as f64),
            );
            last.clone_from(view);
        }
    }

    pub(super) fn findings(&mut self) -> Vec<Finding> {
        let (presence, evidence) = above(
            &self.cpu,
            CPU.0,
            CPU.1,
            self.was_busy,
            "use of the host's processors",
        );
        self.was_busy = presence == Presence::Active;
        let mut all = vec![finding(&kinds::CPU_HIGH, None, "", (presence, evidence))];
        for (point, (track, view)) in &self.disks {
            all.push(finding(
                &kinds::DISK_FULL_SOON,
                None,
                point,
                disk(track, view),
            ));
        }
        all
    }
}

fn disk(track: &Track, view: &FileSystemView) -> (Presence, String) {
    let size = view.size_bytes.max(1) as f64;
    let left = view.available_bytes as f64 / size;
    let full = format!("{:.0} % full", (1.0 - left) * 100.0);
    if left < DISK_LEFT {
        return (Presence::Active, full);
    }
    if left > 1.0 - DISK_LEVEL {
        return (Presence::Clear, full);
    }
    let rules = GrowthRules {
        share: 0.0,
        floor: size / 1000.0,
        limit: Some(size),
    };
    match track.with_windows(|windows| growth(windows, &rules)) {
        GrowthVerdict::Growing(growth) if growth.until_limit.is_some_and(|left| left < HORIZON) => {
            let hours = growth.until_limit.unwrap_or_default().as_secs_f64() / 3600.0;
            (
                Presence::Active,
                format!("{full}, and full in {hours:.0} h at its present pace"),
            )
        }
        GrowthVerdict::Unknown { .. } => (
            Presence::Unknown,
            format!("{full}; fewer than six hours are known for a forecast"),
        ),
        _ => (
            Presence::Clear,
            format!("{full}, and not full within a day"),
        ),
    }
}
