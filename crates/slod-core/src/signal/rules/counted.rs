//! Events counted over the last minutes.

use super::{Answer, active_if};
use crate::format::summed;
use crate::signal::{Presence, Track};

/// Whether at least `least` events occurred in the last `minutes`. `what` names the event in the singular
/// and the plural.
pub fn counted(track: &Track, minutes: usize, least: f64, what: [&str; 2]) -> Answer {
    let [one, many] = what;
    match track.sum(minutes) {
        None => (Presence::Unknown, format!("{many} are unknown")),
        Some(count) => {
            let what = if (count - 1.0).abs() < 0.5 { one } else { many };
            (
                active_if(count >= least),
                format!("{} {what} in the last {minutes} minutes", summed(count)),
            )
        }
    }
}
