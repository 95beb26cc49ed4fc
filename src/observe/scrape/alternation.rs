//! Detects pages that come from several processes in turn, each with its own counters. Such
//! counters cannot be followed: each return to the lower values looks like a reset. Start times do
//! not distinguish the processes, since a server starts its workers together. Pure.

use std::fmt;

/// Number of pages considered. With two workers chosen at random, one page in four goes back.
const PAGES: u32 = 20;
/// Number of pages going back from which alternation is reported. A service that restarts goes back
/// once.
const BACK_MIN: u32 = 3;

/// The last pages, one bit each: whether the page went back.
#[derive(Debug, Default)]
pub struct Alternation(u32);

impl Alternation {
    /// Takes how many series of a page fell and how many rose. A page goes back if most of them
    /// fell, so that a single series that is not a counter does not matter.
    pub fn take(&mut self, fell: usize, rose: usize) {
        self.0 = (self.0 << 1 | u32::from(fell > rose)) & ((1 << PAGES) - 1);
    }

    pub fn is_found(&self) -> bool {
        self.0.count_ones() >= BACK_MIN
    }
}

/// The reason why such a page is not used.
impl fmt::Display for Alternation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "its counters fell in {} of the last {PAGES} pages: several processes answer in turn, or the service restarts repeatedly; scrape each process, or let them share their metrics (in Python, PROMETHEUS_MULTIPROC_DIR)",
            self.0.count_ones()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternation_is_detected_at_the_third_return_and_forgotten_after_twenty_pages() {
        let mut pages = Alternation::default();
        let mut found = Vec::new();
        for back in [true, false, true, false, true] {
            pages.take(usize::from(back) * 5, 2);
            found.push(pages.is_found());
        }
        assert_eq!(found, [false, false, false, false, true]);
        assert!(pages.to_string().contains("fell in 3 of the last 20 pages"));
        for _ in 0..16 {
            pages.take(0, 5);
        }
        assert!(!pages.is_found());
    }

    #[test]
    fn a_series_that_is_not_a_counter_does_not_matter() {
        let mut pages = Alternation::default();
        for _ in 0..20 {
            pages.take(1, 1);
        }
        assert!(!pages.is_found());
    }
}
