//! Memory of a process, every 10 s, in MiB.

use crate::noise::{Ar, normal};
use fastrand::Rng;
use std::f64::consts::TAU;

pub const SAMPLES_PER_HOUR: usize = 360;
/// Samples of one window of 2 min.
const WINDOW: usize = 12;

pub struct Kind {
    pub name: &'static str,
    pub make: fn(&mut Rng, usize) -> Vec<f64>,
}

const fn kind(name: &'static str, make: fn(&mut Rng, usize) -> Vec<f64>) -> Kind {
    Kind { name, make }
}

/// Nothing of these is a leak.
pub const HEALTHY: [Kind; 9] = [
    kind("flat, noise of 3%", |rng, n| correlated(rng, n, 0.0)),
    kind("AR(0.9), 3%", |rng, n| correlated(rng, n, 0.9)),
    kind("AR(0.98), 3%", |rng, n| correlated(rng, n, 0.98)),
    kind("garbage collection, 200-300 MiB", |rng, n| {
        saw(rng, n, |_| 0.0)
    }),
    kind("warm-up by 30%, tau 20 min", |rng, n| {
        saw(rng, n, warm_up(20.0))
    }),
    kind("warm-up by 30%, tau 40 min", |rng, n| {
        saw(rng, n, warm_up(40.0))
    }),
    kind("one step of 10%", |rng, n| {
        let at = hours(n) * rng.f64();
        saw(rng, n, move |time| if time < at { 0.0 } else { 25.0 })
    }),
    kind("a job for 5 min every hour, +20%", |rng, n| {
        let at = rng.f64();
        saw(rng, n, move |time| {
            if (time + at).fract() < 1.0 / 12.0 {
                50.0
            } else {
                0.0
            }
        })
    }),
    kind("a nightly job of 1 h, +20%", |rng, n| {
        let at = 24.0 * rng.f64();
        saw(
            rng,
            n,
            move |time| if (time + at) % 24.0 < 1.0 { 50.0 } else { 0.0 },
        )
    }),
];

/// A leak in percent of the mean per hour.
pub fn leak(rng: &mut Rng, samples: usize, percent: f64) -> Vec<f64> {
    saw(rng, samples, move |time| 2.5 * percent * time)
}

fn hours(samples: usize) -> f64 {
    samples as f64 / SAMPLES_PER_HOUR as f64
}

fn correlated(rng: &mut Rng, samples: usize, correlation: f64) -> Vec<f64> {
    let mut noise = Ar::new(rng, correlation);
    (0..samples)
        .map(|_| 250.0 * (1.0 + 0.03 * noise.next(rng)))
        .collect()
}

pub fn warm_up(minutes: f64) -> impl Fn(f64) -> f64 {
    move |time| 75.0 * -(-time * 60.0 / minutes).exp_m1()
}

/// Garbage is collected every 1 to 5 min; what remains varies by 2%. `extra` is added, by hours.
pub fn saw(rng: &mut Rng, samples: usize, extra: impl Fn(f64) -> f64) -> Vec<f64> {
    let (mut left, mut period, mut floor) = (0_usize, 1, 200.0);
    (0..samples)
        .map(|at| {
            if left == 0 {
                period = rng.usize(6..=30);
                left = period;
                floor = 200.0 + 4.0 * normal(rng);
            }
            left -= 1;
            let filled = (period - left) as f64 / period as f64;
            floor + 100.0 * filled + extra(hours(at))
        })
        .collect()
}

/// Memory that follows the traffic of a day, and that traffic (requests per second): 20% and 60%
/// above their means at noon; at weekends a third of it.
pub fn daily(rng: &mut Rng, samples: usize, weekend: bool) -> (Vec<f64>, Vec<f64>) {
    let phase = 24.0 * rng.f64();
    let wave = move |time: f64| {
        let scale = if weekend && (time / 24.0) % 7.0 < 2.0 {
            0.33
        } else {
            1.0
        };
        scale * (TAU * (time + phase) / 24.0).sin()
    };
    let memory = saw(rng, samples, |time| 50.0 * wave(time));
    let mut noise = Ar::new(rng, 0.5);
    let traffic = (0..samples)
        .map(|at| 100.0 * (1.0 + 0.6 * wave(hours(at))) * (1.0 + 0.05 * noise.next(rng)))
        .collect();
    (memory, traffic)
}

/// A process that is restarted every 4 h or so: its lives. Each warms up.
pub fn restarts(rng: &mut Rng, samples: usize) -> Vec<Vec<f64>> {
    let mut lives = Vec::new();
    let mut left = samples;
    while left > 0 {
        let life = rng
            .usize(3 * SAMPLES_PER_HOUR..=5 * SAMPLES_PER_HOUR)
            .min(left);
        let minutes = 10.0 + 30.0 * rng.f64();
        lives.push(saw(rng, life, warm_up(minutes)));
        left -= life;
    }
    lives
}

pub fn minima(samples: &[f64]) -> Vec<Option<f64>> {
    let least = |window: &[f64]| window.iter().copied().min_by(f64::total_cmp);
    samples.chunks(WINDOW).map(least).collect()
}

pub fn means(samples: &[f64]) -> Vec<Option<f64>> {
    let mean = |window: &[f64]| Some(window.iter().sum::<f64>() / window.len() as f64);
    samples.chunks(WINDOW).map(mean).collect()
}
