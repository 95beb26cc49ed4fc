//! Growth, degradation and rising errors under a constant load.

pub(super) mod growth;
mod room;
mod trends;

use crate::load::observed::length;
use crate::load::verdict::{Answer, Statement};
use crate::load::{Figures, Usable};
use crate::trend::{Windows, load_rises};
use std::time::Duration;
pub(super) use trends::{degradation, errors};

/// A rise of the load that explains growth.
const LOAD_LEAST: f64 = 0.1;
const MIB: f64 = 1_048_576.0;

pub(in crate::load) fn statements(usable: &Usable<'_>) -> Vec<Statement> {
    let mut all = vec![degradation(usable), errors(usable)];
    all.extend(growth::statements(usable));
    all
}

/// Rising response times and errors. A short run can show them, but not that there are none.
pub(in crate::load) fn rises(usable: &Usable<'_>) -> Vec<Statement> {
    let mut all = vec![degradation(usable), errors(usable)];
    all.retain(|one| one.answer == Answer::Bad);
    all
}

/// The figures of `count` equally long windows of the run, and their width.
fn slots(usable: &Usable<'_>, count: u32) -> (Vec<Option<Figures>>, Duration) {
    let width = Duration::from_secs_f64(length(usable.run) / f64::from(count));
    (usable.slots(width, count), width)
}

/// Whether the load rose during the run.
fn load_explains(usable: &Usable<'_>, count: u32) -> bool {
    let (slots, width) = slots(usable, count);
    let rates: Vec<Option<f64>> = slots.iter().map(|one| Some(one.as_ref()?.rate())).collect();
    let windows = Windows {
        width,
        values: &rates,
    };
    rates.iter().any(Option::is_some) && load_rises(windows, LOAD_LEAST)
}
