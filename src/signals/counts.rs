//! Errors and requests of the last windows.

use super::service::{DRIFT_WINDOW, DRIFT_WINDOWS};
use crate::outcome::Timestamp;
use crate::trend::Errors;
use crate::units::whole;
use std::collections::VecDeque;

/// Errors and requests of the last windows, from counters.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The number of the open window, with the counters at its start.
    open: Option<(i64, f64, f64)>,
    windows: VecDeque<Errors>,
}

impl Counts {
    /// The windows that are over, oldest first.
    pub(super) fn windows(&self) -> Vec<Errors> {
        self.windows.iter().copied().collect()
    }

    pub(super) fn take(&mut self, at: Timestamp, errors: Option<f64>, total: Option<f64>) {
        let (Some(errors), Some(total)) = (errors, total) else {
            return;
        };
        let width = i64::try_from(DRIFT_WINDOW.as_millis()).unwrap_or(i64::MAX);
        let number = at.0.div_euclid(width);
        match self.open {
            Some((open, ..)) if number == open => return,
            Some((open, before, all)) if number == open + 1 => {
                let count = |now: f64, before: f64| whole(now - before);
                self.windows.push_back(Errors {
                    errors: count(errors, before),
                    total: count(total, all),
                });
                if self.windows.len() > DRIFT_WINDOWS {
                    self.windows.pop_front();
                }
            }
            // Windows that nobody counted break the series.
            Some(_) => self.windows.clear(),
            None => {}
        }
        self.open = Some((number, errors, total));
    }
}
