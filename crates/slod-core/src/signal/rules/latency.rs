//! Rising response times.

use super::growth::known_for;
use super::{Answer, LOAD_LEAST, Numbers, Usual, is_traffic_unknown};
use crate::signal::{Presence, Track};
use crate::stats::order::median_of;
use crate::trend::{DriftVerdict, drift, load_rises};

/// Whether the 95th percentile, in seconds, rises by at least the share `least`. If traffic is unknown, a rise to a
/// level that is usual at this time of day is explained by it.
pub fn latency_rising(
    p95: &Track,
    traffic: &Track,
    usual: Option<Usual>,
    numbers: Numbers,
    least: f64,
) -> Answer {
    let by = numbers.by();
    match p95.with_windows(|windows| drift(windows, least)) {
        DriftVerdict::Unknown { needed } => {
            let known = p95.known(usize::MAX).len();
            (
                Presence::Unknown,
                format!(
                    "{by}, p95 is known for {known} of the {needed} 5-minute windows required for a trend"
                ),
            )
        }
        DriftVerdict::Steady { smallest } => (
            Presence::Clear,
            format!(
                "{by}, p95 does not rise; a rise of {:.0}% would have been detected",
                smallest * 100.0
            ),
        ),
        DriftVerdict::Rising(rise) => {
            let words = format!(
                "{by}, p95 rose by {:.0}% in {}, from {} to {}",
                rise.share * 100.0,
                known_for(p95),
                millis(rise.from),
                millis(rise.to)
            );
            if traffic.with_windows(|windows| load_rises(windows, LOAD_LEAST)) {
                return (Presence::Clear, format!("{words}, as did traffic"));
            }
            let is_unknown = is_traffic_unknown(traffic, p95);
            if let Some(usual) = usual.filter(|usual| is_unknown && usual.includes(rise.to)) {
                let days = usual.days;
                let words =
                    format!("{words}, which is usual at this time of day ({days} days of history)");
                return (Presence::Clear, words);
            }
            let still = if rise.still {
                ", and is still rising"
            } else {
                ""
            };
            let unexplained = if is_unknown {
                ""
            } else {
                "; traffic does not explain it"
            };
            (Presence::Active, format!("{words}{still}{unexplained}"))
        }
    }
}

/// `412 ms`, `3.4 ms`
pub(super) fn millis(seconds: f64) -> String {
    let ms = seconds * 1000.0;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

/// How many windows are current, among how many of the last ones, and the ratio by which they must be
/// slower.
const NOW: usize = 2;
const LAST: usize = 6;
const SLOWER: f64 = 1.2;

/// Whether responses take clearly longer in the current windows than in those before; `None` if unknown.
pub fn is_slower(p95: &Track) -> Option<bool> {
    let (before, now, _) = p95.latest(NOW, LAST)?;
    Some(median_of(now)? >= SLOWER * median_of(before)?)
}
