//! Load beyond what a service is expected to bear.

use super::{Answer, BAD_MINUTES, MINUTES, exceeded, there};
use crate::signal::{Level, Presence, Track};

/// Whether a number exceeded its `peak` in three of the last five minutes; `level` is a share of it.
pub fn load_high(track: &Track, peak: f64, level: Level, was_active: bool, unit: &str) -> Answer {
    let level = Level {
        begins: peak * level.begins,
        ends: peak * level.ends,
    };
    let Some((minutes, border)) = exceeded(track, level, was_active) else {
        let known = track.known(MINUTES).len();
        return (
            Presence::Unknown,
            format!("{unit}: {known} of the last {MINUTES} minutes are known"),
        );
    };
    let last = track.last().unwrap_or_default();
    (
        there(minutes >= BAD_MINUTES),
        format!(
            "more than {border:.1} {unit} in {minutes} of the last {MINUTES} minutes, last {last:.1}; the peak is {peak:.1}"
        ),
    )
}
