//! Findings of lints, and helpers that lints share.

use crate::config::draft::{Draft, Located, ServiceDraft};
use crate::slo::Objective;
use crate::yaml::Spot;
use std::sync::Arc;
use std::time::Duration;

/// A problem that a lint found, and its position.
pub struct Finding {
    pub at: Spot,
    pub message: String,
    pub help: String,
}

/// All pairs of a service and one of its objectives.
pub fn objectives<'d, 'n>(
    draft: &'d Draft<'n>,
) -> impl Iterator<Item = (&'d ServiceDraft<'n>, &'d Located<'n, Arc<Objective>>)> {
    draft.services.iter().flat_map(|service| {
        service
            .objectives
            .iter()
            .map(move |placed| (service, placed))
    })
}

/// The mean time between two attempts that count for an objective, in seconds; `None` if none does.
pub fn spacing(service: &ServiceDraft<'_>, objective: &Objective) -> Option<f64> {
    let per_second: f64 = service
        .counting(objective)
        .map(|probe| 1.0 / probe.value.interval.as_secs_f64())
        .sum();
    (per_second > 0.0).then(|| 1.0 / per_second)
}

/// Formats a number with at most three significant digits.
pub fn plain(number: f64) -> String {
    let digits = match number.abs() {
        n if n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        n if n >= 1.0 => 2,
        n if n >= 1e-3 => 4,
        _ => 10,
    };
    let text = format!("{number:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Formats `0.0144` as `1.44%`.
pub fn percent(ratio: f64) -> String {
    format!("{}%", plain(ratio * 100.0))
}

/// Formats a duration in seconds, rounded down to a value that a person would write.
pub fn span(seconds: f64) -> String {
    let rough = if seconds >= 1.0 {
        Duration::from_secs_f64(seconds.floor())
    } else {
        Duration::from_millis(Duration::from_secs_f64(seconds).subsec_millis().into())
    };
    crate::units::show_duration(rough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let table = [
            (0.000_144, "0.0144%"),
            (0.0144, "1.44%"),
            (1.44, "144%"),
            (0.5, "50%"),
            (1.0 - 0.999_999_9, "0.00001%"),
            (0.0, "0%"),
        ];
        for (ratio, expected) in table {
            assert_eq!(percent(ratio), expected);
        }
        assert_eq!(plain(43_200.0), "43200");
        assert_eq!(
            [span(51.84), span(0.5184), span(3600.0)],
            ["51s", "518ms", "1h"]
        );
    }
}
