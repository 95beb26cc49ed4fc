//! What happened several times lately.

use super::{Answer, there};
use crate::signal::{Presence, Track};

/// Whether something happened at least so often in the last `minutes`.
pub fn counted(track: &Track, minutes: usize, least: f64, what: &str) -> Answer {
    match track.sum(minutes) {
        None => (Presence::Unknown, format!("{what} are not known")),
        Some(count) => (
            there(count >= least),
            format!("{count:.0} {what} in the last {minutes} minutes"),
        ),
    }
}
