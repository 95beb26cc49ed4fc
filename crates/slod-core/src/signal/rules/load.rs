//! Load above the expected peak of a service.

use super::{Answer, BAD_MINUTES, MINUTES, active_if, exceeded};
use crate::signal::{Level, Presence, Track};

/// Whether a number exceeded its `peak` in three of the last five minutes. `level` is a share of the peak.
pub fn load_high(track: &Track, peak: f64, level: Level, was_active: bool, unit: &str) -> Answer {
    let level = Level {
        begins: peak * level.begins,
        ends: peak * level.ends,
    };
    let Some((minutes, border)) = exceeded(track, level, was_active) else {
        let known = track.known(MINUTES).len();
        return (
            Presence::Unknown,
            format!("{unit}: known for {known} of the last {MINUTES} minutes"),
        );
    };
    let last = track.last().unwrap_or_default();
    (
        active_if(minutes >= BAD_MINUTES),
        format!(
            "more than {border:.1} {unit} in {minutes} of the last {MINUTES} minutes, last {last:.1}; the expected peak is {peak:.1}"
        ),
    )
}
