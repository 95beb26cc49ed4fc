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

/// A kind of warning sign.
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
    /// The value from which on it is present, where a config can set it.
    pub threshold: Option<Threshold>,
    /// What it means, for the documentation.
    pub meaning: &'static str,
}

/// Whether a warning sign is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    Active,
    Clear,
    /// Not known: too little was sampled, or there is no source.
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
    /// One sentence: the numbers behind the decision, what was missing, or the smallest effect
    /// that would have been detected.
    pub evidence: Arc<str>,
    /// The evaluated values as characters of different heights, the oldest first, and their time span.
    /// Empty unless the sign is active, and for signs without a series of values.
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
