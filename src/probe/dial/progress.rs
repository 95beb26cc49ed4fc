//! How far an attempt came: phases, details and the story, known also when time runs out.

use super::Failure;
use crate::outcome::{Detail, Figures, Measurement, Measurements, Outcome, Timestamp, Verdict};
use crate::probe::Attempt;
use crate::probe::deadline::Overdue;
use crate::units::show_duration;
use std::time::Duration;
use tokio::time::Instant;

/// The state of one attempt. The phase that runs is closed by the next one, or by the end.
#[derive(Debug)]
pub struct Progress<'a> {
    attempt: &'a mut Attempt,
    measured: Measurements,
    pub figures: Figures,
    /// The number that the protocol answered with.
    pub code: Option<u32>,
    current: Option<(Measurement, &'static str, Instant)>,
    /// The end of the last phase that ended.
    phase_end: Option<Instant>,
    pub detail: Detail,
}

impl<'a> Progress<'a> {
    pub fn new(attempt: &'a mut Attempt) -> Self {
        Self {
            attempt,
            measured: Measurements::default(),
            figures: Figures::default(),
            code: None,
            current: None,
            phase_end: None,
            detail: Detail::default(),
        }
    }

    pub fn deadline(&self) -> Instant {
        self.attempt.deadline
    }

    pub fn record(&mut self, topic: &'static str, text: impl FnOnce() -> String) {
        let started = self.attempt.started;
        self.attempt.trace.record(started, topic, text);
    }

    /// Ends the phase that runs and starts another.
    pub fn enter(&mut self, phase: Measurement) {
        self.enter_for(phase, phase.label());
    }

    /// Starts a part of a phase that a timeout names by its own words.
    pub fn enter_for(&mut self, phase: Measurement, words: &'static str) {
        self.leave();
        self.current = Some((phase, words, Instant::now()));
    }

    /// Ends the phase that runs.
    pub fn leave(&mut self) {
        if let Some((phase, _, since)) = self.current.take() {
            let end = Instant::now();
            self.measured
                .add(phase, end.saturating_duration_since(since));
            self.phase_end = Some(end);
        }
    }

    /// Measures what is no phase.
    pub fn measure(&mut self, one: Measurement, took: Duration) {
        self.measured.add(one, took);
    }

    /// How long the attempt has been running.
    pub fn elapsed(&self) -> Duration {
        self.attempt.started.elapsed()
    }

    /// When the attempt started, by the wall clock.
    pub fn wall(&self) -> Timestamp {
        self.attempt.wall
    }

    /// Makes the outcome: of how the work ended, or of its being cut off at the deadline.
    pub fn finish(mut self, result: Result<Result<(), Failure>, Overdue>) -> Outcome {
        // Once the answer was read, what follows is judging it, which is no time of the service's.
        let end = self.phase_end.filter(|_| self.current.is_none());
        let end = end.unwrap_or_else(Instant::now);
        let latency = end.saturating_duration_since(self.attempt.started);
        let phase = self.current.map_or("the attempt", |(_, words, _)| words);
        self.leave();
        let result = result.unwrap_or_else(|overdue| {
            let ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
            let after = show_duration(Duration::from_millis(ms));
            Err(overdue.failure(format!("timeout in {phase} after {after}")))
        });
        let verdict = match result {
            Ok(()) => Verdict::Good,
            Err(failure) => {
                self.detail.say(&failure.message);
                failure.verdict
            }
        };
        Outcome {
            verdict,
            latency,
            measured: self.measured,
            figures: self.figures,
            code: self.code,
            detail: self.detail,
        }
    }
}
