//! Converts two queries to an indicator of a config: roles of a service's own metrics.

use super::draft::Roles;
use super::query::{Counter, Events, Query, Value};
use crate::import::document::At;
use crate::units::{seconds_of_name, show_duration};
use slod_core::selector::LabelMatcher;
use std::collections::BTreeMap;
use std::time::Duration;

/// Labels that Prometheus adds during scrapes, by itself or in common cluster setups; they are not in
/// the service's own metrics.
const OF_SCRAPES: [&str; 8] = [
    "job",
    "instance",
    "namespace",
    "pod",
    "container",
    "node",
    "cluster",
    "endpoint",
];
/// Maximum plausible bound in seconds.
const SECONDS_MAX: f64 = 60.0;

/// An indicator.
pub(super) enum Measured {
    /// `requests` and `errors`.
    Success(Roles),
    /// `request_duration`, and what is fast.
    Latency(Roles, String),
}

impl Measured {
    /// Sets the keys of an objective. Returns the selectors that its service needs.
    pub fn set(self, keys: &mut BTreeMap<&'static str, String>) -> Roles {
        keys.insert("source", "metrics".to_owned());
        match self {
            Self::Success(roles) => {
                keys.insert("sli", "success".to_owned());
                roles
            }
            Self::Latency(roles, below) => {
                keys.insert("sli", "latency".to_owned());
                keys.insert("below", below);
                roles
            }
        }
    }
}

/// A query for the good or the bad events.
pub(super) enum EventQuery<'a> {
    Good(At<'a>),
    Bad(At<'a>),
}

impl<'a> EventQuery<'a> {
    fn at(&self) -> At<'a> {
        match self {
            Self::Good(at) | Self::Bad(at) => *at,
        }
    }
}

/// The indicator of this query and a query for all events. If a config cannot express it, a remark at
/// the query says why.
pub(super) fn measured(part: &EventQuery<'_>, total: At<'_>) -> Option<Measured> {
    let (counted, all) = (events(part.at()), events(total));
    let (counted, all) = (counted?, all?);
    let bad = match part {
        EventQuery::Bad(_) => counted,
        EventQuery::Good(_) => all.clone().minus(counted),
    };
    or_remark(part.at(), indicator(bad, &all, part.at()))
}

/// The indicator of a query that divides the good or bad events by all events.
pub(super) fn of_ratio(part: &EventQuery<'_>) -> Option<Measured> {
    let at = part.at();
    let Value::Share {
        part: counted,
        whole,
    } = query(at)?
    else {
        at.remark("left out: the query is not a ratio");
        return None;
    };
    let bad = match part {
        EventQuery::Bad(_) => counted,
        EventQuery::Good(_) => whole.clone().minus(counted),
    };
    or_remark(at, indicator(bad, &whole, at))
}

fn events(at: At<'_>) -> Option<Events> {
    match query(at)? {
        Value::Events(events) => Some(events),
        Value::Number(_) | Value::Share { .. } => {
            at.remark("left out: the query is a ratio, not a number of events");
            None
        }
    }
}

fn or_remark(at: At<'_>, found: Result<Measured, String>) -> Option<Measured> {
    found
        .map_err(|why| at.remark(format!("left out: {why}")))
        .ok()
}

/// The value of the query at a position, without labels that only Prometheus adds.
fn query(at: At<'_>) -> Option<Value> {
    let read = match Query::read(&at.raw()?) {
        Ok(read) => read,
        Err(why) => {
            at.remark(format!("left out: {why}"));
            return None;
        }
    };
    for what in read.left_out {
        at.remark(what);
    }
    Some(match read.value {
        Value::Number(number) => Value::Number(number),
        Value::Events(events) => Value::Events(stripped(events, at)),
        Value::Share { part, whole } => Value::Share {
            part: stripped(part, at),
            whole: stripped(whole, at),
        },
    })
}

fn stripped(mut events: Events, at: At<'_>) -> Events {
    for counter in events.plus.iter_mut().chain(&mut events.minus) {
        for matcher in counter.matchers.extract_if(.., |one| is_of_scrapes(one)) {
            let label = matcher.label;
            at.remark(format!(
                "the matcher of `{label}` is left out: the service's own metrics have no such label"
            ));
        }
    }
    events
}

/// Whether Prometheus adds the label. The endpoints that it adds are names of ports, but a service may have paths.
fn is_of_scrapes(matcher: &LabelMatcher) -> bool {
    let is_path = matcher.label == "endpoint" && matcher.value.contains('/');
    OF_SCRAPES.contains(&matcher.label.as_str()) && !is_path
}

fn indicator(bad: Events, all: &Events, at: At<'_>) -> Result<Measured, String> {
    let usual = || {
        "the queries are neither a ratio of two counters nor of a bucket and the count of a histogram".to_owned()
    };
    let one = |events: &Events| {
        let why = "the summed counters differ in name and labels, and a role has only one selector";
        events.merged().ok_or_else(|| why.to_owned())
    };
    if !all.minus.is_empty() || all.plus.is_empty() {
        return Err(usual());
    }
    if bad.minus.is_empty() && !bad.plus.is_empty() {
        let bad = one(&bad)?;
        if let (Some(name), Some(bound)) = (bad.histogram(), bad.bound()) {
            at.remark(format!(
                "requests up to the bound {bound} of `{name}` are the bad ones: if they should be the good ones, subtract them from the count"
            ));
        }
        return Ok(success(&bad, &one(all)?));
    }
    let good = all.clone().minus(bad);
    let ([good], [all]) = (&good.plus[..], &all.plus[..]) else {
        return Err(usual());
    };
    match (good.histogram(), good.bound()) {
        (Some(name), Some(bound)) => {
            let found = latency(name, bound, good, all);
            if found.is_ok() && seconds_of_name(name).is_none() {
                at.remark(format!(
                    "the bound {bound} of `{name}` is taken as seconds, because its name does not contain a unit"
                ));
            }
            found
        }
        _ => Ok(success(&failed(good, all).ok_or_else(usual)?, all)),
    }
}

fn success(bad: &Counter, all: &Counter) -> Measured {
    Measured::Success(Roles {
        requests: Some(all.selector()),
        errors: Some(bad.selector()),
        ..Roles::default()
    })
}

/// The requests that are not good, if a single matcher selects the good ones.
fn failed(good: &Counter, all: &Counter) -> Option<Counter> {
    let mut more = good
        .matchers
        .iter()
        .filter(|one| !all.matchers.contains(one));
    let (only, none) = (more.next()?, more.next());
    let is_part = all.matchers.iter().all(|one| good.matchers.contains(one));
    (good.name == all.name && is_part && none.is_none()).then(|| {
        let mut bad = all.clone();
        bad.matchers.push(only.negated());
        bad
    })
}

/// The indicator of a histogram bucket and the histogram's count.
fn latency(name: &str, bound: f64, fast: &Counter, all: &Counter) -> Result<Measured, String> {
    let mut histogram = fast.clone();
    histogram.take("le");
    name.clone_into(&mut histogram.name);
    if all.name.strip_suffix("_count") != Some(name) || all.matchers != histogram.matchers {
        return Err(format!(
            "a bucket of `{name}` is not a share of {}",
            all.selector()
        ));
    }
    let below = threshold(name, bound)?;
    let roles = Roles {
        request_duration: Some(histogram.selector()),
        ..Roles::default()
    };
    Ok(Measured::Latency(roles, show_duration(below)))
}

/// The bound of a bucket in whole milliseconds, if the histogram's name contains its unit.
fn threshold(name: &str, le: f64) -> Result<Duration, String> {
    let unit = seconds_of_name(name);
    if unit.is_none() && le > SECONDS_MAX {
        return Err(format!(
            "the name `{name}` does not contain its unit, and {le} is implausible in seconds; slod supports names that end in `_seconds`, `_milliseconds`, `_microseconds` or `_nanoseconds`"
        ));
    }
    let ms = le * unit.unwrap_or(1.0) * 1e3;
    let whole = Duration::try_from_secs_f64(ms.round() / 1e3);
    let is_whole = (ms - ms.round()).abs() < 1e-6;
    whole
        .ok()
        .filter(|whole| is_whole && !whole.is_zero())
        .ok_or_else(|| {
            format!("the bound {le} is not a whole number of milliseconds, which `below` requires")
        })
}
