//! Signs that are watched for a day: how often they are there without a cause, and how soon with one.

use crate::{HISTORIES, Table, histories, share_of};
use fastrand::Rng;

/// Rules were tuned on histories with lower numbers: a table is of others.
const FIRST_SEED: u64 = 2_000_000;

/// What each history shows: minutes from the beginning of the effect, or of the day, to the sign.
type Run<'a> = &'a (dyn Fn(&mut Rng) -> Option<f64> + Sync);

pub struct Days(Table);

impl Days {
    pub fn new(what: &str) -> Self {
        Self(Table::new([
            what,
            "days with the sign",
            "found within 1 h",
            "within 2 h",
            "median delay",
        ]))
    }

    /// Nothing is wrong with these.
    pub fn healthy(&mut self, name: &str, run: Run<'_>) {
        let found = histories(|number| run(&mut rng(number)).is_some());
        let days = found.into_iter().filter(|found| *found).count();
        let none = || "-".to_owned();
        self.0.row(name, [share_of(days), none(), none(), none()]);
    }

    /// These have what the sign looks for.
    pub fn effect(&mut self, name: &str, run: Run<'_>) {
        let mut delays: Vec<f64> = histories(|number| run(&mut rng(number)))
            .into_iter()
            .flatten()
            .collect();
        delays.sort_by(f64::total_cmp);
        let within = |hours: f64| {
            let soon = delays.iter().filter(|delay| **delay <= hours * 60.0);
            share_of(soon.count())
        };
        let half = usize::try_from(HISTORIES / 2).unwrap_or(0);
        let median = delays.get(half);
        let median = median.map_or("-".to_owned(), |minutes| format!("{minutes:.0} min"));
        let [hour, two] = [1.0, 2.0].map(within);
        self.0.row(name, ["-".to_owned(), hour, two, median]);
    }

    pub fn print(&self) {
        self.0.print();
    }
}

fn rng(number: u64) -> Rng {
    Rng::with_seed(FIRST_SEED + number)
}

/// What happens to a number in the course of a day, without anything being wrong, or with it.
#[derive(Clone, Copy)]
pub enum Event {
    Nothing,
    /// 12% more from a random moment on.
    Step,
    /// Several times a day, for ten minutes.
    Deploys,
    /// For five minutes of each hour.
    Cron,
    /// For an hour of each night.
    Nightly,
}

impl Event {
    /// How far it is in effect at an hour, from 0 to 1; `phase` is random.
    pub fn at(self, hour: f64, phase: f64) -> f64 {
        let is_on = match self {
            Self::Nothing => false,
            Self::Step => hour > phase * 24.0,
            Self::Deploys => (hour + 4.0 * phase) % 4.0 < 1.0 / 6.0,
            Self::Cron => (hour + phase).fract() < 1.0 / 12.0,
            Self::Nightly => (hour + 24.0 * phase) % 24.0 < 1.0,
        };
        f64::from(u8::from(is_on))
    }
}
