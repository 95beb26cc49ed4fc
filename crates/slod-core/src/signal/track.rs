//! The recent history of one number, in windows.

use crate::outcome::{Timestamp, millis};
use crate::trend::Windows;
use std::collections::VecDeque;
use std::time::Duration;

/// Length of the recent past in minutes, for counted events and open breakers.
pub const RECENT: usize = 10;
/// Minutes of an hour.
pub const HOUR: usize = 60;

/// After this time without a sample, a number is unknown and cannot clear a sign.
pub const SILENCE: Duration = Duration::from_mins(15);

/// Which aggregate of a window is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The lowest: memory usage after a garbage collection.
    Lowest,
    Mean,
    Highest,
    /// The sum, for counted events.
    Sum,
}

/// The last complete windows of a number.
#[derive(Clone, Debug)]
pub struct Track {
    width: Duration,
    most: usize,
    keep: Keep,
    /// NaN for unknown values: half the size of an `Option`.
    values: VecDeque<f32>,
    /// The number of the open window, then its count, sum, minimum and maximum.
    open: Option<(i64, u32, f64, f64, f64)>,
}

impl Track {
    pub const fn new(width: Duration, most: usize, keep: Keep) -> Self {
        Self {
            width,
            most,
            keep,
            values: VecDeque::new(),
            open: None,
        }
    }

    /// A track with windows of a minute.
    pub const fn by_minute(most: usize, keep: Keep) -> Self {
        Self::new(Duration::from_mins(1), most, keep)
    }

    pub const fn width(&self) -> Duration {
        self.width
    }

    /// Adds a value. A value of a window before the open one is dropped.
    pub fn take(&mut self, at: Timestamp, value: Option<f64>) {
        let number = at.0.div_euclid(
            i64::try_from(self.width.as_millis())
                .unwrap_or(i64::MAX)
                .max(1),
        );
        if let Some((open, ..)) = self.open {
            if number < open {
                return;
            }
            if number > open {
                self.close(number - open);
            }
        }
        let (_, count, sum, low, high) = self.open.unwrap_or((number, 0, 0.0, f64::MAX, f64::MIN));
        self.open = Some(match value.filter(|value| value.is_finite()) {
            Some(value) => (
                number,
                count + 1,
                sum + value,
                low.min(value),
                high.max(value),
            ),
            None => (number, count, sum, low, high),
        });
    }

    /// Closes the open window, `passed` windows after it began.
    fn close(&mut self, passed: i64) {
        let Some((_, count, sum, low, high)) = self.open.take() else {
            return;
        };
        let value = match self.keep {
            Keep::Lowest => low,
            Keep::Mean => sum / f64::from(count.max(1)),
            Keep::Highest => high,
            Keep::Sum => sum,
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seven digits are enough for a trend"
        )]
        self.values
            .push_back(if count > 0 { value as f32 } else { f32::NAN });
        let gap = usize::try_from(passed - 1)
            .unwrap_or(usize::MAX)
            .min(self.most);
        self.values.extend(std::iter::repeat_n(f32::NAN, gap));
        while self.values.len() > self.most {
            self.values.pop_front();
        }
    }

    /// The complete windows, oldest first.
    pub fn values(&self) -> Vec<Option<f64>> {
        self.values.iter().copied().map(known).collect()
    }

    /// The known values among the last `of` complete windows.
    pub fn known(&self, of: usize) -> Vec<f64> {
        let last = self.values.iter().rev().take(of).copied();
        let mut known: Vec<f64> = last.filter_map(known).collect();
        known.reverse();
        known
    }

    /// The values before the `of` latest known windows, the values of these windows, and the number of
    /// windows they span. `None` if they span more than `within`.
    pub fn latest(&self, of: usize, within: usize) -> Option<(Vec<f64>, Vec<f64>, usize)> {
        let mut known = self.known(usize::MAX);
        let latest = known.split_off(known.len().checked_sub(of)?);
        let is_known = |at: &usize| !self.values[*at].is_nan();
        let first = (0..self.values.len()).rev().filter(is_known).nth(of - 1)?;
        let stretch = self.values.len() - first;
        (stretch <= within).then_some((known, latest, stretch))
    }

    /// The sum of the known values of the last `of` complete windows and the open window: recent counts.
    pub fn sum(&self, of: usize) -> Option<f64> {
        let open = self.open.filter(|(_, count, ..)| *count > 0);
        let open = open.map(|(_, _, sum, ..)| sum);
        let known: Vec<f64> = self.known(of).into_iter().chain(open).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }

    /// The highest mean of `of` consecutive windows that are all known.
    pub fn busiest(&self, of: usize) -> Option<f64> {
        let values = self.values();
        let mean = |some: &[Option<f64>]| {
            let sum: Option<f64> = some.iter().copied().sum();
            Some(sum? / some.len() as f64)
        };
        values.windows(of).filter_map(mean).max_by(f64::total_cmp)
    }

    /// Drops the windows that began before a moment, such as the start of a process.
    pub fn forget_before(&mut self, at: Timestamp) {
        let Some((open, ..)) = self.open else {
            self.values.clear();
            return;
        };
        let width = millis(self.width);
        let first = at.0.div_euclid(width.max(1)) + 1;
        let kept = usize::try_from(open - first).unwrap_or(0);
        while self.values.len() > kept {
            self.values.pop_front();
        }
        if open < first {
            self.open = None;
        }
    }

    /// Drops all windows, because the measured process was restarted.
    pub fn clear(&mut self) {
        self.values.clear();
        self.open = None;
    }

    /// Maximum memory usage, in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.most.next_power_of_two() * size_of::<f32>()
    }

    /// Calls a function with the windows in the form that trend detection uses.
    pub fn with_windows<T>(&self, look: impl FnOnce(Windows<'_>) -> T) -> T {
        let values = self.values();
        look(Windows {
            width: self.width,
            values: &values,
        })
    }

    /// How many of the last `of` complete windows are above a limit; `None` if one of them is unknown.
    pub fn above(&self, limit: f64, of: usize) -> Option<usize> {
        let last: Vec<f64> = self
            .values
            .iter()
            .rev()
            .take(of)
            .copied()
            .filter_map(known)
            .collect();
        (last.len() == of).then(|| last.iter().filter(|value| **value > limit).count())
    }

    /// Whether all windows within the last `time`, including the open one, are unknown.
    pub fn is_silent(&self, time: Duration) -> bool {
        let windows = time.as_nanos() / self.width.as_nanos().max(1);
        let windows = usize::try_from(windows).unwrap_or(usize::MAX).max(1);
        self.sum(windows).is_none()
    }

    /// The value of the last complete window.
    pub fn last(&self) -> Option<f64> {
        self.values.back().copied().and_then(known)
    }
}

fn known(value: f32) -> Option<f64> {
    (!value.is_nan()).then(|| f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    #[test]
    fn windows_close_with_the_next_one_and_gaps_stay_gaps() {
        let mut track = Track::new(MINUTE, 5, Keep::Lowest);
        for (second, value) in [(0, 3.0), (30, 1.0), (60, 5.0), (240, 7.0), (300, 9.0)] {
            track.take(at(second), Some(value));
        }
        let expected = [Some(1.0), Some(5.0), None, None, Some(7.0)];
        assert_eq!(track.values(), expected);
        assert_eq!(track.last(), Some(7.0));
        assert_eq!(track.above(0.0, 5), None, "two are not known");
        track.take(at(10), Some(100.0));
        assert_eq!(track.values(), expected, "an earlier time changes nothing");
        track.take(at(1_000_000), None);
        assert_eq!(track.values(), [None; 5]);
    }

    #[test]
    fn the_latest_windows_must_not_be_long_ago() {
        let mut track = Track::new(MINUTE, 10, Keep::Mean);
        for minute in [0, 1, 2, 4, 5] {
            track.take(at(60 * minute), Some(minute as f64));
        }
        assert_eq!(track.latest(2, 2), None, "they span three windows");
        assert_eq!(track.latest(9, 9), None);
        let (before, latest, stretch) = track.latest(2, 5).expect("known");
        assert_eq!(
            (&before[..], &latest[..], stretch),
            (&[0.0, 1.0][..], &[2.0, 4.0][..], 3)
        );
        track.take(at(60 * 9), None);
        assert_eq!(track.latest(2, 3), None, "no values since");
    }

    #[test]
    fn a_track_is_silent_once_its_last_windows_are_unknown() {
        let mut track = Track::new(MINUTE * 5, 24, Keep::Mean);
        assert!(track.is_silent(SILENCE), "nothing was ever known");
        track.take(at(0), Some(1.0));
        assert!(!track.is_silent(SILENCE), "the open window counts");
        track.take(at(4 * 300 - 1), None);
        assert!(!track.is_silent(SILENCE));
        track.take(at(4 * 300), None);
        assert!(track.is_silent(SILENCE) && !track.is_silent(MINUTE * 20));
    }

    #[test]
    fn windows_from_before_a_moment_are_forgotten() {
        let mut track = Track::new(Duration::from_mins(1), 10, Keep::Mean);
        for minute in 0..6 {
            track.take(Timestamp::from_secs(minute * 60), Some(minute as f64));
        }
        track.forget_before(Timestamp::from_secs(150));
        assert_eq!(track.values(), [Some(3.0), Some(4.0)]);
        track.forget_before(Timestamp::from_secs(150));
        assert_eq!(track.values(), [Some(3.0), Some(4.0)], "once");
        track.forget_before(Timestamp::from_secs(1000));
        assert_eq!((track.values(), track.sum(9)), (Vec::new(), None));
    }

    #[test]
    fn windows_above_a_limit_are_counted() {
        let mut track = Track::new(MINUTE, 10, Keep::Mean);
        for (minute, value) in [0.9, 0.7, 0.9, 0.9, 0.7, 0.0].into_iter().enumerate() {
            track.take(at(60 * i64::try_from(minute).expect("small")), Some(value));
        }
        assert_eq!(track.above(0.8, 5), Some(3));
        assert_eq!(track.above(0.95, 5), Some(0));
    }
}
