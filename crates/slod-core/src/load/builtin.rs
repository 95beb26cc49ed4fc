//! The built-in scenarios, which need no configuration.

use super::{Model, Scenario, Stage};
use std::time::Duration;

/// Think time of a user between a response and the next request.
const THINK: Duration = Duration::from_secs(1);

/// Names accepted by [`builtin`].
pub const BUILTIN: [&str; 6] = [
    "baseline",
    "stress",
    "spike",
    "soak",
    "throughput",
    "capacity",
];

/// Returns the scenario with this name. `rate` is the expected load in requests per second, for scenarios
/// of the open model.
pub fn builtin(name: &str, rate: f64) -> Option<Scenario> {
    let closed = Model::Closed { think: THINK };
    let open = Model::Open { poisson: true };
    let (purpose, model, stages) = match name {
        "baseline" => (
            "establish baseline performance",
            closed,
            vec![hold("steady", 10.0, 300)],
        ),
        "stress" => (
            "find the breaking point",
            closed,
            vec![ramp("ramp", 10.0, 200.0, 600)],
        ),
        "spike" => (
            "test recovery from sudden load",
            closed,
            vec![
                hold("normal", 10.0, 90),
                hold("spike", 100.0, 60),
                hold("recovery", 10.0, 150),
            ],
        ),
        "soak" => (
            "detect memory leaks and degradation",
            closed,
            vec![hold("steady", 50.0, 7200)],
        ),
        "throughput" => (
            "verify the rate that the objective requires",
            open,
            vec![
                hold("half", rate / 2.0, 60),
                hold("full", rate, 180),
                hold("beyond", rate * 1.5, 60),
            ],
        ),
        "capacity" => (
            "find the highest rate that meets the objectives",
            open,
            [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0]
                .map(|factor| hold(&format!("{factor}x"), rate * factor, 30))
                .into(),
        ),
        _ => return None,
    };
    Some(Scenario {
        name: name.to_owned(),
        purpose: purpose.to_owned(),
        model,
        stages,
    })
}

fn hold(name: &str, level: f64, seconds: u64) -> Stage {
    ramp(name, level, level, seconds)
}

fn ramp(name: &str, from: f64, to: f64, seconds: u64) -> Stage {
    Stage::new(name, from, to, Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As documented on the page about load tests.
    #[test]
    fn the_four_scenarios_are_those_of_the_page() {
        let of = |name: &str| builtin(name, 100.0).expect("known");
        let shape = |scenario: &Scenario| (scenario.length().as_secs(), scenario.peak());
        let shapes = ["baseline", "stress", "spike", "soak"].map(|name| shape(&of(name)));
        assert_eq!(
            shapes,
            [(300, 10.0), (600, 200.0), (300, 100.0), (7200, 50.0)]
        );
        let at = |name: &str, second| of(name).at(Duration::from_secs(second)).map(|at| at.1);
        assert_eq!(at("stress", 300), Some(105.0));
        assert_eq!(
            [0, 100, 299].map(|second| at("spike", second)),
            [Some(10.0), Some(100.0), Some(10.0)]
        );
        assert_eq!(at("spike", 300), None);
        assert!(BUILTIN.iter().all(|name| of(name).name == *name));
    }
}
