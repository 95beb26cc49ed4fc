//! Health indicators of a service, and their verdicts.

use crate::format::{count, failed};
use std::sync::Arc;

/// A statement that is true of a healthy service.
#[derive(Debug, PartialEq, Eq)]
pub struct IndicatorKind {
    /// The name in APIs: `cpu_at_peak`.
    pub name: &'static str,
    /// The statement as shown to people.
    pub title: &'static str,
}

macro_rules! indicators {
    ($($constant:ident, $name:literal, $title:literal;)+) => {
        $(pub const $constant: IndicatorKind = IndicatorKind { name: $name, title: $title };)+

        /// In display order.
        pub const INDICATORS: [&IndicatorKind; [$($name),+].len()] = [$(&$constant),+];
    };
}

indicators! {
    RESPONSE_TIMES, "response_times", "Response times stay consistent under load";
    ERROR_RATE, "error_rate", "Error rate remains below 0.1%";
    CPU_AT_PEAK, "cpu_at_peak", "CPU usage below 70% at peak";
    MEMORY_STABLE, "memory_stable", "Memory usage stable (no growth)";
    POOLED, "pooled", "Database connections properly pooled";
    NO_TIMEOUTS, "no_timeouts", "No connection timeouts";
}

/// Lower bound of an error rate that is too high.
pub const MAX_ERROR_RATE: f64 = 0.001;
/// Lower bound of a CPU usage at peak load that is too high, as a share of the processors.
pub const MAX_CPU: f64 = 0.7;
/// Lower bound of a pool usage that is nearly exhausted, as a share of the pool.
pub const MAX_POOL: f64 = 0.9;

/// The state of one indicator of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Indicator {
    pub kind: &'static IndicatorKind,
    pub service: Arc<str>,
    /// Whether it holds; `None` if that is unknown.
    pub holds: Option<bool>,
    /// The numbers behind the verdict, or what is missing.
    pub evidence: Arc<str>,
}

/// Whether an indicator holds (`None` if unknown), and why.
pub type Judged = (Option<bool>, String);

/// Whether the error rate is below [`MAX_ERROR_RATE`].
pub fn error_rate(errors: u64, total: u64) -> Judged {
    if total < MIN_EVENTS {
        return (
            None,
            format!("{total} of the required {MIN_EVENTS} requests are known"),
        );
    }
    let rate = errors as f64 / total as f64;
    let evidence = format!(
        "{} of {} requests failed in the last hour: {}",
        count(errors),
        count(total),
        failed(rate)
    );
    (Some(rate < MAX_ERROR_RATE), evidence)
}

/// Minimum number of requests for a verdict on the error rate.
const MIN_EVENTS: u64 = 10;

/// Combines several parts: false if any part is false, else unknown if any part is unknown.
pub fn all_of(parts: Vec<Judged>) -> Option<Judged> {
    let rank = |(holds, _): &Judged| match holds {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    };
    parts.into_iter().min_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_rate_of_a_thousandth_is_too_high() {
        assert_eq!(error_rate(0, 360).0, Some(true));
        assert_eq!(error_rate(1, 1001).0, Some(true));
        assert_eq!(error_rate(1, 1000).0, Some(false));
        assert_eq!(error_rate(0, 9).0, None);
        assert!(error_rate(9, 1000).1.contains("9 of 1,000 requests failed"));
    }

    #[test]
    fn one_failing_part_decides() {
        let part = |holds| (holds, format!("{holds:?}"));
        let all = |parts: &[Option<bool>]| {
            all_of(parts.iter().map(|one| part(*one)).collect()).map(|(holds, _)| holds)
        };
        assert_eq!(all(&[Some(true), None, Some(false)]), Some(Some(false)));
        assert_eq!(all(&[Some(true), None]), Some(None));
        assert_eq!(all(&[Some(true); 2]), Some(Some(true)));
        assert_eq!(all(&[]), None);
    }
}
