//! Reports of a load run, for people and programs.

mod chart;
mod compared;
mod drawing;
mod html;
mod json;
mod junit;
mod markdown;
mod requirement;
mod sections;
mod summary;
mod tables;
mod text;
mod threshold;

#[cfg(test)]
mod tests;

pub use compared::Compared;
pub use html::body;
use requirement::promised;
pub use requirement::{Requirement, requirements};
pub use sections::ReportExtras;
pub use summary::RunSummary;
use summary::with_findings;
pub use threshold::{Decision, NotMeasured, Threshold, ThresholdMetric, ThresholdResult};

use crate::config::ServiceSpec;
use crate::format::{numbers, times};
use crate::load::{
    Advice, Answer, Ending, Figures, Indicators, Limit, LoadWindow, OBSERVED, REQUESTS,
    RequestFigures, RunRecord, SOAK, Statement, Usable, advice, indicators, statements,
};
use crate::outcome::Cause;
use crate::slo::Sli;
use std::time::Duration;

/// Maximum number of missed thresholds in the headline.
const MISSED_SHOWN: usize = 2;

/// A run with all results of its evaluation.
#[derive(Debug)]
pub struct RunReport {
    pub run: RunRecord,
    pub held: Vec<ThresholdResult>,
    pub statements: Vec<Statement>,
    pub indicators: Indicators,
    /// The load promised by the config, in the unit of the scenario.
    promised: Option<f64>,
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
        let given = given.map(|one| Requirement::of_all(one, "--threshold"));
        let all = known.chain(given);
        let held: Vec<ThresholdResult> = all.map(|one| judged(&one, &run)).collect();
        let statements = statements(&run, service.and_then(limit));
        let indicators = indicators(&run);
        let load = service.and_then(|service| service.load.as_ref());
        Self {
            promised: promised(&run.scenario, load),
            run,
            held,
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
            let is_refusal = one == advice::FAILED && self.was_refused();
            let one = if is_refusal { advice::REFUSED } else { one };
            let is_known =
                all.contains(&one) || one == advice::FAILED && all.contains(&advice::ERRORS);
            if !is_known {
                all.push(one);
            }
        }
        all
    }

    /// Whether requests failed because the service rejected the load, according to its responses.
    fn was_refused(&self) -> bool {
        let causes = self.run.causes();
        let first = self.run.example(Cause::Status);
        causes.iter().any(|(cause, _)| *cause == Cause::RateLimited)
            || first.is_some_and(|words| words.starts_with("status 429"))
    }

    /// The worst decision of all thresholds.
    pub fn decision(&self) -> Decision {
        Decision::worst(&self.held)
    }

    /// The headline: what was run, and the most important result.
    pub fn headline(&self) -> String {
        format!("{}: {}", self.title(), self.finding())
    }

    /// `stress of rag`
    pub fn title(&self) -> String {
        format!("{} of {}", self.run.scenario.name, self.run.service)
    }

    /// Duration of the load.
    pub fn length(&self) -> Duration {
        let measured = self.run.windows.last().map(|last| last.start + last.length);
        let (from, to) = (self.run.from, self.run.to);
        measured.unwrap_or_else(|| {
            Duration::from_millis(to.0.saturating_sub(from.0).max(0).unsigned_abs())
        })
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
        let who = match engine.as_str() {
            OBSERVED => "watched".to_owned(),
            engine => format!("by {engine}"),
        };
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
            (Ending::Completed, Decision::Kept | Decision::NotAsked) => Answer::Good,
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

    /// `passed, 2 findings`
    pub fn verdict_in_words(&self) -> String {
        with_findings(self.verdict(), self.findings())
    }

    /// The reason if it ended early, and the most important result.
    pub fn finding(&self) -> String {
        let found = self.found();
        match (&self.run.ending, self.too_short()) {
            (Ending::Failed { .. }, _) | (_, None) => found,
            (_, Some(why)) => format!("{found}; {why}"),
        }
    }

    fn found(&self) -> String {
        let ending = match &self.run.ending {
            Ending::Failed { why } => return format!("cannot be judged: {why}"),
            Ending::Aborted { why } => Some(format!("aborted: {why}")),
            Ending::Interrupted => Some("interrupted".to_owned()),
            Ending::Completed => None,
        };
        match (ending, self.worst()) {
            (Some(ending), Some(worst)) => format!("{ending}; {worst}"),
            (Some(ending), None) => ending,
            (None, Some(worst)) => worst,
            (None, None) => self.thresholds_in_words(),
        }
    }

    /// Why a soak test was too short for long-term effects; `None` otherwise.
    fn too_short(&self) -> Option<&str> {
        let soak = self.statement(SOAK);
        soak.map(|one| one.evidence.as_str())
    }

    /// The worst statement, or what can still be said if the generator was the limit. For a run without a
    /// success, this is the whole result.
    fn worst(&self) -> Option<String> {
        let bad = self.statements.iter().find(|one| one.answer == Answer::Bad);
        let bad = self.failure().or(bad).map(|one| one.evidence.clone());
        let Some(limited) = self.limited() else {
            return bad;
        };
        let limited = &limited.evidence;
        let known = bad.or_else(|| self.missed_in_words());
        Some(known.map_or_else(
            || format!("cannot be judged: {limited}"),
            |known| format!("{known}; the rest cannot be judged: {limited}"),
        ))
    }

    fn thresholds_in_words(&self) -> String {
        match self.decision() {
            Decision::Unmeasured => format!(
                "{} of {} thresholds could not be measured",
                self.count(|one| one == Decision::Unmeasured),
                self.held.len()
            ),
            decision if decision.answer() == Answer::Bad => {
                self.missed_in_words().unwrap_or_default()
            }
            _ => self.kept_in_words(),
        }
    }

    fn count(&self, is_one: impl Fn(Decision) -> bool) -> usize {
        let decisions = self.held.iter().map(|one| one.decision);
        decisions.filter(|one| is_one(*one)).count()
    }

    /// Result of a run that missed no threshold.
    fn kept_in_words(&self) -> String {
        let figures = self.figures();
        let errors = figures.error_ratio().filter(|errors| *errors > 0.0);
        match (self.held.is_empty(), errors) {
            (false, _) => self.judged_in_words(),
            (true, Some(errors)) => {
                format!(
                    "there are no thresholds; {} of the requests failed",
                    numbers::failed(errors)
                )
            }
            (true, None) => "there are no thresholds".to_owned(),
        }
    }

    /// Result of thresholds of which none was missed.
    fn judged_in_words(&self) -> String {
        let all = self.held.len();
        let unknown = self.count(|one| one.answer() == Answer::Unknown);
        match unknown {
            0 => "all thresholds were met".to_owned(),
            _ if unknown == all => "no threshold could be judged".to_owned(),
            _ => format!("no threshold was missed; {unknown} of {all} could not be judged"),
        }
    }

    fn figures(&self) -> Figures {
        Figures::of(&self.run.windows)
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
        let held = self.held.iter();
        held.filter(|one| one.decision == Decision::Missed)
    }

    /// `2 of 5 thresholds were missed (errors < 0.1%: 2%; avg < 100ms: 120ms)`
    fn missed_in_words(&self) -> Option<String> {
        let count = self.missed().count();
        let shown = self.missed().take(MISSED_SHOWN);
        let shown = shown.map(|one| format!("{}: {}", one.threshold, one.in_words()));
        let mut shown: Vec<String> = shown.collect();
        if count > MISSED_SHOWN {
            shown.push("...".to_owned());
        }
        let shown = shown.join("; ");
        let all = self.held.len();
        let were = if count == 1 { "was" } else { "were" };
        (count > 0).then(|| format!("{count} of {all} thresholds {were} missed ({shown})"))
    }

    pub fn to_text(&self) -> String {
        text::write(self)
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

/// Judges the requests that say something about the service: for requests just after late starts, only
/// whether they failed; rates only while load was generated.
fn judged(requirement: &Requirement, run: &RunRecord) -> ThresholdResult {
    if requirement.is_of_tokens() {
        return requirement.judge_tokens(&run.requests);
    }
    let usable = Usable::of(run);
    let meant: Vec<&LoadWindow> = match requirement.threshold.of {
        ThresholdMetric::Rate => usable.loaded().collect(),
        ThresholdMetric::Errors => usable.fair().collect(),
        _ => usable.timely().collect(),
    };
    let held = requirement.judge(meant.iter().copied());
    let held = match held.measured {
        Err(NotMeasured::Requests) => not_measured(held, requirement, run),
        _ => held,
    };
    // Rates also exclude the time after the load.
    let others = usable.limited();
    let others = others.filter(|one| requirement.concerns(one) && !meant.contains(one));
    match left_out(others) {
        Some(left) if !meant.is_empty() => ThresholdResult {
            source: format!("{}, without {left}", held.source),
            ..held
        },
        _ => held,
    }
}

/// `10 s with 120 requests in which the generator was the limit`; `None` without such requests.
fn left_out<'a>(windows: impl Iterator<Item = &'a LoadWindow>) -> Option<String> {
    let figures = Figures::of(windows);
    let length = times::length(figures.length.as_secs_f64());
    let requests = numbers::plural(figures.completed, "request");
    (figures.completed > 0)
        .then(|| format!("{length} with {requests} in which the generator was the limit"))
}

/// A threshold without a measurement is missed, unless the service is not the reason.
fn not_measured(
    held: ThresholdResult,
    requirement: &Requirement,
    run: &RunRecord,
) -> ThresholdResult {
    let windows = || run.windows.iter();
    let has_requests = |window: &LoadWindow| window.completed() > 0;
    let concerns = |window: &&LoadWindow| requirement.concerns(window);
    let why = if windows().filter(concerns).any(has_requests) {
        NotMeasured::Limited
    } else if !windows().any(|one| concerns(&one)) && windows().any(has_requests) {
        NotMeasured::Load
    } else {
        return held;
    };
    ThresholdResult {
        measured: Err(why),
        decision: Decision::Undecided,
        ..held
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
