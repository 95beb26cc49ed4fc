//! The numbers of users in a run, and the throughput of each.

use super::fault::is_rate_limited;
use crate::load::{Figures, LoadWindow, Stage, Usable};
use std::time::Duration;

/// Maximum number of levels that a stage with a rising load is divided into.
const PARTS: usize = 10;
/// Seconds at the start of a stage with a constant load that are skipped, at most this share of the stage.
const SETTLING: f64 = 10.0;
const SETTLING_SHARE: f64 = 0.2;
/// Minimum length of a level, as a multiple of the time from one request of a user to the next (a round):
/// shorter levels show the throughput of the previous number of users.
const ROUNDS: f64 = 5.0;
/// The width of the windows in which rounds are measured.
const WINDOW: Duration = Duration::from_secs(10);
/// Numbers of users whose relative difference is at most this are the same.
const SAME: f64 = 0.01;

/// A number of users that was active for some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    pub users: f64,
    /// Successful responses per second.
    pub rate: f64,
    /// The time from one request of a user to the next, in seconds: by Little's law (1961), users divided
    /// by responses per second.
    pub round: f64,
    pub responses: f64,
}

/// The levels of a run.
#[derive(Debug, Default)]
pub struct Levels {
    /// In order, without those whose throughput is that of a rate limit.
    pub own: Vec<Level>,
    has_rate_limited: bool,
}

impl Levels {
    /// Says which levels are left out, for the end of a sentence; empty if none is.
    pub const fn without(&self) -> &'static str {
        if self.has_rate_limited {
            "; without the loads at which a rate limit rejected requests"
        } else {
            ""
        }
    }
}

pub fn levels(usable: &Usable<'_>) -> Levels {
    let Some(round) = quickest_round(usable) else {
        return Levels::default();
    };
    let mut all = Levels::default();
    for (number, stage) in usable.run.scenario.stages.iter().enumerate() {
        let of_stage = |one: &&LoadWindow| one.stage == number;
        let windows: Vec<&LoadWindow> = usable.loaded().filter(of_stage).collect();
        for part in parts(stage, &windows, ROUNDS * round) {
            let figures = Figures::of(part.iter().copied());
            if is_rate_limited(&figures) {
                all.has_rate_limited = true;
            } else {
                all.own.extend(level(part, &figures));
            }
        }
    }
    all
}

/// The number of different numbers of users.
pub fn different(levels: &[Level]) -> usize {
    let mut users: Vec<f64> = levels.iter().map(|one| one.users).collect();
    users.sort_by(f64::total_cmp);
    users.dedup_by(|a, b| (*a - *b).abs() <= SAME * *b);
    users.len()
}

/// The minimum duration of a level as text: `, each for at least 6 s`; empty without responses.
pub fn each_for(usable: &Usable<'_>) -> String {
    quickest_round(usable).map_or_else(String::new, |round| {
        format!(", each for at least {:.0} s", (ROUNDS * round).ceil())
    })
}

fn quickest_round(usable: &Usable<'_>) -> Option<f64> {
    let round = |(users, rate): (f64, f64)| (users > 0.0 && rate > 0.0).then(|| users / rate);
    let chunks = usable.chunks(WINDOW).into_iter();
    let rounds = chunks.filter_map(|one| round((one.active(), one.figures().rate())));
    rounds.min_by(f64::total_cmp)
}

/// Splits a stage into parts, each at least `least` seconds long.
fn parts<'a>(
    stage: &Stage,
    windows: &'a [&'a LoadWindow],
    least: f64,
) -> Vec<&'a [&'a LoadWindow]> {
    let is_constant = (stage.to - stage.from).abs() <= f64::EPSILON;
    let windows = if is_constant {
        settled(stage, windows)
    } else {
        windows
    };
    let seconds: f64 = windows.iter().map(|one| one.length.as_secs_f64()).sum();
    let most = if is_constant {
        1
    } else {
        PARTS.min(windows.len())
    };
    let count = (1..=most)
        .rev()
        .find(|count| seconds >= *count as f64 * least);
    count.map_or_else(Vec::new, |count| {
        windows
            .chunks(windows.len().div_ceil(count).max(1))
            .collect()
    })
}

/// The windows of a stage of constant load without those in which it settles.
pub(super) fn settled<'a, 'b>(
    stage: &Stage,
    windows: &'a [&'b LoadWindow],
) -> &'a [&'b LoadWindow] {
    let Some(first) = windows.first() else {
        return windows;
    };
    let settling = SETTLING.min(SETTLING_SHARE * stage.length.as_secs_f64());
    let start = first.start.as_secs_f64() + settling;
    let skipped = windows.partition_point(|one| one.start.as_secs_f64() < start);
    &windows[skipped..]
}

/// New users per second.
fn growth(windows: &[&LoadWindow]) -> f64 {
    let (Some(first), Some(last)) = (windows.first(), windows.last()) else {
        return 0.0;
    };
    let seconds = last.start.saturating_sub(first.start).as_secs_f64();
    if seconds > 0.0 {
        ((last.active - first.active) / seconds).max(0.0)
    } else {
        0.0
    }
}

fn level(windows: &[&LoadWindow], figures: &Figures) -> Option<Level> {
    let users = windows.iter().map(|one| one.active).sum::<f64>() / windows.len().max(1) as f64;
    let rate = figures.rate();
    let waiting = figures.mean().unwrap_or_default().as_secs_f64() * rate / users;
    // A new user does not think first: until its second request, it has made half a request more than the
    // others, less the part that is not answered yet.
    let steady = rate - growth(windows) * (0.5 - waiting);
    let found = Level {
        users,
        rate: figures.good_rate(),
        round: users / steady.max(rate / 2.0),
        responses: figures.completed as f64,
    };
    let is_known = found.users > 0.0 && found.rate > 0.0 && found.rate.is_finite();
    is_known.then_some(found)
}
