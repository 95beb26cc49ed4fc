//! Start times of requests in the open model. Pure.

use slod_core::load::{Scenario, Stage};
use std::time::Duration;

/// The times at which requests are due, since the start of the run. Each is computed from the whole plan,
/// so that errors do not accumulate.
#[derive(Debug)]
pub struct Arrivals {
    stages: Vec<Stage>,
    /// The stage of the next request.
    at: usize,
    /// When that stage began, in seconds.
    began: f64,
    /// Number of requests due before that stage.
    before: f64,
    /// Number of requests due up to the next one.
    due: f64,
    /// Draws the gaps between requests; evenly spaced if `None`.
    random: Option<fastrand::Rng>,
}

impl Arrivals {
    pub fn new(scenario: &Scenario, random: Option<fastrand::Rng>) -> Self {
        Self {
            stages: scenario.stages.clone(),
            at: 0,
            began: 0.0,
            before: 0.0,
            due: 0.0,
            random,
        }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        // An evenly spaced first request is due at once; a random one after the first gap.
        let target = match &mut self.random {
            None => self.due,
            Some(random) => self.due - (1.0 - random.f64()).ln(),
        };
        self.due = match self.random {
            None => target + 1.0,
            Some(_) => target,
        };
        while let Some(stage) = self.stages.get(self.at) {
            let length = stage.length.as_secs_f64();
            let all = f64::midpoint(stage.from, stage.to) * length;
            if target < self.before + all {
                let within = time_of(stage, target - self.before);
                return Duration::try_from_secs_f64(self.began + within.min(length)).ok();
            }
            self.before += all;
            self.began += length;
            self.at += 1;
        }
        None
    }
}

/// The time in a stage by which `count` requests were due: the solution of
/// `from t + (to - from) t^2 / (2 length) = count`, in a form without cancellation when the rate hardly changes.
fn time_of(stage: &Stage, count: f64) -> f64 {
    let slope = (stage.to - stage.from) / stage.length.as_secs_f64();
    let root = (stage.from * stage.from + 2.0 * slope * count)
        .max(0.0)
        .sqrt();
    if stage.from + root > 0.0 {
        2.0 * count / (stage.from + root)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slod_core::load::Model;

    fn scenario(stages: &[(f64, f64, u64)]) -> Scenario {
        let stage = |(from, to, secs): &(f64, f64, u64)| {
            Stage::new("", *from, *to, Duration::from_secs(*secs))
        };
        Scenario {
            name: "test".into(),
            purpose: String::new(),
            model: Model::Open { poisson: false },
            stages: stages.iter().map(stage).collect(),
        }
    }

    fn even(stages: &[(f64, f64, u64)]) -> Vec<f64> {
        let arrivals = Arrivals::new(&scenario(stages), None);
        arrivals.map(|at| at.as_secs_f64()).collect()
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced_and_exact() {
        let times = even(&[(100.0, 100.0, 3600)]);
        assert_eq!(times.len(), 360_000);
        for (number, at) in times.iter().enumerate() {
            assert!((at - number as f64 / 100.0).abs() < 1e-6, "{number}: {at}");
        }
    }

    #[test]
    fn a_ramp_has_the_number_of_requests_of_its_area() {
        let times = even(&[(10.0, 200.0, 60), (0.0, 0.0, 10), (5.0, 5.0, 10)]);
        assert_eq!(times.len(), (105 * 60) + 50);
        let until = |end: f64| times.iter().filter(|at| **at < end).count() as f64;
        // 10 t + (190 / 60) t^2 / 2
        assert!((until(30.0) - 1725.0).abs() <= 1.0, "{}", until(30.0));
        assert!(!times.iter().any(|at| (60.0..69.999).contains(at)));
        assert!(times.is_sorted());
    }

    #[test]
    fn a_ramp_from_zero_and_to_zero_ends() {
        assert_eq!(even(&[(0.0, 10.0, 10), (10.0, 0.0, 10)]).len(), 100);
        assert!(even(&[(0.0, 0.0, 10)]).is_empty());
        let nearly = even(&[(100.0, 100.000_001, 10)]);
        assert!(nearly.len() >= 1000 && nearly.is_sorted());
    }

    #[test]
    fn random_gaps_have_the_rate_and_the_spread_of_poisson() {
        let scenario = scenario(&[(100.0, 100.0, 1000)]);
        let random = fastrand::Rng::with_seed(7);
        let times: Vec<f64> = Arrivals::new(&scenario, Some(random))
            .map(|at| at.as_secs_f64())
            .collect();
        let count = times.len() as f64;
        assert!(
            (count - 100_000.0).abs() < 4.0 * 100_000_f64.sqrt(),
            "{count}"
        );
        let gaps: Vec<f64> = times.windows(2).map(|two| two[1] - two[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // The standard deviation of an exponential distribution equals its mean.
        assert!((spread.sqrt() / mean - 1.0).abs() < 0.02);
    }
}
