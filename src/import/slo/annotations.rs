//! Annotations of `OpenSLO` objects with what the specification has no word for: an export writes them, and an import
//! makes the same objectives of them again.

use crate::slo::{EventSource, NoDataPolicy, Objective, Sli, When};
use crate::units::show_duration;

/// What their names begin with.
pub const PREFIX: &str = "slod/";
/// The name in a config, of a service and of an objective.
pub const NAME: &str = "slod/name";
/// What an objective alerts by in addition to its tiers: `exhausted,forecast`.
pub const ALERTS: &str = "slod/alerts";
/// The short window of a tier, in its policy.
pub const SHORT: &str = "slod/short";
/// The indicator: every objective that was exported has it.
pub const SLI: &str = "slod/sli";

/// A key of an objective in a config.
pub struct Annotated {
    pub annotation: &'static str,
    /// An import sets it to what the annotation has.
    pub key: &'static str,
    /// What an export writes; nothing where the config would say nothing.
    pub written: fn(&Objective) -> Option<String>,
}

const fn annotated(
    annotation: &'static str,
    key: &'static str,
    written: fn(&Objective) -> Option<String>,
) -> Annotated {
    Annotated {
        annotation,
        key,
        written,
    }
}

/// All of them.
pub const OBJECTIVE: [Annotated; 7] = [
    annotated(SLI, "sli", |objective| {
        Some(objective.sli.name().to_owned())
    }),
    annotated("slod/source", "source", |objective| {
        (objective.source == EventSource::Metrics).then(|| "metrics".to_owned())
    }),
    annotated("slod/below", "below", |objective| match objective.sli {
        Sli::Latency { below, .. } => Some(show_duration(below)),
        _ => None,
    }),
    annotated("slod/of", "of", |objective| match objective.sli {
        Sli::Latency { of, .. } => of.map(|of| of.label().to_owned()),
        _ => None,
    }),
    annotated("slod/at_least", "at_least", |objective| {
        match objective.sli {
            Sli::Throughput(throughput) => Some(throughput.at_least.to_string()),
            _ => None,
        }
    }),
    annotated("slod/when", "when", |objective| match objective.sli {
        Sli::Throughput(throughput) => {
            (throughput.when == When::Always).then(|| "always".to_owned())
        }
        _ => None,
    }),
    annotated("slod/on_missing", "on_missing", |objective| {
        let written = match objective.missing {
            NoDataPolicy::Exclude => return None,
            NoDataPolicy::Bad => "bad",
            NoDataPolicy::Good => "good",
        };
        Some(written.to_owned())
    }),
];
