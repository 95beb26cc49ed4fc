//! Exact counts over time in three resolutions. Equal neighboring slots share one entry to save memory.

mod border;
mod ring;
mod sums;

use super::calendar::Calendar;
use super::correction::Spans;
use super::tally::Tally;
use crate::outcome::{Timestamp, millis};
use border::PeriodStarts;
use ring::Ring;
use std::ops::{AddAssign, SubAssign};
use std::time::Duration;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Slot width in milliseconds and number of slots per tier. Windows up to 2 h are counted in 10 s slots, up
/// to one day in 5 min slots, and longer ones in hours. The start of a window is thus within 3.4% (5m) or
/// less of its nominal start, and the same for all objectives.
const RESOLUTIONS: [(i64, usize); 2] = [(10_000, 720), (5 * MINUTE, 288)];

/// Counts of events over time, for windows from 10 s to `longest`.
#[derive(Clone, Debug)]
pub struct Series {
    tiers: [Ring; 3],
    /// One per calendar.
    borders: Vec<PeriodStarts>,
}

/// Sums over a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub good: u64,
    pub bad: u64,
    /// Outcomes that say nothing about the service.
    pub void: u64,
    /// The observed time, as in [`Tally::covered_ms`].
    pub covered_ms: u64,
}

impl AddAssign<(Tally, u64)> for Counts {
    fn add_assign(&mut self, (tally, times): (Tally, u64)) {
        self.good += u64::from(tally.good) * times;
        self.bad += u64::from(tally.bad) * times;
        self.void += u64::from(tally.void) * times;
        self.covered_ms = self
            .covered_ms
            .saturating_add(tally.covered_ms.saturating_mul(times));
    }
}

impl SubAssign for Counts {
    fn sub_assign(&mut self, other: Self) {
        self.good = self.good.saturating_sub(other.good);
        self.bad = self.bad.saturating_sub(other.bad);
        self.void = self.void.saturating_sub(other.void);
        self.covered_ms = self.covered_ms.saturating_sub(other.covered_ms);
    }
}

impl SubAssign<Tally> for Counts {
    fn sub_assign(&mut self, tally: Tally) {
        self.good = self.good.saturating_sub(u64::from(tally.good));
        self.bad = self.bad.saturating_sub(u64::from(tally.bad));
        self.void = self.void.saturating_sub(u64::from(tally.void));
        self.covered_ms = self.covered_ms.saturating_sub(tally.covered_ms);
    }
}

impl Series {
    /// `longest` is the longest window that will be queried.
    pub fn new(longest: Duration) -> Self {
        let hours = usize::try_from((millis(longest) + HOUR - 1) / HOUR).unwrap_or(usize::MAX);
        let [fine, middle] = RESOLUTIONS.map(|(width, slots)| Ring::new(width, slots));
        Self {
            tiers: [fine, middle, Ring::new(HOUR, hours.max(1))],
            borders: Vec::new(),
        }
    }

    /// Adds support for windows of these calendars.
    #[must_use]
    pub fn with_calendars(self, calendars: impl Iterator<Item = Calendar>) -> Self {
        let borders = calendars.map(PeriodStarts::new).collect();
        Self { borders, ..self }
    }

    /// Optimizes for windows that are queried more often than events are added.
    #[must_use]
    pub fn with_sums(self) -> Self {
        let tiers = self.tiers.map(Ring::with_sums);
        Self { tiers, ..self }
    }

    /// Whether [`Series::turn`] would begin a period.
    pub fn is_due(&self, at: Timestamp) -> bool {
        self.borders.iter().any(|one| one.is_due(at))
    }

    /// Begins the calendar periods that contain a moment. Must be called before events of these periods are
    /// added.
    pub fn turn(&mut self, at: Timestamp) {
        let last_day = &self.tiers[1];
        for borders in &mut self.borders {
            borders.turn(at, |from, to| {
                last_day.sum(Timestamp(to.0 - 1), to.0 - from.0)
            });
        }
    }

    /// How far back outcomes must be replayed to fill all but the hourly tier.
    pub fn replay_span() -> Duration {
        Duration::from_millis((RESOLUTIONS[1].0.unsigned_abs()) * RESOLUTIONS[1].1 as u64)
    }

    /// Makes `now` the newest moment, so that events outside of the current windows are ignored.
    pub fn anchor(&mut self, now: Timestamp) {
        for tier in &mut self.tiers {
            tier.anchor(now);
        }
        self.turn(now);
    }

    /// Adds an event at its time. Events may arrive late and out of order.
    pub fn add(&mut self, at: Timestamp, event: Tally) {
        self.turn(at);
        for tier in &mut self.tiers {
            tier.change(at, |tally| tally.add(event));
        }
        for borders in &mut self.borders {
            borders.change(at, |before| *before += (event, 1));
        }
    }

    /// Removes an event, because its slice is judged again.
    pub fn remove(&mut self, at: Timestamp, event: Tally) {
        for tier in &mut self.tiers {
            tier.change(at, |tally| tally.subtract(event));
        }
        for borders in &mut self.borders {
            borders.change(at, |before| *before -= event);
        }
    }

    /// How far back outcomes must be replayed individually.
    pub fn fine_span() -> Duration {
        Duration::from_millis(RESOLUTIONS[0].0.unsigned_abs() * RESOLUTIONS[0].1 as u64)
    }

    /// The number of the middle-tier slot that contains a moment.
    pub fn slot_of(at: Timestamp) -> i64 {
        at.0.div_euclid(RESOLUTIONS[1].0)
    }

    /// Adds a middle-tier slot that is older than [`Series::fine_span`].
    pub fn add_slot(&mut self, slot: i64, sums: Tally) {
        let at = Timestamp(slot * RESOLUTIONS[1].0);
        for tier in &mut self.tiers[1..] {
            tier.change(at, |tally| tally.add(sums));
        }
        for borders in &mut self.borders {
            borders.change(at, |before| *before += (sums, 1));
        }
    }

    /// Adds a whole hour that is older than [`Series::replay_span`], of which only the sums are known.
    pub fn add_hour(&mut self, at: Timestamp, sums: Tally) {
        self.tiers[2].change(at, |tally| tally.add(sums));
    }

    /// Adds a part of such an hour, split at the starts from [`Series::starts_within`].
    pub fn add_part(&mut self, at: Timestamp, sums: Tally) {
        self.add_hour(at, sums);
        for borders in &mut self.borders {
            borders.change(at, |before| *before += (sums, 1));
        }
    }

    /// The starts of calendar periods within an hour.
    pub fn starts_within(&self, hour: Timestamp) -> Vec<Timestamp> {
        let all = self.borders.iter().flat_map(|one| one.within(hour));
        all.collect()
    }

    /// Adds `missing`, which stands for a whole slice, for each time slice in `from..until` that was
    /// neither observed nor corrected. Both bounds are slice starts; `until` is also the start of an hour.
    pub fn complete(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        missing: Tally,
        corrected: &Spans,
    ) {
        for tier in &mut self.tiers {
            tier.complete(from.0, until.0, missing, corrected);
        }
        for borders in &mut self.borders {
            borders.complete(from.0, until.0, missing, corrected);
        }
    }

    /// Sums over the last `window` up to `now`. Only whole slots count, including the slot of `now`, so an
    /// event older than `window` never does.
    pub fn sum(&self, now: Timestamp, window: Duration) -> Counts {
        self.tier(window).sum(now, millis(window))
    }

    /// Sums from the start of the calendar period up to `now`.
    pub fn sum_since(&self, calendar: Calendar, now: Timestamp) -> Counts {
        let start = calendar.around(now).0;
        let hours = now.0.div_euclid(HOUR) - start.0.div_euclid(HOUR) + 1;
        let mut counts = self.tiers[2].sum(now, hours * HOUR);
        let mut borders = self.borders.iter();
        if let Some(known) = borders.find(|one| one.is_of(calendar)) {
            counts -= known.before(start);
        }
        counts
    }

    /// The start of a window that ends with the slot of `now`.
    pub fn start(&self, now: Timestamp, window: Duration) -> Timestamp {
        let width = self.tier(window).width;
        Timestamp((now.0.div_euclid(width) + 1) * width).before(window)
    }

    /// Bad events per hour slot with the start of the hour, oldest first. Forecasts let them leave the
    /// window one by one.
    pub fn bad_by_hour(&self, now: Timestamp, window: Duration) -> Vec<(Timestamp, u64)> {
        self.tiers[2].bad_by_slot(now, millis(window))
    }

    /// Sums per UTC day; the day of `now` is last.
    pub fn days<const N: usize>(&self, now: Timestamp) -> [Counts; N] {
        let hours = &self.tiers[2];
        let today = now.0.div_euclid(24 * HOUR);
        let mut days = [Counts::default(); N];
        hours.visit(now, (N as i64 + 1) * 24 * HOUR, |newest, tally, len| {
            for slot in newest + 1 - len..=newest {
                let age = usize::try_from(today - slot.div_euclid(24)).unwrap_or(usize::MAX);
                if let Some(day) = N
                    .checked_sub(age.saturating_add(1))
                    .and_then(|index| days.get_mut(index))
                {
                    *day += (tally, 1);
                }
            }
        });
        days
    }

    fn tier(&self, window: Duration) -> &Ring {
        let window = millis(window);
        let fits = |ring: &&Ring| ring.width * ring.slots as i64 >= window;
        self.tiers.iter().find(fits).unwrap_or(&self.tiers[2])
    }
}

#[cfg(test)]
mod tests;
