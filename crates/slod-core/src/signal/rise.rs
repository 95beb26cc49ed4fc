//! Increases of a counter between readings.

use crate::outcome::{Timestamp, millis};
use crate::sample::increase;
use std::time::Duration;

/// Readings that are further apart have a gap between them: it is unknown when the counter rose. Samples
/// are at most five minutes apart, and may arrive slightly late.
const GAP: Duration = Duration::from_secs(310);

/// Whether there is no gap between a reading and a later one.
pub fn is_gapless(before: Timestamp, at: Timestamp) -> bool {
    (0..=millis(GAP)).contains(&(at.0 - before.0))
}

/// Computes the increase of a counter from reading to reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rise(Option<(Timestamp, f64)>);

impl Rise {
    /// The increase since the last reading. `None` for the first reading and after a gap. A reading without
    /// a value is ignored.
    pub fn step(&mut self, at: Timestamp, value: Option<f64>) -> Option<f64> {
        let value = value?;
        let (before, old) = self.0.replace((at, value))?;
        is_gapless(before, at).then(|| increase(old, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_increase_over_a_gap_is_not_counted() {
        let mut rise = Rise::default();
        let mut step = |second, value| rise.step(Timestamp::from_secs(second), value);
        assert_eq!(step(0, Some(5.0)), None, "the first reading");
        assert_eq!(step(10, Some(7.0)), Some(2.0));
        assert_eq!(step(20, None), None);
        assert_eq!(step(30, Some(8.0)), Some(1.0));
        assert_eq!(step(40, Some(3.0)), Some(3.0), "the counter was reset");
        assert_eq!(step(40 + 300, Some(4.0)), Some(1.0), "the longest interval");
        assert_eq!(step(40 + 300 + 311, Some(54.0)), None, "a gap");
        assert_eq!(step(100, Some(55.0)), None, "the clock was set back");
        assert_eq!(step(110, Some(56.0)), Some(1.0));
    }
}
