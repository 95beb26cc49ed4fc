//! The configuration that a measurement needs, and why it is missing from a run.

use crate::load::RunRecord;
use crate::load::observed::gauges;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Host,
    Processes,
    /// Keys of `metrics`.
    Metrics(&'static str),
}

impl Needs {
    /// Why the measurement is missing from a run.
    pub fn lacking(self, run: &RunRecord) -> String {
        match self {
            _ if run.is_imported() => "not part of another tool's results".to_owned(),
            Self::Host => "needs `observe.host`".to_owned(),
            Self::Processes => "needs `processes` of the service".to_owned(),
            Self::Metrics(keys) => metrics(run, keys),
        }
    }
}

/// What is missing from a run, with the reasons: `queue, pool (needs ...); memory (needs ...)`; `None` if
/// nothing is missing.
pub fn not_observed(
    run: &RunRecord,
    missing: impl IntoIterator<Item = (&'static str, Needs)>,
) -> Option<String> {
    // In order of first appearance.
    let mut all: Vec<(String, Vec<&str>)> = Vec::new();
    for (what, needs) in missing {
        let why = needs.lacking(run);
        match all.iter_mut().find(|(known, _)| *known == why) {
            Some((_, those)) => those.push(what),
            None => all.push((why, vec![what])),
        }
    }
    let each = all.iter();
    let each: Vec<String> = each
        .map(|(why, those)| format!("{} ({why})", those.join(", ")))
        .collect();
    (!each.is_empty()).then(|| each.join("; "))
}

fn metrics(run: &RunRecord, keys: &str) -> String {
    let scrapes = gauges(run, "slod_scrape_success");
    let mut points = scrapes.iter().flat_map(|curve| &curve.points);
    if scrapes.is_empty() {
        "needs `metrics` of the service".to_owned()
    } else if points.any(|(_, is_read)| *is_read > 0.5) {
        format!("the `metrics` of the service have no {keys}")
    } else {
        "the `metrics` of the service could not be read".to_owned()
    }
}
