//! The simulated services and their response times. Pure.

use crate::outcome::Timestamp;
use fastrand::Rng;
use std::f64::consts::TAU;
use std::time::Duration;

/// The normal behavior of a simulated service.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub name: &'static str,
    pub description: &'static str,
    /// The range of normal response times.
    pub usual: (Duration, Duration),
}

/// The three services of the demo.
pub const SERVICES: [Profile; 3] = [
    Profile {
        name: "concierge",
        description: "Chat assistant",
        usual: (Duration::from_millis(200), Duration::from_millis(400)),
    },
    Profile {
        name: "rag",
        description: "Retrieval of documents",
        usual: (Duration::from_millis(100), Duration::from_millis(200)),
    },
    Profile {
        name: "guardrails",
        description: "Checks of prompts and answers",
        usual: (Duration::from_millis(50), Duration::from_millis(100)),
    },
];

impl Profile {
    /// A random response time: mostly in the lower part of the range, higher at the busy time of
    /// the day; one response in a hundred takes twice as long.
    pub fn latency(&self, at: Timestamp, random: &mut Rng) -> Duration {
        let (from, to) = self.usual;
        let place = random.f64() * random.f64().max(load(at));
        let latency = from + to.saturating_sub(from).mul_f64(place);
        if random.u8(0..100) == 0 {
            latency * 2
        } else {
            latency
        }
    }
}

/// The load on the services: 0 at 3:00 UTC, 1 at 15:00 UTC.
pub fn load(at: Timestamp) -> f64 {
    const DAY: f64 = 86_400.0;
    const QUIETEST_AT: f64 = 3.0 * 3600.0;
    let turn = (at.as_secs_f64() - QUIETEST_AT) / DAY;
    0.5 - 0.5 * (turn * TAU).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_in_the_band_and_higher_by_day() {
        let mut random = Rng::with_seed(1);
        for profile in SERVICES {
            let (from, to) = profile.usual;
            let mut mean = |hour: i64| {
                let at = Timestamp::from_secs(hour * 3600);
                let all = (0..10_000).map(|_| profile.latency(at, &mut random));
                let all: Vec<_> = all.collect();
                assert!(all.iter().all(|one| (from..=to * 2).contains(one)));
                let long = all.iter().filter(|one| **one > to).count();
                assert!((20..=150).contains(&long), "{long} of 10,000 are long");
                all.iter().sum::<Duration>() / 10_000
            };
            let (night, day) = (mean(3), mean(15));
            assert!(from < night && night < day && day < to);
        }
    }
}
