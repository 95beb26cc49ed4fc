//! The resources of a service and its host that can be full: the series that show it, the limit, and
//! advice.
//!
//! ```text
//! table.rs: all of them    readers.rs: their series    words.rs: what is said of them
//! ```

mod readers;
mod table;
mod words;

use super::super::RunRecord;
use super::super::observed::{Curve, Span};
use super::advice::Advice;
use super::needs::Needs;
use super::processors::Users;
pub(super) use table::{CPU_LACK, CPU_USAGE, all, of};

/// One resource, or another sign that something does not keep up.
#[derive(Debug)]
pub(super) struct Measure {
    /// The topic of its statement: several measures share one.
    pub topic: &'static str,
    /// `the CPU`, followed by ` of ` and what it is about.
    pub noun: &'static str,
    pub read: fn(&RunRecord) -> Vec<Curve>,
    pub bound: Bound,
    pub show: Show,
    pub needs: Needs,
    pub advice: Advice,
}

/// From when on it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// Full from this value on.
    Level(f64),
    /// Anything above 0, even in one sample.
    Any,
    /// More than usual under a low load, by at least this much.
    Band(f64),
    /// Likewise, for what grows with the load: its value per user, or per request and second.
    BandPerLoad(f64),
}

/// How its values are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Show {
    /// A share, followed by what it is a share of.
    Share(&'static str),
    Pool,
    Breaker,
    /// A number with its unit.
    Number(&'static str),
    Seconds,
    /// Something that should not happen.
    Events(&'static str),
}

/// Topics in the order of their statements.
pub(super) const TOPICS: [&str; 9] = [
    "cpu",
    "memory",
    "connection pool",
    "queue",
    "circuit breakers",
    "open files",
    "ai provider",
    "network",
    "disk",
];

impl Measure {
    /// What to do about it once it is beyond its bound; `None` if it is not known whose fault it is.
    pub fn advice_on(&self, run: &RunRecord, curve: &Curve, since: Span) -> Option<Advice> {
        match Users::of(run, curve, since) {
            Some(users) => users.advice(),
            None => Some(self.advice),
        }
    }

    /// Whether others than the service fill it, or may do so.
    pub fn is_of_others(run: &RunRecord, curve: &Curve, since: Span) -> bool {
        Users::of(run, curve, since).is_some_and(|users| !users.is_service_first())
    }

    /// Whether a value is beyond the level; for those that have one.
    pub fn is_full(&self, value: f64) -> bool {
        match self.bound {
            Bound::Level(level) => value >= level,
            Bound::Any => value > 0.0,
            Bound::Band(_) | Bound::BandPerLoad(_) => false,
        }
    }
}
