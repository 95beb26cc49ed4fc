//! Windows of a run with an external load generator, from the counters of the service.

use super::LoadWindow;
use crate::outcome::{Cause, Timestamp};
use crate::sample::increase;
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;
use crate::units::whole;
use std::time::Duration;

/// How soon after the start a first reading is expected.
const SOON: Duration = Duration::from_secs(1);

/// The counters of a service at one moment; unknown ones are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub requests: Option<f64>,
    pub errors: Option<f64>,
    /// The sum of the durations of all requests.
    pub seconds: Option<f64>,
    /// The histogram of durations: ascending upper bounds in seconds, the last one infinite, with
    /// cumulative counts.
    pub buckets: Vec<(f64, f64)>,
}

impl Reading {
    /// The number of requests between two readings, from a counter that both contain.
    fn requests_since(&self, before: &Self) -> Option<f64> {
        let of_histogram = || Some((before.buckets.last()?.1, self.buckets.last()?.1));
        let both = before.requests.zip(self.requests).or_else(of_histogram);
        both.map(|(before, after)| increase(before, after))
    }

    /// The cumulative histogram between two readings. If their buckets differ, it is empty, unless the service
    /// was restarted in between: then all counts are new.
    fn buckets_since(&self, before: &Self) -> Vec<(f64, f64)> {
        let bounds = |one: &Self| -> Vec<u64> {
            one.buckets
                .iter()
                .map(|(bound, _)| bound.to_bits())
                .collect()
        };
        if bounds(self) != bounds(before) {
            let all = |one: &Self| one.buckets.last().map(|(_, count)| *count);
            let was_reset = all(before) > all(self);
            return if was_reset {
                self.buckets.clone()
            } else {
                Vec::new()
            };
        }
        let mut most = 0.0_f64;
        let pairs = before.buckets.iter().zip(&self.buckets);
        let since = pairs.map(|((_, before), (bound, after))| {
            most = most.max(increase(*before, *after));
            (*bound, most)
        });
        since.collect()
    }
}

/// Turns each pair of consecutive readings into a window.
#[derive(Clone, Debug)]
pub struct CountedWindows {
    from: Timestamp,
    /// The start of the next window.
    end: Timestamp,
    before: Option<Reading>,
}

impl CountedWindows {
    /// For a run that begins at `from`.
    pub const fn new(from: Timestamp) -> Self {
        Self {
            from,
            end: from,
            before: None,
        }
    }

    /// Returns the window that ends with a reading. A reading from before the run is the baseline of its
    /// first window. A reading without requests (a failed scrape) is skipped: the next complete one covers
    /// the whole time since the last one.
    pub fn take(&mut self, at: Timestamp, reading: Reading) -> Option<LoadWindow> {
        let is_known = reading.requests.is_some() || !reading.buckets.is_empty();
        if !is_known {
            return None;
        }
        let before = self.before.take();
        // A sample is stored only when a counter changes: a missing one means no change.
        let errors = || before.as_ref().and_then(|before| before.errors);
        let reading = Reading {
            errors: reading.errors.or_else(errors),
            ..reading
        };
        let window = match &before {
            _ if at <= self.end => None,
            Some(before) => Some(self.window(at, Some((before, &reading)))),
            None => (at > self.end.after(SOON)).then(|| self.window(at, None)),
        };
        self.before = Some(reading);
        window
    }

    /// Returns a window without requests up to the end of the run if nothing was read there.
    pub fn close(&mut self, to: Timestamp) -> Option<LoadWindow> {
        (to > self.end.after(SOON)).then(|| self.window(to, None))
    }

    fn window(&mut self, at: Timestamp, readings: Option<(&Reading, &Reading)>) -> LoadWindow {
        let start = self.end.since(self.from);
        let length = at.since(self.end);
        self.end = at;
        let requests = readings.and_then(|(before, now)| now.requests_since(before));
        let requests = whole(requests.unwrap_or(0.0));
        let pair = |of: fn(&Reading) -> Option<f64>| {
            let (before, now) = readings?;
            Some(increase(of(before)?, of(now)?))
        };
        let errors = pair(|one| one.errors).map(|errors| whole(errors).min(requests));
        let (good, failed, unjudged) = match errors {
            Some(errors) => (requests - errors, errors, 0),
            None => (0, 0, requests),
        };
        let buckets = readings.map_or_else(Vec::new, |(before, now)| now.buckets_since(before));
        let latency = spread(&buckets, requests);
        let seconds = length.as_secs_f64();
        LoadWindow {
            start,
            length,
            due: requests as f64 / seconds,
            // Little's law.
            active: pair(|one| one.seconds).unwrap_or(0.0) / seconds,
            started: requests,
            good,
            unjudged,
            failed: (failed > 0)
                .then_some((Cause::Status, failed))
                .into_iter()
                .collect(),
            latency,
            ..LoadWindow::default()
        }
    }
}

/// Distributes `requests` over the shares of the buckets. Within a bucket they are spread evenly, as in
/// `histogram_quantile`; those above the last finite bound count as that bound.
fn spread(buckets: &[(f64, f64)], requests: u64) -> Histogram {
    let all = buckets.last().map_or(0.0, |(_, count)| *count);
    let mut counts: Vec<(u16, u32)> = Vec::new();
    if all > 0.0 {
        let scale = Scale::new([]);
        let (mut lower, mut below, mut placed) = (0.0, 0.0, 0);
        for (bound, count) in buckets {
            let upper = if bound.is_finite() { *bound } else { lower };
            for code in scale.code(seconds(lower))..=scale.code(seconds(upper)) {
                let end = scale.bucket(code).1 as f64 / 1e9;
                let share = if end < upper {
                    ((end - lower) / (upper - lower)).max(0.0)
                } else {
                    1.0
                };
                let up_to = (below + share * (count - below)) / all;
                let target = whole(up_to * requests as f64);
                let new = u32::try_from(target.saturating_sub(placed)).unwrap_or(u32::MAX);
                if new > 0 {
                    counts.push((code, new));
                    placed += u64::from(new);
                }
            }
            (lower, below) = (upper, *count);
        }
    }
    let mut histogram = Histogram::default();
    histogram.add_sorted(counts.into_iter());
    histogram
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Figures;

    const FROM: Timestamp = Timestamp(1_795_000_000_000);

    fn at(secs: u64) -> Timestamp {
        FROM.after(Duration::from_secs(secs))
    }

    fn reading(requests: f64, errors: f64) -> Reading {
        let up_to = |share: f64| (requests * share).floor();
        Reading {
            requests: Some(requests),
            errors: Some(errors),
            seconds: Some(requests * 0.1),
            buckets: vec![
                (0.1, up_to(0.5)),
                (0.2, up_to(0.9)),
                (0.4, requests),
                (f64::INFINITY, requests),
            ],
        }
    }

    #[test]
    fn a_window_counts_the_requests_since_the_previous_reading() {
        let mut windows = CountedWindows::new(FROM);
        assert_eq!(windows.take(FROM, reading(1000.0, 5.0)), None);
        let window = windows
            .take(at(10), reading(2000.0, 15.0))
            .expect("counted");
        assert_eq!(
            (window.start, window.length),
            (Duration::ZERO, Duration::from_secs(10))
        );
        assert_eq!((window.completed(), window.errors()), (1000, 10));
        assert!((window.due - 100.0).abs() < 1e-9 && (window.active - 10.0).abs() < 1e-9);
        let figures = Figures::of([&window]);
        for (q, seconds) in [(0.5, 0.1), (0.7, 0.15), (0.9, 0.2), (0.95, 0.3)] {
            let found = figures.quantile(q).expect("enough").as_secs_f64();
            assert!((found / seconds - 1.0).abs() < 0.02, "p{q}: {found}");
        }
        let counted: u64 = window.latency.iter().map(|(_, count)| count).sum();
        assert_eq!(counted, 1000);
    }

    #[test]
    fn a_counter_that_fell_was_reset_and_failed_scrapes_lose_nothing() {
        let mut windows = CountedWindows::new(FROM);
        windows.take(FROM, reading(1000.0, 5.0));
        assert_eq!(windows.take(at(5), Reading::default()), None);
        let after = windows.take(at(10), reading(40.0, 1.0)).expect("counted");
        assert_eq!(
            (after.start, after.completed(), after.errors()),
            (Duration::ZERO, 40, 1)
        );
        assert_eq!(after.length, Duration::from_secs(10));
        let next = windows.take(at(15), reading(90.0, 1.0)).expect("counted");
        assert_eq!(
            (next.start.as_secs(), next.completed(), next.errors()),
            (10, 50, 0)
        );
        let rest = windows.close(at(20)).expect("no reading there");
        assert_eq!(
            (
                rest.start.as_secs(),
                rest.length.as_secs(),
                rest.completed()
            ),
            (15, 5, 0)
        );
        assert_eq!(windows.close(at(20)), None);
    }

    #[test]
    fn a_service_that_starts_later_had_no_requests_before() {
        let mut windows = CountedWindows::new(FROM);
        let first = windows.take(at(30), reading(7.0, 0.0)).expect("a window");
        assert_eq!(
            (first.start, first.length.as_secs(), first.completed()),
            (Duration::ZERO, 30, 0)
        );
        let next = windows.take(at(40), reading(9.0, 0.0)).expect("counted");
        assert_eq!((next.start.as_secs(), next.completed()), (30, 2));
    }

    #[test]
    fn latency_needs_a_histogram_and_a_missing_counter_is_replaced_by_it() {
        let mut windows = CountedWindows::new(FROM);
        let plain = |requests: f64| Reading {
            requests: Some(requests),
            ..Reading::default()
        };
        windows.take(FROM, plain(0.0));
        let window = windows.take(at(10), plain(500.0)).expect("counted");
        let figures = Figures::of([&window]);
        assert_eq!(
            (figures.completed, figures.quantile(0.5), figures.mean()),
            (500, None, None)
        );
        let mut windows = CountedWindows::new(FROM);
        let only = |requests: f64| Reading {
            requests: None,
            ..reading(requests, 0.0)
        };
        windows.take(FROM, only(0.0));
        let window = windows.take(at(10), only(500.0)).expect("counted");
        assert_eq!(window.completed(), 500);
    }

    #[test]
    fn a_change_of_the_buckets_moves_no_quantile() {
        let with_more = |requests: f64| {
            let mut reading = reading(requests, 0.0);
            reading.buckets.insert(2, (0.3, requests * 0.95));
            reading
        };
        let p95 = |windows: &[LoadWindow]| Figures::of(windows).quantile(0.95);
        let mut windows = CountedWindows::new(FROM);
        windows.take(FROM, reading(0.0, 0.0));
        let mut all = Vec::new();
        all.extend(windows.take(at(10), reading(1000.0, 0.0)));
        let expected = p95(&all);
        assert!(expected.is_some());
        // Another instance with other buckets: the latencies in between are unknown.
        all.extend(windows.take(at(20), with_more(2000.0)));
        assert_eq!(all[1].latency, Histogram::default());
        assert_eq!(p95(&all), expected);
        let figures = Figures::of(&all);
        assert_eq!((figures.completed, figures.untimed), (2000, 1000));
        assert_eq!(figures.quantile_of_good(0.95), expected);
        // A restart with other buckets: all of its counts are new.
        let mut windows = CountedWindows::new(FROM);
        windows.take(FROM, reading(5000.0, 0.0));
        let restarted = windows.take(at(10), with_more(1000.0)).expect("counted");
        assert_eq!(Figures::of([&restarted]).untimed, 0);
        let p95 = p95(&[restarted]).expect("known").as_secs_f64();
        assert!((p95 / 0.3 - 1.0).abs() < 0.02, "{p95}");
    }

    #[test]
    fn errors_are_unknown_until_they_are_counted() {
        let counted = |requests: f64, errors: Option<f64>| Reading {
            errors,
            ..reading(requests, 0.0)
        };
        let mut windows = CountedWindows::new(FROM);
        windows.take(FROM, counted(0.0, None));
        let mut take = |secs, requests, errors| {
            let reading = counted(requests, errors);
            windows.take(at(secs), reading).expect("counted")
        };
        let unknown = take(10, 2000.0, None);
        assert_eq!((unknown.completed(), unknown.good), (2000, 0));
        let figures = Figures::of([&unknown]);
        assert!(figures.are_errors_unknown() && figures.error_ratio().is_none());
        assert!(figures.quantile(0.5).is_some() && figures.good_rate() > 199.0);
        let first = take(20, 3000.0, Some(3.0));
        assert_eq!(first.unjudged, 1000, "when the 3 occurred is unknown");
        // A counter without a sample is unchanged.
        let same = take(30, 4000.0, None);
        assert_eq!((same.good, same.unjudged), (1000, 0));
        let more = take(40, 5000.0, Some(13.0));
        assert_eq!((more.good, more.errors()), (990, 10));
        let ratio = Figures::of([&unknown, &first, &same, &more]).error_ratio();
        assert_eq!(ratio, Some(0.005), "of the known ones");
    }

    #[test]
    fn values_above_the_last_bound_count_as_the_bound() {
        let histogram = spread(&[(0.1, 0.0), (f64::INFINITY, 9.0)], 9);
        let (code, count) = histogram.iter().next().expect("counts");
        let middle = Scale::new([]).middle(code).as_secs_f64();
        assert!(count == 9 && (middle / 0.1 - 1.0).abs() < 0.02, "{middle}");
        assert_eq!(spread(&[], 9), Histogram::default());
    }
}
