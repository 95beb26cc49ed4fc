//! Reads corrections, and tells when the repeated ones occur.

use super::draft::ServiceDraft;
use super::keys::CORRECTION;
use super::model::CorrectionSpec;
use super::read::duration_within;
use super::zone::zone;
use crate::diagnostic::nearest;
use crate::outcome::{Timestamp, millis};
use crate::slo::correction::{Correction, IN_CONFIG};
use crate::yaml::Section;
use chrono::{DateTime, NaiveDateTime, TimeZone};
use rrule::{RRule, RRuleSet, Tz, Unvalidated};
use std::time::Duration;

const MOST: usize = 1000;
const LENGTHS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(31 * 86_400));
/// Occurrences of one rule that are looked at: an hourly one for more than a year.
const OCCURRENCES: u16 = 10_000;
/// Occurrences older than the longest window do not matter any more.
const PAST: Duration = Duration::from_secs(400 * 86_400);

impl CorrectionSpec {
    /// Its occurrences that matter at `now`, up to two days ahead.
    pub fn occurrences(&self, now: Timestamp) -> Vec<Correction> {
        let Some(rule) = &self.repeats else {
            return vec![self.first.clone()];
        };
        let length = Duration::from_millis((self.first.to.0 - self.first.from.0).unsigned_abs());
        let at = |moment: Timestamp| moment.to_utc().with_timezone(&Tz::UTC);
        let ahead = now.after(Duration::from_secs(2 * 86_400));
        let found = rule.clone().after(at(now.before(PAST))).before(at(ahead));
        let occurrence = |start: DateTime<Tz>| {
            let from = Timestamp(start.timestamp_millis());
            Correction {
                from,
                to: from.after(length),
                ..self.first.clone()
            }
        };
        found
            .all(OCCURRENCES)
            .dates
            .into_iter()
            .map(occurrence)
            .collect()
    }
}

/// Those that are free of faults.
pub(super) fn read_list(root: &Section<'_>, services: &[ServiceDraft<'_>]) -> Vec<CorrectionSpec> {
    let items = root.list("corrections");
    if items.len() > MOST {
        let message = format!("{} corrections are too many", items.len());
        root.error(
            "out-of-range",
            "corrections",
            message,
            format!("expected at most {MOST}"),
        );
    }
    items
        .into_iter()
        .take(MOST)
        .enumerate()
        .filter_map(|(number, (at, node))| {
            let section = root.reader().section(node, &at.path, CORRECTION)?;
            read(&section, number, services)
        })
        .collect()
}

fn read(
    section: &Section<'_>,
    number: usize,
    services: &[ServiceDraft<'_>],
) -> Option<CorrectionSpec> {
    let zone = zone(section).map(Tz::from);
    let from = moment(section, "from", zone?);
    let to = to(section, zone?, from);
    let names = |key| section.texts(key, "a name", |text| Some(text.to_owned()));
    let (wanted, slos) = (names("services"), names("slos"));
    let known: Vec<&str> = services.iter().map(|service| &*service.name).collect();
    check_names(section, "services", &wanted, &known);
    let known: Vec<&str> = services
        .iter()
        .flat_map(|service| &service.objectives)
        .map(|objective| objective.value.name.as_str())
        .collect();
    check_names(section, "slos", &slos, &known);
    let repeats = repeats(section, from);
    let reason = section.text("reason");
    Some(CorrectionSpec {
        first: Correction {
            id: format!("{IN_CONFIG}{}", number + 1),
            from: stamp(from?),
            to: to?,
            services: wanted,
            slos,
            reason: reason?,
            author: section
                .text("author")
                .unwrap_or_else(|| "config".to_owned()),
        },
        repeats: repeats?,
    })
}

fn stamp(at: DateTime<Tz>) -> Timestamp {
    Timestamp(at.timestamp_millis())
}

/// A moment with its offset, or a local one that exists in the zone.
fn moment(section: &Section<'_>, key: &str, zone: Tz) -> Option<DateTime<Tz>> {
    let expected = "a moment such as 2026-11-01T22:00:00Z, or 2026-11-01T22:00";
    section.parse(key, expected, |text| {
        let fixed = DateTime::parse_from_rfc3339(text).ok();
        fixed.map(|at| at.with_timezone(&zone)).or_else(|| {
            let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
            let local = forms
                .iter()
                .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
            zone.from_local_datetime(&local).earliest()
        })
    })
}

fn to(section: &Section<'_>, zone: Tz, from: Option<DateTime<Tz>>) -> Option<Timestamp> {
    match (section.has("to"), section.has("for")) {
        (true, false) => {
            let to = stamp(moment(section, "to", zone)?);
            let length = to.0 - stamp(from?).0;
            if length > 0 && length <= millis(LENGTHS.1) {
                return Some(to);
            }
            let help = "expected a moment up to 31d after `from`";
            section.error("out-of-range", "to", "the end does not fit", help);
            None
        }
        (false, true) => {
            let length = duration_within(section, "for", LENGTHS, None)?;
            Some(stamp(from?).after(length))
        }
        (true, true) => {
            let message = "`to` and `for` both say when it ends";
            section.error("conflict", "for", message, "keep one of them");
            None
        }
        (false, false) => {
            let reader = section.reader();
            let message = "nothing says when it ends";
            reader.error("missing-key", section.spot(), message, "add `to` or `for`");
            None
        }
    }
}

#[expect(clippy::option_option, reason = "faulty, absent, or there")]
fn repeats(section: &Section<'_>, from: Option<DateTime<Tz>>) -> Option<Option<RRuleSet>> {
    if !section.has("repeat") {
        return Some(None);
    }
    let expected = "a rule as calendars write it, such as FREQ=WEEKLY;BYDAY=SU, hourly at most";
    // A rule can be checked even if its start is faulty.
    let start = from.unwrap_or_else(|| DateTime::UNIX_EPOCH.with_timezone(&Tz::UTC));
    let rule = section.parse("repeat", expected, |text| {
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        let rule: RRule<Unvalidated> = text.parse().ok()?;
        let rule = rule.validate(start).ok()?;
        (rule.get_freq() <= rrule::Frequency::Hourly).then_some(rule)
    })?;
    Some(Some(RRuleSet::new(from?).rrule(rule)))
}

fn check_names(section: &Section<'_>, key: &str, names: &[String], known: &[&str]) {
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        let near = nearest(name, known.iter().copied());
        let help = near.map_or_else(
            || "it must be one that this file has".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        section.error("unknown-name", key, format!("there is no `{name}`"), help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::diagnostic::Source;
    use std::path::Path;

    fn spec(correction: &str) -> CorrectionSpec {
        let text = format!(
            "corrections: [ {{ {correction}, reason: test }} ]\nservices:\n  - name: web\n    probes: [ {{ name: p, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]\n    objectives: []\n"
        );
        let source = Source {
            name: "test".into(),
            text,
        };
        let loaded = Config::load(&source, Path::new(""), &|_| None, crate::probe::KINDS);
        let mut config = loaded.config.expect("valid");
        config.corrections.remove(0)
    }

    fn starts(spec: &CorrectionSpec, now: &str) -> Vec<String> {
        let now = DateTime::parse_from_rfc3339(now).expect("a moment");
        let found = spec.occurrences(Timestamp(now.timestamp_millis()));
        let show = |one: &Correction| one.from.to_utc().format("%m-%d %H:%M").to_string();
        found.iter().map(show).collect()
    }

    #[test]
    fn a_repeated_one_keeps_its_hour_when_clocks_change() {
        let spec = spec(
            "from: \"2026-10-11T02:30\", for: 1h, repeat: FREQ=WEEKLY, timezone: Europe/Berlin",
        );
        // Summer time ends on 2026-10-25 at 03:00 in Berlin; only two days ahead are told.
        let expected = ["10-11 00:30", "10-18 00:30", "10-25 00:30", "11-01 01:30"];
        assert_eq!(starts(&spec, "2026-10-30T12:00:00Z"), expected);
        assert_eq!(starts(&spec, "2026-10-23T12:00:00Z"), expected[..3]);
    }

    #[test]
    fn rules_end_and_what_is_too_old_is_left_out() {
        let counted = spec("from: \"2026-01-01T00:00\", for: 1h, repeat: FREQ=DAILY;COUNT=3");
        let days = ["01-01 00:00", "01-02 00:00", "01-03 00:00"];
        assert_eq!(starts(&counted, "2026-06-01T00:00:00Z"), days);
        let endless = spec("from: \"2020-01-01T00:00\", for: 1h, repeat: FREQ=DAILY");
        let told = starts(&endless, "2026-06-01T00:00:00Z");
        assert_eq!((told.len(), told[0].as_str()), (403, "04-27 00:00"));
    }
}
