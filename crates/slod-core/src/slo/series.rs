//! Exact counts over time in three resolutions, small because equal neighbours share one entry.

mod border;
mod ring;
mod sums;

use super::calendar::Calendar;
use super::correction::Spans;
use super::tally::Tally;
use crate::outcome::{Timestamp, millis};
use border::Borders;
use ring::Ring;
use std::ops::{AddAssign, SubAssign};
use std::time::Duration;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Slot width and number of slots per tier: windows up to 2 h are counted in 10 s slots, up to
/// one day in 5 min slots, longer ones in hours. A window thus ends within 3.4 % (5m) or less of
/// its nominal start, and always at the same border for everybody.
const RESOLUTIONS: [(i64, usize); 2] = [(10_000, 720), (5 * MINUTE, 288)];

/// Counts of events over time, for windows from 10 s to `longest`.
#[derive(Clone, Debug)]
pub struct Series {
    tiers: [Ring; 3],
    /// One per calendar.
    borders: Vec<Borders>,
}

/// Sums over a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub good: u64,
    pub bad: u64,
    /// Outcomes that say nothing about the service.
    pub void: u64,
    /// How much time was observed, as in [`Tally::covered_ms`].
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
    /// `longest` is the longest window that will be asked for.
    pub fn new(longest: Duration) -> Self {
        let hours = usize::try_from((millis(longest) + HOUR - 1) / HOUR).unwrap_or(usize::MAX);
        let [fine, middle] = RESOLUTIONS.map(|(width, slots)| Ring::new(width, slots));
        Self {
            tiers: [fine, middle, Ring::new(HOUR, hours.max(1))],
            borders: Vec::new(),
        }
    }

    /// For windows of these calendars as well.
    #[must_use]
    pub fn with_calendars(self, calendars: impl Iterator<Item = Calendar>) -> Self {
        let borders = calendars.map(Borders::new).collect();
        Self { borders, ..self }
    }

    /// For windows that are summed up more often than events come.
    #[must_use]
    pub fn with_sums(self) -> Self {
        let tiers = self.tiers.map(Ring::with_sums);
        Self { tiers, ..self }
    }

    /// Whether [`Series::turn`] would begin a period.
    pub fn is_due(&self, at: Timestamp) -> bool {
        self.borders.iter().any(|one| one.is_due(at))
    }

    /// Begins the calendars' periods of a moment. What comes later must not be added before.
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

    /// Makes `now` the newest moment, so that what a window of now does not hold is not taken.
    pub fn anchor(&mut self, now: Timestamp) {
        for tier in &mut self.tiers {
            tier.anchor(now);
        }
        self.turn(now);
    }

    /// Adds an event at its time; events may come late and out of order.
    pub fn add(&mut self, at: Timestamp, event: Tally) {
        self.turn(at);
        for tier in &mut self.tiers {
            tier.change(at, |tally| tally.add(event));
        }
        for borders in &mut self.borders {
            borders.change(at, |before| *before += (event, 1));
        }
    }

    /// Takes an event back, because its slice is judged anew.
    pub fn remove(&mut self, at: Timestamp, event: Tally) {
        for tier in &mut self.tiers {
            tier.change(at, |tally| tally.take(event));
        }
        for borders in &mut self.borders {
            borders.change(at, |before| *before -= event);
        }
    }

    /// How far back outcomes must be replayed one by one.
    pub fn fine_span() -> Duration {
        Duration::from_millis(RESOLUTIONS[0].0.unsigned_abs() * RESOLUTIONS[0].1 as u64)
    }

    /// Number of the slot of the middle tier that a moment is in.
    pub fn slot_of(at: Timestamp) -> i64 {
        at.0.div_euclid(RESOLUTIONS[1].0)
    }

    /// Adds a slot of the middle tier that is older than [`Series::fine_span`].
    pub fn add_slot(&mut self, slot: i64, sums: Tally) {
        let at = Timestamp(slot * RESOLUTIONS[1].0);
        for tier in &mut self.tiers[1..] {
            tier.change(at, |tally| tally.add(sums));
        }
        for borders in &mut self.borders {
            borders.change(at, |before| *before += (sums, 1));
        }
    }

    /// Adds a whole hour that is older than [`Series::replay_span`], known by its sums only.
    pub fn add_hour(&mut self, at: Timestamp, sums: Tally) {
        self.tiers[2].change(at, |tally| tally.add(sums));
    }

    /// Adds a part of such an hour, between the starts that [`Series::starts_within`] has.
    pub fn add_part(&mut self, at: Timestamp, sums: Tally) {
        self.add_hour(at, sums);
        for borders in &mut self.borders {
            borders.change(at, |before| *before += (sums, 1));
        }
    }

    /// Where periods of the calendars begin within an hour.
    pub fn starts_within(&self, hour: Timestamp) -> Vec<Timestamp> {
        let all = self.borders.iter().flat_map(|one| one.within(hour));
        all.collect()
    }

    /// Adds `missing`, which stands for a whole slice, for every time slice from `from` up to `until`
    /// that was not observed and that is not corrected. Both are the starts of slices, `until` that of an hour.
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

    /// Sums over the last `window` up to `now`: the slots that end the window, the one of `now`
    /// included, so never an event older than `window`.
    pub fn sum(&self, now: Timestamp, window: Duration) -> Counts {
        self.tier(window).sum(now, millis(window))
    }

    /// Sums from the start of a calendar's period up to `now`.
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

    /// Bad events per hour slot from the oldest to the newest, with the hour's start: what a
    /// forecast lets age out of the window.
    pub fn bad_by_hour(&self, now: Timestamp, window: Duration) -> Vec<(Timestamp, u64)> {
        self.tiers[2].bad_by_slot(now, millis(window))
    }

    /// Sums per UTC day, the one of `now` last.
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
