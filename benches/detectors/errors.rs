//! Error ratios that climb.

use crate::days::{Days, Event};
use crate::minutes::{KINDS, moment, watched};
use crate::noise::binomial;
use fastrand::Rng;
use slod_core::signal::rules::{Confirmation, Numbers, errors_climbing};
use slod_core::trend::Errors;

pub fn climbing() {
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
            let adds = match kind.event {
                Event::Deploys | Event::Cron => 9.0,
                _ => 0.2,
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
