//! The incidents of the generated month. Pure.

use crate::outcome::Cause;
use std::time::Duration;

/// How a service deviates from its profile during an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Every attempt fails.
    Fails(Cause),
    /// One attempt per this period fails with a 503.
    FailsEvery(Duration),
    /// Every response takes this much longer.
    Slow(Duration),
}

/// A time range of the past, in minutes before its end. Incidents start and end on full minutes, so
/// that a month always has the same number of bad ones, whenever the demo is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub begins: u64,
    pub lasts: u64,
}

impl Span {
    const fn new(days: u64, hours: u64, lasts: u64) -> Self {
        let begins = (days * 24 + hours) * 60;
        Self { begins, lasts }
    }

    /// Whether it includes the time `before` the end.
    pub const fn contains(self, before: Duration) -> bool {
        let ms = before.as_millis();
        let (begin, end) = (self.begins, self.begins.saturating_sub(self.lasts));
        ms <= begin as u128 * 60_000 && ms > end as u128 * 60_000
    }
}

/// The incidents of the services, by their numbers in [`super::SERVICES`].
pub const INCIDENTS: [(u32, Span, Effect); 8] = [
    (2, Span::new(27, 2, 3), Effect::Fails(Cause::Reset)),
    (0, Span::new(23, 7, 17), Effect::Fails(Cause::Status)),
    (1, Span::new(18, 16, 38), Effect::Fails(Cause::Timeout)),
    // During the maintenance.
    (1, Span::new(12, 5, 40), Effect::Fails(Cause::Refused)),
    (
        0,
        Span::new(9, 4, 130),
        Effect::Slow(Duration::from_secs(1)),
    ),
    (1, Span::new(6, 20, 14), Effect::Fails(Cause::Refused)),
    (
        1,
        Span::new(3, 11, 95),
        Effect::Slow(Duration::from_millis(450)),
    ),
    // Continues until the end, so that the objective burns its budget when the demo starts.
    (
        2,
        Span::new(0, 20, 20 * 60),
        Effect::FailsEvery(Duration::from_secs(1000)),
    ),
];

/// Planned work on a service, excluded by a correction.
pub const MAINTENANCE: (usize, Span) = (1, Span::new(12, 5, 60));

/// When the prober was down: no service has outcomes.
pub const PROBER_DOWN: Span = Span::new(14, 9, 145);

/// The effect on a service at the time `before` the end.
pub fn effect(service: u32, before: Duration) -> Option<Effect> {
    let mut all = INCIDENTS.iter();
    let found = all.find(|(number, span, _)| *number == service && span.contains(before));
    found.map(|(_, _, effect)| *effect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_includes_its_start_and_not_its_end() {
        let span = Span::new(0, 1, 20);
        let contains = |minutes: u64, ms| {
            let before = Duration::from_mins(minutes) + Duration::from_millis(ms);
            span.contains(before)
        };
        assert!(!contains(60, 1) && contains(60, 0) && contains(40, 1));
        assert!(!contains(40, 0) && !contains(0, 0));
    }

    #[test]
    fn the_maintenance_covers_its_outage_and_no_incident_hides_another() {
        let (service, work) = MAINTENANCE;
        let service = u32::try_from(service).expect("small");
        let outage = Duration::from_mins(work.begins);
        assert_eq!(effect(service, outage), Some(Effect::Fails(Cause::Refused)));
        for (at, (service, span, effect_of)) in INCIDENTS.iter().enumerate() {
            for minute in span.begins - span.lasts + 1..=span.begins {
                let before = Duration::from_mins(minute);
                assert_eq!(effect(*service, before), Some(*effect_of), "incident {at}");
                assert!(!PROBER_DOWN.contains(before), "incident {at}");
            }
        }
    }
}
