//! Latency objectives that pool probes of very different work.

use super::finding::{Finding, objectives};
use crate::config::draft::Draft;
use crate::config::model::ProbeSpec;
use crate::probe::http::is_health_check;
use crate::slo::{Combine, Sli};
use url::Url;

pub(super) fn different_paths(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (service, placed) in objectives(draft) {
        let objective = &placed.value;
        if !matches!(objective.sli, Sli::Latency { .. }) || objective.combine != Combine::Pooled {
            continue;
        }
        let mut probes = service.counting(objective).map(|probe| &probe.value);
        let Some(first) = probes.next() else { continue };
        let work = Work::of(first);
        if let Some(other) = probes.find(|probe| Work::of(probe) != work) {
            found.push(Finding {
                at: placed.section.spot().clone(),
                message: format!(
                    "`{}` of `{}` pools the latencies of {} and {}: the fast one can hide the slow one",
                    objective.name,
                    service.name,
                    describe(first),
                    describe(other)
                ),
                help: "add a latency objective for each, with `probes: [ ... ]`, or split the service".to_owned(),
            });
        }
    }
    found
}

fn describe(spec: &ProbeSpec) -> String {
    format!("`{}` ({})", spec.key.probe, spec.probe.target())
}

/// What a probe requests, as far as it determines how long the response takes.
#[derive(PartialEq, Eq)]
struct Work {
    kind: &'static str,
    is_health_check: bool,
    /// The first segment of the path; the rest may be an identifier.
    first_segment: String,
}

impl Work {
    fn of(spec: &ProbeSpec) -> Self {
        let target = spec.probe.target();
        let url = Url::parse(&target).ok();
        let path = url.as_ref().map_or("", Url::path).to_ascii_lowercase();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        Self {
            kind: spec.kind,
            is_health_check: is_health_check(&target),
            first_segment: segments.next().unwrap_or_default().to_owned(),
        }
    }
}
