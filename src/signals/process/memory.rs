//! The memory of a group of processes, from the best source that can be read.

use crate::outcome::Timestamp;
use crate::signal::Track;
use std::time::Duration;

/// A source of memory is considered gone if only worse ones could be read for this long. Time
/// without samples does not count.
const SOURCE_GONE: Duration = Duration::from_mins(10);

/// What memory is read from, best source last. Page cache is not a leak, so memory that includes it
/// is used only if nothing else can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::signals) enum MemorySource {
    Resident,
    Container,
    Anonymous,
}

#[derive(Debug)]
pub(super) struct Memory {
    pub(super) track: Track,
    pub(super) source: MemorySource,
    /// Since when only worse sources could be read.
    missed: Option<Timestamp>,
}

impl Memory {
    pub(super) fn new(track: Track) -> Self {
        Self {
            track,
            source: MemorySource::Resident,
            missed: None,
        }
    }

    pub(super) fn take(&mut self, at: Timestamp, source: MemorySource, value: Option<f64>) {
        let Some(value) = value else { return };
        if source < self.source {
            let missed = *self.missed.get_or_insert(at);
            if at <= missed.after(SOURCE_GONE) {
                return;
            }
        }
        if source != self.source {
            self.track.clear();
            self.source = source;
        }
        self.track.take(at, Some(value));
        self.missed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Keep;
    use crate::signals::process::{GROWTH_WINDOW, GROWTH_WINDOWS};

    fn memory() -> Memory {
        Memory::new(Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, Keep::Lowest))
    }

    /// Takes samples every ten seconds, and returns the known windows.
    fn take(memory: &mut Memory, (from, to): (i64, i64), anonymous: Option<f64>) -> Vec<f64> {
        for at in (from..to).step_by(10).map(Timestamp::from_secs) {
            memory.take(at, MemorySource::Resident, Some(1000.0));
            memory.take(at, MemorySource::Anonymous, anonymous);
        }
        memory.track.known(GROWTH_WINDOWS)
    }

    #[test]
    fn a_gap_between_samples_keeps_the_memory_history() {
        let mut memory = memory();
        assert_eq!(take(&mut memory, (0, 1200), Some(500.0)), [500.0; 9]);
        let later = take(&mut memory, (2400, 2640), Some(500.0));
        assert_eq!(later, [500.0; 11]);
    }

    #[test]
    fn anonymous_memory_is_preferred_while_it_can_be_read() {
        let mut memory = memory();
        let mut take =
            |from: i64, to: i64, anonymous: Option<f64>| take(&mut memory, (from, to), anonymous);
        assert_eq!(take(0, 360, None), [1000.0; 2]);
        assert_eq!(take(360, 720, Some(500.0)), [500.0; 2]);
        assert_eq!(
            take(720, 840, None),
            [500.0; 2],
            "a gap does not change the source of memory"
        );
        assert_eq!(take(840, 1200, Some(500.0)), [500.0; 5]);
        let later = take(1200, 3600, None);
        assert_eq!(later, vec![1000.0; later.len()]);
        assert!(later.len() > 10, "{}", later.len());
    }
}
