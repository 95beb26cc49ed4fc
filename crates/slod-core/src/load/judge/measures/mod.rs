//! The resources of a service and its host that can be full: their series, limits and advice.
//!
//! ```text
//! table.rs: all measures    readers.rs: their series    words.rs: their descriptions
//! ```

mod readers;
mod table;
mod words;

use super::advice::Advice;
use super::needs::Needs;
use super::processors::Users;
use crate::load::RunRecord;
use crate::load::observed::{Curve, Span};
pub(super) use table::{CPU_LACK, CPU_USAGE, all, of};

/// One resource, or another sign of a bottleneck.
#[derive(Debug)]
pub(super) struct Measure {
    /// The topic of its statement; several measures may share one.
    pub topic: &'static str,
    /// The subject of sentences: `the CPU`, followed by ` of ` and what it belongs to.
    pub noun: &'static str,
    pub read: fn(&RunRecord) -> Vec<Curve>,
    pub bound: Bound,
    pub show: Show,
    pub needs: Needs,
    pub advice: Advice,
}

/// The bound beyond which a measure counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// Full at or above this value.
    Level(f64),
    /// Anything above 0, even in one sample.
    Any,
    /// Above the usual range at a low load by at least this much.
    Band(f64),
    /// Like `Band`, but relative to the load: the value per user, or per request per second.
    BandPerLoad(f64),
}

/// How values are formatted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Show {
    /// A share, followed by what it is a share of.
    Share(&'static str),
    Pool,
    Breaker,
    /// A number with its unit.
    Number(&'static str),
    Seconds,
    /// Occurrences of something that should not happen.
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
    /// Advice for when it is beyond its bound; `None` if it is unknown which program causes it.
    pub fn advice_on(&self, run: &RunRecord, curve: &Curve, since: Span) -> Option<Advice> {
        match Users::of(run, curve, since) {
            Some(users) => users.advice(),
            None => Some(self.advice),
        }
    }

    /// Whether other programs than the service fill it, or may do so.
    pub fn is_of_others(run: &RunRecord, curve: &Curve, since: Span) -> bool {
        Users::of(run, curve, since).is_some_and(|users| !users.is_service_first())
    }

    /// Whether it is about a service that the tested one waits for.
    pub fn is_dependency(&self) -> bool {
        self.topic == "ai provider"
    }

    /// Whether a value is at or above the level; false for measures without one.
    pub fn is_full(&self, value: f64) -> bool {
        match self.bound {
            Bound::Level(level) => value >= level,
            Bound::Any => value > 0.0,
            Bound::Band(_) | Bound::BandPerLoad(_) => false,
        }
    }
}
