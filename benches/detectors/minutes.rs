//! Signs that are evaluated every minute of a day: random values by the minute, and when a sign is there.

use crate::days::Event;
use crate::noise::Ar;
use fastrand::Rng;
use slod_core::outcome::Timestamp;
use slod_core::signal::rules::Answer;
use slod_core::signal::{Keep, Presence, Track};
use std::f64::consts::TAU;
use std::time::Duration;

pub const DAY: u32 = 1440;
/// Minutes before the day in which nothing is judged, so that histories are full.
pub const BEFORE: u32 = 180;

/// A share that varies: its mean, noise and correlation by the minute, what it follows the day by, and
/// what happens to it.
#[derive(Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    noise: f64,
    correlation: f64,
    pub daily: f64,
    pub event: Event,
}

const fn kind(name: &'static str, noise: f64, correlation: f64, daily: f64, event: Event) -> Kind {
    Kind {
        name,
        noise,
        correlation,
        daily,
        event,
    }
}

pub const KINDS: [Kind; 8] = [
    kind("flat, noise of 10%", 0.1, 0.0, 0.0, Event::Nothing),
    kind("AR(0.9), 10%", 0.1, 0.9, 0.0, Event::Nothing),
    kind("AR(0.98), 10%", 0.1, 0.98, 0.0, Event::Nothing),
    kind("day and night", 0.05, 0.0, 0.3, Event::Nothing),
    kind("one step of 20%", 0.05, 0.0, 0.0, Event::Step),
    kind("deploys every 4 h", 0.05, 0.0, 0.0, Event::Deploys),
    kind("a job for 5 min every hour", 0.05, 0.0, 0.0, Event::Cron),
    kind("a nightly job of 1 h", 0.05, 0.0, 0.0, Event::Nightly),
];

impl Kind {
    /// By the minute, around 1; an event adds `adds`.
    pub fn values(self, rng: &mut Rng, adds: f64) -> Vec<f64> {
        let mut ar = Ar::new(rng, self.correlation);
        let phase = rng.f64();
        let value = |minute: u32| {
            let hour = f64::from(minute) / 60.0;
            let wave = 1.0 + self.daily * (hour / 24.0 * TAU).sin();
            let event = 1.0 + adds * self.event.at(hour, phase);
            wave * event * (self.noise * ar.next(rng)).exp()
        };
        (0..BEFORE + DAY).map(value).collect()
    }
}

/// The first minute of the day, or from `begins` on, in which a sign is there.
pub fn watched(
    begins: Option<u32>,
    mut judge: impl FnMut(u32, bool) -> Option<Answer>,
) -> Option<f64> {
    let from = begins.unwrap_or(BEFORE);
    let mut was = false;
    for minute in 0..BEFORE + DAY {
        let Some((presence, _)) = judge(minute, was) else {
            continue;
        };
        was = presence == Presence::Active;
        if was && minute >= from {
            return Some(f64::from(minute - from));
        }
    }
    None
}

/// A moment of the first part of the day.
pub fn moment(rng: &mut Rng) -> u32 {
    BEFORE + rng.u32(0..DAY - 300)
}

pub fn at(minute: u32) -> Timestamp {
    Timestamp::from_secs(i64::from(minute) * 60)
}

pub fn track(minutes: u64, most: usize, keep: Keep) -> Track {
    Track::new(Duration::from_secs(60 * minutes), most, keep)
}
