//! How well a probe ran: monitoring gaps, as opposed to failures of the service. Pure.

use crate::outcome::{Record, Timestamp, Verdict, millis};
use crate::store::HourOutline;
use std::collections::BTreeMap;
use std::time::Duration;

/// Takes one probe's outcomes ordered by time.
#[derive(Debug)]
pub struct Watch {
    from: Timestamp,
    interval: Duration,
    last: Option<(Timestamp, Duration)>,
    pub outcomes: u64,
    /// Void outcomes by reason.
    pub voids: BTreeMap<&'static str, u64>,
    /// Time in which ticks had no outcome.
    pub unwatched: Duration,
    /// The longest gap: its start and length.
    pub longest: Option<(Timestamp, Duration)>,
}

impl Watch {
    /// `interval` is the currently configured one.
    pub fn new(from: Timestamp, interval: Duration) -> Self {
        Self {
            from,
            interval,
            last: None,
            outcomes: 0,
            voids: BTreeMap::new(),
            unwatched: Duration::ZERO,
            longest: None,
        }
    }

    pub fn record(&mut self, record: &Record) {
        self.seen(record.at, record.at, record.interval);
        self.outcomes += 1;
        if let Verdict::Void(why) = record.outcome.verdict {
            *self.voids.entry(why.label()).or_default() += 1;
        }
    }

    /// Adds an hour without a missing tick between its first and last outcome.
    pub fn hour(&mut self, hour: &HourOutline) {
        self.seen(hour.first, hour.last, hour.interval);
        let counts = &hour.counts;
        self.outcomes += counts.outcomes();
        for (why, count) in &counts.void {
            *self.voids.entry(why.label()).or_default() += u64::from(*count);
        }
    }

    /// Outcomes were continuous from one tick to another.
    fn seen(&mut self, first: Timestamp, last: Timestamp, interval: Duration) {
        match self.last {
            None => self.gap(self.from, first, self.interval),
            Some((at, before)) => self.gap(at.after(before), first, Duration::ZERO),
        }
        self.last = Some((last, interval));
    }

    /// `to` is the end of the span, or now.
    #[must_use]
    pub fn finish(mut self, to: Timestamp) -> Self {
        match self.last {
            None => self.gap(self.from, to, Duration::ZERO),
            // The last outcome may still be pending.
            Some((at, interval)) => self.gap(at.after(interval), to, interval),
        }
        self
    }

    /// Records a gap between two times if it is longer than `usual`: the ticks of a probe have an arbitrary
    /// offset within its interval, so the first may be that late.
    fn gap(&mut self, from: Timestamp, to: Timestamp, usual: Duration) {
        let ms = to.0.saturating_sub(from.0);
        if ms <= millis(usual) {
            return;
        }
        let gap = Duration::from_millis(ms.unsigned_abs());
        self.unwatched += gap;
        if self.longest.is_none_or(|(_, longest)| gap > longest) {
            self.longest = Some((from, gap));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Outcome, ProbeKey, VoidReason};

    #[test]
    fn missing_ticks_and_void_outcomes_are_gaps() {
        let ten = Duration::from_secs(10);
        let at = Timestamp::from_secs;
        let mut watch = Watch::new(at(0), ten);
        for second in [7, 17, 27, 57, 67] {
            let verdict = if second == 17 {
                Verdict::Void(VoidReason::Resources)
            } else {
                Verdict::Good
            };
            watch.record(&Record {
                key: ProbeKey::new("a", "b"),
                at: at(second),
                interval: ten,
                outcome: Outcome::new(verdict, Duration::ZERO),
            });
        }
        let watch = watch.finish(at(97));
        assert_eq!(watch.outcomes, 5);
        assert_eq!(watch.voids, BTreeMap::from([("resources", 1)]));
        assert_eq!(watch.unwatched, Duration::from_secs(20 + 20));
        assert_eq!(watch.longest, Some((at(37), Duration::from_secs(20))));
    }

    #[test]
    fn nothing_at_all_is_one_gap() {
        let watch = Watch::new(Timestamp(0), Duration::from_secs(10));
        let watch = watch.finish(Timestamp::from_secs(3600));
        assert_eq!(watch.unwatched, Duration::from_hours(1));
    }
}
