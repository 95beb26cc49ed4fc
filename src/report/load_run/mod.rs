//! Reports of a load run, for people and programs.

mod chart;
mod compared;
mod drawing;
mod finding;
mod html;
mod json;
mod judged;
mod junit;
mod markdown;
mod observed;
mod requirement;
mod sections;
mod summary;
mod tables;
mod text;

#[cfg(test)]
mod tests;

pub use compared::Compared;
pub use html::body;
use judged::judged;
use requirement::promised;
pub use requirement::{Requirement, requirements};
pub use sections::ReportExtras;
pub use summary::RunSummary;
use summary::with_findings;
pub use tables::with_retry_after;

use crate::config::ServiceSpec;
use crate::format::times;
use crate::load::{
    Advice, Answer, Ending, Indicators, Limit, OBSERVED, REQUESTS, RequestFigures, RunRecord,
    Statement, advice, indicators, statements,
};
use crate::outcome::Cause;
use crate::report::health::HealthLevel;
use crate::slo::Sli;
use crate::threshold::{Decision, NotMeasured, ThresholdMetric, ThresholdResult};
use std::time::Duration;

/// A run with all results of its evaluation.
#[derive(Debug)]
pub struct RunReport {
    pub run: RunRecord,
    pub results: Vec<ThresholdResult>,
    pub statements: Vec<Statement>,
    pub indicators: Indicators,
    /// The load promised by the config, in the unit of the scenario.
    promised: Option<f64>,
}

/// `by k6`; `watched` if slod only observed the load.
pub fn generated_by(engine: &str) -> String {
    match engine {
        OBSERVED => "watched".to_owned(),
        engine => format!("by {engine}"),
    }
}

impl RunReport {
    /// Judges a run by its service's objectives and expected response times, and by its own thresholds.
    pub fn new(run: RunRecord, service: Option<&ServiceSpec>) -> Self {
        let known = service.map(|service| requirements(service, &run.scenario));
        // Only slod's own engine measures tokens, and only for streamed responses.
        let has_tokens = run.requests.iter().any(RequestFigures::has_tokens);
        let known = known.unwrap_or_default().into_iter();
        let known = known.filter(|one| has_tokens || !one.is_of_tokens());
        let given = run.thresholds.iter().filter_map(|text| text.parse().ok());
        let given = given.map(|one| Requirement::of_all(one, "threshold"));
        let all = known.chain(given);
        let results: Vec<ThresholdResult> = all.map(|one| judged(&one, &run)).collect();
        let statements = statements(&run, service.and_then(limit));
        let indicators = indicators(&run);
        let load = service.and_then(|service| service.load.as_deref());
        Self {
            promised: promised(&run.scenario, load),
            run,
            results,
            statements,
            indicators,
        }
    }

    /// Recommended actions, once per cause, the most important first. Empty if nothing is bad.
    pub fn advice(&self) -> Vec<Advice> {
        let found = self.statements.iter().chain(&self.indicators.warnings);
        let found = found.filter_map(|one| one.advice);
        let missed = self
            .missed()
            .map(|one| match (one.threshold.of, one.measured) {
                (ThresholdMetric::Rate, _) => advice::FEW,
                (ThresholdMetric::Errors, _) | (_, Err(NotMeasured::Bad { slow: 0, .. })) => {
                    advice::FAILED
                }
                _ => advice::SLOW,
            });
        let mut all: Vec<Advice> = Vec::new();
        for one in found.chain(missed) {
            let one = self.specific(one);
            let is_known =
                all.contains(&one) || one == advice::FAILED && all.contains(&advice::ERRORS);
            if !is_known {
                all.push(one);
            }
        }
        all
    }

    /// Advice for failed requests, depending on their most frequent cause; otherwise, the advice itself.
    fn specific(&self, general: Advice) -> Advice {
        use Cause::{Certificate, Dns, RateLimited, Refused, Status, Tls, Unreachable};
        let (advice::FAILED | advice::ERRORS) = general else {
            return general;
        };
        let is_rejected = || {
            let first = self.run.example(Status);
            first.is_some_and(|words| words.starts_with("status 429"))
        };
        match self.run.causes().first().map(|(cause, _)| *cause) {
            Some(RateLimited) => advice::REFUSED,
            Some(Status) if is_rejected() => advice::REFUSED,
            Some(Dns | Refused | Unreachable | Tls | Certificate) => advice::UNREACHED,
            _ => general,
        }
    }

    /// The worst decision of all thresholds.
    pub fn decision(&self) -> Decision {
        Decision::worst(&self.results)
    }

    /// `stress of rag`
    pub fn title(&self) -> String {
        format!("{} of {}", self.run.scenario.name, self.run.service)
    }

    /// Duration of the load.
    pub fn length(&self) -> Duration {
        let measured = self.run.windows.last().map(|last| last.start + last.length);
        measured.unwrap_or_else(|| self.run.to.since(self.run.from))
    }

    /// When it ran, who generated the load, and how it ended.
    pub fn circumstances(&self) -> String {
        let RunRecord {
            engine,
            ending,
            from,
            ..
        } = &self.run;
        let ending = match ending {
            Ending::Completed => "completed".to_owned(),
            Ending::Aborted { why } => format!("aborted: {why}"),
            Ending::Interrupted => "interrupted".to_owned(),
            Ending::Failed { why } => format!("failed: {why}"),
        };
        let (from, length) = (times::second(from.to_utc()), self.length());
        let length = times::length(length.as_secs_f64());
        let who = generated_by(engine);
        format!("{from} UTC, {length}, {who}, {ending}")
    }

    /// Whether the service passed; unknown if the run could not show it. The exit code, the list of runs,
    /// the metric and all report formats agree with this. A missed threshold counts even if the generator
    /// was the limit at other times.
    pub fn answer(&self) -> Answer {
        let fails = self.statements.iter().any(|one| self.is_failure(one));
        let shows_nothing = self.limited().or(self.failure()).is_some();
        match (&self.run.ending, self.decision()) {
            (Ending::Failed { .. }, _) => Answer::Unknown,
            _ if fails => Answer::Bad,
            (_, Decision::Missed) => Answer::Bad,
            _ if shows_nothing => Answer::Unknown,
            (_, Decision::Unmeasured) | (Ending::Aborted { .. }, _) => Answer::Bad,
            (Ending::Interrupted, _) | (_, Decision::Undecided) => Answer::Unknown,
            (Ending::Completed, Decision::Met | Decision::LoadTooLow) => Answer::Good,
        }
    }

    /// Whether a statement alone fails the run: no request succeeded, or the service broke under a load
    /// that its config promises. Other bad statements are findings.
    pub fn is_failure(&self, one: &Statement) -> bool {
        let levels = one.level.zip(self.promised);
        let is_promised = levels.is_some_and(|(level, promised)| level <= promised);
        one.answer == Answer::Bad && (one.topic == REQUESTS || is_promised)
    }

    /// Number of bad statements that do not fail the run.
    pub fn findings(&self) -> usize {
        let bad = self
            .statements
            .iter()
            .filter(|one| one.answer == Answer::Bad);
        bad.filter(|one| !self.is_failure(one)).count()
    }

    /// `passed`, `failed`, or `unknown`.
    pub fn verdict(&self) -> &'static str {
        match self.answer() {
            Answer::Good => "passed",
            Answer::Bad => "failed",
            Answer::Unknown => "unknown",
        }
    }

    /// How the verdict is shown: a run that passed with findings is a warning.
    pub fn level(&self) -> HealthLevel {
        match self.answer() {
            Answer::Good if self.findings() > 0 => HealthLevel::Warn,
            Answer::Good => HealthLevel::Ok,
            Answer::Bad => HealthLevel::Bad,
            Answer::Unknown => HealthLevel::Idle,
        }
    }

    /// `passed, 2 findings`
    pub fn verdict_in_words(&self) -> String {
        with_findings(self.verdict(), self.findings())
    }

    /// The statement that no request succeeded or that none was measured, if true.
    pub fn failure(&self) -> Option<&Statement> {
        self.statement(REQUESTS)
    }

    /// The statement that the generator was the limit, if true.
    fn limited(&self) -> Option<&Statement> {
        self.statement("generator")
    }

    fn statement(&self, topic: &str) -> Option<&Statement> {
        self.statements.iter().find(|one| one.topic == topic)
    }

    /// Thresholds missed by the service, not because of the generator.
    fn missed(&self) -> impl Iterator<Item = &ThresholdResult> {
        let results = self.results.iter();
        results.filter(|one| one.decision == Decision::Missed)
    }

    pub fn to_text(&self, extras: ReportExtras<'_>) -> String {
        text::write(self, extras)
    }

    pub fn to_json(&self) -> String {
        json::write(self)
    }

    /// Markdown for a pull request.
    pub fn to_markdown(&self, extras: ReportExtras<'_>) -> String {
        markdown::write(self, extras)
    }

    /// A self-contained HTML page.
    pub fn to_html(&self, extras: ReportExtras<'_>) -> String {
        html::write(self, extras)
    }

    pub fn to_junit(&self) -> String {
        junit::write(self)
    }
}

/// The latency objective with the highest target determines when the service breaks.
fn limit(service: &ServiceSpec) -> Option<Limit> {
    let objectives = service.objectives.iter();
    let limits = objectives.filter_map(|objective| match objective.sli {
        Sli::Latency { below, of: None } => Some(Limit {
            quantile: objective.target,
            below,
        }),
        _ => None,
    });
    // Targets above 99% need thousands of requests per window.
    let fitting = limits.filter(|limit| limit.quantile <= 0.99);
    fitting.max_by(|a, b| a.quantile.total_cmp(&b.quantile))
}
