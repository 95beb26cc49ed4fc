//! What two queries measure, in the terms of a config: roles of a service's own metrics.

use super::draft::Roles;
use super::query::{Counter, Query};
use crate::import::document::At;
use crate::units::show_duration;
use std::time::Duration;

/// Labels that Prometheus adds when it scrapes: the service's own page does not have them.
const OF_SCRAPES: [&str; 2] = ["job", "instance"];

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
    let refuse = || {
        part.at().remark(
            "left out: the queries are not a ratio of two counters of the service, nor of a bucket and the count of a histogram",
        );
    };
    let Some(all) = of_total.counter() else {
        refuse();
        return None;
    };
    let found = match (part, &of_part) {
        (Part::Bad(_), Query::Minus(count, fast)) if **count == of_total => {
            fast.counter().and_then(|fast| latency(fast, all))
        }
        (Part::Bad(_), Query::Counter(bad)) => Some(success(bad, all)),
        (Part::Good(_), Query::Counter(good)) if good.name.ends_with("_bucket") => {
            latency(good, all)
        }
        (Part::Good(_), Query::Counter(good)) => failed(good, all).map(|bad| success(&bad, all)),
        _ => None,
    };
    if found.is_none() {
        refuse();
    }
    found
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
                if counter.take(label).is_some() {
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
fn latency(fast: &Counter, all: &Counter) -> Option<Measured> {
    let mut histogram = fast.clone();
    let le = histogram.take("le").filter(|le| le.operator == "=")?;
    let below = le.plain().parse().ok();
    let below = Duration::try_from_secs_f64(below?)
        .ok()
        .filter(|one| !one.is_zero())?;
    fast.name
        .strip_suffix("_bucket")?
        .clone_into(&mut histogram.name);
    let is_count = all.name.strip_suffix("_count") == Some(&histogram.name)
        && all.matchers == histogram.matchers;
    is_count.then(|| {
        let roles = Roles {
            request_duration: Some(histogram.selector()),
            ..Roles::default()
        };
        Measured::Latency(roles, show_duration(below))
    })
}
