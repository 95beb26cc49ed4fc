//! The expected answer. Pure.

use super::answer::Answer;
use crate::outcome::{Cause, FinishReason};
use crate::probe::check::Check;
use crate::probe::http::json::JsonCondition;
use crate::probe::json_text;
use crate::probe::pattern::display_pattern;
use crate::probe::quoted::quoted;
use regex::Regex;

/// A range with optional bounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    pub min: Option<u32>,
    pub max: Option<u32>,
}

#[derive(Debug, Default)]
pub struct Expect {
    pub text: Vec<String>,
    pub regex: Vec<Regex>,
    pub regex_not: Vec<Regex>,
    pub json: Vec<JsonCondition>,
    /// In characters.
    pub length: Bounds,
    /// Number of output tokens.
    pub tokens: Bounds,
    pub finish: Vec<FinishReason>,
    pub dimensions: Option<u32>,
}

impl Expect {
    /// Whether there are no expectations.
    pub fn is_empty(&self) -> bool {
        !self.is_about_text() && self.dimensions.is_none()
    }

    /// Whether anything is expected that embeddings cannot have.
    pub fn is_about_text(&self) -> bool {
        let bounds = [self.length, self.tokens];
        !(self.text.is_empty()
            && self.regex.is_empty()
            && self.regex_not.is_empty()
            && self.json.is_empty()
            && self.finish.is_empty()
            && bounds
                .iter()
                .all(|one| one.min.is_none() && one.max.is_none()))
    }

    /// Slow: see [`crate::probe::evaluate`].
    pub fn check(&self, answer: &Answer) -> Vec<Check> {
        let text = &answer.text;
        let mut checks = Vec::new();
        for wanted in &self.text {
            let holds = text.contains(wanted.as_str());
            let seen = if holds {
                "contains"
            } else {
                "does not contain"
            };
            checks.push(check(
                holds,
                format!("the answer {seen} {}", quoted(wanted.as_bytes())),
            ));
        }
        let unwanted = self.regex_not.iter().map(|regex| (regex, false));
        for (regex, wanted) in self.regex.iter().map(|regex| (regex, true)).chain(unwanted) {
            let found = regex.is_match(text);
            let seen = if found { "matches" } else { "does not match" };
            let must = if wanted {
                ""
            } else {
                ", which it must not match"
            };
            checks.push(check(
                found == wanted,
                format!(
                    "the answer {seen} {}{must}",
                    display_pattern(regex.as_str())
                ),
            ));
        }
        self.check_json(text, &mut checks);
        self.check_numbers(answer, &mut checks);
        self.check_finish(answer, &mut checks);
        checks
    }

    fn check_json(&self, text: &str, checks: &mut Vec<Check>) {
        if self.json.is_empty() {
            return;
        }
        match json_text::parse(text.as_bytes()) {
            Ok(value) => checks.extend(self.json.iter().map(|condition| {
                let (holds, text) = condition.check(&value);
                check(holds, text)
            })),
            Err(error) => checks.push(check(
                false,
                format!("the answer is not valid JSON: {error}"),
            )),
        }
    }

    fn check_numbers(&self, answer: &Answer, checks: &mut Vec<Check>) {
        let length = u64::try_from(answer.text.chars().count()).ok();
        let dimensions = answer.dimensions.and_then(|one| u64::try_from(one).ok());
        let exactly = Bounds {
            min: self.dimensions,
            max: self.dimensions,
        };
        for (bounds, seen, what) in [
            (self.length, length, "characters"),
            (self.tokens, answer.usage.output, "output tokens"),
            (exactly, dimensions, "dimensions"),
        ] {
            checks.extend(bounds.check(seen, what));
        }
    }

    fn check_finish(&self, answer: &Answer, checks: &mut Vec<Check>) {
        if self.finish.is_empty() {
            return;
        }
        let holds = answer.finish.is_some_and(|one| self.finish.contains(&one));
        let wanted: Vec<_> = self.finish.iter().map(|one| one.label()).collect();
        let seen = answer.finish.map_or("unknown", FinishReason::label);
        checks.push(check(
            holds,
            format!(
                "the finish reason is {seen}, expected {}",
                wanted.join(", ")
            ),
        ));
    }
}

impl Bounds {
    fn check(self, seen: Option<u64>, what: &str) -> Option<Check> {
        let (min, max) = (self.min.map(u64::from), self.max.map(u64::from));
        let wanted = match (min, max) {
            (None, None) => return None,
            (Some(min), Some(max)) if min == max => format!("{min}"),
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
        };
        let holds = seen.is_some_and(|seen| {
            min.is_none_or(|min| seen >= min) && max.is_none_or(|max| seen <= max)
        });
        let seen = seen.map_or_else(
            || "an unknown number of".to_owned(),
            |seen| seen.to_string(),
        );
        Some(check(
            holds,
            format!("the answer has {seen} {what}, expected {wanted}"),
        ))
    }
}

fn check(holds: bool, text: String) -> Check {
    Check::new(holds, Cause::Answer, text)
}
