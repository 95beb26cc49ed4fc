//! A file system that is full or forecast to be full.

use super::growth::time;
use super::{Answer, active_if};
use crate::signal::{Presence, Track};
use crate::trend::{Growth, GrowthRules, GrowthVerdict, growth};
use std::time::Duration;

/// Below this used share, a forecast is not a warning.
const LEVEL: f64 = 0.5;
/// A file system with a smaller free share is full, however slowly it grows.
const LEFT: f64 = 0.05;
/// How many consecutive evaluations must forecast it: half an hour.
pub const DISK_CONFIRMATIONS: u32 = 6;

/// How full a file system is.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    pub size: f64,
    pub available: f64,
    /// Space that only root may use. As in `df`, it does not belong to the usable capacity.
    pub reserved: f64,
    /// Share of the files (inodes) that can still be created; `None` if their number is not fixed.
    pub files_left: Option<f64>,
}

impl Disk {
    /// Free share of the usable capacity.
    fn left(self) -> f64 {
        self.available / (self.size - self.reserved).max(1.0)
    }

    /// `96% full` if it is full. Without files (inodes), nothing can be created in the free space.
    pub fn full(self) -> Option<Answer> {
        let files_left = self.files_left.unwrap_or(1.0);
        let evidence = if self.left() < LEFT {
            self.words()
        } else if files_left < LEFT {
            let used = (1.0 - files_left) * 100.0;
            format!("{used:.0}% of its files (inodes) are in use")
        } else {
            return None;
        };
        Some((Presence::Active, evidence))
    }

    fn words(self) -> String {
        format!("{:.0}% full", (1.0 - self.left()) * 100.0)
    }
}

/// Whether a file system will be full within a time, even at the lower confidence bound of its growth. The
/// flag is whether the answer is a forecast, which must be confirmed.
pub fn disk_full_soon(used: &Track, disk: Disk, within: Duration) -> (Answer, bool) {
    let size = disk.size.max(1.0);
    if let Some(answer) = disk.full() {
        return (answer, false);
    }
    let full = disk.words();
    if 1.0 - disk.left() < LEVEL {
        return ((Presence::Clear, full), false);
    }
    let rules = GrowthRules {
        share: 0.0,
        floor: size / 1000.0,
        limit: Some(size),
    };
    let answer = match used.with_windows(|windows| growth(windows, &rules)) {
        GrowthVerdict::Growing(found) => forecast(&found, disk, within, &full),
        GrowthVerdict::Unknown { needed } => {
            let known = used.known(usize::MAX).len();
            let evidence = format!(
                "{full}; {known} of the {needed} 6-minute windows required for a forecast are known"
            );
            (Presence::Unknown, evidence)
        }
        GrowthVerdict::Steady { .. } | GrowthVerdict::Plateauing(_) => {
            (Presence::Clear, format!("{full}, not growing"))
        }
    };
    (answer, true)
}

fn forecast(growth: &Growth, disk: Disk, within: Duration, full: &str) -> Answer {
    let after = |per_hour: f64| {
        let hours = (disk.available / per_hour.max(f64::MIN_POSITIVE)).min(1e6);
        Duration::from_secs_f64(hours * 3600.0)
    };
    let (soonest, latest) = (after(growth.high), after(growth.low));
    let evidence = format!(
        "{full}, and full in {} ({} to {}) at the current rate",
        time(after(growth.per_hour)),
        time(soonest),
        time(latest)
    );
    (active_if(latest < within), evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;
    use crate::signal::Keep;
    use crate::units::DAY;

    /// Six hours of a disk of size 1,000 that has `used` now and grows by `per_hour`.
    fn judged(used: f64, per_hour: f64, noise: f64) -> Answer {
        let mut track = Track::new(Duration::from_mins(6), 60, Keep::Mean);
        for window in 0..=60_i32 {
            let hours = f64::from(window - 60) / 10.0;
            let wobble = f64::from(window * 7919 % 101) / 101.0 - 0.5;
            let at = Timestamp::from_secs(i64::from(window) * 360);
            track.take(at, Some(used + per_hour * hours + noise * wobble));
        }
        let disk = Disk {
            size: 1000.0,
            available: 1000.0 - used,
            reserved: 0.0,
            files_left: None,
        };
        disk_full_soon(&track, disk, DAY).0
    }

    #[test]
    fn a_forecast_needs_its_whole_interval_within_the_horizon() {
        let (presence, evidence) = judged(700.0, 20.0, 1.0);
        assert_eq!(presence, Presence::Active, "{evidence}");
        assert!(
            evidence.contains("70% full, and full in 15 h ("),
            "{evidence}"
        );
        assert_eq!(judged(700.0, 5.0, 1.0).0, Presence::Clear, "in 60 h");
        // The estimate is within a day, but the lower bound of the growth is not.
        let (presence, evidence) = judged(700.0, 12.0, 60.0);
        assert_eq!(presence, Presence::Clear, "{evidence}");
    }

    #[test]
    fn a_disk_less_than_half_full_is_not_a_warning() {
        assert_eq!(judged(450.0, 60.0, 1.0).0, Presence::Clear);
        assert_eq!(judged(960.0, 0.0, 1.0).0, Presence::Active);
        let empty = Track::new(Duration::from_mins(6), 60, Keep::Mean);
        let disk = Disk {
            size: 1000.0,
            available: 300.0,
            reserved: 0.0,
            files_left: None,
        };
        let ((presence, _), is_forecast) = disk_full_soon(&empty, disk, DAY);
        assert!(presence == Presence::Unknown && is_forecast);
    }

    #[test]
    fn reserved_space_is_not_used_space_and_files_can_run_out() {
        // 320 used, 40 available: `df` shows 89%.
        let disk = Disk {
            size: 1000.0,
            available: 40.0,
            reserved: 640.0,
            files_left: Some(0.5),
        };
        let track = Track::new(Duration::from_mins(6), 60, Keep::Mean);
        let ((presence, evidence), _) = disk_full_soon(&track, disk, DAY);
        assert_eq!(presence, Presence::Unknown, "{evidence}");
        assert!(evidence.starts_with("89% full"), "{evidence}");
        let files_left = Some(0.02);
        let ((presence, evidence), _) = disk_full_soon(&track, Disk { files_left, ..disk }, DAY);
        assert_eq!(presence, Presence::Active, "{evidence}");
        assert_eq!(evidence, "98% of its files (inodes) are in use");
    }
}
