//! What a service promises and is expected to do, each over the part of a run that it is meant for.

use super::threshold::{Held, Measured, Missing, Threshold};
use crate::config::{LoadSpec, ServiceSpec};
use crate::load::{Figures, LoadWindow, Model, Scenario};
use crate::slo::Sli;
use std::time::Duration;

/// A threshold over a part of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    pub threshold: Threshold,
    /// With the part of the run: `objective fast, up to 100 users`.
    pub source: String,
    part: Part,
    is_objective: bool,
    model: Model,
}

/// The windows with a load from one level to another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    from: f64,
    to: f64,
}

const WHOLE: Part = Part {
    from: 0.0,
    to: f64::INFINITY,
};
/// The lowest load of a plan: up to this many times its lowest level, or this share of the way to its
/// highest one.
const LOW: f64 = 1.5;
const LOW_SHARE: f64 = 0.1;
/// The highest load: from this share of it on.
const HIGH_SHARE: f64 = 0.9;
/// The share of a rate that was due from which on the service counts as having served it.
const SERVED: f64 = 0.99;
/// Levels are averages of moving numbers.
const SLACK: f64 = 1e-6;

impl Promise {
    /// Of the whole run, such as one from the command line.
    pub fn of_all(threshold: Threshold, source: &str) -> Self {
        Self {
            model: Model::Open { poisson: false },
            threshold,
            source: source.to_owned(),
            part: WHOLE,
            is_objective: false,
        }
    }

    /// Whether it is meant for the load of a window.
    pub fn concerns(&self, window: &LoadWindow) -> bool {
        let Part { from, to } = self.part;
        window.due >= from * (1.0 - SLACK) && window.due <= to * (1.0 + SLACK)
    }

    pub fn judge<'a>(&self, windows: impl IntoIterator<Item = &'a LoadWindow>) -> Held {
        let windows = windows.into_iter().filter(|one| self.concerns(one));
        let windows: Vec<_> = windows.collect();
        let mut held = self.threshold.judge(windows.iter().copied(), &self.source);
        if self.threshold.of == Measured::Rate && self.is_objective && !held.is_kept() {
            let too_few = self.offered(&windows);
            let too_few = too_few.filter(|offered| *offered <= self.threshold.limit);
            held.measured = too_few.map_or(held.measured, |rate| Err(Missing::Offered(rate)));
        }
        if let (Measured::Quantile(target), true) = (self.threshold.of, self.is_objective) {
            // As in the objective itself, a failed request is never fast.
            let failed = Figures::of(windows).error_ratio();
            if let (Ok(_), Some(failed)) = (held.measured, failed.filter(|one| *one > 1.0 - target))
            {
                held.measured = Err(Missing::Failed(failed));
            }
        }
        held
    }

    /// The most requests per second that the load could ask for, if the service was not what kept it
    /// from more: users who think ask at most so often, and a rate that was due was served.
    fn offered(&self, windows: &[&LoadWindow]) -> Option<f64> {
        let figures = Figures::of(windows.iter().copied());
        let seconds = windows.iter().map(|one| one.length.as_secs_f64());
        let most = windows.iter().map(|one| one.due).fold(0.0, f64::max);
        match self.model {
            Model::Closed { think } => {
                let (fastest, _) = figures.extremes()?;
                (!think.is_zero()).then(|| most / (think + fastest).as_secs_f64())
            }
            Model::Open { .. } => {
                let due = windows
                    .iter()
                    .zip(seconds.clone())
                    .map(|(one, length)| one.due * length);
                let due = due.sum::<f64>() / seconds.sum::<f64>().max(f64::MIN_POSITIVE);
                (figures.good_rate() >= SERVED * due).then_some(most)
            }
        }
    }
}

/// All of a service. Objectives are judged up to the peak of `load`, throughput at the highest load;
/// `average` and `max` of `load` up to the expected load, or at the lowest load of the plan if none
/// is configured for this kind of load. What is meant for a lower load than the plan has is left out.
pub fn promises(service: &ServiceSpec, scenario: &Scenario) -> Vec<Promise> {
    let plan = Plan::of(scenario, service.load.as_ref());
    let mut all = Vec::new();
    for objective in &service.objectives {
        let (of, limit) = match objective.sli {
            Sli::Latency { below, of: None } => {
                (Measured::Quantile(objective.target), below.as_secs_f64())
            }
            Sli::Success => (Measured::Errors, 1.0 - objective.target),
            Sli::Throughput(throughput) => (Measured::Rate, throughput.at_least.per_second()),
            _ => continue,
        };
        let part = match of {
            Measured::Rate => plan.highest(limit),
            _ => plan.up_to_peak(),
        };
        let threshold = Threshold { of, limit };
        all.push(Promise {
            is_objective: true,
            ..plan.promise(threshold, &format!("objective {}", objective.name), part)
        });
    }
    if let (Some(load), Some(part)) = (&service.load, plan.expected()) {
        let average = load.average.as_ref().map(|range| *range.end());
        let limits = [(Measured::Average, average), (Measured::Maximum, load.max)];
        let given = limits
            .into_iter()
            .filter_map(|(of, limit)| Some((of, limit?)));
        all.extend(given.map(|(of, limit): (Measured, Duration)| {
            let limit = limit.as_secs_f64();
            plan.promise(Threshold { of, limit }, "load", part)
        }));
    }
    all
}

/// The levels of a plan, and those of the service in the same unit.
struct Plan<'a> {
    scenario: &'a Scenario,
    lowest: f64,
    expected: Option<f64>,
    peak: Option<f64>,
}

impl<'a> Plan<'a> {
    fn of(scenario: &'a Scenario, load: Option<&LoadSpec>) -> Self {
        let stages = scenario.stages.iter();
        let levels = stages.flat_map(|stage| [stage.from, stage.to]);
        let (expected, peak) = match (scenario.model, load) {
            (_, None) => (None, None),
            (Model::Closed { .. }, Some(load)) => (
                load.users.as_ref().map(|users| f64::from(*users.end())),
                load.peak_users.map(f64::from),
            ),
            (Model::Open { .. }, Some(load)) => {
                (load.rate.as_ref().map(|rate| *rate.end()), load.peak_rate)
            }
        };
        Self {
            scenario,
            lowest: levels.fold(f64::INFINITY, f64::min),
            expected,
            peak,
        }
    }

    /// `None` if the whole plan is above it. A load that somebody else makes has no plan.
    fn expected(&self) -> Option<Part> {
        let top = self.scenario.peak();
        let to = match self.expected {
            Some(expected) if expected < self.lowest => return None,
            Some(expected) => expected,
            None if top <= 0.0 => return Some(WHOLE),
            None => (LOW * self.lowest).max(self.lowest + LOW_SHARE * (top - self.lowest)),
        };
        Some(Part { to, ..WHOLE })
    }

    /// All of a plan that is above the peak as a whole.
    fn up_to_peak(&self) -> Part {
        match self.peak {
            Some(to) if to >= self.lowest => Part { to, ..WHOLE },
            _ => WHOLE,
        }
    }

    /// Where the throughput has to be reached: at the highest load up to the peak, and at every rate
    /// that is at least as high as it.
    fn highest(&self, rate: f64) -> Part {
        let Part { to, .. } = self.up_to_peak();
        let top = HIGH_SHARE * self.scenario.peak().min(to);
        let from = match self.scenario.model {
            Model::Closed { .. } => top,
            Model::Open { .. } => top.min(rate),
        };
        Part { from, to }
    }

    /// The source names the part, unless it is the whole plan.
    fn promise(&self, threshold: Threshold, source: &str, part: Part) -> Promise {
        let unit = match self.scenario.model {
            Model::Closed { .. } => " users",
            Model::Open { .. } => "/s",
        };
        let shown = |level: f64| format!("{}{unit}", (level * 10.0).round() / 10.0);
        let mut source = source.to_owned();
        if part.from > self.lowest {
            source.push_str(", from ");
            source.push_str(&shown(part.from));
        }
        if part.to < self.scenario.peak() {
            source.push_str(", up to ");
            source.push_str(&shown(part.to));
        }
        Promise {
            is_objective: false,
            model: self.scenario.model,
            threshold,
            source,
            part,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Answer, Stage, builtin};

    const CONFIG: &str = "services:
  - name: app
    probes: [ { name: p, http: { url: 'http://127.0.0.1:1/' } } ]
    objectives:
      - { name: fast, sli: latency, below: 500ms, target: 95% }
      - { name: flow, sli: throughput, at_least: 100/s, target: 99% }
    metrics: { url: 'http://127.0.0.1:1/metrics' }
    load: { users: 10-50, peak_users: 100, rate: 20/s-80/s, peak_rate: 200/s, average: 200ms-400ms, max: 2s }
";

    fn service(text: &str) -> ServiceSpec {
        let source = crate::diagnostic::Source {
            name: String::new(),
            text: text.to_owned(),
        };
        let kinds = crate::probe::KINDS;
        let path = std::path::Path::new("");
        let loaded = crate::config::Config::load(&source, path, &|_| None, kinds);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
        config.services.into_iter().next().expect("one")
    }

    fn sources(text: &str, scenario: &Scenario) -> Vec<String> {
        let all = promises(&service(text), scenario).into_iter();
        all.map(|one| one.source).collect()
    }

    fn planned(name: &str) -> Scenario {
        builtin(name, 100.0).expect("built in")
    }

    /// Ten users who think for a second cannot show 100 requests per second, however good the service.
    #[test]
    fn a_load_that_asks_for_less_says_nothing_about_throughput() {
        let window = |due: f64, good: u64, latency_ms: u64| {
            let mut latency = crate::stats::quantile::Histogram::default();
            let scale = crate::stats::scale::Scale::new([]);
            latency.add(scale.code(Duration::from_millis(latency_ms)), good - 1);
            latency.add(scale.code(Duration::from_millis(10)), 1);
            LoadWindow {
                start: Duration::ZERO,
                length: Duration::from_secs(10),
                stage: 0,
                due,
                active: due,
                started: good,
                dropped: 0,
                unjudged: 0,
                good,
                failed: Vec::new(),
                latency,
                lag: Duration::ZERO,
                generator_cpu: None,
            }
        };
        let judged = |name: &str, window: &LoadWindow| {
            let config = CONFIG.replace("peak_users: 100", "peak_users: 200");
            let all = promises(&service(&config), &planned(name));
            let flow = all.iter().find(|one| one.threshold.of == Measured::Rate);
            flow.expect("configured").judge([window])
        };
        let few = judged("baseline", &window(10.0, 99, 10));
        assert_eq!(few.answer(), Answer::Unknown, "{few:?}");
        assert!(
            few.in_words().starts_with("at most 9.9/s were asked for"),
            "{}",
            few.in_words()
        );
        let slow = judged("stress", &window(190.0, 500, 1000));
        assert_eq!(
            slow.answer(),
            Answer::Bad,
            "190 users could have asked for more: {slow:?}"
        );
        let enough = judged("stress", &window(190.0, 1500, 100));
        assert_eq!(enough.answer(), Answer::Good, "{enough:?}");
        let dropped = judged("throughput", &window(140.0, 900, 100));
        assert_eq!(dropped.answer(), Answer::Bad, "{dropped:?}");
    }

    #[test]
    fn failed_requests_are_not_fast() {
        let scale = crate::stats::scale::Scale::new([]);
        let window = |good: u64, failed: u64| {
            let mut latency = crate::stats::quantile::Histogram::default();
            latency.add(scale.code(Duration::from_millis(10)), good + failed);
            LoadWindow {
                start: Duration::ZERO,
                length: Duration::from_secs(10),
                stage: 0,
                due: 10.0,
                active: 10.0,
                started: good + failed,
                dropped: 0,
                unjudged: 0,
                good,
                failed: vec![(crate::outcome::Cause::Status, failed)],
                latency,
                lag: Duration::ZERO,
                generator_cpu: None,
            }
        };
        let promises = promises(&service(CONFIG), &planned("baseline"));
        let fast = |good, failed| promises[0].judge([&window(good, failed)]);
        assert!(fast(1000, 40).is_kept());
        let held = fast(1000, 60);
        assert!(!held.is_kept() && held.is_missed());
        assert_eq!(
            held.in_words(),
            "5.66% of the requests failed, and those are never fast"
        );
        // One that somebody typed is about latencies only.
        let typed: Threshold = "p95<500ms".parse().expect("valid");
        assert!(
            Promise::of_all(typed, "test")
                .judge([&window(0, 500)])
                .is_kept()
        );
    }

    #[test]
    fn each_is_judged_over_the_load_that_it_is_meant_for() {
        assert_eq!(
            sources(CONFIG, &planned("stress")),
            [
                "objective fast, up to 100 users",
                "objective flow, from 90 users, up to 100 users",
                "load, up to 50 users",
                "load, up to 50 users",
            ]
        );
        assert_eq!(
            sources(CONFIG, &planned("baseline")),
            ["objective fast", "objective flow", "load", "load"]
        );
        // Half, full and one and a half times 100 per second.
        assert_eq!(
            sources(CONFIG, &planned("throughput")),
            [
                "objective fast",
                "objective flow, from 100/s",
                "load, up to 80/s",
                "load, up to 80/s",
            ]
        );
    }

    #[test]
    fn without_an_expected_load_it_is_the_lowest_one_of_the_plan() {
        let text = CONFIG.replace("users: 10-50, peak_users: 100, ", "");
        assert_eq!(
            sources(&text, &planned("stress")),
            [
                "objective fast",
                "objective flow, from 180 users",
                "load, up to 29 users",
                "load, up to 29 users",
            ]
        );
    }

    #[test]
    fn without_a_plan_nothing_is_too_high() {
        let text = CONFIG.replace("rate: 20/s-80/s, peak_rate: 200/s, ", "");
        let scenario = Scenario {
            stages: vec![Stage {
                name: "observed".into(),
                from: 0.0,
                to: 0.0,
                length: Duration::from_secs(60),
            }],
            ..planned("throughput")
        };
        let all = promises(&service(&text), &scenario);
        assert_eq!(all.len(), 4);
        let parts = all.iter().map(|one| one.part);
        assert!(parts.skip(2).all(|part| part == WHOLE), "{all:?}");
    }

    #[test]
    fn a_plan_above_the_expected_load_is_not_judged_by_it() {
        let mut scenario = planned("baseline");
        scenario.stages = vec![Stage {
            name: "high".into(),
            from: 60.0,
            to: 60.0,
            length: Duration::from_secs(60),
        }];
        assert_eq!(
            sources(CONFIG, &scenario),
            ["objective fast", "objective flow"]
        );
    }
}
