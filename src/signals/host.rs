//! The recent history of the host, and its warning signs.

use super::{NOT_SAMPLED, chart, finding, unknown};
use crate::observe::SystemView;
use crate::outcome::Timestamp;
use crate::signal::rules::{Confirmation, DISK_CONFIRMATIONS, Disk, above, disk_full_soon};
use crate::signal::{Finding, Keep, Presence, SILENCE, Settings, Track, kinds};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Disks are evaluated over six hours, so that a nightly job does not cause a forecast of a full
/// disk, as an hour of samples would.
const DISK_WINDOW: Duration = Duration::from_mins(6);
const DISK_WINDOWS: usize = 60;

#[derive(Debug)]
pub(super) struct HostHistory {
    cpu: Track,
    was_busy: bool,
    /// By mount point.
    disks: BTreeMap<String, DiskHistory>,
    /// The time of the last sample.
    seen: Option<Timestamp>,
    /// The time until which all samples have been taken.
    now: Timestamp,
}

#[derive(Debug)]
struct DiskHistory {
    /// Used bytes.
    used: Track,
    /// The time of the last sample.
    taken: Timestamp,
    last: Disk,
    confirmed: Confirmation,
    /// The result of the last evaluation of its trend.
    found: Option<(Presence, String)>,
}

impl HostHistory {
    pub(super) const fn new() -> Self {
        Self {
            cpu: Track::new(Duration::from_mins(1), 10, Keep::Mean),
            was_busy: false,
            disks: BTreeMap::new(),
            seen: None,
            now: Timestamp(0),
        }
    }

    pub(super) fn take(&mut self, at: Timestamp, system: &SystemView) {
        let boot = system.host.as_ref().and_then(|host| host.boot_time_seconds);
        self.take_boot(at, boot.map(|seconds| seconds as f64));
        let usage = system.host.as_ref().and_then(|host| host.cpu_usage);
        self.take_cpu(at, usage);
        let written = system.file_systems.iter().filter(|one| !one.is_read_only);
        let mounted: BTreeSet<&str> = written.clone().map(|one| &*one.mount_point).collect();
        // A disk that could not be read may still be mounted.
        let mut collectors = system.collectors.iter();
        if collectors.all(|one| one.success || one.name != "disk") {
            self.retain_disks(|point| mounted.contains(point));
        }
        for view in written {
            let disk = Disk {
                size: view.size_bytes as f64,
                available: view.available_bytes as f64,
                reserved: view.free_bytes.saturating_sub(view.available_bytes) as f64,
                files_left: view
                    .files
                    .zip(view.files_free)
                    .map(|(all, free)| free as f64 / all as f64),
            };
            self.take_disk(at, &view.mount_point, disk);
        }
    }

    /// Removes disks that are no longer mounted.
    pub(super) fn retain_disks(&mut self, is_mounted: impl Fn(&str) -> bool) {
        self.disks.retain(|point, _| is_mounted(point));
    }

    /// Takes the time when the host started, in seconds since 1970. Growth before a restart is
    /// discarded.
    pub(super) fn take_boot(&mut self, at: Timestamp, boot: Option<f64>) {
        let Some(boot) = boot else { return };
        if self.seen.is_some_and(|seen| boot > seen.as_secs_f64()) {
            self.disks.clear();
        }
        self.seen = Some(at);
    }

    /// Advances to a time, even without samples.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = now;
        self.cpu.take(now, None);
        for disk in self.disks.values_mut() {
            disk.used.take(now, None);
        }
    }

    pub(super) fn take_cpu(&mut self, at: Timestamp, usage: Option<f64>) {
        self.cpu.take(at, usage);
    }

    pub(super) fn take_disk(&mut self, at: Timestamp, mount_point: &str, disk: Disk) {
        let new = || DiskHistory {
            used: Track::new(DISK_WINDOW, DISK_WINDOWS, Keep::Mean),
            taken: at,
            last: disk,
            confirmed: Confirmation::default(),
            found: None,
        };
        let known = self.disks.entry(mount_point.to_owned());
        let history = known.or_insert_with(new);
        let is_same = (history.last.size - disk.size).abs() < 0.5;
        if !is_same {
            // It was enlarged or replaced.
            *history = new();
        }
        history.used.take(at, Some(disk.size - disk.available));
        history.last = disk;
        history.taken = at;
    }

    pub(super) fn judge_trends(&mut self, settings: &Settings) {
        let seconds = settings.level(&kinds::DISK_FULL_SOON).begins;
        let within = Duration::from_secs_f64(seconds.max(0.0));
        for disk in self.disks.values_mut() {
            let (answer, is_forecast) = disk_full_soon(&disk.used, disk.last, within);
            let needed = if is_forecast { DISK_CONFIRMATIONS } else { 1 };
            disk.found = Some(disk.confirmed.step_of(needed, answer));
        }
    }

    pub(super) fn findings(&mut self, settings: &Settings) -> Vec<Finding> {
        if self.disks.values().any(|disk| disk.found.is_none()) {
            self.judge_trends(settings);
        }
        let (presence, evidence) = above(
            &self.cpu,
            settings.level(&kinds::CPU_HIGH),
            self.was_busy,
            "usage of the host's processors",
        );
        self.was_busy = match presence {
            Presence::Active => true,
            Presence::Clear => false,
            Presence::Unknown => self.was_busy,
        };
        let mut all = Vec::new();
        let mut push = |kind, subject: &str, answer, track| {
            let mut found = finding(kind, None, subject, answer);
            if found.presence == Presence::Active {
                found.chart = chart::of_track(track);
            }
            all.push(found);
        };
        push(&kinds::CPU_HIGH, "", (presence, evidence), &self.cpu);
        let now = self.now;
        for (point, disk) in &self.disks {
            // A full disk is reported without waiting for the next evaluation of trends.
            let known = disk.last.full().or_else(|| disk.found.clone());
            let answer = if disk.taken.after(SILENCE) <= now {
                Some(unknown(NOT_SAMPLED))
            } else {
                known
            };
            if let Some(answer) = answer {
                push(&kinds::DISK_FULL_SOON, point, answer, &disk.used);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evaluates a disk of 1,000 GB every five minutes over some hours.
    fn watched(hours: i64, mut used: impl FnMut(f64) -> f64) -> (Presence, String) {
        let mut host = HostHistory::new();
        for minute in 0..=hours * 60 {
            let disk = Disk {
                size: 1e12,
                available: 1e12 - used(minute as f64 / 60.0) * 1e9,
                reserved: 0.0,
                files_left: None,
            };
            host.take_disk(Timestamp::from_secs(minute * 60), "/", disk);
            if minute % 5 == 0 {
                host.judge_trends(&Settings::default());
            }
        }
        let all = host.findings(&Settings::default());
        let disk = all.into_iter().find(|one| &*one.subject == "/");
        disk.map(|one| (one.presence, one.evidence.to_string()))
            .expect("judged")
    }

    #[test]
    fn a_disk_that_fills_is_reported_after_several_evaluations() {
        let (presence, evidence) = watched(8, |hours| 600.0 + 20.0 * hours);
        assert_eq!(presence, Presence::Active, "{evidence}");
        let (presence, evidence) = watched(4, |hours| 600.0 + 20.0 * hours);
        assert_eq!(presence, Presence::Unknown, "{evidence}");
        let (presence, evidence) = watched(5, |hours| 600.0 + 20.0 * hours);
        assert!(
            presence == Presence::Clear && evidence.contains("not yet confirmed"),
            "{evidence}"
        );
    }

    #[test]
    fn a_full_disk_is_reported_immediately_and_a_reboot_restarts_the_trend() {
        assert_eq!(watched(0, |_| 970.0).0, Presence::Active);
        let mut host = HostHistory::new();
        let disk = Disk {
            size: 1e12,
            available: 4e11,
            reserved: 0.0,
            files_left: None,
        };
        host.take_boot(Timestamp::from_secs(1000), Some(10.0));
        host.take_disk(Timestamp::from_secs(1000), "/", disk);
        host.take_boot(Timestamp::from_secs(1010), Some(10.0));
        let found = host.findings(&Settings::default());
        assert_eq!(found.len(), 2);
        assert_ne!(found[1].presence, Presence::Active);
        let full = Disk {
            available: 4e10,
            ..disk
        };
        host.take_disk(Timestamp::from_secs(1020), "/", full);
        let found = host.findings(&Settings::default());
        assert_eq!(found[1].presence, Presence::Active, "at once");
        host.take_boot(Timestamp::from_secs(2000), Some(1500.0));
        assert_eq!(host.findings(&Settings::default()).len(), 1);
    }
}
