//! How many of an objective's probes watched at the same time, so that time covered by several of them is
//! counted once.

use super::absence::Presence;
use super::correction::Spans;
use crate::outcome::{Timestamp, millis};

const EVER: (Timestamp, Timestamp) = (Timestamp(i64::MIN), Timestamp(i64::MAX));

/// When each of an objective's probes did not watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watchers {
    /// This many probes, which watched all the time.
    Always(u32),
    /// One entry per probe.
    Known(Box<[Spans]>),
}

impl Watchers {
    /// A number of probes of which nothing else is known; at least one.
    pub fn always(probes: usize) -> Self {
        Self::Always(u32::try_from(probes.max(1)).unwrap_or(u32::MAX))
    }

    pub fn of(probes: &[Presence]) -> Self {
        if probes.len() < 2 {
            return Self::always(probes.len());
        }
        let unseen = |probe: &Presence| {
            let begin = probe.first.unwrap_or(EVER.1);
            Spans::new([(EVER.0, begin)]).union(&probe.absent)
        };
        Self::Known(probes.iter().map(unseen).collect())
    }

    /// Notes an outcome of a probe, given its position: it watches again from then on.
    pub fn note(&mut self, probe: usize, at: Timestamp) {
        let Self::Known(probes) = self else { return };
        if let Some(absent) = probes.get_mut(probe).filter(|absent| absent.contains(at)) {
            *absent = absent.cut_at(at);
        }
    }

    /// The average number of probes that watched, over the part of `from..to` in which any did, excluding
    /// corrected time. All probes if none did or the part is empty.
    pub fn average(&self, from: Timestamp, to: Timestamp, corrected: &Spans) -> f64 {
        let probes = match self {
            Self::Always(probes) => return f64::from(*probes),
            Self::Known(probes) => probes,
        };
        let all = probes.len() as f64;
        if from >= to || !probes.iter().any(|absent| absent.overlaps(from, to)) {
            return all;
        }
        let watched = |absent: &Spans| {
            let left_out = absent.union(corrected).overlap(from, to);
            (to.0 - from.0) - millis(left_out)
        };
        let mut common = Spans::new([EVER]);
        for absent in probes {
            common = common.intersection(absent);
        }
        let any = watched(&common);
        if any <= 0 {
            return all;
        }
        let sum: i64 = probes.iter().map(watched).sum();
        sum as f64 / any as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(first: i64, absent: &[(i64, i64)]) -> Presence {
        let absent = absent.iter();
        let absent = absent.map(|(from, to)| (Timestamp(*from), Timestamp(*to)));
        Presence {
            first: Some(Timestamp(first)),
            absent: Spans::new(absent),
        }
    }

    fn average(watchers: &Watchers, from: i64, to: i64) -> f64 {
        watchers.average(Timestamp(from), Timestamp(to), &Spans::default())
    }

    /// Compared with a count of each millisecond.
    #[test]
    fn the_average_is_over_time_with_at_least_one_watching_probe() {
        let probes = [
            probe(100, &[(300, 400)]),
            probe(200, &[(250, 500), (800, i64::MAX)]),
            Presence::default(),
        ];
        let watchers = Watchers::of(&probes);
        let is_there = |probe: &Presence, at: i64| {
            probe.first.is_some_and(|first| first.0 <= at) && !probe.absent.contains(Timestamp(at))
        };
        for (from, to) in [(0, 1000), (150, 420), (310, 390), (600, 700), (700, 900)] {
            let counts = (from..to).map(|at| probes.iter().filter(|one| is_there(one, at)).count());
            let counts: Vec<usize> = counts.filter(|count| *count > 0).collect();
            let expected = match counts.len() {
                0 => 3.0,
                watched => counts.iter().sum::<usize>() as f64 / watched as f64,
            };
            let average = average(&watchers, from, to);
            assert!((average - expected).abs() < 1e-12, "{from}..{to}");
        }
    }

    #[test]
    fn corrected_time_is_left_out() {
        let watchers = Watchers::of(&[probe(0, &[]), probe(500, &[])]);
        let corrected = Spans::new([(Timestamp(0), Timestamp(250))]);
        let average = watchers.average(Timestamp(0), Timestamp(1000), &corrected);
        assert!((average - 1250.0 / 750.0).abs() < 1e-12);
    }

    #[test]
    fn an_outcome_starts_the_time_of_its_probe() {
        let mut watchers = Watchers::of(&[probe(0, &[]), Presence::default()]);
        let is = |watchers: &Watchers, from, expected: f64| {
            (average(watchers, from, 100) - expected).abs() < 1e-12
        };
        assert!(is(&watchers, 0, 1.0));
        watchers.note(1, Timestamp(50));
        assert!(is(&watchers, 0, 1.5) && is(&watchers, 60, 2.0));
    }
}
