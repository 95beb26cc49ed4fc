//! Circuit breakers that are frequently open.

use super::{Answer, active_if};
use crate::outcome::Timestamp;
use crate::signal::{Keep, Presence, RECENT, Rise, Track, is_gapless};

/// Minimum time in which the state must be known, in seconds.
const KNOWN_MIN: f64 = 270.0;
/// From this many known seconds on, the evidence covers all ten minutes.
const ALL_KNOWN: f64 = 540.0;
const TRIPS: f64 = 3.0;

/// The recent minutes of the circuit breakers of a service.
#[derive(Debug)]
pub struct Breaker {
    /// Seconds of each minute in which a breaker was open.
    pub open: Track,
    /// Seconds of each minute in which the state was known.
    known: Track,
    /// Number of times they opened in each minute.
    trips: Track,
    rise: Rise,
    last: Option<(Timestamp, bool)>,
}

impl Default for Breaker {
    fn default() -> Self {
        let minutes = || Track::by_minute(RECENT, Keep::Sum);
        Self {
            open: minutes(),
            known: minutes(),
            trips: minutes(),
            rise: Rise::default(),
            last: None,
        }
    }
}

impl Breaker {
    /// Adds whether a breaker is open, and the counter of openings.
    pub fn take(&mut self, at: Timestamp, is_open: Option<bool>, trips: Option<f64>) {
        let last = self.last.filter(|(before, _)| is_gapless(*before, at));
        if let Some((before, was_open)) = last {
            let passed = at.as_secs_f64() - before.as_secs_f64();
            self.known.take(at, Some(passed));
            self.open
                .take(at, Some(if was_open { passed } else { 0.0 }));
        }
        self.last = is_open.map(|is_open| (at, is_open));
        self.trips.take(at, self.rise.step(at, trips));
    }

    pub fn tracks(&mut self) -> [&mut Track; 3] {
        [&mut self.open, &mut self.known, &mut self.trips]
    }
}

/// Whether a breaker was open for more than a share of the last ten minutes, or opened three times.
pub fn breaker_open(breaker: &Breaker, most: f64) -> Answer {
    let known = breaker.known.sum(RECENT).unwrap_or(0.0);
    let trips = breaker.trips.sum(RECENT);
    if known == 0.0 && trips.is_none() {
        let evidence = "the metrics contain no circuit breaker".to_owned();
        return (Presence::Unknown, evidence);
    }
    let opened = trips.unwrap_or_default();
    // Without a state, the openings alone decide.
    let has_state = known > 0.0 || trips.is_none();
    if has_state && known < KNOWN_MIN && opened < TRIPS {
        let evidence = format!(
            "the state is known for {known:.0} s of the last {RECENT} minutes; at least {KNOWN_MIN:.0} s are required"
        );
        return (Presence::Unknown, evidence);
    }
    let share = breaker.open.sum(RECENT).unwrap_or(0.0) / known.max(1.0);
    let is_open = known >= KNOWN_MIN && share > most;
    let of = if known < ALL_KNOWN {
        format!("the known {known:.0} s of ")
    } else {
        String::new()
    };
    let open = format!(
        "open for {:.0}% of {of}the last {RECENT} minutes",
        share * 100.0
    );
    let evidence = match trips {
        Some(trips) if known > 0.0 => format!("{open}; opened {}", times(trips)),
        Some(trips) => format!("opened {} in the last {RECENT} minutes", times(trips)),
        None => open,
    };
    (active_if(is_open || opened >= TRIPS), evidence)
}

fn times(count: f64) -> String {
    if (count - 1.0).abs() < 0.5 {
        return "once".to_owned();
    }
    format!("{count:.0} times")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(seconds: impl Iterator<Item = i64>, is_open: impl Fn(i64) -> bool) -> Presence {
        let mut breaker = Breaker::default();
        for second in seconds {
            let at = Timestamp::from_secs(second);
            breaker.take(at, Some(is_open(second)), None);
        }
        breaker_open(&breaker, 0.05).0
    }

    #[test]
    fn the_share_of_time_counts_instead_of_that_of_readings() {
        let open = |second: i64| second % 300 < 30;
        assert_eq!(judged((0..=600).step_by(10), open), Presence::Active);
        let rarely = |second: i64| second % 600 < 20;
        assert_eq!(judged((0..=600).step_by(10), rarely), Presence::Clear);
        // Read every second while it is open, and every ten seconds otherwise.
        let uneven = (0..=600).filter(|second| second % 10 == 0 || *second < 20);
        assert_eq!(judged(uneven, rarely), Presence::Clear);
        assert_eq!(judged((0..=60).step_by(10), |_| true), Presence::Unknown);
    }

    #[test]
    fn a_short_time_is_named_as_such() {
        let mut breaker = Breaker::default();
        for second in (0..=60).step_by(10) {
            breaker.take(Timestamp::from_secs(second), Some(true), Some(0.0));
        }
        let (presence, evidence) = breaker_open(&breaker, 0.05);
        assert_eq!(presence, Presence::Unknown, "{evidence}");
        breaker.take(Timestamp::from_secs(70), Some(true), Some(3.0));
        let (presence, evidence) = breaker_open(&breaker, 0.05);
        assert_eq!(presence, Presence::Active);
        let wanted = "open for 100% of the known 70 s of the last 10 minutes";
        assert!(evidence.starts_with(wanted), "{evidence}");
    }

    #[test]
    fn unknown_values_are_not_in_the_evidence() {
        let evidence = |trips: Option<f64>| {
            let mut breaker = Breaker::default();
            for second in (0..=600).step_by(10) {
                breaker.take(Timestamp::from_secs(second), Some(false), trips);
            }
            breaker_open(&breaker, 0.05).1
        };
        assert_eq!(evidence(None), "open for 0% of the last 10 minutes");
        assert_eq!(
            evidence(Some(5.0)),
            "open for 0% of the last 10 minutes; opened 0 times"
        );
    }

    #[test]
    fn three_trips_are_frequent() {
        let mut breaker = Breaker::default();
        for minute in 0..4 {
            breaker.take(Timestamp::from_secs(minute * 60), None, Some(minute as f64));
        }
        let (presence, evidence) = breaker_open(&breaker, 0.05);
        assert_eq!(presence, Presence::Active);
        assert_eq!(evidence, "opened 3 times in the last 10 minutes");
        assert_eq!(breaker_open(&Breaker::default(), 0.05).0, Presence::Unknown);
    }
}
