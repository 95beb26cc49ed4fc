//! Synthetic requests of 60 hours, and their recount.

use slod::observe::{HistogramView, RoleValue, RoleView, ServiceMetrics};
use slod::outcome::Timestamp;
use slod::roles::Role;

/// A full hour.
pub const START: Timestamp = Timestamp(1_790_000_000_000 / 3_600_000 * 3_600_000);
/// Milliseconds between two scrapes.
pub const STEP: i64 = 10_000;
/// Longer than the two days for which samples are stored individually.
pub const STEPS: i64 = 60 * 360;
/// The steps during which slod is down.
pub const AWAY: std::ops::Range<i64> = 9000..9040;
/// The steps of planned maintenance, if there is any: the incident and whole minutes around it.
pub const MAINTENANCE: std::ops::Range<i64> = 4998..5064;

/// Good and bad of each objective over 30 days.
pub type Sums = Vec<(String, f64, f64)>;

/// A generator of numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// The requests of one step.
#[derive(Clone, Copy)]
pub struct Happened {
    pub at: i64,
    pub requests: u64,
    pub errors: u64,
    pub slow: u64,
    pub is_scraped: bool,
}

pub fn happened() -> Vec<Happened> {
    let mut dice = Dice(7);
    let steps = (0..STEPS).filter(|step| !AWAY.contains(step));
    let each = steps.map(|step| {
        // One quiet hour in three, and an incident.
        let is_quiet = step / 360 % 3 == 0;
        let requests = if is_quiet {
            dice.roll(3)
        } else {
            15 + dice.roll(20)
        };
        let is_bad = (5000..5050).contains(&step) || dice.roll(50) == 0;
        let errors = if is_bad { requests / 2 } else { 0 };
        Happened {
            at: START.0 + step * STEP,
            requests,
            errors,
            slow: dice.roll(requests / 4 + 1),
            is_scraped: dice.roll(40) != 0,
        }
    });
    each.collect()
}

/// A service's metrics, counted since slod started.
#[derive(Default)]
pub struct Counted {
    pub requests: u64,
    pub errors: u64,
    pub slow: u64,
}

impl Counted {
    pub fn metrics(&self, one: &Happened) -> ServiceMetrics {
        let view = |role, value| RoleView {
            role,
            selector: "x".into(),
            library: None,
            series: 1,
            value: Some(value),
        };
        let fast = self.requests - self.slow;
        let durations = HistogramView {
            bounds: vec![0.25, 0.5, 1.0],
            counts: vec![fast / 2, fast - fast / 2, self.slow, 0],
            sum: 1.0,
        };
        ServiceMetrics {
            at: Some(Timestamp(one.at)),
            roles: vec![
                view(Role::Requests, RoleValue::Counter(self.requests as f64)),
                view(Role::Errors, RoleValue::Counter(self.errors as f64)),
                view(Role::RequestDuration, RoleValue::Histogram(durations)),
            ],
            ..ServiceMetrics::unknown("rag".into())
        }
    }
}

/// Computed independently, from the history.
pub fn recounted(with_maintenance: bool) -> Sums {
    let mut sums = [(0.0, 0.0); 6];
    let mut minutes: Vec<(i64, [u64; 3])> = Vec::new();
    let mut since: Option<i64> = None;
    let (mut requests, mut errors, mut slow) = (0, 0, 0);
    for one in happened() {
        if since.is_some_and(|at| one.at - at > 300_000) {
            // slod was down: the requests in the meantime are unknown.
            (since, requests, errors, slow) = (None, 0, 0, 0);
        }
        requests += one.requests;
        errors += one.errors;
        slow += one.slow;
        if !one.is_scraped {
            continue;
        }
        let step = (one.at - START.0) / STEP;
        let is_counted = !(with_maintenance && MAINTENANCE.contains(&step));
        if let Some(before) = since.replace(one.at)
            && is_counted
        {
            sums[0].0 += (requests - errors) as f64;
            sums[0].1 += errors as f64;
            sums[2].0 += (requests - slow) as f64;
            sums[2].1 += slow as f64;
            let number = one.at / 60_000;
            if minutes.last().is_none_or(|(last, _)| *last != number) {
                minutes.push((number, [0; 3]));
            }
            let (_, minute) = minutes.last_mut().expect("just pushed");
            minute[0] += requests - errors;
            minute[1] += errors;
            minute[2] += (one.at - before).unsigned_abs();
        }
        (requests, errors, slow) = (0, 0, 0);
    }
    for (_, [served, failed, ms]) in minutes {
        let mut judge = |at: usize, is_good: bool| {
            let sum: &mut (f64, f64) = &mut sums[at];
            *(if is_good { &mut sum.0 } else { &mut sum.1 }) += 1.0;
        };
        if served + failed > 0 {
            judge(1, served as f64 >= 0.9 * (served + failed) as f64);
        }
        let reaches = |events: u64| events * 1000 >= 2 * ms;
        if reaches(served + failed) {
            judge(4, reaches(served));
        }
        judge(5, reaches(served));
    }
    let names = ["success", "uptime", "fast", "odd", "offered", "always"];
    let sums = names.iter().zip(sums);
    sums.map(|(name, (good, bad))| ((*name).to_owned(), good, bad))
        .collect()
}
