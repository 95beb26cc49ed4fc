//! Warning signs: what each looks for, and what it found.

pub mod indicator;
pub mod kinds;
mod rise;
pub mod rules;
pub mod threshold;
mod track;

pub use indicator::{INDICATORS, Indicator, IndicatorKind};
pub use kinds::SIGNALS;
pub use rise::{Rise, is_gapless};
pub use threshold::{Level, Settings};
pub use track::{HOUR, Keep, RECENT, SILENCE, Track};

use crate::alert::Urgency;
use crate::outcome::Timestamp;
use std::sync::Arc;
use threshold::Threshold;

/// A warning sign that is looked for.
#[derive(Debug, PartialEq)]
pub struct SignalKind {
    /// As in the config, metrics and the runbook: `memory_growing`.
    pub name: &'static str,
    /// For people: `Memory usage growing`.
    pub title: &'static str,
    /// The name of its alert: `SlodMemoryGrowing`.
    pub alert: &'static str,
    /// Trends are tickets: only burn rates page.
    pub urgency: Urgency,
    /// From which value on it is there, where a config can set it.
    pub threshold: Option<Threshold>,
    /// What it means, for the documentation.
    pub meaning: &'static str,
}

/// Whether a warning sign is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    Active,
    Clear,
    /// Nothing can be said: too little was sampled, or there is no source.
    Unknown,
}

/// What one warning sign found about one thing at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub kind: &'static SignalKind,
    /// `None` for the host.
    pub service: Option<Arc<str>>,
    /// What it is about within the service or host, such as a process, a file system or a probe;
    /// empty if it is about all of it.
    pub subject: Arc<str>,
    pub presence: Presence,
    /// One sentence: the numbers that it was decided by, what was missing, or the smallest effect
    /// that could have been seen.
    pub evidence: Arc<str>,
    /// What it looked at as characters of different heights, the oldest first, and over how long.
    /// Empty unless it is active, and for what has no course.
    pub chart: Arc<str>,
}

/// What all warning signs found at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    pub at: Timestamp,
    pub all: Vec<Finding>,
    /// Of every service, in the order of the config.
    pub indicators: Vec<Indicator>,
}

impl Presence {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Clear => "clear",
            Self::Unknown => "unknown",
        }
    }
}
