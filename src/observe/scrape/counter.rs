//! Counters followed from page to page, like `increase` in Prometheus. Pure.
//!
//! Each series is followed separately, so that the reset of one worker is not a reset of the sum; a
//! histogram with all of its buckets is one series. A value that falls was reset and counts from 0,
//! unless the service cannot have counted that much since the last page: then a part of it is gone,
//! such as the share of a worker of a sum over workers, or another process answered.
//!
//! A new series counts from 0 as well if its metric or other metrics of the service were present
//! before, and no series disappeared that it may replace: a client library creates the series of a
//! status with the first such response, and in multiprocess mode (`PROMETHEUS_MULTIPROC_DIR`) a
//! metric with its first event. Prometheus ignores these first events. If a new series starts with
//! more requests than the service ever had between two pages, they are the history of a series that
//! was not exposed before.
//!
//! `process_start_time_seconds` is not used: for an exporter it is not the time when the counters
//! started, and falling values indicate a restart as well.

mod total;

pub use total::Total;

use super::scan::KEPT_MAX;
use super::series::{Increase, Page, Series};
use std::collections::HashMap;

/// A new series with at most this many requests is always counted.
const NEW_COUNTED: f64 = 100.0;
/// A new series with more requests is counted if they are at most this many times the largest
/// increase between two pages.
const NEW_TIMES: f64 = 10.0;

/// A value that falls by less than this share was not reset: a counter that starts anew does not come
/// so close to its old value between two pages.
const SLIGHT: f64 = 0.125;

/// Whether values that fell on a page were reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Falls {
    /// They count from 0.
    Reset,
    /// They count from the next page on, which shows whether they continue from there or from where
    /// they were before.
    Doubtful,
}

/// The increases of one rule since it was first found.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    /// The last state of each series, including those that are missing for now.
    last: HashMap<u64, Known>,
    /// The number of pages.
    pages: u64,
    /// The number of series on the last page.
    present: usize,
    was_known: bool,
    /// Whether it counts requests.
    is_of_requests: bool,
    /// The largest increase between two pages of series that existed before.
    most: f64,
    pub total: Total,
}

/// The last state of a series.
#[derive(Clone, Debug)]
struct Known {
    series: Series,
    /// The number of the page.
    page: u64,
    /// The value of an implausible jump or fall on that page. The series continues from there if the
    /// next page confirms it, and otherwise as if it had not happened.
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

    /// The total on that page, unless it jumped implausibly.
    fn last(&self) -> f64 {
        let before = self.series.total();
        self.leap
            .as_ref()
            .map_or(before, |leap| leap.total().min(before))
    }

    /// Takes the next value. Returns its increase; `None` if it jumps or falls implausibly.
    fn follow(&mut self, now: Series, page: u64, bounds: &[f64], falls: Falls) -> Option<Increase> {
        self.page = page;
        let (before, total) = (self.series.total(), now.total());
        if let Some(leap) = self.leap.take()
            && total >= leap.total()
            && (leap.total() >= before || total < before)
        {
            self.series = leap;
        }
        let is_doubtful = falls == Falls::Doubtful && total < self.series.total();
        let increase = now.since(Some(&self.series), bounds);
        if increase.is_countable() && !is_doubtful {
            self.series = now;
            return Some(increase);
        }
        self.leap = Some(now);
        None
    }
}

impl Counter {
    /// Starts counting; `from_zero` if the preceding page could have contained the metric and did
    /// not.
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
            .filter_map(|(key, now)| Some((self.last.get(key)?.last(), now.total())));
        pairs.fold((0, 0), |(fell, rose), (before, now)| {
            let (is_less, is_more) = (now < before, now > before);
            (fell + usize::from(is_less), rose + usize::from(is_more))
        })
    }

    /// Whether the service may have counted, from 0 on, the values that fell since the last page,
    /// which was `gap` intervals ago.
    pub fn may_be_reset(&self, page: &Page, gap: f64) -> bool {
        let (mut fallen, mut rise) = (0.0, 0.0);
        for (key, now) in &page.series {
            let Some(known) = self.last.get(key) else {
                continue;
            };
            let (before, now) = (known.last(), now.total());
            if now < before {
                if now > NEW_COUNTED && now >= before * (1.0 - SLIGHT) {
                    return false;
                }
                fallen += now;
            } else {
                rise += now - before;
            }
        }
        self.is_credible(fallen / gap.max(1.0), rise)
    }

    /// Takes a page without counting its increases.
    pub fn pass_over(&mut self, page: Page) {
        self.turn(page.series.len());
        let now = page.series.into_iter();
        self.last
            .extend(now.map(|(key, series)| (key, Known::new(series, self.pages))));
        self.bound();
    }

    /// Takes a page. Returns how many series could not be counted, because they rose or fell
    /// implausibly or have too many bounds.
    pub fn follow(&mut self, mut page: Page, falls: Falls) -> u64 {
        let found = page.series.len();
        page.series.retain(|(_, series)| series.is_countable());
        let mut dropped = page.excess + (found - page.series.len()) as u64;
        let counts_new = self.was_known && !self.lacks_one(&page);
        let is_first = self.last.is_empty();
        // Known series come first, since new ones are compared with their increases.
        page.series
            .sort_by_key(|(key, _)| !self.last.contains_key(key));
        let mut rise = 0.0;
        let before = page.bounds.as_deref();
        let before = before.and_then(|bounds| self.total.keep_bounds(bounds));
        let bounds: Vec<f64> = self.total.buckets.iter().map(|(bound, _)| *bound).collect();
        self.turn(page.series.len());
        for (key, now) in page.series {
            let increase = if let Some(known) = self.last.get_mut(&key) {
                let increase = known.follow(now, self.pages, &bounds, falls);
                rise += increase.as_ref().map_or(0.0, |one| one.value + one.count);
                increase
            } else {
                let is_new = counts_new && (is_first || self.is_credible(now.total(), rise));
                let increase = is_new.then(|| now.since(None, &bounds));
                let increase = increase.filter(Increase::is_countable);
                self.last.insert(key, Known::new(now, self.pages));
                // Series that are present from the first page on have an unknown history, which is
                // not counted.
                increase.or_else(|| (!counts_new).then(Increase::default))
            };
            match increase {
                Some(increase) => self.total.add(&increase),
                None => dropped += 1,
            }
        }
        self.most = self.most.max(rise);
        // A restart must be visible as a fall of the total.
        if before.is_some_and(|before| self.total.count >= before) {
            self.total.clear();
        }
        self.total.is_native = page.is_native;
        self.total
            .begin_bounds(page.bounds.as_deref().unwrap_or_default());
        self.bound();
        dropped
    }

    /// Whether series may have counted this much since the last page, given the increase of the
    /// others.
    fn is_credible(&self, new: f64, rise: f64) -> bool {
        let most = self.most.max(rise) * NEW_TIMES;
        !self.is_of_requests || new <= most.max(NEW_COUNTED)
    }

    /// Whether a series of the last page is missing.
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
