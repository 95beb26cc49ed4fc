//! Time zones of the system.

use super::Run;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// The bytes are a `TZif` file, from which slod computes local times.
pub fn zones() -> Run {
    let years: Vec<i16> = (1900..2100).chain([-9999, 0, 9999]).collect();
    Box::new(move |data| {
        let Ok(zone) = TimeZone::tzif("Test/Zone", data) else {
            return;
        };
        for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            zone.to_offset(at);
        }
        for year in &years {
            for month in [1, 3, 7, 10, 12] {
                let local = civil::date(*year, month, 28).at(2, 30, 0, 0);
                let offset = zone.to_ambiguous_timestamp(local).offset();
                if let jiff::tz::AmbiguousOffset::Unambiguous { offset } = offset
                    && let Ok(at) = offset.to_timestamp(local)
                {
                    zone.to_offset(at);
                }
            }
        }
    })
}
