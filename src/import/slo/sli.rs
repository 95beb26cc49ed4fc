//! What two queries measure, in the terms of a config: roles of a service's own metrics.

use super::draft::Roles;
use super::query::{Counter, Matcher, Query};
use crate::import::document::At;
use crate::units::show_duration;
use std::time::Duration;

/// Labels that Prometheus adds when it scrapes, by itself or as it is usually set up in a cluster: the
/// service's own page does not have them.
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
/// A bound that is higher is hardly one in seconds.
const SECONDS_MAX: f64 = 60.0;

/// Why two queries are no indicator; `None` for the usual reason.
type Refusal = Option<String>;

/// An indicator.
pub(super) enum Measured {
    /// `requests` and `errors`.
    Success(Roles),
    /// `request_duration`, and what is fast.
    Latency(Roles, String),
}

/// What of all events is counted.
pub(super) enum Part<'a> {
    Good(At<'a>),
    Bad(At<'a>),
}

impl<'a> Part<'a> {
    fn at(&self) -> At<'a> {
        match self {
            Self::Good(at) | Self::Bad(at) => *at,
        }
    }
}

/// Says at its place why a query is none that a config can have.
pub(super) fn measured(part: &Part<'_>, total: At<'_>) -> Option<Measured> {
    let (of_part, of_total) = (query(part.at()), query(total));
    let (of_part, of_total) = (of_part?, of_total?);
    match indicator(part, &of_part, &of_total) {
        Ok(found) => Some(found),
        Err(why) => {
            let usual = "the queries are not a ratio of two counters of the service, nor of a bucket and the count of a histogram";
            let why = why.unwrap_or_else(|| usual.to_owned());
            part.at().remark(format!("left out: {why}"));
            None
        }
    }
}

fn indicator(part: &Part<'_>, of_part: &Query, of_total: &Query) -> Result<Measured, Refusal> {
    let all = of_total.counter().ok_or(None)?;
    match (part, of_part) {
        (Part::Bad(_), Query::Minus(count, fast)) if **count == *of_total => {
            latency(fast.counter().ok_or(None)?, all)
        }
        (Part::Bad(_), Query::Counter(bad)) => Ok(success(bad, all)),
        (Part::Good(_), Query::Counter(good)) if good.name.ends_with("_bucket") => {
            latency(good, all)
        }
        (Part::Good(_), Query::Counter(good)) => {
            let bad = failed(good, all).ok_or(None)?;
            Ok(success(&bad, all))
        }
        _ => Err(None),
    }
}

/// The query of a place, without labels that only Prometheus has.
pub(super) fn query(at: At<'_>) -> Option<Query> {
    let text = at
        .text()?
        .replace("{{.window}}", "5m")
        .replace("{{ .window }}", "5m");
    let Some(mut query) = Query::parse(&text) else {
        at.remark("left out: the query is not a plain sum of counters");
        return None;
    };
    strip(&mut query, at);
    Some(query)
}

fn strip(query: &mut Query, at: At<'_>) {
    match query {
        Query::Counter(counter) => {
            for label in OF_SCRAPES {
                while counter.take(label).is_some() {
                    at.remark(format!(
                        "the matcher of `{label}` is left out: the service's own page has no such label"
                    ));
                }
            }
        }
        Query::Minus(left, right) | Query::Per(left, right) => {
            strip(left, at);
            strip(right, at);
        }
    }
}

pub(super) fn success(bad: &Counter, all: &Counter) -> Measured {
    Measured::Success(Roles {
        requests: Some(all.selector()),
        errors: Some(bad.selector()),
        ..Roles::default()
    })
}

/// The requests that are not good, where one matcher is what makes the good ones good.
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

/// A bucket of a histogram and its count.
fn latency(fast: &Counter, all: &Counter) -> Result<Measured, Refusal> {
    let mut histogram = fast.clone();
    let le = histogram.take("le").filter(|le| le.operator == "=");
    let le: f64 = le.and_then(|le| le.plain().parse().ok()).ok_or(None)?;
    let name = fast.name.strip_suffix("_bucket").ok_or(None)?;
    name.clone_into(&mut histogram.name);
    let is_count = all.name.strip_suffix("_count") == Some(name)
        && sorted(&all.matchers) == sorted(&histogram.matchers);
    if !is_count {
        return Err(None);
    }
    let below = threshold(name, le).map_err(Some)?;
    let roles = Roles {
        request_duration: Some(histogram.selector()),
        ..Roles::default()
    };
    Ok(Measured::Latency(roles, show_duration(below)))
}

/// A bucket's bound as a config has it, where the histogram's name says its unit: whole milliseconds.
fn threshold(name: &str, le: f64) -> Result<Duration, String> {
    let in_ms = ["_milliseconds", "_ms"]
        .iter()
        .any(|end| name.ends_with(end));
    let in_seconds = ["_seconds", "_s"].iter().any(|end| name.ends_with(end));
    if !in_ms && !in_seconds && le > SECONDS_MAX {
        return Err(format!(
            "the name of `{name}` does not say its unit, and {le} would be seconds; slod reads `_milliseconds` and `_seconds`"
        ));
    }
    let ms = if in_ms { le } else { le * 1e3 };
    let whole = Duration::try_from_secs_f64(ms.round() / 1e3);
    let is_whole = (ms - ms.round()).abs() < 1e-6;
    whole
        .ok()
        .filter(|whole| is_whole && !whole.is_zero())
        .ok_or_else(|| {
            format!("the bound {le} is not a whole number of milliseconds, as `below` is")
        })
}

fn sorted(matchers: &[Matcher]) -> Vec<&Matcher> {
    let mut sorted: Vec<&Matcher> = matchers.iter().collect();
    sorted.sort();
    sorted
}
