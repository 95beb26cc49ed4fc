//! A database connection pool that is exhausted or nearly exhausted.

use super::{Answer, BAD_MINUTES, MINUTES, active_if, exceeded};
use crate::outcome::Timestamp;
use crate::signal::{HOUR, Keep, Level, Presence, Track};

/// The recent minutes of a pool.
#[derive(Debug)]
pub struct Pool {
    /// The mean usage in each minute, as a share of the pool.
    pub used: Track,
    /// The highest usage in each minute, as a share of the pool.
    pub highest: Track,
    /// The most waiting requests in each minute.
    pub waiting: Track,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            used: Track::by_minute(MINUTES, Keep::Mean),
            highest: Track::by_minute(HOUR, Keep::Highest),
            waiting: Track::by_minute(HOUR, Keep::Highest),
        }
    }
}

impl Pool {
    /// Adds the used share of the pool, or of the fullest of several, and the waiting requests.
    pub fn take(&mut self, at: Timestamp, share: Option<f64>, waiting: Option<f64>) {
        self.used.take(at, share);
        self.highest.take(at, share);
        self.waiting.take(at, waiting);
    }

    pub fn tracks(&mut self) -> [&mut Track; 3] {
        [&mut self.used, &mut self.highest, &mut self.waiting]
    }
}

/// Whether in three of five minutes all connections were in use or a request waited for one (exhausted), or
/// the used share of the pool was above its level (nearly exhausted).
pub fn pool_exhausted(pool: &Pool, level: Level, was_active: bool) -> Answer {
    let used = exceeded(&pool.used, level, was_active);
    let full = at_least_full(&pool.highest);
    let waited = pool.waiting.above(0.0, MINUTES);
    if used.is_none() && waited.is_none() {
        let known = pool.used.known(MINUTES).len();
        let evidence =
            format!("the usage of the pool is known for {known} of the last {MINUTES} minutes");
        return (Presence::Unknown, evidence);
    }
    let is_bad = |minutes: Option<usize>| minutes.is_some_and(|minutes| minutes >= BAD_MINUTES);
    let of = format!("of the last {MINUTES} minutes");
    let waited_words = waited.map(|waited| format!("requests waited for a connection in {waited}"));
    if is_bad(full) || is_bad(waited) {
        let full = full.map(|full| format!("all connections were in use in {full}"));
        let evidence = format!("exhausted: {}", joined([full, waited_words], &of));
        return (Presence::Active, evidence);
    }
    let is_near = is_bad(used.map(|(minutes, _)| minutes));
    let near = if is_near { "nearly exhausted: " } else { "" };
    let high = used.map(|(used, border)| {
        let (share, last) = (border * 100.0, pool.used.last().unwrap_or_default() * 100.0);
        format!("more than {share:.0}% of the pool was in use (last {last:.0}%) in {used}")
    });
    let evidence = format!("{near}{}", joined([high, waited_words], &of));
    (active_if(is_near), evidence)
}

/// Joins the known halves of the sentence, each of which ends with a number of minutes.
fn joined(halves: [Option<String>; 2], of: &str) -> String {
    let known: Vec<String> = halves.into_iter().flatten().collect();
    match &known[..] {
        [first, second] => format!("{first} {of}, {second}"),
        _ => format!("{} {of}", known.concat()),
    }
}

fn at_least_full(highest: &Track) -> Option<usize> {
    highest.above(1.0 - f64::EPSILON.sqrt(), MINUTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: Level = Level {
        begins: 0.9,
        ends: 0.8,
    };

    fn judged(samples: &[(f64, f64)], was: bool) -> (Presence, String) {
        let mut pool = Pool::default();
        for (second, (in_use, waiting)) in (0..).step_by(10).zip(samples.iter().cycle()).take(37) {
            let at = Timestamp::from_secs(second);
            pool.take(at, Some(*in_use / 10.0), Some(*waiting));
        }
        pool_exhausted(&pool, LEVEL, was)
    }

    #[test]
    fn a_full_pool_is_exhausted_and_a_nearly_full_one_is_nearly_exhausted() {
        let (presence, evidence) = judged(&[(10.0, 0.0)], false);
        assert!(
            presence == Presence::Active && evidence.starts_with("exhausted"),
            "{evidence}"
        );
        let (presence, evidence) = judged(&[(4.0, 2.0)], false);
        assert!(
            presence == Presence::Active && evidence.starts_with("exhausted"),
            "{evidence}"
        );
        let (presence, evidence) = judged(&[(9.5, 0.0)], false);
        assert!(
            presence == Presence::Active && evidence.starts_with("nearly"),
            "{evidence}"
        );
        assert_eq!(judged(&[(8.5, 0.0)], false).0, Presence::Clear);
        assert_eq!(judged(&[(8.5, 0.0)], true).0, Presence::Active);
        assert_eq!(judged(&[(7.5, 0.0)], true).0, Presence::Clear);
    }

    #[test]
    fn a_pool_without_a_size_is_judged_by_waiting_requests() {
        let mut pool = Pool::default();
        for minute in 0..6 {
            let at = Timestamp::from_secs(minute * 60);
            pool.take(at, None, Some(1.0));
        }
        let (presence, evidence) = pool_exhausted(&pool, LEVEL, false);
        assert_eq!(presence, Presence::Active);
        assert_eq!(
            evidence,
            "exhausted: requests waited for a connection in 5 of the last 5 minutes"
        );
        assert_eq!(
            pool_exhausted(&Pool::default(), LEVEL, false).0,
            Presence::Unknown
        );
    }

    #[test]
    fn unknown_values_are_not_in_the_evidence() {
        let evidence = |share: Option<f64>, waiting: Option<f64>| {
            let mut pool = Pool::default();
            for minute in 0..6 {
                let at = Timestamp::from_secs(minute * 60);
                pool.take(at, share, waiting);
            }
            pool_exhausted(&pool, LEVEL, false).1
        };
        assert_eq!(
            evidence(None, Some(0.0)),
            "requests waited for a connection in 0 of the last 5 minutes"
        );
        assert_eq!(
            evidence(Some(0.5), None),
            "more than 90% of the pool was in use (last 50%) in 0 of the last 5 minutes"
        );
        assert_eq!(
            evidence(Some(1.0), None),
            "exhausted: all connections were in use in 5 of the last 5 minutes"
        );
    }
}
