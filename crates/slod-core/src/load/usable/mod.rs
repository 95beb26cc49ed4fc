//! Decides which windows of a run show the service, for all verdicts.

mod groups;
mod workers;

pub(super) use groups::Chunk;

use super::{Ending, Figures, LOCUST, LoadWindow, Model, RunRecord, SLOD};
use std::time::Duration;
use workers::{lost_spans, lost_workers};

// Beyond any of these bounds, the generator is the limit.
/// Maximum share of its processors that the generator uses.
const GENERATOR_CPU_MAX: f64 = 0.8;
/// Maximum delay of its starts at the 99th percentile, which is known to a factor of two.
const LAG_MAX: Duration = Duration::from_micros(1 << 14);
/// Maximum share of its starts for which its machine lacks resources.
const LACKING_MAX: f64 = 0.01;
/// Minimum share of a planned rate, over [`OFFERED_WINDOW`].
const OFFERED_MIN: f64 = 0.95;
/// Width of the windows in which the offered load is compared with the plan.
const OFFERED_WINDOW: Duration = Duration::from_secs(10);
/// Minimum share of constant users, in most seconds of [`OFFERED_WINDOW`]. Users take a second or two to begin
/// and end.
const USERS_MIN: f64 = 0.95;
/// A difference of one user may be due to rounding.
const USERS_ROUNDED: f64 = 1.0;
/// A run as a whole cannot be judged if the generator was the limit for a larger share of it.
const LIMITED_MAX: f64 = 0.05;

/// What a window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The service under the planned load.
    Loaded,
    /// The last responses, after the plan or after the run was stopped.
    Draining,
    /// The generator, which was the limit.
    Limited(Reason),
}

/// Why the generator was the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Workers,
    Cpu,
    Lack,
    Lag,
    Rate,
    Users,
}

/// A run, and what each of its windows shows.
#[derive(Clone, Debug)]
pub struct Usable<'a> {
    pub run: &'a RunRecord,
    roles: Vec<Role>,
    /// Whether responses in a window may have waited for a late generator.
    waited: Vec<bool>,
}

impl LoadWindow {
    /// Whether the generator was overloaded, as far as it knows.
    pub fn is_generator_busy(&self) -> bool {
        self.busy().is_some()
    }

    fn busy(&self) -> Option<Reason> {
        let is_cpu = self
            .generator_cpu
            .is_some_and(|cpu| cpu > GENERATOR_CPU_MAX);
        let due = (self.started + self.dropped) as f64;
        if is_cpu {
            Some(Reason::Cpu)
        } else if self.lacking as f64 > LACKING_MAX * due {
            Some(Reason::Lack)
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
        let roles: Vec<Role> = run.windows.iter().map(role).collect();
        let mut usable = Self {
            run,
            waited: waited(run, &roles),
            roles,
        };
        match run.scenario.model {
            Model::Open { .. } => usable.mark_low_rates(),
            Model::Closed { .. } => usable.mark_missing_users(),
        }
        usable
    }

    /// The windows in which the service was under the planned load.
    pub fn loaded(&self) -> impl Iterator<Item = &'a LoadWindow> + Clone {
        self.those(|role, waited| role == Role::Loaded && !waited)
    }

    /// The loaded windows, and those that wait for the last responses: all requests that say something
    /// about the service.
    pub fn fair(&self) -> impl Iterator<Item = &'a LoadWindow> + Clone {
        self.those(|role, _| !matches!(role, Role::Limited(_)))
    }

    /// The fair windows, without those whose latencies may be due to the generator.
    pub fn timely(&self) -> impl Iterator<Item = &'a LoadWindow> + Clone {
        self.those(|role, waited| !waited && !matches!(role, Role::Limited(_)))
    }

    /// The windows that say nothing about latencies, because the generator was the limit then or just
    /// before.
    pub fn limited(&self) -> impl Iterator<Item = &'a LoadWindow> + Clone {
        self.those(|role, waited| waited || matches!(role, Role::Limited(_)))
    }

    fn those(
        &self,
        are_meant: impl Fn(Role, bool) -> bool + Clone,
    ) -> impl Iterator<Item = &'a LoadWindow> + Clone {
        let shown: Vec<_> = self.shown().collect();
        let all = self.run.windows.iter().zip(shown);
        all.filter(move |(_, (role, waited))| are_meant(*role, *waited))
            .map(|one| one.0)
    }

    /// What each window shows, and whether its responses may have waited.
    fn shown(&self) -> impl Iterator<Item = (Role, bool)> {
        self.roles.iter().copied().zip(self.waited.iter().copied())
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
        let reasons = [
            Reason::Cpu,
            Reason::Lack,
            Reason::Lag,
            Reason::Rate,
            Reason::Users,
        ];
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
                    "{engine} used up to {most:.0}% of its processors, more than {:.0}% {span}: it was the limit, not the service",
                    GENERATOR_CPU_MAX * 100.0
                )
            }
            Reason::Lack => {
                let lacking: u64 = meant.map(|(window, _)| window.lacking).sum();
                let first = self.run.lack.as_deref();
                let first = first.map_or_else(String::new, |words| format!(" (first: {words})"));
                format!(
                    "{lacking} starts were not made {span}, because the generator's machine lacked resources{first}: it was the limit, not the service"
                )
            }
            Reason::Rate => {
                let figures = Figures::of(meant.map(|(window, _)| window));
                let (offered, due) = (figures.offered(self.run), figures.due);
                let length = figures.length.as_secs_f64();
                format!(
                    "{engine} offered {:.1}/s of the planned {:.1}/s {span}: the load was not as planned",
                    offered / length,
                    due / length
                )
            }
            Reason::Users => {
                let (mut ran, mut due, mut count) = (0.0, 0.0, 0.0);
                for (window, _) in meant {
                    ran += window.active;
                    due += window.due;
                    count += 1.0;
                }
                format!(
                    "{engine} ran {:.0} of the planned {:.0} users {span}: the load was not as planned",
                    ran / count,
                    due / count
                )
            }
            Reason::Lag | Reason::Workers => {
                let what = match self.run.scenario.model {
                    Model::Open { .. } => "requests started",
                    // Users have no due starts, so only the generator's own clock can be late.
                    Model::Closed { .. } => "the generator ran",
                };
                format!(
                    "{what} more than {} ms late {span}: the generator was the limit, not the service",
                    LAG_MAX.as_millis()
                )
            }
        }
    }

    /// Marks windows in which less than the planned rate was offered, over spans long enough to show it.
    fn mark_low_rates(&mut self) {
        let is_low = |chunk: &Chunk<'_>| {
            let figures = chunk.figures();
            figures.offered(self.run) < at_least(OFFERED_MIN, figures.due)
        };
        self.limit_where(is_low, Reason::Rate);
    }

    /// Marks windows in which fewer users than planned ran, for example because Locust workers have another
    /// locustfile.
    fn mark_missing_users(&mut self) {
        let lacks = |window: &&LoadWindow| {
            window.active > 0.0 && window.active < USERS_MIN * window.due - USERS_ROUNDED
        };
        let is_low = |chunk: &Chunk<'_>| {
            let levels = || chunk.windows.iter().map(|one| one.due);
            let is_constant = levels().fold(f64::INFINITY, f64::min) >= USERS_MIN * chunk.level();
            let lacking = chunk.windows.iter().copied().filter(lacks).count();
            is_constant && 2 * lacking > chunk.windows.len()
        };
        self.limit_where(is_low, Reason::Users);
    }

    fn limit_where(&mut self, is_low: impl Fn(&Chunk<'_>) -> bool, reason: Reason) {
        let low: Vec<(Duration, Duration)> = self
            .chunks(OFFERED_WINDOW)
            .into_iter()
            .filter(is_low)
            .map(|chunk| (chunk.start, chunk.end))
            .collect();
        for (window, role) in self.run.windows.iter().zip(&mut self.roles) {
            let is_inside =
                |(start, end): &(Duration, Duration)| window.start >= *start && window.start < *end;
            if *role == Role::Loaded && low.iter().any(is_inside) {
                *role = Role::Limited(reason);
            }
        }
    }
}

impl Figures {
    /// Requests that the generator offered. Only slod reports which ones it started; k6 starts those that
    /// are due, and Locust users wait for their responses before they start others.
    pub(super) fn offered(&self, run: &RunRecord) -> f64 {
        match run.engine.as_str() {
            SLOD => (self.started + self.dropped) as f64,
            LOCUST => self.completed as f64,
            _ => self.due.max(self.completed as f64),
        }
    }
}

/// Responses read just after the generator was late have waited for it, as far as that is visible.
fn waited(run: &RunRecord, roles: &[Role]) -> Vec<bool> {
    let mut is_after = false;
    let each = run.windows.iter().zip(roles).map(|(window, role)| {
        let waited = is_after;
        let is_late = *role == Role::Limited(Reason::Lag);
        let is_idle = window.started + window.completed() == 0;
        is_after = is_late || (is_after && is_idle);
        waited
    });
    each.collect()
}

/// A share of the events that are due, less the variation of random arrivals.
pub(super) fn at_least(share: f64, due: f64) -> f64 {
    share * due - 3.0 * due.sqrt()
}

/// From when on the run only waits for the last responses: after the plan, or after the last start of a run
/// that was stopped.
fn drains_from(run: &RunRecord) -> Duration {
    let planned = run.scenario.length();
    // A run that is observed without an end has no plan.
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
