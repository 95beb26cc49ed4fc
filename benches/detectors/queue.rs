//! Queues that grow.

use crate::days::{Days, Event};
use crate::minutes::{BEFORE, DAY, KINDS, at, moment, track, watched};
use slod_core::signal::Keep;
use slod_core::signal::rules::{COUNTED, Confirmation, GrowthInput, QUEUE_CONFIRMATIONS, growing};

/// Judges the number of waiting tasks by the minute.
fn growing_from(values: &[f64], begins: Option<u32>) -> Option<f64> {
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
            earlier: None,
        };
        Some(confirmed.step_of(QUEUE_CONFIRMATIONS, growing(&number)))
    })
}

/// Usually about 40 wait, or none.
pub fn growing_queue() {
    let mut table = Days::new("`queue_growing`");
    for mut kind in KINDS {
        kind.daily /= 2.0;
        table.healthy(kind.name, &|rng| {
            let values = kind.values(rng, 0.2);
            let waiting: Vec<f64> = values.iter().map(|one| 40.0 * one).collect();
            growing_from(&waiting, None)
        });
    }
    table.healthy("empty, 200 within 5 min of every hour", &|rng| {
        let phase = rng.f64();
        let cron = |minute: u32| 200.0 * Event::Cron.at(f64::from(minute) / 60.0, phase);
        growing_from(&(0..BEFORE + DAY).map(cron).collect::<Vec<_>>(), None)
    });
    for per_hour in [10.0, 14.0, 16.0, 18.0, 20.0, 30.0, 60.0, 300.0] {
        table.effect(&format!("{per_hour} more each hour"), &|rng| {
            let begins = moment(rng);
            let values = KINDS[0].values(rng, 0.0).into_iter().enumerate();
            let grown = |(minute, one): (usize, f64)| {
                let hours = minute.saturating_sub(begins as usize) as f64 / 60.0;
                40.0 * one + per_hour * hours
            };
            growing_from(&values.map(grown).collect::<Vec<_>>(), Some(begins))
        });
    }
    table.print();
}
