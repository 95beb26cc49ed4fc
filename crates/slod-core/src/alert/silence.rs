//! People's decisions about alerts: silences and acknowledgements.

use super::record::{Acknowledgement, AlertKey};
use super::tier::other_severity;
use crate::outcome::Timestamp;
use crate::text::from_go;
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Maximum number of silences.
pub const MAX_SILENCES: usize = 1000;
/// Maximum number of matchers in a silence.
pub const MAX_MATCHERS: usize = 20;
/// Maximum length of a matcher's value, in characters.
const MAX_VALUE: usize = 1000;
/// Maximum size of a compiled regular expression, in bytes.
const MAX_REGEX: usize = 1 << 16;

/// `name="value"`, `name!="value"`, `name=~"value"` or `name!~"value"`, as in Alertmanager. A missing label
/// matches like an empty one.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    value: String,
    is_equal: bool,
    regex: Option<Regex>,
}

/// A time range in which matching alerts do not notify.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// Assigned by the store.
    pub id: i64,
    /// All must match. There is at least one, and at least one does not match the empty string.
    pub matchers: Vec<Matcher>,
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    pub author: String,
    pub reason: String,
}

/// All silences and acknowledgements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decisions {
    pub silences: Vec<Silence>,
    pub acknowledged: BTreeMap<(AlertKey, Timestamp), Arc<Acknowledgement>>,
}

impl Matcher {
    /// Parses one or more matchers: `service=web,severity=page` or `{service="web"}`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let text = text.trim();
        let inner = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'));
        let list = inner.unwrap_or(text).trim();
        let mut parts = split(list);
        // As in Alertmanager, a trailing comma is allowed.
        if parts.len() > 1 && parts.last().is_some_and(|last| last.trim().is_empty()) {
            parts.pop();
        }
        parts
            .into_iter()
            .map(|part| Self::parse(part.trim()))
            .collect()
    }

    /// Parses `service=web`, `service="web"`, `severity!=critical` or `slo=~"latency-.*"`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let invalid = || {
            format!(
                "invalid matcher `{text}`; expected a label, an operator (=, !=, =~ or !~) and a value, such as service=web or slo=~\"latency-.*\""
            )
        };
        let at = text.find(['=', '!']).ok_or_else(invalid)?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let operators = [
            ("=~", true, true),
            ("!~", false, true),
            ("!=", false, false),
            ("=", true, false),
        ];
        let mut found = operators
            .iter()
            .filter_map(|(operator, is_equal, is_regex)| {
                let value = rest.strip_prefix(operator)?;
                Some((value.trim(), *is_equal, *is_regex))
            });
        let (value, is_equal, is_regex) = found.next().ok_or_else(invalid)?;
        let value = unquoted(value).ok_or_else(invalid)?;
        let is_start = |first: char| first.is_ascii_alphabetic() || first == '_';
        let is_name = name
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || one == '_');
        if !name.starts_with(is_start) || !is_name {
            return Err(invalid());
        }
        Self::new(name, &value, is_equal, is_regex)
    }

    pub fn new(name: &str, value: &str, is_equal: bool, is_regex: bool) -> Result<Self, String> {
        if value.chars().count() > MAX_VALUE {
            return Err(format!(
                "the value of the matcher `{name}` has more than {MAX_VALUE} characters"
            ));
        }
        let regex = is_regex.then(|| {
            // The expression is anchored at both ends.
            let whole = regex::RegexBuilder::new(&format!("^(?:{})$", from_go(value)))
                .size_limit(MAX_REGEX)
                .build();
            whole.map_err(|_| {
                format!("invalid regular expression `{value}` of the matcher `{name}`")
            })
        });
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
            is_equal,
            regex: regex.transpose()?,
        })
    }

    /// The label and the value of a matcher `name="value"`; `None` for other operators and the empty value.
    pub fn required(&self) -> Option<(&str, &str)> {
        let is_required = self.is_equal && self.regex.is_none() && !self.value.is_empty();
        is_required.then_some((&self.name, &self.value))
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let label = labels.get(&self.name).map_or("", String::as_str);
        self.is_met_by(label) == self.is_equal
    }

    fn is_met_by(&self, label: &str) -> bool {
        let is_met = |word: &str| match &self.regex {
            Some(regex) => regex.is_match(word),
            None => self.value == word,
        };
        // Both names of a severity match, as in routes.
        is_met(label) || (self.name == "severity" && is_met(other_severity(label)))
    }
}

/// Formats the matcher as [`Matcher::parse`] accepts it.
impl std::fmt::Display for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operator = match (self.is_equal, self.regex.is_some()) {
            (true, false) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (false, true) => "!~",
        };
        let value = self.value.replace('\\', "\\\\").replace('"', "\\\"");
        let value = value.replace('\n', "\\n");
        write!(f, "{}{operator}\"{value}\"", self.name)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// Splits at commas outside of quotes.
fn split(list: &str) -> Vec<&str> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    let is_border = |character: char| {
        in_quotes ^= character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        character == ',' && !in_quotes
    };
    list.split(is_border).collect()
}

/// Removes the quotes of a value. `\"` and `\\` in it stand for `"` and `\`, and `\n` for
/// a line break.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return (!value.contains(['"', ','])).then(|| value.to_owned());
    };
    let (mut text, mut rest) = (String::new(), inner.chars());
    loop {
        match rest.next()? {
            '"' => return rest.next().is_none().then_some(text),
            '\\' => match rest.next()? {
                escaped @ ('"' | '\\') => text.push(escaped),
                'n' => text.push('\n'),
                other => text.extend(['\\', other]),
            },
            other => text.push(other),
        }
    }
}

impl Silence {
    /// Why the silence is invalid; `None` if it is valid.
    pub fn fault(&self) -> Option<String> {
        if self.to <= self.from {
            return Some("`to` must be after `from`".to_owned());
        }
        if self.matchers.is_empty() || self.matchers.len() > MAX_MATCHERS {
            return Some(format!("a silence must have 1 to {MAX_MATCHERS} matchers"));
        }
        let none = BTreeMap::new();
        let matches_nothing = self.matchers.iter().all(|one| one.matches(&none));
        matches_nothing.then(|| {
            "at least one matcher must not match the empty string; these would silence every alert without the labels".to_owned()
        })
    }

    pub fn is_active(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.to
    }

    /// Whether it is active and ends within 15 minutes, or within a tenth of its length if that is shorter.
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        const AHEAD_MS: i64 = 900_000;
        let ahead = AHEAD_MS.min((self.to.0 - self.from.0) / 10);
        self.is_active(now) && self.to.0 - ahead <= now.0
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels))
    }

    /// Whether it selects alerts by their name, such as `alertname=SlodMaintenance`. Only such a silence mutes
    /// announcements of maintenance and reminders of silences: who silences the alerts of a service does not
    /// expect to miss them.
    pub fn selects_by_name(&self) -> bool {
        let mut all = self.matchers.iter();
        all.any(|one| one.name == "alertname" && one.is_equal)
    }
}

impl Decisions {
    /// The active silence that matches these labels.
    pub fn active(&self, labels: &BTreeMap<String, String>, now: Timestamp) -> Option<&Silence> {
        self.all_active(labels, now).next()
    }

    /// Whether an active silence matches these labels of an announcement, see [`Silence::selects_by_name`].
    pub fn mutes_announcement(&self, labels: &BTreeMap<String, String>, now: Timestamp) -> bool {
        self.all_active(labels, now).any(Silence::selects_by_name)
    }

    fn all_active(
        &self,
        labels: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> impl Iterator<Item = &Silence> {
        let active = self.silences.iter().filter(move |one| one.is_active(now));
        active.filter(|one| one.matches(labels))
    }

    /// The id of the active silence that matches these labels.
    pub fn silence(&self, labels: &BTreeMap<String, String>, now: Timestamp) -> Option<i64> {
        self.active(labels, now).map(|one| one.id)
    }

    /// Whether a silence begins or ends after `from` and up to `to`.
    pub fn change_between(&self, from: Timestamp, to: Timestamp) -> bool {
        let is_between = |at: Timestamp| from < at && at <= to;
        let mut all = self.silences.iter();
        all.any(|one| is_between(one.from) || is_between(one.to))
    }
}

#[cfg(test)]
mod tests;
