//! Annotations of `OpenSLO` objects for everything that the specification does not cover: written by an export, and
//! read by an import to restore the same objectives.

use crate::slo::{Combine, EventSource, NoDataPolicy, Objective, Sli, When};
use crate::units::show_duration;

/// Prefix of their names.
pub const PREFIX: &str = "slod/";
/// The name of a service or an objective in the config.
pub const NAME: &str = "slod/name";
/// The alerts of an objective in addition to its tiers: `exhausted,forecast`.
pub const ALERTS: &str = "slod/alerts";
/// The short window of a tier, in its policy.
pub const SHORT: &str = "slod/short";
/// The indicator; present for every exported objective.
pub const SLI: &str = "slod/sli";

/// A key of an objective in the config, and its annotation.
pub struct Annotated {
    pub annotation: &'static str,
    /// The config key, which an import sets to the value of the annotation.
    pub key: &'static str,
    /// The exported value; `None` if the config does not need it.
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

/// All annotations of objectives.
pub const OBJECTIVE: [Annotated; 8] = [
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
    annotated("slod/combine", "combine", |objective| {
        let written = match objective.combine {
            Combine::Pooled | Combine::Weighted => return None,
            Combine::All => "all",
            Combine::Any => "any",
        };
        let is_default = objective.combine == objective.budgeting.default_combine();
        (!is_default).then(|| written.to_owned())
    }),
];
