//! Alerts of healthy services, and how soon real trouble is noticed: `cargo bench --bench false_pages`.
//!
//! Fifty services with the objectives of `config/slod.yaml` live through a month in which one attempt
//! in 5,000 fails, alone or two or three in a row. Prints the tables of `docs/FALSE_PAGES.md`; they
//! are the same every time, because the chance is seeded.

use slod::config::Config;
use slod::diagnostic::Source;
use slod::outcome::{Cause, Event, Timestamp, Verdict};
use slod::slo::burn::{Fired, Urgency};
use slod::slo::correction::Spans;
use slod::slo::replay::Replay;
use slod::slo::{Objective, Watcher};
use slod::yaml::units::show_duration;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const DAY: i64 = 86_400;
/// Fills the longest window of an alert; nothing is counted in it.
const BEFORE: i64 = 3 * DAY;
const SERVICES: u64 = 50;
const FAILING: f64 = 0.0002;
const INTERVALS: [i64; 3] = [10, 30, 60];
/// `slice_target`: what it was, what is often suggested, and the default.
const SLICE_TARGETS: [&str; 3] = ["90%", "80%", "50%"];

/// Uniform from 0 to 1; good enough and the same everywhere.
struct Chance(u64);

impl Chance {
    fn of(seed: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66);
        (0..8).for_each(|_| _ = chance.next());
        chance
    }

    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Whether each attempt fails; runs of failures are `lengths` long, each length as often.
fn failures(attempts: i64, lengths: &[u32], chance: &mut Chance) -> Vec<bool> {
    let mean = f64::from(lengths.iter().sum::<u32>()) / lengths.len() as f64;
    let (mut left, mut runs) = (0, lengths.iter().cycle());
    let next = |_| {
        if left == 0 && chance.next() < FAILING / mean {
            left = runs.next().copied().unwrap_or_default();
        }
        let fails = left > 0;
        left = left.saturating_sub(1);
        fails
    };
    (0..attempts).map(next).collect()
}

/// The shipped objectives, with availability at each of [`SLICE_TARGETS`].
fn objectives() -> Vec<Objective> {
    let availability = SLICE_TARGETS.map(|target| {
        format!("      - {{ name: availability {target}, sli: availability, target: 99.9%, window: 30d, slice_target: {target} }}\n")
    });
    let text = format!(
        "services:\n  - name: web\n    probes: [ {{ name: p, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]\n    objectives:\n      - {{ name: errors, sli: success, target: 99.9%, window: 30d }}\n{}",
        availability.concat()
    );
    let name = "false_pages".into();
    let loaded = Config::load(
        &Source { name, text },
        Path::new(""),
        &|_| None,
        slod::probe::KINDS,
    );
    let config = loaded.config.expect("valid");
    config.services[0].objectives.clone()
}

/// What fires from the end of [`BEFORE`] on.
fn live(objective: &Objective, interval: i64, fails: &[bool]) -> Vec<Fired> {
    let every = Duration::from_secs(interval.unsigned_abs());
    let watchers = vec![Watcher::every(every)];
    let from = Timestamp::from_secs(BEFORE);
    let mut replay = Replay::new(
        Arc::new(objective.clone()),
        watchers,
        Spans::default(),
        from,
    );
    for (number, fails) in (0..).zip(fails) {
        let verdict = if *fails {
            Verdict::Bad(Cause::Status)
        } else {
            Verdict::Good
        };
        let (at, latency) = (
            Timestamp::from_secs(number * interval),
            Duration::from_millis(5),
        );
        replay.record(
            0,
            Event {
                at,
                interval: every,
                verdict,
                latency,
            },
        );
    }
    replay
        .finish(Timestamp::from_secs(fails.len() as i64 * interval))
        .0
}

fn sent(fired: &[Fired], urgency: Urgency) -> usize {
    let sent = |one: &&Fired| one.tier.urgency == urgency && !one.inhibited;
    fired.iter().filter(sent).count()
}

/// Pages and tickets of all services in a month, by objective.
fn month(objectives: &[Objective], interval: i64, lengths: &[u32]) -> Vec<(usize, usize)> {
    let mut sums = vec![(0, 0); objectives.len()];
    for seed in 0..SERVICES {
        let fails = failures(
            (BEFORE + 30 * DAY) / interval,
            lengths,
            &mut Chance::of(seed),
        );
        for (sum, objective) in sums.iter_mut().zip(objectives) {
            let fired = live(objective, interval, &fails);
            sum.0 += sent(&fired, Urgency::Page);
            sum.1 += sent(&fired, Urgency::Ticket);
        }
    }
    sums
}

/// When a share of failures that begins after clean days is noticed first: the median of some
/// services, for pages and for whatever fires.
fn noticed(objectives: &[Objective], interval: i64, share: f64) -> [Option<Duration>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for seed in 0..11 {
        let mut chance = Chance::of(1000 + seed);
        let fails = |number| number * interval >= BEFORE && chance.next() < share;
        let fails: Vec<bool> = (0..(BEFORE + 3 * DAY) / interval).map(fails).collect();
        let mut fired = Vec::new();
        for one in objectives {
            fired.extend(live(one, interval, &fails));
        }
        for (times, only) in times.iter_mut().zip([Some(Urgency::Page), None]) {
            let counts = |one: &&Fired| only.is_none_or(|only| one.tier.urgency == only);
            times.push(fired.iter().filter(counts).map(|one| one.from.0).min());
        }
    }
    times.map(|mut times| {
        times.sort_by_key(|at| at.unwrap_or(i64::MAX));
        let after = times[times.len() / 2]? - BEFORE * 1000;
        Some(Duration::from_millis(after.unsigned_abs()))
    })
}

fn main() {
    let objectives = objectives();
    println!(
        "| interval | failures | errors | availability, `slice_target: 90%` | `80%` | `50%` (default) |\n|---|---|---|---|---|---|"
    );
    for interval in INTERVALS {
        for (name, lengths) in [("alone", &[1][..]), ("2 or 3 in a row", &[2, 3])] {
            let cells = month(&objectives, interval, lengths).into_iter();
            let cells: Vec<_> = cells
                .map(|(pages, tickets)| format!("{pages} / {tickets}"))
                .collect();
            println!("| {interval}s | {name} | {} |", cells.join(" | "));
        }
    }
    println!(
        "\n| interval | attempts that fail | first page | first page or ticket |\n|---|---|---|---|"
    );
    let shipped = [&objectives[0], &objectives[3]].map(Clone::clone);
    for interval in INTERVALS {
        for (name, share) in [("100 %", 1.0), ("5 %", 0.05), ("1 %", 0.01)] {
            let [page, any] = noticed(&shipped, interval, share)
                .map(|after| after.map_or_else(|| "none in 3d".to_owned(), show_duration));
            println!("| {interval}s | {name} | {page} | {any} |");
        }
    }
}
