//! The progress of an attempt: phases, details and steps, available even if the attempt times out.

use super::Failure;
use crate::outcome::{Detail, Figures, Measurement, Measurements, Outcome, Timestamp, Verdict};
use crate::probe::Attempt;
use crate::probe::deadline::Overdue;
use crate::units::show_duration;
use std::time::Duration;
use tokio::time::Instant;

/// The state of one attempt. The current phase ends when the next one starts, or with the attempt.
#[derive(Debug)]
pub struct Progress<'a> {
    attempt: &'a mut Attempt,
    measured: Measurements,
    pub figures: Figures,
    /// The numeric status code that the protocol returned.
    pub code: Option<u32>,
    current: Option<(Measurement, &'static str, Instant)>,
    /// When the last completed phase ended.
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

    /// Ends the current phase and starts another one.
    pub fn enter(&mut self, phase: Measurement) {
        self.enter_for(phase, phase.label());
    }

    /// Starts a part of a phase that has its own name in a timeout message.
    pub fn enter_for(&mut self, phase: Measurement, words: &'static str) {
        self.leave();
        self.current = Some((phase, words, Instant::now()));
    }

    /// Ends the current phase.
    pub fn leave(&mut self) {
        if let Some((phase, _, since)) = self.current.take() {
            let end = Instant::now();
            self.measured
                .add(phase, end.saturating_duration_since(since));
            self.phase_end = Some(end);
        }
    }

    /// Records a measurement that is not a phase.
    pub fn measure(&mut self, one: Measurement, took: Duration) {
        self.measured.add(one, took);
    }

    /// Time since the attempt started.
    pub fn elapsed(&self) -> Duration {
        self.attempt.started.elapsed()
    }

    /// The wall-clock time at which the attempt started.
    pub fn wall(&self) -> Timestamp {
        self.attempt.wall
    }

    /// Builds the outcome of the finished work, or of its timeout.
    pub fn finish(mut self, result: Result<Result<(), Failure>, Overdue>) -> Outcome {
        // Once the answer was read, only its evaluation follows, which is not the service's time.
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
