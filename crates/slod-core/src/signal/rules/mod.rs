//! Rules that decide whether a warning sign is present, with the evidence as a sentence. Pure.

mod breaker;
mod counted;
mod disk;
mod errors;
mod gone;
mod growth;
mod latency;
mod load;
mod peak;
mod pool;
mod provider;
#[cfg(test)]
mod tests;
mod time_of_day;
mod unusual;

pub use breaker::{Breaker, breaker_open};
pub use counted::counted;
pub use disk::{DISK_CONFIRMATIONS, Disk, disk_full_soon};
pub use errors::errors_climbing;
pub use gone::{Running, process_gone};
pub use growth::{COUNTED, GrowthInput, MEMORY, MIB, QUEUE_CONFIRMATIONS, growing};
pub use latency::{is_slower, latency_rising};
pub use load::load_high;
pub use peak::{PEAK_MINUTES, cpu_high_at_peak};
pub use pool::{Pool, pool_exhausted};
pub use provider::{ServiceCondition, provider_failing, provider_slow};
pub use time_of_day::Earlier;
pub use unusual::{Usual, latency_unusual, throughput_low};

use super::{Level, Presence, Track};
use crate::trend::CONFIRMATIONS;

/// Whether the traffic is known for less than half of the windows of a number that may follow it.
fn is_traffic_unknown(traffic: &Track, number: &Track) -> bool {
    traffic.known(usize::MAX).len() < number.known(usize::MAX).len() / 2
}

/// Whether a sign is present, and why.
pub type Answer = (Presence, String);

/// How many of the last minutes are evaluated, and how many of these must be above the limit.
pub const MINUTES: usize = 5;
pub const BAD_MINUTES: usize = 3;
/// A rise of traffic that explains slower responses and more memory.
const LOAD_LEAST: f64 = 0.1;

/// The source of the numbers that a sign is evaluated on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    Own,
    Probes,
}

impl Numbers {
    /// The start of an evidence sentence.
    pub const fn by(self) -> &'static str {
        match self {
            Self::Own => "according to its own metrics",
            Self::Probes => "according to its probes",
        }
    }
}

/// Counts consecutive evaluations in which a trend was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confirmation(u32);

impl Confirmation {
    /// A trend is present once it was found [`CONFIRMATIONS`] times in a row.
    pub fn step(&mut self, answer: Answer) -> Answer {
        self.step_of(CONFIRMATIONS, answer)
    }

    /// Like [`Confirmation::step`], with another number of confirmations.
    pub fn step_of(&mut self, needed: u32, (presence, evidence): Answer) -> Answer {
        self.0 = if presence == Presence::Active {
            self.0.saturating_add(1)
        } else {
            0
        };
        if (1..needed).contains(&self.0) {
            let evidence = format!(
                "{evidence} (not yet confirmed: {} of {needed} evaluations)",
                self.0
            );
            return (Presence::Clear, evidence);
        }
        (presence, evidence)
    }
}

const fn active_if(is_active: bool) -> Presence {
    if is_active {
        Presence::Active
    } else {
        Presence::Clear
    }
}

/// Whether a value is below its level now.
pub const fn below(value: f64, level: Level, was_active: bool) -> Presence {
    active_if(value < level.border(was_active))
}

/// Whether a share was above its level in three of the last five minutes.
pub fn above(track: &Track, level: Level, was_active: bool, what: &str) -> Answer {
    let Some((bad, border)) = exceeded(track, level, was_active) else {
        let known = track.known(MINUTES).len();
        return (
            Presence::Unknown,
            format!("{what}: known for {known} of the last {MINUTES} minutes"),
        );
    };
    let last = track.last().unwrap_or_default() * 100.0;
    let evidence = format!(
        "{what} was above {:.0}% in {bad} of the last {MINUTES} minutes, last {last:.0}%",
        border * 100.0
    );
    (active_if(bad >= BAD_MINUTES), evidence)
}

/// How many of the last minutes exceeded a border, and which border that is. An active sign continues down
/// to the border where it ends; the higher border is named as long as it is exceeded.
fn exceeded(track: &Track, level: Level, was_active: bool) -> Option<(usize, f64)> {
    let above = |border: f64| Some((track.above(border, MINUTES)?, border));
    let begins = above(level.begins)?;
    if begins.0 >= BAD_MINUTES || !was_active {
        return Some(begins);
    }
    above(level.ends)
}
