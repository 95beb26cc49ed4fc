//! Reads corrections.

use super::draft::ServiceDraft;
use super::keys::CORRECTION;
use super::read::duration_within;
use super::zone::zone;
use crate::diagnostic::nearest;
use crate::outcome::Timestamp;
use crate::slo::correction::{Correction, IN_CONFIG, LENGTHS, span_fault};
use crate::slo::recurrence::{self, Recurrence};
use crate::yaml::Section;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use std::collections::BTreeSet;

const MAX_CORRECTIONS: usize = 1000;
/// Occurrences of all of them in a day: a thousand hourly ones.
const MAX_OCCURRENCES_PER_DAY: usize = 24 * MAX_CORRECTIONS;

/// Those that are free of faults.
pub(super) fn read_list(root: &Section<'_>, services: &[ServiceDraft<'_>]) -> Vec<Correction> {
    let items = root.list("corrections");
    let too_many = |message, most| {
        let help = format!("expected at most {most}");
        root.error("out-of-range", "corrections", message, help);
    };
    if items.len() > MAX_CORRECTIONS {
        too_many(
            format!("{} corrections are too many", items.len()),
            MAX_CORRECTIONS,
        );
    }
    let all: Vec<_> = items
        .into_iter()
        .take(MAX_CORRECTIONS)
        .enumerate()
        .filter_map(|(number, (at, node))| {
            let section = root.reader().section(node, &at.path, CORRECTION)?;
            read(&section, number, services)
        })
        .collect();
    let rules = all.iter().filter_map(|one| one.repeats.as_ref());
    let per_day: usize = rules.map(Recurrence::per_day).sum();
    if per_day > MAX_OCCURRENCES_PER_DAY {
        let message = format!("corrections that occur {per_day} times a day are too many");
        too_many(message, MAX_OCCURRENCES_PER_DAY);
    }
    all
}

fn read(section: &Section<'_>, number: usize, services: &[ServiceDraft<'_>]) -> Option<Correction> {
    let zone = zone(section)?;
    let from = moment(section, "from", zone);
    let to = to(section, zone, from);
    let wanted = names(section, "services");
    let slos = names(section, "slos");
    let known: Vec<&str> = services.iter().map(|service| &*service.name).collect();
    check_names(section, "services", &wanted, &known);
    let known: Vec<&str> = services
        .iter()
        .flat_map(|service| &service.objectives)
        .map(|objective| objective.value.name.as_str())
        .collect();
    check_names(section, "slos", &slos, &known);
    let repeats = repeats(section, from, zone);
    let reason = section.text("reason");
    Some(Correction {
        id: format!("{IN_CONFIG}{}", number + 1),
        from: from?,
        to: to?,
        repeats: repeats?,
        services: wanted,
        slos,
        reason: reason?,
        author: section
            .text("author")
            .unwrap_or_else(|| "config".to_owned()),
    })
}

/// A set: each name once.
fn names(section: &Section<'_>, key: &str) -> Vec<String> {
    let all = section.texts(key, "a name", |text| Some(text.to_owned()));
    BTreeSet::from_iter(all).into_iter().collect()
}

/// A moment with its offset, or a local one of the zone.
fn moment(section: &Section<'_>, key: &str, zone: Tz) -> Option<Timestamp> {
    let expected = "a moment such as 2026-11-01T22:00:00Z, or 2026-11-01T22:00";
    section.parse(key, expected, |text| read_moment(text, zone))
}

fn read_moment(text: &str, zone: Tz) -> Option<Timestamp> {
    let fixed = DateTime::parse_from_rfc3339(text).ok();
    let fixed = fixed.map(|at| Timestamp(at.timestamp_millis()));
    fixed.or_else(|| {
        let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
        let mut forms = forms.iter();
        let local = forms.find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
        recurrence::moment(zone, local)
    })
}

fn to(section: &Section<'_>, zone: Tz, from: Option<Timestamp>) -> Option<Timestamp> {
    let (to, key) = match (section.has("to"), section.has("for")) {
        (true, false) => (moment(section, "to", zone)?, "to"),
        (false, true) => {
            let length = duration_within(section, "for", LENGTHS, None)?;
            (from?.after(length), "from")
        }
        (true, true) => {
            let message = "`to` and `for` both say when it ends";
            section.error("conflict", "for", message, "keep one of them");
            return None;
        }
        (false, false) => {
            let reader = section.reader();
            let message = "nothing says when it ends";
            reader.error("missing-key", section.spot(), message, "add `to` or `for`");
            return None;
        }
    };
    if let Some(fault) = span_fault(from?, to) {
        let help = "expected 1s to 31d, in the years 2000 to 2099";
        section.error("out-of-range", key, fault, help);
        return None;
    }
    Some(to)
}

#[expect(clippy::option_option, reason = "faulty, absent, or there")]
fn repeats(section: &Section<'_>, from: Option<Timestamp>, zone: Tz) -> Option<Option<Recurrence>> {
    let except = except(section, zone);
    if !section.has("repeat") {
        if section.has("except") {
            let message = "`except` is for corrections that repeat";
            section.error("conflict", "except", message, "add `repeat`, or remove it");
        }
        return Some(None);
    }
    let text = section.text("repeat")?;
    // A rule can be checked even if its start is faulty.
    let start = from.unwrap_or(Timestamp(0));
    match Recurrence::parse(&text, start, zone) {
        Ok(rule) => Some(Some(rule.except(except))),
        Err(reason) => {
            let message = format!("invalid recurrence rule: {reason}");
            let help = "expected a rule of RFC 5545 such as FREQ=WEEKLY;BYDAY=SU";
            section.error("invalid-value", "repeat", message, help);
            None
        }
    }
}

/// Days of the zone, and single moments.
fn except(section: &Section<'_>, zone: Tz) -> Vec<(Timestamp, Timestamp)> {
    let expected = "a day such as 2026-12-24, or the moment at which an occurrence begins";
    section.texts("except", expected, |text| {
        let midnight = |day: NaiveDate| recurrence::moment(zone, day.and_time(NaiveTime::MIN));
        match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(day) => Some((midnight(day)?, midnight(day.succ_opt()?)?)),
            Err(_) => read_moment(text, zone).map(|at| (at, Timestamp(at.0.saturating_add(1)))),
        }
    })
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

    fn spec(correction: &str) -> Correction {
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

    fn starts(spec: &Correction, from: &str, to: &str) -> Vec<String> {
        let stamp = |text: &str| {
            let at = DateTime::parse_from_rfc3339(text).expect("a moment");
            Timestamp(at.timestamp_millis())
        };
        let found = spec.occurrences(stamp(from), stamp(to));
        let show = |(from, _): &(Timestamp, _)| from.to_utc().format("%m-%d %H:%M").to_string();
        found.iter().map(show).collect()
    }

    #[test]
    fn a_repeated_one_keeps_its_hour_and_leaves_days_out() {
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
    }
}
