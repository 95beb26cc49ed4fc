//! Produces a given rate with Locust, which supports only numbers of users: each user starts one
//! sequence per period, at a random time in it. Together they reach the rate as long as a sequence
//! takes less than the period.

use crate::load::Scenario;

/// Number of users at the highest rate, unless the minimum period requires fewer or more. Each has a
/// greenlet and a connection.
const USERS: f64 = 1000.0;
/// Minimum period of a user in seconds: a longer period allows slower answers, and needs more users.
const PERIOD_MIN: f64 = 1.0;
const PERIOD_MAX: f64 = 10.0;

/// Seconds between the starts of two sequences of a user, chosen so that the lowest rate has an integer
/// number of users.
pub fn period(scenario: &Scenario) -> f64 {
    let levels = scenario.stages.iter().flat_map(|one| [one.from, one.to]);
    let lowest = levels
        .filter(|level| *level > 0.0)
        .fold(f64::INFINITY, f64::min);
    let period = (USERS / scenario.peak()).clamp(PERIOD_MIN, PERIOD_MAX);
    let users = lowest * period;
    if users.is_finite() && users >= 1.0 {
        users.ceil() / lowest
    } else {
        period
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Model, Stage};
    use std::time::Duration;

    #[test]
    fn a_period_has_whole_users_at_the_lowest_rate() {
        let of = |from: f64, to: f64| {
            let scenario = Scenario {
                name: String::new(),
                purpose: String::new(),
                model: Model::Open { poisson: true },
                stages: vec![Stage::new("", from, to, Duration::from_mins(1))],
            };
            period(&scenario)
        };
        for (from, to, expected) in [
            (100.0, 100.0, 10.0),
            (500.0, 1000.0, 1.0),
            (50.0, 400.0, 2.5),
            (0.5, 2.25, 10.0),
            // 20 per minute: four users every 12 s.
            (1.0 / 3.0, 1.0 / 3.0, 12.0),
            // A single user would exceed the rate.
            (0.01, 2.0, 10.0),
            (0.0, 500.0, 2.0),
        ] {
            let found = of(from, to);
            assert!((found - expected).abs() < 1e-9, "{from} to {to}: {found}");
        }
    }
}
