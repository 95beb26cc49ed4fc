//! Requirements of a run, derived from what is expected of its service, each for the part of the run that
//! it applies to. plan.rs: these parts; latency.rs: latency objectives.

mod latency;
mod plan;

#[cfg(test)]
mod tests;

use crate::config::{LoadSpec, ServiceSpec};
use crate::load::{Figures, LoadWindow, Model, RequestFigures, Scenario};
use crate::outcome::Measurement;
use crate::slo::Sli;
use crate::threshold::{Decision, NotMeasured, Threshold, ThresholdMetric, ThresholdResult};
use plan::{LoadRange, Plan};
use std::time::Duration;

/// Ratio of a due rate from which on the service counts as having served it.
const SERVED: f64 = 0.99;
/// Tolerance: ratios and rates are not exactly representable.
const SLACK: f64 = 1e-9;

/// A threshold for a part of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    pub threshold: Threshold,
    /// Source including the part of the run: `objective fast, up to 100 users`.
    pub source: String,
    part: LoadRange,
    is_objective: bool,
    model: Model,
    /// Whether the requested load is known: results of other tools do not contain it.
    is_planned: bool,
}

impl Requirement {
    /// For the whole run, for example a threshold of the command line.
    pub fn of_all(threshold: Threshold, source: &str) -> Self {
        Self {
            model: Model::Open { poisson: false },
            threshold,
            source: source.to_owned(),
            part: LoadRange::WHOLE,
            is_objective: false,
            is_planned: true,
        }
    }

    /// Whether it applies to the load of a window.
    pub fn concerns(&self, window: &LoadWindow) -> bool {
        self.part.contains(window.due)
    }

    pub fn judge<'a>(&self, windows: impl IntoIterator<Item = &'a LoadWindow>) -> ThresholdResult {
        let windows = self.relevant(windows);
        let figures = Figures::of(windows.iter().copied());
        self.result(if self.threshold.request.is_some() {
            (Err(NotMeasured::NotYet), Decision::Undecided)
        } else if self.is_objective {
            self.judge_objective(&figures, &windows)
        } else {
            self.threshold.judge(&figures)
        })
    }

    fn result(&self, judged: (Result<f64, NotMeasured>, Decision)) -> ThresholdResult {
        let (measured, decision) = judged;
        ThresholdResult {
            threshold: self.threshold.clone(),
            source: self.source.clone(),
            measured,
            decision,
        }
    }

    /// Judges the figures of one request over a run of this length.
    pub fn judge_request(&self, request: &RequestFigures, length: Duration) -> ThresholdResult {
        if self.is_of_tokens() {
            return self.judge_tokens(std::slice::from_ref(request));
        }
        let figures = Figures::of_request(request, length);
        self.result(self.threshold.judge(&figures))
    }

    /// Whether nothing is known about the request that it is about.
    pub fn unknown_request(&self) -> ThresholdResult {
        self.result((Err(NotMeasured::NoSuchRequest), Decision::Unmeasured))
    }

    /// Whether it is about the time to first token.
    pub const fn is_of_tokens(&self) -> bool {
        matches!(self.threshold.of, ThresholdMetric::FirstToken(_))
    }

    /// Judges the times to first token of a whole run. For an objective, a failed request is never fast.
    pub fn judge_tokens(&self, requests: &[RequestFigures]) -> ThresholdResult {
        let Threshold { of, limit, .. } = self.threshold;
        let times = Figures::of_first_tokens(requests);
        let (measured, decision) = match of {
            ThresholdMetric::FirstToken(q) if self.is_objective => {
                latency::judge(&Figures::of_streams(requests), q, limit)
            }
            ThresholdMetric::FirstToken(q) if times.completed > 0 => {
                Threshold::new(ThresholdMetric::Quantile(q), limit).judge(&times)
            }
            _ => (Err(NotMeasured::Tokens), Decision::Unmeasured),
        };
        self.result((measured, decision))
    }

    /// The windows with the load that it applies to. Windows in which nothing is due count as the load
    /// before, which requested their responses.
    fn relevant<'a>(
        &self,
        windows: impl IntoIterator<Item = &'a LoadWindow>,
    ) -> Vec<&'a LoadWindow> {
        let mut is_relevant = None;
        let concerns = |window: &&LoadWindow| match is_relevant {
            Some(before) if window.due <= 0.0 => before,
            _ => *is_relevant.insert(self.concerns(window)),
        };
        windows.into_iter().filter(concerns).collect()
    }

    /// Judges a latency objective by its own counting: a value exactly at the target meets it, and a failed
    /// request is never fast.
    fn judge_objective(
        &self,
        figures: &Figures,
        windows: &[&LoadWindow],
    ) -> (Result<f64, NotMeasured>, Decision) {
        let Threshold { of, limit, .. } = self.threshold;
        let (measured, decision) = match of {
            ThresholdMetric::Quantile(target) => latency::judge(figures, target, limit),
            _ => self.threshold.judge(figures),
        };
        match (of, measured) {
            (ThresholdMetric::Errors, Ok(errors)) if errors <= limit + SLACK => {
                (measured, Decision::Met)
            }
            (ThresholdMetric::Rate, Ok(rate)) if rate >= limit * (1.0 - SLACK) => {
                (measured, Decision::Met)
            }
            (ThresholdMetric::Rate, _) => match self.offered(figures, windows) {
                Some(rate) if rate <= limit => {
                    (Err(NotMeasured::Offered(rate)), Decision::LoadTooLow)
                }
                None if !self.is_planned && figures.rate() <= limit => (
                    Err(NotMeasured::Completed(figures.rate())),
                    Decision::LoadTooLow,
                ),
                _ => (measured, decision),
            },
            _ => (measured, decision),
        }
    }

    /// The maximum requests per second that the load could request if the service was not the limit: users
    /// with think time are limited by it, and an open model only by its rate if the service served it.
    fn offered(&self, figures: &Figures, windows: &[&LoadWindow]) -> Option<f64> {
        let seconds = windows.iter().map(|one| one.length.as_secs_f64());
        let most = windows.iter().map(|one| one.due).fold(0.0, f64::max);
        match self.model {
            _ if !self.is_planned => offered_by_users(figures, windows),
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

/// The maximum requests per second of users whose plan is unknown. By Little's law, each user is either
/// waiting for a response or thinking. Due requests that were not started count as requested. `None` if the
/// number of users is unknown.
fn offered_by_users(figures: &Figures, windows: &[&LoadWindow]) -> Option<f64> {
    let seconds = figures.length.as_secs_f64();
    let users = windows.iter().map(|one| one.active);
    let most = users.clone().fold(0.0, f64::max);
    let times = windows.iter().map(|one| one.length.as_secs_f64());
    let user_seconds: f64 = users.zip(times).map(|(users, time)| users * time).sum();
    let round = user_seconds / figures.completed as f64;
    let (fastest, _) = figures.extremes()?;
    let thinks = (round - figures.mean()?.as_secs_f64()).max(0.0);
    let dropped = figures.dropped as f64 / seconds;
    (most > 0.0).then(|| most / (thinks + fastest.as_secs_f64()) + dropped)
}

/// All requirements of a service. Objectives are judged up to the peak of `load`, throughput at the highest
/// load; `average` and `max` of `load` up to the expected load, or at the lowest load of the plan if none
/// is configured for this kind of load. Requirements for a lower load than the plan has are left out.
pub fn requirements(service: &ServiceSpec, scenario: &Scenario) -> Vec<Requirement> {
    let plan = Plan::of(scenario, service.load.as_deref());
    let mut all = Vec::new();
    for objective in &service.objectives {
        let (of, limit) = match objective.sli {
            Sli::Latency { below, of: None } => (
                ThresholdMetric::Quantile(objective.target),
                below.as_secs_f64(),
            ),
            Sli::Latency {
                below,
                of: Some(Measurement::FirstToken),
            } => (
                ThresholdMetric::FirstToken(objective.target),
                below.as_secs_f64(),
            ),
            Sli::Success => (ThresholdMetric::Errors, 1.0 - objective.target),
            Sli::Throughput(throughput) => {
                (ThresholdMetric::Rate, throughput.at_least.per_second())
            }
            _ => continue,
        };
        let part = match of {
            ThresholdMetric::Rate => plan.highest(limit),
            ThresholdMetric::FirstToken(_) => LoadRange::WHOLE,
            _ => plan.up_to_peak(),
        };
        let threshold = Threshold::new(of, limit);
        all.push(Requirement {
            is_objective: true,
            ..plan.requirement(threshold, &format!("objective {}", objective.name), part)
        });
    }
    if let (Some(load), Some(part)) = (&service.load, plan.expected()) {
        let average = load.average.as_ref().map(|range| *range.end());
        let limits = [
            (ThresholdMetric::Average, average),
            (ThresholdMetric::Maximum, load.max),
        ];
        let given = limits
            .into_iter()
            .filter_map(|(of, limit)| Some((of, limit?)));
        all.extend(given.map(|(of, limit): (ThresholdMetric, Duration)| {
            let limit = limit.as_secs_f64();
            plan.requirement(Threshold::new(of, limit), "load", part)
        }));
    }
    all
}

/// The load that a config promises, in the unit of a scenario: its peak, otherwise the expected load.
pub fn promised(scenario: &Scenario, load: Option<&LoadSpec>) -> Option<f64> {
    Plan::of(scenario, load).promised()
}
