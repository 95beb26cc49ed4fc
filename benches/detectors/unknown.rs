//! Memory of services whose traffic is unknown, by the live rule: the time of day may explain its growth. Other
//! healthy kinds are in the tables of `watch`: the rule only makes the sign rarer.

use crate::days::Days;
use crate::memory::{self, SAMPLES_PER_HOUR, daily, minima};
use crate::soak::{MEMORY, MEMORY_WINDOW};
use fastrand::Rng;
use slod_core::outcome::Timestamp;
use slod_core::signal::rules::{Earlier, GrowthInput, growing};
use slod_core::signal::{Keep, Presence, Track};
use slod_core::trend::CONFIRMATIONS;

const DAY: usize = 24 * SAMPLES_PER_HOUR;
/// Windows of two hours.
const KEPT: usize = 60;
/// Samples of five minutes, after which growth is evaluated, and whose lowest value is a level.
const STEP: usize = 30;

pub fn memory() {
    let mut table = Days::new("memory, traffic unknown");
    for (name, days, weekend) in [
        ("day and night, the first day", 1, false),
        ("day and night, five days", 5, false),
        ("day and night with weekends, two weeks", 14, true),
    ] {
        table.healthy(name, &|rng| found(&daily(rng, days * DAY, weekend).0, 0));
    }
    for percent in [5.0, 10.0, 20.0] {
        let name = format!("leak of {percent}% per hour, from the start on");
        table.effect(&name, &|rng| {
            found(&leak(rng, 0, 2 * DAY, percent, false), 0)
        });
        let name = format!("leak of {percent}% per hour, after four days");
        table.effect(&name, &|rng| late(rng, percent, false));
        let name = format!("leak of {percent}% per hour, after four days with day and night");
        table.effect(&name, &|rng| late(rng, percent, true));
    }
    table.print();
}

/// A leak that begins at a random time after four days.
fn late(rng: &mut Rng, percent: f64, is_daily: bool) -> Option<f64> {
    let begins = 4 * DAY + rng.usize(0..DAY);
    found(&leak(rng, begins, begins + DAY, percent, is_daily), begins)
}

fn leak(rng: &mut Rng, begins: usize, end: usize, percent: f64, is_daily: bool) -> Vec<f64> {
    let healthy = if is_daily {
        daily(rng, end, false).0
    } else {
        memory::saw(rng, end, |_| 0.0)
    };
    let leaked = |at: usize| {
        let hours = at.saturating_sub(begins) as f64 / SAMPLES_PER_HOUR as f64;
        2.5 * percent * hours
    };
    let each = healthy.into_iter().enumerate();
    each.map(|(at, value)| value + leaked(at)).collect()
}

/// The minutes from a sample on until the sign is there.
fn found(samples: &[f64], from: usize) -> Option<f64> {
    let (windows, highest) = (minima(samples), highest(samples));
    let mut track = Track::new(MEMORY_WINDOW, KEPT, Keep::Lowest);
    let traffic = Track::new(MEMORY_WINDOW, KEPT, Keep::Mean);
    let (mut taken, mut run) = (0, 0);
    for end in (STEP..=samples.len()).step_by(STEP) {
        let known = (end * 10).div_euclid(120);
        for (window, lowest) in windows.iter().enumerate().take(known).skip(taken) {
            let second = 120 * i64::try_from(window).expect("small");
            track.take(Timestamp::from_secs(second), *lowest);
        }
        taken = known;
        if end < from {
            continue;
        }
        let (presence, _) = growing(&GrowthInput {
            track: &track,
            traffic: &traffic,
            rules: MEMORY,
            unit: "MiB",
            scale: 1.0,
            limit: None,
            earlier: Some(earlier(&highest, end / SAMPLES_PER_HOUR)),
        });
        run = if presence == Presence::Active {
            run + 1
        } else {
            0
        };
        if run == CONFIRMATIONS {
            return Some((end - from) as f64 / 6.0);
        }
    }
    None
}

/// The highest level up to the end of each hour.
fn highest(samples: &[f64]) -> Vec<f64> {
    let least = |step: &[f64]| step.iter().copied().fold(f64::INFINITY, f64::min);
    let of_hour = |hour: &[f64]| hour.chunks(STEP).map(least).fold(0.0, f64::max);
    let hours = samples.chunks_exact(SAMPLES_PER_HOUR).map(of_hour);
    hours
        .scan(0.0, |most: &mut f64, level| {
            *most = most.max(level);
            Some(*most)
        })
        .collect()
}

/// What is known after a number of hours.
fn earlier(highest: &[f64], hours: usize) -> Earlier {
    let before = hours.checked_sub(25).and_then(|last| highest.get(last));
    before.map_or_else(Earlier::default, |level| Earlier {
        highest: *level,
        days: u32::try_from(hours / 24).expect("small"),
    })
}
