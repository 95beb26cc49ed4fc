//! High CPU usage at peak load.

use super::{Answer, active_if};
use crate::signal::{Presence, Track};

/// How many minutes are evaluated, and how many of these must be above the limit. A job of some minutes, or
/// the start of a new version, does not show how a service handles its peak.
pub const PEAK_MINUTES: usize = 30;
const BAD_MINUTES: usize = 20;
/// Minutes with at least this share of the peak are at peak load.
const AT_PEAK: f64 = 0.9;

/// Whether CPU usage exceeded `most` in at least 20 of the last 30 minutes in which the load was at its
/// peak. Both tracks have the same minutes.
pub fn cpu_high_at_peak(cpu: &Track, load: &Track, peak: f64, most: f64) -> Answer {
    let (cpu, load) = (cpu.values(), load.values());
    let minutes = cpu.iter().rev().zip(load.iter().rev()).take(PEAK_MINUTES);
    let known: Vec<(f64, f64)> = minutes
        .filter_map(|(cpu, load)| (*cpu).zip(*load))
        .collect();
    if known.is_empty() {
        let evidence = "load and CPU usage are not both known".to_owned();
        return (Presence::Unknown, evidence);
    }
    let at_peak: Vec<f64> = known
        .iter()
        .filter(|(_, load)| *load >= AT_PEAK * peak)
        .map(|(cpu, _)| *cpu)
        .collect();
    let above = at_peak.iter().filter(|cpu| **cpu > most).count();
    let within = if known.len() < PEAK_MINUTES {
        format!("the {} known minutes of ", known.len())
    } else {
        String::new()
    };
    let evidence = format!(
        "CPU usage was above {:.0}% in {above} of the {} minutes at peak load within {within}the last {PEAK_MINUTES}",
        most * 100.0,
        at_peak.len()
    );
    (active_if(above >= BAD_MINUTES), evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;
    use crate::signal::Keep;
    use std::time::Duration;

    fn judged_for(minutes: i64, cpu: f64, load: f64) -> Presence {
        let track = |value: f64| {
            let mut track = Track::new(Duration::from_mins(1), PEAK_MINUTES, Keep::Mean);
            for minute in 0..=minutes {
                track.take(Timestamp::from_secs(minute * 60), Some(value));
            }
            track
        };
        cpu_high_at_peak(&track(cpu), &track(load), 100.0, 0.7).0
    }

    fn judged(cpu: f64, load: f64) -> Presence {
        judged_for(25, cpu, load)
    }

    #[test]
    fn only_minutes_at_peak_load_count() {
        assert_eq!(judged_for(19, 0.75, 95.0), Presence::Clear);
        assert_eq!(judged_for(20, 0.75, 95.0), Presence::Active);
        assert_eq!(judged(0.75, 95.0), Presence::Active);
        assert_eq!(judged(0.75, 80.0), Presence::Clear);
        assert_eq!(judged(0.65, 120.0), Presence::Clear);
        let empty = Track::new(Duration::from_mins(1), 10, Keep::Mean);
        assert_eq!(
            cpu_high_at_peak(&empty, &empty, 1.0, 0.7).0,
            Presence::Unknown
        );
    }
}
