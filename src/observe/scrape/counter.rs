//! Counters that go on from page to page, as `increase` of Prometheus counts them. Pure.
//!
//! Each series continues on its own, so that the reset of one worker is no reset of their sum, and a
//! histogram is one of them with all of its buckets. What falls was reset and counts from 0. A series
//! that is new counts from 0 as well if its metric or other metrics of the service were there before,
//! and none is gone that it may be a new name of: a client library creates the series of a status with
//! the first such response, and in several processes (`PROMETHEUS_MULTIPROC_DIR`) a metric with its
//! first event. Prometheus leaves these first events out. Requests that appear at once in a number that
//! the service never had between two pages are the past of a series that was not shown before.
//! `process_start_time_seconds` is not looked at: for an exporter it is not the time at which the
//! counters began, and what falls shows a restart as well.

mod total;

pub use total::Total;

use super::scan::KEPT_MAX;
use super::series::{Increase, Page, Series};
use std::collections::HashMap;

/// Requests of a new series that are counted in any case,
const NEW_COUNTED: f64 = 100.0;
/// and more of them up to this many times the most that ever came between two pages.
const NEW_TIMES: f64 = 10.0;

/// The increases of one rule since it was first found.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    /// Each series as it was last; also those that are gone for now.
    last: HashMap<u64, Known>,
    /// How many pages there were.
    pages: u64,
    /// How many series the last one had.
    present: usize,
    was_known: bool,
    /// Whether it counts requests.
    is_of_requests: bool,
    /// The most that came between two pages, of series that were there before.
    most: f64,
    pub total: Total,
}

/// A series as it was last.
#[derive(Clone, Debug)]
struct Known {
    series: Series,
    /// The number of the page.
    page: u64,
    /// What it leapt to on that page, further than anything counts: it goes on from there if it stays there, and
    /// otherwise as if it had never been there.
    leap: Option<Series>,
}

impl Known {
    fn new(series: Series, page: u64) -> Self {
        Self {
            series,
            page,
            leap: None,
        }
    }

    /// Takes the next value. Returns its increase; `None` if it leaps.
    fn follow(&mut self, now: Series, page: u64, bounds: &[f64]) -> Option<Increase> {
        self.page = page;
        if let Some(leap) = self.leap.take()
            && now.total() >= leap.total()
        {
            self.series = leap;
        }
        let increase = now.since(Some(&self.series), bounds);
        if increase.is_countable() {
            self.series = now;
            return Some(increase);
        }
        self.leap = Some(now);
        None
    }
}

impl Counter {
    /// Of what begins to be counted; `from_zero` if the page before could have had it and did not.
    pub fn new(from_zero: bool, is_of_requests: bool) -> Self {
        Self {
            was_known: from_zero,
            is_of_requests,
            ..Self::default()
        }
    }

    /// How many series fell and how many rose since the last page.
    pub fn moved(&self, page: &Page) -> (usize, usize) {
        let pairs = page
            .series
            .iter()
            .filter_map(|(key, now)| Some((self.last.get(key)?.series.total(), now.total())));
        pairs.fold((0, 0), |(fell, rose), (before, now)| {
            let (is_less, is_more) = (now < before, now > before);
            (fell + usize::from(is_less), rose + usize::from(is_more))
        })
    }

    /// Goes on from what a page has, without counting what changed.
    pub fn pass_over(&mut self, page: Page) {
        self.turn(page.series.len());
        let now = page.series.into_iter();
        self.last
            .extend(now.map(|(key, series)| (key, Known::new(series, self.pages))));
        self.bound();
    }

    /// Takes what a page has. Returns how many series could not be counted: they rose by more than a
    /// service counts, or their bounds are too many.
    pub fn follow(&mut self, mut page: Page) -> u64 {
        let counts_new = self.was_known && !self.lacks_one(&page);
        let is_first = self.last.is_empty();
        // Those that are new are judged by what the others counted.
        page.series
            .sort_by_key(|(key, _)| !self.last.contains_key(key));
        let mut rise = 0.0;
        let before = page.bounds.as_deref();
        let before = before.and_then(|bounds| self.total.keep_bounds(bounds));
        let bounds: Vec<f64> = self.total.buckets.iter().map(|(bound, _)| *bound).collect();
        let mut dropped = page.excess;
        self.turn(page.series.len());
        for (key, now) in page.series {
            if !now.is_countable() {
                dropped += 1;
                continue;
            }
            let increase = if let Some(known) = self.last.get_mut(&key) {
                let increase = known.follow(now, self.pages, &bounds);
                rise += increase.as_ref().map_or(0.0, |one| one.value + one.count);
                increase
            } else {
                let is_new = counts_new && (is_first || self.is_credible(now.total(), rise));
                let increase = is_new.then(|| now.since(None, &bounds));
                let increase = increase.filter(Increase::is_countable);
                self.last.insert(key, Known::new(now, self.pages));
                // What is there from the first page on has a past that nobody counts.
                increase.or_else(|| (!counts_new).then(Increase::default))
            };
            match increase {
                Some(increase) => self.total.add(&increase),
                None => dropped += 1,
            }
        }
        self.most = self.most.max(rise);
        // A restart of the total shows by a fall.
        if before.is_some_and(|before| self.total.count >= before) {
            self.total.clear();
        }
        self.total.is_native = page.is_native;
        self.total
            .begin_bounds(page.bounds.as_deref().unwrap_or_default());
        self.bound();
        dropped
    }

    /// Whether a new series may have counted so much since the last page, when the others rose by so much.
    fn is_credible(&self, new: f64, rise: f64) -> bool {
        let most = self.most.max(rise) * NEW_TIMES;
        !self.is_of_requests || new <= most.max(NEW_COUNTED)
    }

    /// Whether a series of the last page is gone.
    fn lacks_one(&self, page: &Page) -> bool {
        let was_there = |key: &u64| {
            let last = self.last.get(key);
            last.is_some_and(|known| known.page == self.pages)
        };
        let stayed = page.series.iter().filter(|(key, _)| was_there(key));
        stayed.count() < self.present
    }

    fn turn(&mut self, present: usize) {
        self.pages += 1;
        self.present = present;
        self.was_known = true;
    }

    fn bound(&mut self) {
        if self.last.len() > 2 * KEPT_MAX {
            self.last.retain(|_, known| known.page == self.pages);
        }
    }
}

#[cfg(test)]
mod tests;
