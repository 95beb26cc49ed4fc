//! Which windows of a run show the service: one place that decides it for all verdicts.

use super::{Ending, Figures, LOCUST, LoadWindow, Model, RunRecord, SLOD, WORKERS};
use std::ops::Range;
use std::time::Duration;

/// A generator that needs more than this share of its processors is the limit,
const GENERATOR_CPU_MAX: f64 = 0.8;
/// as is one that starts requests later than this, at the 99th percentile, which is known to a factor
/// of two,
const LAG_MAX: Duration = Duration::from_micros(1 << 14);
/// or that offers less than this share of a planned rate, over windows of this width.
const OFFERED_MIN: f64 = 0.95;
const OFFERED_WINDOW: Duration = Duration::from_secs(10);
/// A run as a whole cannot be judged if the generator was the limit for a larger share of it.
const LIMITED_MAX: f64 = 0.05;
/// Less of a group of windows does not stand for the group.
const LEFT_MIN: f64 = 0.5;

/// What a window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The service under the planned load.
    Loaded,
    /// The last answers, after the plan or after a request for its end.
    Draining,
    /// The generator, which was the limit.
    Limited(Reason),
}

/// Why the generator was the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Workers,
    Cpu,
    Lag,
    Rate,
}

/// A run, and what each of its windows shows.
#[derive(Clone, Debug)]
pub struct Usable<'a> {
    pub run: &'a RunRecord,
    roles: Vec<Role>,
}

/// Consecutive windows of about a width. Those that do not show the service are left out.
#[derive(Clone, Debug)]
pub(super) struct Chunk<'a> {
    pub start: Duration,
    pub end: Duration,
    pub windows: Vec<&'a LoadWindow>,
}

impl LoadWindow {
    /// Whether the generator had too much to do, as far as it knows itself.
    pub fn is_generator_busy(&self) -> bool {
        self.busy().is_some()
    }

    fn busy(&self) -> Option<Reason> {
        let is_cpu = self
            .generator_cpu
            .is_some_and(|cpu| cpu > GENERATOR_CPU_MAX);
        if is_cpu {
            Some(Reason::Cpu)
        } else {
            (self.lag > LAG_MAX).then_some(Reason::Lag)
        }
    }

    fn end(&self) -> Duration {
        self.start + self.length
    }
}

impl<'a> Usable<'a> {
    pub fn of(run: &'a RunRecord) -> Self {
        let lost = lost_spans(run);
        let drains_from = drains_from(run);
        let role = |window: &LoadWindow| {
            let is_lost = |(from, to): &(f64, f64)| {
                let (start, end) = (window.start.as_secs_f64(), window.end().as_secs_f64());
                end > *from && start < *to
            };
            if window.start >= drains_from {
                Role::Draining
            } else if lost.iter().any(is_lost) {
                Role::Limited(Reason::Workers)
            } else {
                window.busy().map_or(Role::Loaded, Role::Limited)
            }
        };
        let roles = run.windows.iter().map(role).collect();
        let mut usable = Self { run, roles };
        usable.mark_low_rates();
        usable
    }

    /// The windows in which the service was under the planned load.
    pub fn loaded(&self) -> impl Iterator<Item = &'a LoadWindow> + Clone {
        let all = self.run.windows.iter().zip(self.roles.clone());
        all.filter(|(_, role)| *role == Role::Loaded)
            .map(|one| one.0)
    }

    /// These, and those in which the last answers were waited for: all requests that say something
    /// about the service.
    pub fn fair(&self) -> impl Iterator<Item = &'a LoadWindow> + Clone {
        let all = self.run.windows.iter().zip(self.roles.clone());
        all.filter(|(_, role)| !matches!(role, Role::Limited(_)))
            .map(|one| one.0)
    }

    /// Why the run as a whole cannot be judged; `None` if it can.
    pub fn limit(&self) -> Option<String> {
        let time = |is_meant: &dyn Fn(Role) -> bool| -> f64 {
            let all = self.run.windows.iter().zip(&self.roles);
            let meant = all.filter(|(_, role)| is_meant(**role));
            meant.map(|(window, _)| window.length.as_secs_f64()).sum()
        };
        let all = time(&|role| role != Role::Draining);
        let limited = time(&|role| matches!(role, Role::Limited(_)));
        if limited <= LIMITED_MAX * all {
            return None;
        }
        let of = |reason| time(&move |role| role == Role::Limited(reason));
        if of(Reason::Workers) > 0.0 {
            return lost_workers(self.run);
        }
        let reasons = [Reason::Cpu, Reason::Lag, Reason::Rate];
        let longest = reasons
            .into_iter()
            .max_by(|a, b| of(*a).total_cmp(&of(*b)))?;
        Some(self.evidence(longest, of(longest), all))
    }

    fn evidence(&self, reason: Reason, seconds: f64, of: f64) -> String {
        let engine = &self.run.engine;
        let span = format!("in {seconds:.0} of {of:.0} s");
        let windows = self.run.windows.iter().zip(&self.roles);
        let meant = windows.filter(|(_, role)| **role == Role::Limited(reason));
        match reason {
            Reason::Cpu => {
                let cpu = meant.filter_map(|(window, _)| window.generator_cpu);
                let most = cpu.fold(0.0, f64::max) * 100.0;
                format!(
                    "{engine} used up to {most:.0} % of its processors, more than {:.0} % {span}: it was the limit, not the service",
                    GENERATOR_CPU_MAX * 100.0
                )
            }
            Reason::Rate => {
                let figures = Figures::of(meant.map(|(window, _)| window));
                let (offered, due) = (figures.offered(self.run), figures.due);
                let length = figures.length.as_secs_f64();
                format!(
                    "{engine} offered {:.1}/s of the planned {:.1}/s {span}: the load was not the planned one",
                    offered / length,
                    due / length
                )
            }
            Reason::Lag | Reason::Workers => format!(
                "requests started more than {} ms late {span}: the generator was the limit, not the service",
                LAG_MAX.as_millis()
            ),
        }
    }

    /// Groups of windows with a width, those in which the last answers were waited for left out. A
    /// group of which too little is left is left out, and what remains at the end.
    pub(super) fn chunks(&self, width: Duration) -> Vec<Chunk<'a>> {
        self.chunks_of(width, Duration::ZERO..Duration::MAX)
    }

    /// Likewise of a part of the run.
    pub(super) fn chunks_of(&self, width: Duration, part: Range<Duration>) -> Vec<Chunk<'a>> {
        let (mut chunks, mut open) = (Vec::new(), None::<Chunk<'_>>);
        for (window, role) in self.run.windows.iter().zip(&self.roles) {
            if *role == Role::Draining || !part.contains(&window.start) {
                continue;
            }
            let chunk = open.get_or_insert_with(|| Chunk {
                start: window.start,
                end: window.start,
                windows: Vec::new(),
            });
            chunk.end = window.end();
            if *role == Role::Loaded {
                chunk.windows.push(window);
            }
            if chunk.end.saturating_sub(chunk.start) >= width {
                chunks.extend(open.take().filter(Chunk::is_enough));
            }
        }
        chunks
    }

    /// What was measured in each of `count` spans of a width from the start on; `None` where too
    /// little is left.
    pub(super) fn slots(&self, width: Duration, count: u32) -> Vec<Option<Figures>> {
        let slot = |number: u32| {
            let (start, end) = (width * number, width * (number + 1));
            let windows = self.loaded();
            let inside = |one: &&LoadWindow| one.start >= start && one.start < end;
            let windows = windows.filter(inside).collect();
            let chunk = Chunk {
                start,
                end,
                windows,
            };
            chunk.is_enough().then(|| chunk.figures())
        };
        (0..count).map(slot).collect()
    }

    /// Where less than a planned rate was offered, over windows that are long enough to see it.
    fn mark_low_rates(&mut self) {
        if !matches!(self.run.scenario.model, Model::Open { .. }) {
            return;
        }
        let low: Vec<(Duration, Duration)> = self
            .chunks(OFFERED_WINDOW)
            .into_iter()
            .filter(|chunk| {
                let figures = chunk.figures();
                figures.offered(self.run) < at_least(OFFERED_MIN, figures.due)
            })
            .map(|chunk| (chunk.start, chunk.end))
            .collect();
        for (window, role) in self.run.windows.iter().zip(&mut self.roles) {
            let is_inside =
                |(start, end): &(Duration, Duration)| window.start >= *start && window.start < *end;
            if *role == Role::Loaded && low.iter().any(is_inside) {
                *role = Role::Limited(Reason::Rate);
            }
        }
    }
}

impl Chunk<'_> {
    pub fn figures(&self) -> Figures {
        Figures::of(self.windows.iter().copied())
    }

    /// The highest load that was due.
    pub fn level(&self) -> f64 {
        self.windows.iter().map(|one| one.due).fold(0.0, f64::max)
    }

    /// Users that ran, or requests in flight, on average.
    pub fn active(&self) -> f64 {
        let all = self.windows.iter();
        let weighted: f64 = all.map(|one| one.active * one.length.as_secs_f64()).sum();
        weighted / self.figures().length.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn is_enough(&self) -> bool {
        let left: f64 = self
            .windows
            .iter()
            .map(|one| one.length.as_secs_f64())
            .sum();
        let all = self.end.saturating_sub(self.start).as_secs_f64();
        left > 0.0 && left >= LEFT_MIN * all
    }
}

impl Figures {
    /// Requests that the generator offered. Only slod says which ones it started, k6 starts those
    /// that are due, and users of Locust wait for their answers before they start others.
    fn offered(&self, run: &RunRecord) -> f64 {
        match run.engine.as_str() {
            SLOD => (self.started + self.dropped) as f64,
            LOCUST => self.completed as f64,
            _ => self.due.max(self.completed as f64),
        }
    }
}

/// A share of a number of events that are due, less what random arrivals vary by.
pub(super) fn at_least(share: f64, due: f64) -> f64 {
    share * due - 3.0 * due.sqrt()
}

/// From when on only the last answers are waited for: after the plan, and after the last start of a
/// run that was asked to end.
fn drains_from(run: &RunRecord) -> Duration {
    let planned = run.scenario.length();
    // A run that is watched without an end has no plan.
    let end = if planned.is_zero() {
        Duration::MAX
    } else {
        planned
    };
    if !matches!(run.ending, Ending::Interrupted | Ending::Aborted { .. }) {
        return end;
    }
    let starts = |one: &&LoadWindow| one.started + one.dropped > 0;
    let last = run.windows.iter().rfind(starts).map(LoadWindow::end);
    last.map_or(end, |last| last.min(end))
}

/// When fewer workers than before ran, in seconds since the start.
fn lost_spans(run: &RunRecord) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    let (mut most, mut is_lost) = (0.0_f64, false);
    for (second, value) in workers(run) {
        let was_lost = is_lost;
        is_lost = value < most;
        most = most.max(value);
        match spans.last_mut().filter(|_| was_lost) {
            Some(last) => last.1 = if is_lost { f64::INFINITY } else { second },
            None if is_lost => spans.push((second, f64::INFINITY)),
            None => {}
        }
    }
    spans
}

/// Workers on other machines, by seconds since the start.
fn workers(run: &RunRecord) -> impl Iterator<Item = (f64, f64)> {
    let series = run.observed.iter().find(|one| one.key.name() == WORKERS);
    let samples = series.into_iter().flat_map(|one| &one.samples);
    samples.map(|one| ((one.at.0 - run.from.0).max(0) as f64 / 1000.0, one.value))
}

fn lost_workers(run: &RunRecord) -> Option<String> {
    let mut most = 0.0;
    for (second, value) in workers(run) {
        if value < most {
            let lost = most - value;
            return Some(format!(
                "{lost:.0} of {most:.0} workers were lost after {:.0} s: from then on the load was not the planned one",
                second.floor()
            ));
        }
        most = value.max(most);
    }
    None
}
