//! Usual values by time of day, and lasting deviations from them.

use super::autocorrelation::lag_one;
use super::baseline::Baseline;
use super::cusum::{Cusum, Whitening};
use super::order::median_of;
use std::time::Duration;

const DAY: u64 = crate::units::DAY.as_secs();
const WEEK: u64 = 7 * DAY;
const HOURS: usize = 24;
/// Minimum days of history for a time-of-day baseline.
const MIN_DAYS: u64 = 3;
/// Minimum spread as a share of the median: a level with little variation may still move slightly.
const LEAST_SPREAD: f64 = 0.02;

/// A baseline for each hour of the day, from the values of that hour and its neighbors on all days.
#[derive(Clone, Debug)]
pub struct Season {
    hours: Vec<Baseline>,
    correlation: f64,
    levels: Levels,
}

/// The usual range around a time: the lowest and highest level of its hour and the neighboring hours, over
/// all days and over this day of the week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub low: f64,
    pub high: f64,
    pub spread: f64,
}

/// The medians of each hour of the day and of the week. A nightly job of an hour, or less traffic at
/// weekends, is usual at its time, although it is an outlier among neighboring hours.
#[derive(Clone, Debug)]
struct Levels {
    day: Vec<f64>,
    /// Empty if less than a week is known.
    week: Vec<Option<f32>>,
    /// The spread of all values around the level of their hour.
    spread: f64,
}

impl Season {
    /// Learns from values in order of time, counted from a midnight. With less than three days, all hours
    /// share one baseline. `None` without values.
    pub fn of(history: &[(Duration, f64)]) -> Option<Self> {
        let all = Baseline::of(history.iter().map(|(_, value)| *value))?;
        let span = history.last()?.0.saturating_sub(history.first()?.0);
        let hours = if span.as_secs() < MIN_DAYS * DAY {
            vec![all; HOURS]
        } else {
            hourly(history, all)
        };
        let mut season = Self {
            hours,
            correlation: 0.0,
            levels: Levels::of(history, all.median, span.as_secs() >= WEEK),
        };
        let deviates: Vec<f64> = history
            .iter()
            .filter_map(|(time, value)| season.deviate(*time, *value))
            .map(|deviate| deviate.clamp(-EXTREME, EXTREME))
            .collect();
        season.correlation = lag_one(&deviates);
        Some(season)
    }

    pub fn baseline(&self, time: Duration) -> Baseline {
        self.hours[hour(time)]
    }

    /// The usual range around a time. Its spread is that of the hour, or that of all hours if larger,
    /// because few values can be close to each other by chance.
    pub fn band(&self, time: Duration) -> Band {
        let near = self.levels.near(time);
        let (low, high) = near.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), level| {
            (low.min(level), high.max(level))
        });
        let spread = self.baseline(time).spread.max(self.levels.spread);
        Band { low, high, spread }
    }

    /// How many spreads a value is away from the usual level at its time; `None` if there is no variation.
    pub fn deviate(&self, time: Duration, value: f64) -> Option<f64> {
        let baseline = self.baseline(time);
        baseline.deviate(value, LEAST_SPREAD * baseline.median.abs())
    }
}

impl Band {
    /// How many spreads a value is above the band; negative below it, and 0 within.
    pub fn deviate(&self, value: f64) -> f64 {
        let border = value.clamp(self.low, self.high);
        let spread = self.spread.max(LEAST_SPREAD * border.abs());
        let deviate = (value - border) / spread;
        if deviate.is_finite() { deviate } else { 0.0 }
    }

    /// The values that are this many spreads below and above the band.
    pub fn limits(&self, spreads: f64) -> (f64, f64) {
        let reach = |border: f64| spreads * self.spread.max(LEAST_SPREAD * border.abs());
        (self.low - reach(self.low), self.high + reach(self.high))
    }
}

impl Levels {
    /// `all` is the level of hours without values.
    fn of(history: &[(Duration, f64)], all: f64, has_weeks: bool) -> Self {
        let day = medians(history, HOURS).into_iter();
        let day: Vec<f64> = day.map(|level| level.unwrap_or(all)).collect();
        let deviations = history.iter().map(|(time, value)| value - day[hour(*time)]);
        let spread = Baseline::of(deviations).map_or(0.0, |around| around.spread);
        let week = if has_weeks {
            medians(history, 7 * HOURS)
        } else {
            Vec::new()
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seven digits are enough for a level"
        )]
        let week = week
            .into_iter()
            .map(|level| level.map(|level| level as f32));
        Self {
            day,
            week: week.collect(),
            spread,
        }
    }

    fn near(&self, time: Duration) -> impl Iterator<Item = f64> {
        let hour = time.as_secs() / 3600;
        let hours = [hour.saturating_sub(1), hour, hour + 1].into_iter();
        hours.flat_map(|hour| {
            let of_week = self.week.get(slot(hour, 7 * HOURS)).copied().flatten();
            let of_day = self.day[slot(hour, HOURS)];
            [Some(of_day), of_week.map(f64::from)].into_iter().flatten()
        })
    }
}

/// The median of the values in each hour of a period.
fn medians(history: &[(Duration, f64)], period: usize) -> Vec<Option<f64>> {
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); period];
    for (time, value) in history {
        values[slot(time.as_secs() / 3600, period)].push(*value);
    }
    values.into_iter().map(median_of).collect()
}

fn hour(time: Duration) -> usize {
    slot(time.as_secs() / 3600, HOURS)
}

/// The index of an hour in a period.
fn slot(hour: u64, period: usize) -> usize {
    usize::try_from(hour % period as u64).unwrap_or(0)
}

fn hourly(history: &[(Duration, f64)], all: Baseline) -> Vec<Baseline> {
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); HOURS];
    for (time, value) in history {
        let own = hour(*time);
        for near in [own + HOURS - 1, own, own + 1] {
            values[near % HOURS].push(*value);
        }
    }
    values
        .into_iter()
        .map(|hour| Baseline::of(hour).unwrap_or(all))
        .collect()
}

/// Deviates are clamped to this many spreads, so that one outlier is not a change.
const EXTREME: f64 = 6.0;
/// In spreads. Chosen by measurement: real series have heavier tails than the normal distribution for which
/// run lengths are published.
const ALLOWANCE: f64 = 1.0;
const THRESHOLD: f64 = 20.0;

/// A lasting deviation from a season.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    Above,
    Below,
}

/// Detects lasting deviations from the usual level by cumulative sums of the whitened deviates.
#[derive(Clone, Debug)]
pub struct ShiftWatch {
    season: Season,
    whitening: Whitening,
    above: Cusum,
    below: Cusum,
    active: Option<Shift>,
}

impl ShiftWatch {
    pub fn new(season: Season) -> Self {
        let sum = Cusum::new(ALLOWANCE, THRESHOLD);
        Self {
            whitening: Whitening::new(season.correlation),
            above: sum,
            below: sum,
            active: None,
            season,
        }
    }

    /// Replaces the season and keeps the state.
    pub fn learn(&mut self, season: Season) {
        self.whitening.set(season.correlation);
        self.season = season;
    }

    /// Adds the next value, and returns the current lasting deviation. It ends when its sum returns to 0.
    pub fn push(&mut self, time: Duration, value: f64) -> Option<Shift> {
        let deviate = self.season.deviate(time, value);
        let cut = deviate.map(|deviate| deviate.clamp(-EXTREME, EXTREME));
        let white = self.whitening.push(cut).unwrap_or(f64::NAN);
        let white = white.clamp(-EXTREME, EXTREME);
        let (above, below) = (self.above.push(white), self.below.push(-white));
        let ended = |shift: &Shift| match shift {
            Shift::Above => self.above.sum() <= 0.0,
            Shift::Below => self.below.sum() <= 0.0,
        };
        self.active = self.active.filter(|shift| !ended(shift));
        let begun = above
            .then_some(Shift::Above)
            .or(below.then_some(Shift::Below));
        self.active = self.active.or(begun);
        self.active
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 5 min: higher during the day, with disturbances from -0.5 to 0.5.
    fn value(at: u64) -> (Duration, f64) {
        let day = if (8..20).contains(&(at / 12 % 24)) {
            20.0
        } else {
            0.0
        };
        let noise = (at * 7919 % 101) as f64 / 101.0 - 0.5;
        (Duration::from_secs(at * 300), 100.0 + day + 8.0 * noise)
    }

    fn trained(days: u64) -> ShiftWatch {
        let history: Vec<_> = (0..days * 288).map(value).collect();
        ShiftWatch::new(Season::of(&history).unwrap())
    }

    #[test]
    fn the_baseline_follows_the_time_of_day() {
        let mut watch = trained(7);
        let found = (7 * 288..14 * 288).find_map(|at| {
            let (time, value) = value(at);
            watch.push(time, value)
        });
        assert_eq!(found, None);
    }

    #[test]
    fn a_lasting_shift_is_detected_and_an_outlier_is_not() {
        for (shift, expected) in [(12.0, Shift::Above), (-12.0, Shift::Below)] {
            let mut watch = trained(7);
            let (time, usual) = value(7 * 288);
            assert_eq!(watch.push(time, usual), None);
            assert_eq!(watch.push(time, 1e9 * shift), None);
            let found = (7 * 288 + 2..8 * 288).find_map(|at| {
                let (time, value) = value(at);
                watch
                    .push(time, value + shift)
                    .map(|shift| (at - 7 * 288, shift))
            });
            let (steps, found) = found.unwrap();
            assert_eq!(found, expected);
            assert!(steps < 24, "{steps}");
        }
    }

    #[test]
    fn a_nightly_job_and_a_weekend_are_usual_at_their_times() {
        let value = |hour: u64| match (hour / 24 % 7, hour % 24) {
            (5 | 6, _) => 30.0,
            (_, 2) => 150.0,
            _ => 100.0,
        };
        let hours = |days: u64| {
            let each = (0..days * 24).map(|hour| (Duration::from_hours(hour), value(hour)));
            Season::of(&each.collect::<Vec<_>>()).unwrap()
        };
        let at = |day: u64, hour: u64| Duration::from_secs((day * 24 + hour) * 3600);
        let season = hours(14);
        let (night, noon) = (season.band(at(14, 2)), season.band(at(14, 12)));
        assert_eq!((night.low, night.high), (100.0, 150.0));
        assert_eq!((noon.low, noon.high), (100.0, 100.0));
        assert_eq!(season.band(at(19, 12)).low, 30.0, "a Saturday");
        assert_eq!(
            hours(5).band(at(5, 12)).low,
            100.0,
            "without a weekend in the history"
        );
        assert!(noon.deviate(120.0) > 5.0 && noon.deviate(80.0) < -5.0);
        assert_eq!(night.deviate(130.0), 0.0);
    }

    #[test]
    fn empty_and_constant_histories_have_no_season() {
        assert!(Season::of(&[]).is_none());
        assert!(Season::of(&[(Duration::ZERO, f64::NAN)]).is_none());
        let constant = Season::of(&[(Duration::ZERO, 0.0); 9]).unwrap();
        assert_eq!(constant.deviate(Duration::ZERO, 5.0), None);
        let mut watch = ShiftWatch::new(constant);
        assert_eq!(watch.push(Duration::ZERO, 5.0), None);
    }
}
