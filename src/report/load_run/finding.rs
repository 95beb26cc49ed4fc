//! The most important result of a run, as a sentence.

use super::RunReport;
use crate::format::numbers;
use crate::load::{Answer, Ending, Figures, OTHER_RUNS, SOAK, Statement};
use crate::threshold::{Decision, NotMeasured, ThresholdMetric, ThresholdResult};

/// Maximum number of missed thresholds in the headline.
const MISSED_SHOWN: usize = 2;

impl RunReport {
    /// The headline: what was run, and the most important result.
    pub fn headline(&self) -> String {
        format!("{}: {}", self.title(), self.finding())
    }

    /// The reason if it ended early, the most important result, and what limits its meaning.
    pub fn finding(&self) -> String {
        let found = self.found();
        if matches!(self.run.ending, Ending::Failed { .. }) {
            return found;
        }
        self.reservations()
            .fold(found, |found, why| format!("{found}; {why}"))
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
            (Some(known), None) | (None, Some(known)) => known,
            (None, None) => self.passed_in_words(),
        }
    }

    /// That a soak test was too short for long-term effects, and that other runs made load at the same time.
    fn reservations(&self) -> impl Iterator<Item = &str> {
        let found = [SOAK, OTHER_RUNS].into_iter();
        let found = found.filter_map(|topic| self.statement(topic));
        found.map(|one| one.evidence.as_str())
    }

    /// What was bad, or what can still be said if the generator was the limit.
    fn worst(&self) -> Option<String> {
        let bad = self.bad();
        let Some(limited) = self.limited() else {
            return bad;
        };
        let limited = &limited.evidence;
        Some(bad.map_or_else(
            || format!("cannot be judged: {limited}"),
            |bad| format!("{bad}; the rest cannot be judged: {limited}"),
        ))
    }

    /// What failed the run, and the first finding, which is often its cause. A statement that alone fails the run
    /// is the result, after one of a lasting effect.
    fn bad(&self) -> Option<String> {
        let bad = || {
            self.statements
                .iter()
                .filter(|one| one.answer == Answer::Bad)
        };
        let failure = self.failure().or(bad().find(|one| self.is_failure(one)));
        if let Some(failure) = failure {
            let lasting = bad().find(|one| is_lasting(one) && one.topic != failure.topic);
            let lasting = lasting.map_or_else(String::new, |one| format!("{}; ", one.evidence));
            return Some(lasting + &failure.evidence);
        }
        let found = bad().next().map(|one| one.evidence.clone());
        match (self.failed_in_words(), found) {
            (Some(failed), Some(found)) => Some(format!("{failed}; {found}")),
            (failed, found) => failed.or(found),
        }
    }

    /// The thresholds that fail the run, unless it was aborted because of one.
    fn failed_in_words(&self) -> Option<String> {
        match (&self.run.ending, self.decision()) {
            (Ending::Aborted { .. }, _) => None,
            (_, Decision::Missed) => Some(self.missed_in_words()),
            (_, Decision::Unmeasured) if self.limited().is_none() => Some(format!(
                "{} of {} thresholds could not be measured",
                self.count(|one| one == Decision::Unmeasured),
                self.results.len()
            )),
            _ => None,
        }
    }

    fn count(&self, is_one: impl Fn(Decision) -> bool) -> usize {
        let decisions = self.results.iter().map(|one| one.decision);
        decisions.filter(|one| is_one(*one)).count()
    }

    /// Result of a run that missed no threshold.
    fn passed_in_words(&self) -> String {
        let figures = self.figures();
        let errors = figures.error_ratio().filter(|errors| *errors > 0.0);
        match (self.results.is_empty(), errors) {
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
        let all = self.results.len();
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

    /// `2 of 5 thresholds were missed (errors < 0.1%: 2%, cause: status (first: status 503); avg < 100ms: 120ms)`
    fn missed_in_words(&self) -> String {
        let is_of_errors = |one: &&ThresholdResult| one.threshold.of == ThresholdMetric::Errors;
        let (errors, others): (Vec<_>, Vec<_>) = self.missed().partition(is_of_errors);
        let count = errors.len() + others.len();
        // What only the failures made slow says no more than the errors.
        let adds = |one: &&ThresholdResult| {
            errors.is_empty() || !matches!(one.measured, Err(NotMeasured::Bad { slow: 0, .. }))
        };
        let shown = errors
            .iter()
            .copied()
            .chain(others.into_iter().filter(adds));
        let mut shown: Vec<String> = shown
            .take(MISSED_SHOWN)
            .map(|one| self.one_missed(one))
            .collect();
        if count > shown.len() {
            shown.push("...".to_owned());
        }
        let shown = shown.join("; ");
        let all = self.results.len();
        let were = if count == 1 { "was" } else { "were" };
        format!("{count} of {all} thresholds {were} missed ({shown})")
    }

    fn one_missed(&self, result: &ThresholdResult) -> String {
        let threshold = &result.threshold;
        let words = format!("{threshold}: {}", result.in_words());
        // Causes are counted over all requests.
        let is_of_all = threshold.of == ThresholdMetric::Errors && threshold.request.is_none();
        match self.run.main_cause_in_words().filter(|_| is_of_all) {
            Some(cause) => format!("{words}, {cause}"),
            None => words,
        }
    }
}

/// Whether it is the first thing to know: the process ended, or the service did not recover.
fn is_lasting(one: &Statement) -> bool {
    matches!(one.topic, "restarts" | "recovery")
}
