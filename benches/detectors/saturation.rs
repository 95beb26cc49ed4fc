//! Pools that are exhausted, and processors that are busy at peak load.

use crate::days::{Days, Event};
use crate::minutes::{KINDS, Kind, at, moment, track, watched};
use fastrand::Rng;
use slod_core::signal::rules::{PEAK_MINUTES, Pool, cpu_high_at_peak, pool_exhausted};
use slod_core::signal::{Keep, Level};

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
            let shares: Vec<f64> = values.iter().map(|one| 0.55 * one).collect();
            judged(&shares, None)
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
            let (adds, night) = match kind.event {
                Event::Step => (0.1, 0.0),
                Event::Nightly => (0.6, -0.5),
                _ => (0.6, 0.0),
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
