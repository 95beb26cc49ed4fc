//! Lists circuit breakers in the evidence of a sign.

use crate::format::times;
use crate::observe::scrape::BreakerView;
use crate::outcome::Timestamp;

/// Maximum number of breakers listed; further ones are only counted.
const LISTED_MAX: usize = 5;

/// Formats `payments (open since 2026-11-29 13:04:10 UTC), stock (opened at 2026-11-29 13:02:20
/// UTC)`; empty if no breaker has a name.
pub(super) fn words(breakers: &[BreakerView]) -> String {
    let named: Vec<String> = breakers.iter().take(LISTED_MAX).map(one).collect();
    let more = match breakers.len().saturating_sub(LISTED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}

fn one(breaker: &BreakerView) -> String {
    let name = &breaker.name;
    let time = |at: Timestamp| format!("{} UTC", times::second(at.to_utc()));
    match (breaker.open_since, breaker.opened) {
        (Some(since), _) if breaker.or_before => {
            format!("{name} (open since {} or before)", time(since))
        }
        (Some(since), _) => format!("{name} (open since {})", time(since)),
        (None, Some(opened)) => format!("{name} (opened at {})", time(opened)),
        (None, None) => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_breakers_are_listed_and_the_others_counted() {
        let breaker = |name: &str, since: Option<i64>, opened: i64| BreakerView {
            name: name.into(),
            open_since: since.map(Timestamp::from_secs),
            or_before: name == "old",
            opened: Some(Timestamp::from_secs(opened)),
        };
        assert_eq!(words(&[]), "");
        let three = [
            breaker("old", Some(0), 0),
            breaker("payments", Some(60), 60),
            breaker("stock", None, 30),
        ];
        assert_eq!(
            words(&three),
            "old (open since 1970-01-01 00:00:00 UTC or before), payments (open since 1970-01-01 00:01:00 UTC), stock (opened at 1970-01-01 00:00:30 UTC)"
        );
        let many = [&three[..], &three[..], &three[..]].concat();
        assert!(
            words(&many).ends_with("00:01:00 UTC) and 4 more"),
            "{}",
            words(&many)
        );
    }
}
