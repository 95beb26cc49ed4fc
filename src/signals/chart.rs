//! Text charts of the values that a sign was found in, since most receivers do not show images.

use crate::format::bars::curve;
use crate::format::numbers;
use crate::signal::Track;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of characters, which fit in a line of a message on a phone.
const WIDTH: usize = 30;

/// The last windows of a track, such as `▁▂▄▆█ over 10 min`; empty without data.
pub(super) fn of_track(track: &Track) -> Arc<str> {
    of_values(&track.values(), track.width())
}

/// Values of consecutive windows of the same width, oldest first.
pub fn of_values(values: &[Option<f64>], width: Duration) -> Arc<str> {
    let begin = values.iter().position(Option::is_some);
    let known = begin.map_or(&[][..], |begin| &values[begin..]);
    if known.is_empty() {
        return "".into();
    }
    // Windows are averaged, so that the whole range is shown.
    let together = known.len().div_ceil(WIDTH);
    let means: Vec<_> = known.rchunks(together).rev().map(mean).collect();
    let span = width * u32::try_from(known.len()).unwrap_or(u32::MAX);
    format!("{} over {}", curve(&means, WIDTH), numbers::span(span)).into()
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_chart_covers_all_values() {
        let values: Vec<_> = (0..60)
            .map(|minute| Some(100.0 + f64::from(minute)))
            .collect();
        let chart = of_values(&values, MINUTE);
        assert_eq!(&*chart, "▁▁▁▁▁▂▂▂▂▃▃▃▃▄▄▄▄▅▅▅▅▆▆▆▆▇▇▇▇█ over 60m");
    }

    #[test]
    fn unknown_values_stay_blank_and_leading_ones_are_omitted() {
        let values = [None, Some(1.0), None, Some(3.0)];
        assert_eq!(&*of_values(&values, MINUTE), "▁ █ over 3m");
        assert_eq!(&*of_values(&[None], MINUTE), "");
        assert_eq!(&*of_values(&[], MINUTE), "");
    }
}
