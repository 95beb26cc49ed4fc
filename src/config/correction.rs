//! Reads corrections.

use super::draft::ServiceDraft;
use super::keys::{self, correction as key};
use crate::diagnostic::{Severity, nearest};
use crate::outcome::Timestamp;
use crate::slo::correction::{Correction, IN_CONFIG, span_fault};
use crate::slo::recurrence::{self, Recurrence};
use crate::units::Tz;
use crate::units::likely;
use crate::yaml::{Key, List, Node, Section, Text};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use siphasher::sip::SipHasher13;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::time::Duration;

/// Maximum number of occurrences per day of all corrections together: a thousand hourly ones.
const MAX_OCCURRENCES_PER_DAY: usize = 24 * key::MAX;

/// Reads the valid corrections; errors in the others are reported.
pub(super) fn read_list(root: &Section<'_>, services: &[ServiceDraft<'_>]) -> Vec<Correction> {
    let sections = root.sections(&keys::CORRECTIONS);
    let mut all: Vec<_> = sections
        .filter_map(|section| read(&section, services))
        .collect();
    name(&mut all);
    let rules = all.iter().filter_map(|one| one.repeats.as_ref());
    let per_day: usize = rules.map(Recurrence::per_day).sum();
    if per_day > MAX_OCCURRENCES_PER_DAY {
        let message = format!("too many occurrences of corrections: {per_day} per day");
        let help = format!("expected at most {MAX_OCCURRENCES_PER_DAY}");
        root.error("out-of-range", &keys::CORRECTIONS, message, help);
    }
    all
}

/// Derives each name from the excluded time, so that it stays the same when others are added or removed.
fn name(all: &mut [Correction]) {
    let mut used = BTreeSet::new();
    for one in all {
        let mut hasher = SipHasher13::new();
        let rule = one.repeats.as_ref().map(ToString::to_string);
        (one.from, one.to, rule, &one.services, &one.slos).hash(&mut hasher);
        let hash = hasher.finish() & 0xffff_ffff;
        // Identical corrections are numbered.
        let names = (1..).map(|number| match number {
            1 => format!("{IN_CONFIG}{hash:08x}"),
            _ => format!("{IN_CONFIG}{hash:08x}-{number}"),
        });
        let mut free = names.skip_while(|name| !used.insert(name.clone()));
        one.id = free.next().unwrap_or_default();
    }
}

fn read(section: &Section<'_>, services: &[ServiceDraft<'_>]) -> Option<Correction> {
    let valid_zone = section.get(&key::TIMEZONE);
    // The other values are checked even if the time zone is invalid.
    let zone = valid_zone.unwrap_or(Tz::UTC);
    let from = moment(section, &key::FROM, zone);
    let to = to(section, zone, from);
    let wanted = names(section, &key::SERVICES);
    let slos = names(section, &key::SLOS);
    let known: Vec<&str> = services.iter().map(|service| &*service.name).collect();
    let expected = "expected a service of this file";
    check_names(section, &key::SERVICES, &wanted, (&known[..], expected));
    // If a service is unknown, only that is reported.
    let is_known = wanted.iter().all(|name| known.contains(&&**name));
    let chosen = |service: &&ServiceDraft<'_>| {
        let is_named = wanted.iter().any(|name| **name == *service.name);
        wanted.is_empty() || !is_known || is_named
    };
    let known: Vec<&str> = services
        .iter()
        .filter(chosen)
        .flat_map(ServiceDraft::objective_names)
        .collect();
    let expected = "expected an objective of the services of the correction";
    check_names(section, &key::SLOS, &slos, (&known[..], expected));
    let repeats = repeats(section, from, zone);
    // A correction with `for` keeps its duration instead of its local end.
    let local_end = to.filter(|_| section.has(&key::TO));
    let repeats = repeats.map(|rule| match (rule, local_end) {
        (Some(rule), Some(end)) => Some(rule.ends_at(end)),
        (rule, _) => rule,
    });
    let reason = section.get(&key::REASON);
    let author = section.get(&key::AUTHOR);
    valid_zone?;
    Some(Correction {
        id: String::new(),
        from: from?,
        to: to?,
        repeats: repeats?,
        services: wanted,
        slos,
        reason: reason?,
        author: author?,
    })
}

/// Names, sorted and without duplicates.
fn names(section: &Section<'_>, key: &Key<List<Text>>) -> Vec<String> {
    BTreeSet::from_iter(section.all(key)).into_iter().collect()
}

/// Parses a time with an offset, or a local time in the zone.
fn moment(section: &Section<'_>, key: &Key<Text>, zone: Tz) -> Option<Timestamp> {
    let expected = "a time such as 2026-11-01T22:00:00Z, or 2026-11-01T22:00";
    let written = section.node_of(key).and_then(|node| node.value.scalar());
    let likely = likely::moments(&written.unwrap_or_default());
    let mut likely = likely.into_iter();
    let likely: Vec<_> = likely
        .find(|text| read_moment(text, zone).is_some())
        .into_iter()
        .collect();
    let expected = format!("{expected}{}", likely::question(&likely));
    section.parse(key, &expected, |text| read_moment(text, zone))
}

fn read_moment(text: &str, zone: Tz) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|| {
        let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
        let mut forms = forms.iter();
        let local = forms.find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
        recurrence::moment(zone, local)
    })
}

fn to(section: &Section<'_>, zone: Tz, from: Option<Timestamp>) -> Option<Timestamp> {
    let (to, at) = match (section.has(&key::TO), section.has(&key::FOR)) {
        (true, false) => (moment(section, &key::TO, zone)?, &key::TO),
        (false, true) => {
            let length = section.get(&key::FOR)?;
            (from?.after(length), &key::FROM)
        }
        (true, true) => {
            let message = "`to` and `for` are mutually exclusive";
            section.error("conflict", &key::FOR, message, "remove one of them");
            return None;
        }
        (false, false) => {
            let reader = section.reader();
            let message = "the correction has no end";
            reader.error("missing-key", section.spot(), message, "add `to` or `for`");
            return None;
        }
    };
    if let Some(fault) = span_fault(from?, to) {
        let help = "expected 1s to 31d, in the years 2000 to 2099";
        section.error("out-of-range", at, fault, help);
        return None;
    }
    Some(to)
}

#[expect(clippy::option_option, reason = "invalid, absent, or present")]
fn repeats(section: &Section<'_>, from: Option<Timestamp>, zone: Tz) -> Option<Option<Recurrence>> {
    let exceptions = except(section, zone);
    if !section.has(&key::REPEAT) {
        if section.has(&key::EXCEPT) {
            let message = "`except` requires `repeat`";
            section.error(
                "conflict",
                &key::EXCEPT,
                message,
                "add `repeat`, or remove `except`",
            );
        }
        return Some(None);
    }
    let text = section.get(&key::REPEAT)?;
    // A rule can be checked even if its start is invalid.
    let start = from.unwrap_or(Timestamp(0));
    match Recurrence::parse(&text, start, zone) {
        Ok(rule) => {
            if from.is_some() {
                warn_of_unmatched(section, &rule, zone);
            }
            Some(Some(rule.except(exceptions)))
        }
        Err(reason) => {
            let message = format!("invalid recurrence rule: {reason}");
            let help = "expected an RFC 5545 rule such as FREQ=WEEKLY;BYDAY=SU";
            section.error("invalid-value", &key::REPEAT, message, help);
            None
        }
    }
}

/// Parses excluded days of the zone, and start times of single occurrences.
fn except(section: &Section<'_>, zone: Tz) -> Vec<(Timestamp, Timestamp)> {
    let expected = "a date such as 2026-12-24, or the start time of an occurrence";
    section.parse_all(&key::EXCEPT, expected, |text| exception(text, zone))
}

fn exception(text: &str, zone: Tz) -> Option<(Timestamp, Timestamp)> {
    let midnight = |day: NaiveDate| recurrence::moment(zone, day.and_time(NaiveTime::MIN));
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) => Some((midnight(day)?, midnight(day.succ_opt()?)?)),
        Err(_) => read_moment(text, zone).map(|at| (at, Timestamp(at.0.saturating_add(1)))),
    }
}

/// Warns about exceptions that match no occurrence: the intended occurrence remains in force.
fn warn_of_unmatched(section: &Section<'_>, rule: &Recurrence, zone: Tz) {
    let written = |node: &Node| node.value.scalar();
    for (at, node) in section.list(&key::EXCEPT) {
        // The value of a variable may be secret.
        let text = written(node).filter(|text| !text.contains("${"));
        let Some((from, to)) = text.as_deref().and_then(|text| exception(text, zone)) else {
            continue;
        };
        if !rule.starts(from, to).is_empty() {
            continue;
        }
        let show = |at: Timestamp| at.to_utc().with_timezone(&zone).format("%a %Y-%m-%dT%H:%M");
        let day = from.to_utc().with_timezone(&zone).format("%A");
        let message = format!(
            "no occurrence starts at {}, a {day}",
            text.as_deref().unwrap_or_default()
        );
        let help = nearest_start(rule, from).map_or_else(
            || "remove it".to_owned(),
            |near| format!("the nearest occurrence starts at {}", show(near)),
        );
        let reader = section.reader();
        let code = "exception-without-occurrence";
        reader.report(Severity::Warning, code, &at, message, Some(help));
    }
}

/// The start of the occurrence nearest to a time, at most a year away.
fn nearest_start(rule: &Recurrence, at: Timestamp) -> Option<Timestamp> {
    let spans = [8, 32, 370].map(|days| Duration::from_hours(24 * days));
    let mut near = spans.into_iter().map(|span| {
        let starts = rule.starts(at.before(span), at.after(span));
        starts
            .into_iter()
            .min_by_key(|start| start.0.abs_diff(at.0))
    });
    near.find_map(|found| found)
}

/// Reports an empty list, which would mean all, and unknown names; `expected` is the help without a similar name.
fn check_names(
    section: &Section<'_>,
    key: &Key<List<Text>>,
    names: &[String],
    (known, expected): (&[&str], &str),
) {
    if section.has(key) && section.list(key).is_empty() {
        let message = format!("`{}` is empty", key.name);
        section.error(
            "empty-list",
            key,
            message,
            "remove it to apply the correction to all",
        );
    }
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        let near = nearest(name, known.iter().copied());
        let help = near.map_or_else(
            || expected.to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        section.error("unknown-name", key, format!("unknown name `{name}`"), help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::diagnostic::Source;
    use std::path::Path;

    fn spec(correction: &str) -> Correction {
        let text = format!(
            "corrections: [ {{ {correction}, reason: test }} ]\nservices:\n  - name: web\n    probes: [ {{ name: p, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]\n    objectives: []\n"
        );
        let mut config: Config = text.parse().expect("valid");
        config.corrections.remove(0)
    }

    fn starts(spec: &Correction, from: &str, to: &str) -> Vec<String> {
        let stamp = |text: &str| Timestamp::parse(text).expect("a moment");
        let found = spec.occurrences(stamp(from), stamp(to));
        let show = |(from, _): &(Timestamp, _)| from.to_utc().format("%m-%d %H:%M").to_string();
        found.iter().map(show).collect()
    }

    #[test]
    fn a_recurring_correction_keeps_its_local_time_and_skips_exceptions() {
        let spec = spec(
            "from: \"2026-10-11T02:30\", for: 1h, repeat: FREQ=WEEKLY, except: [2026-10-18, \"2026-11-08T02:30\"], timezone: Europe/Berlin, services: [web, web]",
        );
        // Summer time ends on 2026-10-25 at 03:00 in Berlin.
        let expected = ["10-11 00:30", "10-25 00:30", "11-01 01:30", "11-15 01:30"];
        let all = starts(&spec, "2026-10-01T00:00:00Z", "2026-11-16T00:00:00Z");
        assert_eq!(all, expected);
        let running = starts(&spec, "2026-10-25T01:29:59Z", "2026-10-26T00:00:00Z");
        assert_eq!(running, expected[1..2]);
        assert_eq!(spec.services, ["web"]);
        let until = spec_of_night("to: \"2026-10-24T03:30\"");
        let length = spec_of_night("for: 1h");
        for (spec, minutes) in [(until, 120), (length, 60)] {
            let day = Timestamp(1_792_886_400_000);
            let found = spec.occurrences(day, day.after(std::time::Duration::from_hours(24)));
            let lengths: Vec<_> = found
                .iter()
                .map(|(from, to)| (to.0 - from.0) / 60_000)
                .collect();
            assert_eq!(lengths, [minutes], "{spec:?}");
        }
    }

    #[test]
    fn an_exception_without_an_occurrence_is_a_warning() {
        let warnings = |except: &str| {
            let text = format!(
                "corrections: [ {{ from: \"2026-11-01T02:00\", for: 1h, repeat: FREQ=WEEKLY;BYDAY=SU, timezone: Europe/Berlin, except: [{except}], reason: test }} ]\nservices:\n  - name: web\n    probes: [ {{ name: p, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]\n    objectives: []\n"
            );
            let source = Source::new("test", text);
            let loaded = Config::load(&source, Path::new(""), &|_| None);
            let all = loaded.diagnostics.into_iter();
            let all = all.filter(|one| one.code == "exception-without-occurrence");
            all.map(|one| (one.message, one.help.unwrap_or_default()))
                .collect::<Vec<_>>()
        };
        assert_eq!(warnings("2027-01-03, \"2026-11-08T02:00\""), []);
        let found = warnings("2027-01-02, \"2026-11-08T03:00\", 2026-10-25");
        let helps = [
            "Sun 2027-01-03T02:00",
            "Sun 2026-11-08T02:00",
            "Sun 2026-11-01T02:00",
        ]
        .map(|at| format!("the nearest occurrence starts at {at}"));
        assert_eq!(
            found.iter().map(|(_, help)| help).collect::<Vec<_>>(),
            helps.iter().collect::<Vec<_>>()
        );
        assert_eq!(found[0].0, "no occurrence starts at 2027-01-02, a Saturday");
    }

    fn spec_of_night(end: &str) -> Correction {
        spec(&format!(
            "from: \"2026-10-24T02:30\", {end}, repeat: FREQ=DAILY, timezone: Europe/Berlin"
        ))
    }

    #[test]
    fn a_time_does_not_need_seconds() {
        let zone = Tz::named("Europe/Berlin").expect("a zone");
        let seconds = |text: &str| read_moment(text, zone).map(|at| at.0 / 1000);
        let expected = seconds("2026-12-31T22:00:00Z");
        for text in [
            "2026-12-31T22:00Z",
            "2026-12-31T23:00+01:00",
            "2026-12-31T23:00",
            "2026-12-31t22:00:00z",
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        for text in [
            "2026-12-31T22:00é",
            "2026-12-31T22:00+",
            "2026-12-31T24:00Z",
            "2026-12-31",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
