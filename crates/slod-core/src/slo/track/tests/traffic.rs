//! Real traffic.

use super::*;
use crate::slo::EventSource;

#[test]
fn without_requests_it_is_unknown_what_an_outage_would_cost() {
    let affordable = |bad: u32, idle_hours: u32| {
        let objective = Objective {
            source: EventSource::Metrics,
            ..objective(Sli::Success, BudgetingMethod::Occurrences)
        };
        let window = objective.window;
        let scrapes = vec![ContributingProbe::every(Duration::from_secs(10))];
        let mut tracker = Tracker::new(Arc::new(objective), scrapes);
        let served = Tally {
            good: 60_000 - bad,
            bad,
            void: 0,
            covered_ms: 60_000,
        };
        tracker.add(0, Timestamp(60_000), Some(served));
        let now = Timestamp(60_000).after(HOUR * idle_hours);
        tracker.budget(now, window).affordable
    };
    // At 1,000 requests per second, the budget of 30 days is 2,592,000 requests.
    assert_eq!(affordable(0, 1), Some(Duration::from_secs(2592)));
    assert_eq!(affordable(0, 48), None);
    assert_eq!(affordable(60_000, 48), None, "not exhausted");
}
