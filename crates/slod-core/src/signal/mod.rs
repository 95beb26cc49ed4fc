//! Warning signs: their kinds, and their findings.

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
    /// The name in the config, metrics and the runbook: `memory_growing`.
    pub name: &'static str,
    /// The title shown to people: `Memory usage growing`.
    pub title: &'static str,
    /// The name of its alert: `SlodMemoryGrowing`.
    pub alert: &'static str,
    /// Trends are tickets; only burn rates page.
    pub urgency: Urgency,
    /// The value at which the sign becomes present; `None` if it cannot be configured.
    pub threshold: Option<Threshold>,
    /// Its meaning, for the documentation.
    pub meaning: &'static str,
}

/// Whether a warning sign is present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    Active,
    Clear,
    /// Too little was sampled, or there is no source.
    Unknown,
}

/// The finding of one warning sign about one subject at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub kind: &'static SignalKind,
    /// `None` for the host.
    pub service: Option<Arc<str>>,
    /// The subject within the service or host, such as a process, a file system or a probe. Empty if it is
    /// the whole service or host.
    pub subject: Arc<str>,
    pub presence: Presence,
    /// One sentence: the numbers behind the decision, what is missing, or the smallest effect that would
    /// have been detected.
    pub evidence: Arc<str>,
    /// A sparkline of the evaluated values, oldest first, and their time span. Empty unless the sign is
    /// active, and for signs without a series of values.
    pub chart: Arc<str>,
}

/// The findings of all warning signs at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    pub at: Timestamp,
    pub all: Vec<Finding>,
    /// The indicators of all services, in config order.
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
