//! Conversion of local times to moments, and the spans between clock changes.

use crate::outcome::Timestamp;
use crate::units::DAY_MS;
use crate::units::Tz;
use chrono::{NaiveDateTime, Offset, TimeDelta, TimeZone};

/// The moment of a local time: its first occurrence, or for a skipped time with the offset before the gap.
pub fn moment(zone: Tz, local: NaiveDateTime) -> Option<Timestamp> {
    let found = zone.from_local_datetime(&local).earliest();
    let stamp = found.map(|at| Timestamp(at.timestamp_millis()));
    stamp.or_else(|| {
        // A skipped time: use the offset before the gap.
        let day_before = local.checked_sub_signed(TimeDelta::days(1))?;
        let offset = zone
            .offset_from_local_datetime(&day_before)
            .earliest()?
            .fix();
        let at = local.checked_sub_offset(offset)?;
        Some(Timestamp(at.and_utc().timestamp_millis()))
    })
}

/// Splits `from..to` into parts with a constant UTC offset, in milliseconds.
pub(super) fn stretches(
    zone: Tz,
    from: Timestamp,
    to: Timestamp,
) -> Vec<(Timestamp, Timestamp, i64)> {
    let offset = |at: i64| {
        let at = Timestamp(at).to_utc().naive_utc();
        i64::from(zone.offset_from_utc_datetime(&at).fix().local_minus_utc()) * 1000
    };
    let (mut parts, mut begin, mut at) = (Vec::new(), from.0, from.0);
    while at < to.0 {
        let next = at.saturating_add(DAY_MS).min(to.0);
        let (mut same, mut other) = (at, next);
        if offset(next) != offset(at) {
            while other - same > 1 {
                let middle = same + (other - same) / 2;
                if offset(middle) == offset(at) {
                    same = middle;
                } else {
                    other = middle;
                }
            }
            parts.push((Timestamp(begin), Timestamp(other), offset(at)));
            begin = other;
        }
        at = next;
    }
    if begin < to.0 {
        parts.push((Timestamp(begin), to, offset(begin)));
    }
    parts
}
