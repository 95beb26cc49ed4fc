//! Workers on other machines that were lost during a run.

use crate::load::{RunRecord, WORKERS};

/// The spans in which fewer workers ran than before, in seconds since the start.
pub(super) fn lost_spans(run: &RunRecord) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    let (mut most, mut is_lost) = (0.0_f64, false);
    for (second, value) in workers(run) {
        let was_lost = is_lost;
        is_lost = value < most;
        most = most.max(value);
        match spans.last_mut().filter(|_| was_lost) {
            Some(last) => last.1 = if is_lost { f64::INFINITY } else { second },
            None if is_lost => spans.push((second, f64::INFINITY)),
            None => {}
        }
    }
    spans
}

/// The number of workers on other machines, by seconds since the start.
fn workers(run: &RunRecord) -> impl Iterator<Item = (f64, f64)> {
    let series = run.observed.iter().find(|one| one.key.name() == WORKERS);
    let samples = series.into_iter().flat_map(|one| &one.samples);
    samples.map(|one| ((one.at.0 - run.from.0).max(0) as f64 / 1000.0, one.value))
}

pub(super) fn lost_workers(run: &RunRecord) -> Option<String> {
    let mut most = 0.0;
    for (second, value) in workers(run) {
        if value < most {
            let lost = most - value;
            return Some(format!(
                "{lost:.0} of {most:.0} workers were lost after {:.0} s: from then on the load was not as planned",
                second.floor()
            ));
        }
        most = value.max(most);
    }
    None
}
