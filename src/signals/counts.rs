//! Errors and requests of the most recent windows.

use crate::outcome::{Timestamp, millis};
use crate::signal::Rise;
use crate::trend::Errors;
use crate::units::whole;
use std::collections::VecDeque;
use std::time::Duration;

pub(super) const DRIFT_WINDOW: Duration = Duration::from_mins(5);
/// Two hours.
pub(super) const DRIFT_WINDOWS: usize = 24;
/// Windows in an hour, and in the last ten minutes.
const HOUR: usize = 12;
const RECENT: usize = 2;

/// Errors and requests of a completed window, in half the memory of [`Errors`].
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    errors: u32,
    total: u32,
}

impl From<Errors> for Window {
    fn from(Errors { errors, total }: Errors) -> Self {
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            errors: count(errors),
            total: count(total),
        }
    }
}

impl From<Window> for Errors {
    fn from(Window { errors, total }: Window) -> Self {
        Self {
            errors: errors.into(),
            total: total.into(),
        }
    }
}

/// Errors and requests of the most recent windows.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The number of the current window.
    open: Option<i64>,
    now: Errors,
    windows: VecDeque<Window>,
    /// The counters of errors and requests.
    rises: [Rise; 2],
}

impl Counts {
    /// Returns the completed windows, oldest first. Windows without data are empty.
    pub(super) fn windows(&self) -> Vec<Errors> {
        self.windows.iter().copied().map(Errors::from).collect()
    }

    /// Over the last hour.
    pub(super) fn hour(&self) -> Errors {
        self.last(HOUR)
    }

    /// Whether nothing was counted in the current window and the last completed windows that cover
    /// `time`.
    pub(super) fn is_silent(&self, time: Duration) -> bool {
        let windows = time.as_secs() / DRIFT_WINDOW.as_secs();
        self.last(usize::try_from(windows).unwrap_or(usize::MAX))
            .total
            == 0
    }

    /// Over the last ten minutes.
    pub(super) fn lately(&self) -> Errors {
        self.last(RECENT)
    }

    fn last(&self, windows: usize) -> Errors {
        let last = self.windows.iter().rev().take(windows).copied();
        let last = last.map(Errors::from).chain([self.now]);
        last.fold(Errors::default(), |sum, one| Errors {
            errors: sum.errors.saturating_add(one.errors),
            total: sum.total.saturating_add(one.total),
        })
    }

    /// Adds errors and requests at a time. Counts for a completed window are ignored.
    pub(super) fn add(&mut self, at: Timestamp, errors: u64, total: u64) {
        self.advance(at);
        if self.open == Some(number(at)) {
            self.now.errors = self.now.errors.saturating_add(errors);
            self.now.total = self.now.total.saturating_add(total);
        }
    }

    /// Adds the increases of two counters since they were last read.
    pub(super) fn follow(&mut self, at: Timestamp, errors: Option<f64>, total: Option<f64>) {
        // A share requires both counters.
        let [errors, total] = [
            errors.filter(|_| total.is_some()),
            total.filter(|_| errors.is_some()),
        ];
        let [of_errors, of_total] = &mut self.rises;
        if let (Some(errors), Some(total)) = (of_errors.step(at, errors), of_total.step(at, total))
        {
            self.add(at, whole(errors.min(total)), whole(total));
        }
    }

    /// Advances to a time.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let window = number(now);
        let Some(open) = self.open.filter(|open| *open != window) else {
            self.open = Some(window);
            return;
        };
        let passed = usize::try_from(window - open).unwrap_or(0);
        if passed == 0 {
            return;
        }
        let over = std::mem::take(&mut self.now);
        self.windows.push_back(over.into());
        let empty = (passed - 1).min(DRIFT_WINDOWS);
        self.windows
            .extend(std::iter::repeat_n(Window::default(), empty));
        while self.windows.len() > DRIFT_WINDOWS {
            self.windows.pop_front();
        }
        self.open = Some(window);
    }

    /// The maximum size in bytes.
    #[cfg(test)]
    pub(super) fn size() -> usize {
        size_of::<Self>() + DRIFT_WINDOWS.next_power_of_two() * size_of::<Window>()
    }
}

fn number(at: Timestamp) -> i64 {
    let width = millis(DRIFT_WINDOW);
    at.0.div_euclid(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(second)
    }

    #[test]
    fn counters_become_windows_and_handle_resets() {
        let mut counts = Counts::default();
        for (second, errors, total) in [(0, 5.0, 100.0), (60, 6.0, 110.0), (310, 8.0, 130.0)] {
            counts.follow(at(second), Some(errors), Some(total));
        }
        let first = Errors {
            errors: 1,
            total: 10,
        };
        assert_eq!(counts.windows(), [first]);
        assert_eq!((counts.hour().errors, counts.hour().total), (3, 30));
        counts.follow(at(320), Some(0.0), Some(2.0));
        assert_eq!(counts.hour().total, 32, "it was reset to zero");
        counts.follow(at(330), None, Some(3.0));
        counts.follow(at(330), Some(0.0), Some(4.0));
        assert_eq!(counts.hour().total, 34);
        counts.follow(at(2000), Some(9.0), Some(90.0));
        assert_eq!(counts.hour().total, 34, "the time is unknown");
        counts.advance(at(1_000_000));
        assert_eq!(counts.windows(), [Errors::default(); DRIFT_WINDOWS]);
    }

    #[test]
    fn counts_of_any_size_are_taken() {
        let mut counts = Counts::default();
        for second in [0, 1, 400] {
            counts.add(at(second), u64::MAX, u64::MAX);
        }
        assert_eq!(counts.hour().total, u64::MAX);
    }

    #[test]
    fn late_attempts_are_ignored() {
        let mut counts = Counts::default();
        counts.add(at(600), 0, 1);
        counts.add(at(10), 1, 1);
        assert_eq!((counts.hour().errors, counts.hour().total), (0, 1));
    }
}
