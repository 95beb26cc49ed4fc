//! Reads time zones.

use super::keys;
use crate::yaml::Section;
use chrono_tz::Tz;

/// The section's `timezone`, UTC if it is left out; `None` where it is faulty.
pub(super) fn zone(section: &Section<'_>) -> Option<Tz> {
    if !section.has("timezone") {
        return keys::DEFAULT_ZONE.parse().ok();
    }
    let expected = "the name of a time zone such as Europe/Berlin";
    section.parse("timezone", expected, |text| text.parse().ok())
}
