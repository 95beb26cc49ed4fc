//! Thresholds that end a run early.

use crate::load::LoadWindow;
use crate::report::load_run::Requirement;
use crate::threshold::{Decision, ThresholdResult};
use std::collections::VecDeque;
use std::time::Duration;

/// Number of latest windows over which abort thresholds are judged.
pub const SLIDING: usize = 10;
/// Minimum number of these in which the load generator was not the bottleneck.
const FAIR_MIN: usize = 5;
/// Warm-up of connections and caches, in which a missed threshold does not end the run.
const ABORT_AFTER: Duration = Duration::from_secs(20);

/// Returns the first threshold that the latest windows missed.
pub fn missed(recent: &VecDeque<LoadWindow>, watched: &[Requirement]) -> Option<ThresholdResult> {
    let last = recent.back()?;
    if recent.len() < SLIDING {
        return None;
    }
    // Warm-up does not explain failures of all requests, and neither does a busy generator.
    let has_success = recent.iter().any(|one| one.good + one.unjudged > 0);
    let is_fair = |one: &&LoadWindow| !has_success || !one.is_generator_busy();
    if has_success && last.start < ABORT_AFTER {
        return None;
    }
    // While the generator is busy, it measures itself.
    let fair: Vec<&LoadWindow> = recent.iter().filter(is_fair).collect();
    if fair.len() < FAIR_MIN {
        return None;
    }
    let meant = |one: &&Requirement| recent.iter().all(|window| one.concerns(window));
    let judge = |one: &Requirement| one.judge(fair.iter().copied());
    let mut results = watched.iter().filter(meant).map(judge);
    // A threshold with too few requests in ten seconds is judged at the end.
    results.find(|one| one.decision == Decision::Missed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    fn window(second: u64, good: u64, failed: u64, lag: Duration) -> LoadWindow {
        LoadWindow {
            start: Duration::from_secs(second),
            length: Duration::from_secs(1),
            due: 2.0,
            active: 2.0,
            started: good + failed,
            good,
            failed: vec![(Cause::Refused, failed)],
            lag,
            ..LoadWindow::default()
        }
    }

    /// The second after which a run of `seconds` ends.
    fn ends(seconds: u64, window: impl Fn(u64) -> LoadWindow) -> Option<u64> {
        let threshold = "errors<50%".parse().expect("valid");
        let watched = [Requirement::of_all(threshold, "threshold")];
        let mut recent = VecDeque::new();
        (0..seconds).find(|second| {
            recent.push_back(window(*second));
            if recent.len() > SLIDING {
                recent.pop_front();
            }
            missed(&recent, &watched).is_some()
        })
    }

    const ON_TIME: Duration = Duration::ZERO;
    const LATE: Duration = Duration::from_secs(1);

    #[test]
    fn a_run_without_successes_ends_at_any_time() {
        for lag in [ON_TIME, LATE] {
            assert_eq!(ends(15, |second| window(second, 0, 2, lag)), Some(9));
        }
        assert_eq!(ends(60, |second| window(second, 0, 0, ON_TIME)), None);
    }

    #[test]
    fn seconds_of_a_busy_generator_do_not_count() {
        let third_late = |second| if second % 3 == 0 { LATE } else { ON_TIME };
        let failing = |second| window(second, 1, 9, third_late(second));
        assert_eq!(ends(60, failing), Some(20), "after the warm-up");
        let only_late = |second| match second % 3 {
            0 => window(second, 1, 99, LATE),
            _ => window(second, 9, 1, ON_TIME),
        };
        assert_eq!(ends(60, only_late), None);
        assert_eq!(ends(60, |second| window(second, 1, 9, LATE)), None);
    }
}
