//! The time a service took to recover from a spike.

use super::advice;
use crate::format::failed;
use crate::load::usable::Chunk;
use crate::load::verdict::{Answer, Statement};
use crate::load::{Figures, RunRecord, Usable};
use crate::stats::baseline::Baseline;
use crate::stats::normal::Z_995;
use crate::stats::proportion::{Share, exceeds, overdispersion, wilson};
use std::ops::Range;
use std::time::Duration;

/// The minimum width of windows; they are wider if that is required for a 95th percentile.
const RECOVERY_WINDOW: Duration = Duration::from_secs(5);
const REQUESTS: f64 = 80.0;
/// How many consecutive calm windows are a recovery, and how many consecutive others after it are a
/// relapse.
const IN_A_ROW: usize = 3;
const P95: f64 = 0.95;
/// A p95 is as before if it is at most this many spreads above the median, or at most the share below.
const SPREADS: f64 = 3.0;
const BAND_SHARE: f64 = 0.1;
/// The significance level for more failed requests than before.
const LEVEL: f64 = 0.01;
/// A smaller error ratio counts as zero.
const ERRORS_MIN: f64 = 0.001;

/// The begin and end of a spike: a stage with more than twice the load of the stages before and after it.
pub(in crate::load) fn spike(run: &RunRecord) -> Option<(Duration, Duration)> {
    let stages = &run.scenario.stages;
    let levels: Vec<f64> = stages
        .iter()
        .map(|stage| stage.from.max(stage.to))
        .collect();
    let place = (1..stages.len().saturating_sub(1))
        .find(|at| levels[*at] > 2.0 * levels[at - 1] && levels[*at] > 2.0 * levels[at + 1])?;
    let begin: Duration = stages[..place].iter().map(|stage| stage.length).sum();
    Some((begin, begin + stages[place].length))
}

/// The usual values before the spike.
struct PreSpike {
    /// The upper bound of p95, in seconds.
    p95: f64,
    /// The upper bound of the error ratio.
    errors: f64,
    /// The overdispersion of errors: how much more they vary than independent errors.
    dispersion: f64,
}

/// How a window after the spike compares with the time before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not significantly worse.
    Calm,
    Slow,
    Failing,
    /// Too few requests.
    Unknown,
}

pub(in crate::load) fn responses(
    usable: &Usable<'_>,
    (begin, end): (Duration, Duration),
) -> Statement {
    let topic = "recovery";
    let unknown = |evidence: &str| Statement::new(topic, Answer::Unknown, evidence);
    let calm = usable.loaded().filter(|one| one.start < begin);
    // Windows are wide enough for a 95th percentile.
    let rate = Figures::of(calm).rate().max(0.1);
    let width = RECOVERY_WINDOW.max(Duration::from_secs_f64(REQUESTS / rate));
    let before = usable.chunks_of(width, Duration::ZERO..begin);
    let Some(usual) = PreSpike::of(&before) else {
        return unknown("too few requests before the spike: use longer stages or a higher load");
    };
    let after = usable.chunks_of(width, end..Duration::MAX);
    let spike = usable.run.windows.iter();
    let spike = spike.filter(|one| (begin..end).contains(&one.start));
    let dropped = Figures::of(spike).dropped;
    After::of(after, end, &usual, dropped).statement(width)
}

/// The windows after a spike.
struct After<'a> {
    /// The end of the spike.
    end: Duration,
    usual: &'a PreSpike,
    chunks: Vec<Chunk<'a>>,
    states: Vec<State>,
    /// Dropped starts during the spike.
    dropped: u64,
}

impl<'a> After<'a> {
    fn of(chunks: Vec<Chunk<'a>>, end: Duration, usual: &'a PreSpike, dropped: u64) -> Self {
        let states = chunks.iter().map(|one| usual.state(&one.figures()));
        Self {
            states: states.collect(),
            chunks,
            end,
            usual,
            dropped,
        }
    }

    fn statement(&self, width: Duration) -> Statement {
        let topic = "recovery";
        let Some(at) = self.first_row(0, |at| self.is_calm(at)) else {
            return self.not_recovered(width);
        };
        let took = self.since_spike(self.chunks[at].end);
        let relapse = self.first_row(at, |at| self.is_off(at));
        if let Some(from) = relapse {
            let to = self.first_row(from, |at| self.is_calm(at));
            let until = to.map_or("to the end".to_owned(), |to| {
                format!("to {} s", self.since_spike(self.chunks[to].start))
            });
            let from_second = self.since_spike(self.chunks[from].start);
            let row = self.together(from..from + IN_A_ROW);
            let how = self.usual.how(self.states[from], &row);
            let evidence = format!(
                "recovered within {took} s after the spike, but relapsed from {from_second} s after it {until}: {how}"
            );
            return Statement::new(topic, Answer::Bad, evidence).advised(advice::OVERLOAD);
        }
        let errors = if self.usual.errors > ERRORS_MIN {
            format!("at most {} errors, as before", failed(self.usual.errors))
        } else {
            "without significant errors".to_owned()
        };
        let smaller = match self.dropped {
            0 => String::new(),
            1 => "; 1 start of the spike was dropped".to_owned(),
            dropped => format!("; {dropped} starts of the spike were dropped"),
        };
        let evidence = format!(
            "recovered within {took} s after the spike: p95 back under {:.0} ms, {errors}{smaller}",
            self.usual.p95 * 1000.0
        );
        Statement::new(topic, Answer::Good, evidence)
    }

    fn not_recovered(&self, width: Duration) -> Statement {
        let ending = self.states.len().saturating_sub(IN_A_ROW)..self.states.len();
        let seen = self.since_spike(self.chunks.last().map_or(self.end, |one| one.end));
        let last = self.together(ending);
        let off = self.usual.state(&last);
        if off.is_off() {
            let how = self.usual.how(off, &last);
            let evidence = format!("did not recover in {seen} s after the spike: {how}");
            return Statement::new("recovery", Answer::Bad, evidence).advised(advice::OVERLOAD);
        }
        let evidence = if self.states.len() > IN_A_ROW && !self.states.contains(&State::Unknown) {
            format!(
                "cannot be judged: no {IN_A_ROW} consecutive windows of {} s were as before the spike, and the last ones were not clearly worse: hold the load after the spike for longer",
                width.as_secs()
            )
        } else {
            format!(
                "the time after the spike was too short, or had too few requests: {IN_A_ROW} windows of {} s are required",
                width.as_secs()
            )
        };
        Statement::new("recovery", Answer::Unknown, evidence)
    }

    fn together(&self, part: Range<usize>) -> Figures {
        let all = self.chunks[part].iter().flat_map(|one| &one.windows);
        Figures::of(all.copied())
    }

    /// Seconds since the end of the spike.
    fn since_spike(&self, at: Duration) -> u64 {
        at.saturating_sub(self.end).as_secs()
    }

    /// The first window at or after `from` that begins a row with this property.
    fn first_row(&self, from: usize, is_row: impl Fn(usize) -> bool) -> Option<usize> {
        let last = (self.states.len() + 1).saturating_sub(IN_A_ROW);
        (from..last).find(|at| is_row(*at))
    }

    fn is_calm(&self, at: usize) -> bool {
        let row = at..at + IN_A_ROW;
        let is_calm = |one: &State| *one == State::Calm;
        let together = self.together(row.clone());
        self.states[row].iter().all(is_calm)
            && self.usual.has_usual_p95(&together)
            && !self.usual.fails(&together)
    }

    fn is_off(&self, at: usize) -> bool {
        self.states[at..at + IN_A_ROW]
            .iter()
            .all(|one| one.is_off())
    }
}

impl State {
    const fn is_off(self) -> bool {
        matches!(self, Self::Slow | Self::Failing)
    }
}

impl PreSpike {
    /// Describes how windows differ from the time before.
    fn how(&self, state: State, figures: &Figures) -> String {
        match state {
            State::Failing => format!(
                "{} of the requests failed, and at most {} before the spike",
                failed(figures.error_ratio().unwrap_or_default()),
                failed(self.errors)
            ),
            _ => format!(
                "p95 stayed above {:.0} ms, the highest before the spike",
                self.p95 * 1000.0
            ),
        }
    }

    /// `None` if no window has a 95th percentile.
    fn of(chunks: &[Chunk<'_>]) -> Option<Self> {
        let figures: Vec<Figures> = chunks.iter().map(Chunk::figures).collect();
        let p95 = Baseline::of(figures.iter().filter_map(p95))?;
        let shares: Vec<Share> = figures.iter().map(Figures::failures).collect();
        let dispersion = overdispersion([&shares[..]]);
        let Share { hits, total } = Share::sum(&shares).scaled(dispersion);
        Some(Self {
            p95: p95.median + (SPREADS * p95.spread).max(BAND_SHARE * p95.median),
            errors: if hits > 0 {
                wilson(hits, total, Z_995).1
            } else {
                0.0
            },
            dispersion,
        })
    }

    fn fails(&self, figures: &Figures) -> bool {
        let Share { hits, total } = figures.failures().scaled(self.dispersion);
        exceeds(hits, total, self.errors.max(ERRORS_MIN), LEVEL)
    }

    fn state(&self, figures: &Figures) -> State {
        if self.fails(figures) {
            return State::Failing;
        }
        match figures.quantile_at_least(P95) {
            None => State::Unknown,
            Some(least) if least.as_secs_f64() <= self.p95 => State::Calm,
            Some(_) => State::Slow,
        }
    }

    fn has_usual_p95(&self, figures: &Figures) -> bool {
        p95(figures).is_some_and(|p95| p95 <= self.p95)
    }
}

fn p95(figures: &Figures) -> Option<f64> {
    figures.quantile(P95).map(|p95| p95.as_secs_f64())
}
