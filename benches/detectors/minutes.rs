//! Signs by the minute: pools, processors at peak load, providers, queues.

use crate::days::{Days, Event};
use crate::noise::{Ar, binomial, normal};
use fastrand::Rng;
use slod_core::outcome::Timestamp;
use slod_core::signal::rules::{
    Answer, COUNTED, Confirmation, GrowthInput, Numbers, PEAK_MINUTES, Pool, QUEUE_CONFIRMATIONS,
    ServiceCondition, cpu_high_at_peak, errors_climbing, growing, pool_exhausted, provider_failing,
    provider_slow,
};
use slod_core::signal::{Keep, Level, Presence, Track};
use slod_core::trend::Errors;
use std::f64::consts::TAU;
use std::time::Duration;

const DAY: u32 = 1440;
/// Minutes before the day in which nothing is judged, so that histories are full.
const BEFORE: u32 = 180;

/// A share that varies: its mean, noise and correlation by the minute, what it follows the day by, and
/// what happens to it.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    noise: f64,
    correlation: f64,
    daily: f64,
    event: Event,
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

const KINDS: [Kind; 8] = [
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
    fn values(self, rng: &mut Rng, adds: f64) -> Vec<f64> {
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
fn watched(begins: Option<u32>, mut judge: impl FnMut(u32, bool) -> Option<Answer>) -> Option<f64> {
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
fn moment(rng: &mut Rng) -> u32 {
    BEFORE + rng.u32(0..DAY - 300)
}

fn at(minute: u32) -> Timestamp {
    Timestamp::from_secs(i64::from(minute) * 60)
}

fn track(minutes: u64, most: usize, keep: Keep) -> Track {
    Track::new(Duration::from_secs(60 * minutes), most, keep)
}

/// A pool of 20: half of it is in use as a rule.
pub fn pool() {
    const LEVEL: Level = Level {
        begins: 0.9,
        ends: 0.8,
    };
    fn judged(shares: &[f64], begins: Option<u32>) -> Option<f64> {
        let mut pool = Pool::default();
        watched(begins, |minute, was| {
            let in_use = (20.0 * shares[minute as usize]).round().min(20.0);
            pool.take(at(minute), Some(in_use / 20.0), None);
            Some(pool_exhausted(&pool, LEVEL, was))
        })
    }
    let mut table = Days::new("`pool_exhausted`");
    for kind in &KINDS {
        table.healthy(kind.name, &|rng| {
            let values = kind.values(rng, 0.2);
            judged(
                &values.iter().map(|one| 0.55 * one).collect::<Vec<_>>(),
                None,
            )
        });
    }
    for (name, to) in [("nearly exhausted: 95% in use", 0.95), ("exhausted", 1.2)] {
        table.effect(name, &|rng| {
            let begins = moment(rng);
            let values = KINDS[0].values(rng, 0.0).into_iter().enumerate();
            let share = |(minute, one): (usize, f64)| {
                if minute < begins as usize {
                    0.55 * one
                } else {
                    to * one.powf(0.2)
                }
            };
            judged(&values.map(share).collect::<Vec<_>>(), Some(begins))
        });
    }
    table.print();
}

/// At the peak of its load, processors are busy for half of the time.
pub fn peak() {
    fn judged(cpu: &[f64], load: &[f64], begins: Option<u32>) -> Option<f64> {
        let mut tracks = [(); 2].map(|()| track(1, PEAK_MINUTES, Keep::Mean));
        watched(begins, |minute, _| {
            let (share, rate) = (cpu[minute as usize].min(1.0), load[minute as usize]);
            tracks[0].take(at(minute), Some(share));
            tracks[1].take(at(minute), Some(100.0 * rate));
            Some(cpu_high_at_peak(&tracks[0], &tracks[1], 100.0, 0.7))
        })
    }
    let scaled = |values: &[f64], by: f64| values.iter().map(|one| one * by).collect::<Vec<_>>();
    let mut table = Days::new("`cpu_high_at_peak`");
    for kind in &KINDS {
        // An event takes processors, the load stays; at night it is half of the peak.
        table.healthy(kind.name, &|rng| {
            let seed = rng.u64(..);
            let values = |kind: Kind, adds| kind.values(&mut Rng::with_seed(seed), adds);
            let adds = if matches!(kind.event, Event::Step) {
                0.1
            } else {
                0.6
            };
            let night = if matches!(kind.event, Event::Nightly) {
                -0.5
            } else {
                0.0
            };
            let most = 1.0 + kind.daily;
            let cpu = scaled(&values(*kind, adds), 0.5 / most);
            judged(&cpu, &scaled(&values(*kind, night), 1.0 / most), None)
        });
    }
    for (name, to) in [("75% at peak load", 0.75), ("90% at peak load", 0.9)] {
        table.effect(name, &|rng| {
            let begins = moment(rng);
            let load = KINDS[0].values(rng, 0.0);
            let share = |(minute, one): (usize, &f64)| {
                if minute < begins as usize {
                    0.55 * one
                } else {
                    to * one.powf(0.3)
                }
            };
            let cpu: Vec<f64> = load.iter().enumerate().map(share).collect();
            judged(&cpu, &load, Some(begins))
        });
    }
    table.print();
}

/// Mean durations of windows of 5 min over some requests each minute; one request has a tail.
fn slow(
    rng: &mut Rng,
    kind: Kind,
    each: u32,
    tail: f64,
    effect: Option<(u32, f64)>,
) -> Option<f64> {
    const LEVEL: Level = Level {
        begins: 1.0,
        ends: 0.5,
    };
    let values = kind.values(rng, 0.3);
    let mut latency = track(5, 24, Keep::Mean);
    watched(effect.map(|(begins, _)| begins), |minute, was| {
        let factor = effect.map_or(1.0, |(begins, by)| if minute < begins { 1.0 } else { by });
        for _ in 0..each {
            let seconds = values[minute as usize] * factor * (tail * normal(rng)).exp();
            latency.take(at(minute), Some(seconds.ln()));
        }
        Some(provider_slow(&latency, LEVEL, was, ServiceCondition::Usual))
    })
}

pub fn provider_is_slow() {
    let mut table = Days::new("`provider_slow`");
    for kind in KINDS {
        table.healthy(kind.name, &|rng| slow(rng, kind, 10, 0.5, None));
    }
    for (name, each, tail) in [
        ("a request per minute, tail of 0.5", 1, 0.5),
        ("a request per minute, tail of 0.8", 1, 0.8),
        ("a request per minute, tail of 1", 1, 1.0),
    ] {
        table.healthy(name, &|rng| slow(rng, KINDS[0], each, tail, None));
    }
    table.healthy("one of 300 requests takes 30 times as long", &|rng| {
        let mut latency = track(5, 24, Keep::Mean);
        let level = Level {
            begins: 1.0,
            ends: 0.5,
        };
        watched(None, |minute, was| {
            let long = if rng.u32(0..300) == 0 { 30.0 } else { 1.0 };
            latency.take(at(minute), Some(f64::ln(long) + 0.3 * normal(rng)));
            Some(provider_slow(&latency, level, was, ServiceCondition::Usual))
        })
    });
    for (name, each, by) in [
        ("three times as long, 10 requests per minute", 10, 3.0),
        ("three times as long, a request per minute", 1, 3.0),
        ("five times as long, a request per minute", 1, 5.0),
    ] {
        table.effect(name, &|rng| {
            let begins = moment(rng);
            slow(rng, KINDS[0], each, 0.5, Some((begins, by)))
        });
    }
    table.print();
}

/// Some requests per minute, and the share of them that fail at a minute.
fn failing(
    rng: &mut Rng,
    each: u64,
    begins: Option<u32>,
    share: impl Fn(u32) -> f64,
) -> Option<f64> {
    const LEVEL: Level = Level {
        begins: 0.2,
        ends: 0.1,
    };
    let [mut failed, mut all] = [(); 2].map(|()| track(1, 10, Keep::Sum));
    watched(begins, |minute, was| {
        let bad = binomial(rng, each, share(minute));
        failed.take(at(minute), Some(bad as f64));
        all.take(at(minute), Some(each as f64));
        Some(provider_failing(
            &failed,
            &all,
            LEVEL,
            was,
            ServiceCondition::Usual,
        ))
    })
}

pub fn provider_fails() {
    let mut table = Days::new("`provider_failing`");
    for (name, each, share) in [
        ("1% fail, a request per minute", 1, 0.01),
        ("2% fail, a request per minute", 1, 0.02),
        ("5% fail, 5 requests per minute", 5, 0.05),
        ("5% fail, 100 requests per minute", 100, 0.05),
    ] {
        table.healthy(name, &|rng| failing(rng, each, None, |_| share));
    }
    for kind in &KINDS[1..] {
        let name = format!("2% fail, 20 requests per minute; {}", kind.name);
        table.healthy(&name, &|rng| {
            let values = kind.values(rng, 1.0);
            failing(rng, 20, None, |minute| 0.02 * values[minute as usize])
        });
    }
    for (name, each, share) in [
        ("half fail, a request per minute", 1, 0.5),
        ("all fail, a request per minute", 1, 1.0),
        ("30% fail, 20 requests per minute", 20, 0.3),
    ] {
        table.effect(name, &|rng| {
            let begins = moment(rng);
            let share = |minute| if minute < begins { 0.01 } else { share };
            failing(rng, each, Some(begins), share)
        });
    }
    table.print();
}

pub fn errors() {
    fn judged(rng: &mut Rng, begins: Option<u32>, share: impl Fn(u32) -> f64) -> Option<f64> {
        let mut confirmed = Confirmation::default();
        let mut windows: Vec<Errors> = Vec::new();
        watched(begins, |minute, _| {
            if minute % 5 != 0 {
                return None;
            }
            let errors = binomial(rng, 300, share(minute).min(1.0));
            windows.push(Errors { errors, total: 300 });
            let last = &windows[windows.len().saturating_sub(24)..];
            Some(confirmed.step(errors_climbing(last, Numbers::Own, 0.005)))
        })
    }
    let mut table = Days::new("`errors_climbing`");
    for (name, share) in [("0.5% fail", 0.005), ("5% fail", 0.05)] {
        table.healthy(name, &|rng| judged(rng, None, |_| share));
    }
    for kind in &KINDS[1..] {
        table.healthy(&format!("1% fail; {}", kind.name), &|rng| {
            // Deploys and jobs of some minutes fail ten times as often.
            let adds = if matches!(kind.event, Event::Deploys | Event::Cron) {
                9.0
            } else {
                0.2
            };
            let values = kind.values(rng, adds);
            judged(rng, None, |minute| 0.01 * values[minute as usize])
        });
    }
    for (name, per_hour) in [
        ("1 point more each hour", 0.01),
        ("2 points more each hour", 0.02),
    ] {
        table.effect(name, &|rng| {
            let begins = moment(rng);
            judged(rng, Some(begins), |minute| {
                0.005 + per_hour * f64::from(minute.saturating_sub(begins)) / 60.0
            })
        });
    }
    table.print();
}

/// What waits: about 40, or nothing.
pub fn queue() {
    fn judged(values: &[f64], begins: Option<u32>) -> Option<f64> {
        let mut confirmed = Confirmation::default();
        let [mut waiting, mut traffic] = [Keep::Lowest, Keep::Mean].map(|keep| track(1, 60, keep));
        watched(begins, |minute, _| {
            let value = values[minute as usize];
            waiting.take(at(minute), Some(value.max(0.0).round()));
            traffic.take(at(minute), Some(100.0));
            if minute % 5 != 0 {
                return None;
            }
            let number = GrowthInput {
                track: &waiting,
                traffic: &traffic,
                rules: COUNTED,
                unit: "waiting",
                scale: 1.0,
                limit: None,
            };
            Some(confirmed.step_of(QUEUE_CONFIRMATIONS, growing(&number)))
        })
    }
    let mut table = Days::new("`queue_growing`");
    for kind in KINDS {
        let kind = Kind {
            daily: kind.daily / 2.0,
            ..kind
        };
        table.healthy(kind.name, &|rng| {
            let values = kind.values(rng, 0.2);
            judged(
                &values.iter().map(|one| 40.0 * one).collect::<Vec<_>>(),
                None,
            )
        });
    }
    table.healthy("empty, 200 within 5 min of every hour", &|rng| {
        let phase = rng.f64();
        let cron = |minute: u32| 200.0 * Event::Cron.at(f64::from(minute) / 60.0, phase);
        judged(&(0..BEFORE + DAY).map(cron).collect::<Vec<_>>(), None)
    });
    for (name, per_hour) in [
        ("10 more each hour", 10.0),
        ("14 more each hour", 14.0),
        ("16 more each hour", 16.0),
        ("18 more each hour", 18.0),
        ("20 more each hour", 20.0),
        ("30 more each hour", 30.0),
        ("60 more each hour", 60.0),
        ("300 more each hour", 300.0),
    ] {
        table.effect(name, &|rng| {
            let begins = moment(rng);
            let values = KINDS[0].values(rng, 0.0).into_iter().enumerate();
            let grown = |(minute, one): (usize, f64)| {
                let hours = minute.saturating_sub(begins as usize) as f64 / 60.0;
                40.0 * one + per_hour * hours
            };
            judged(&values.map(grown).collect::<Vec<_>>(), Some(begins))
        });
    }
    table.print();
}
