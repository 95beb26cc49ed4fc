//! One attempt, from its start to its event.

use super::lag::LagMeter;
use super::runner::JUMP_MS;
use super::slots::Slot;
use super::stall::StallDetector;
use crate::clock::Clock;
use crate::config::ProbeSpec;
use crate::outcome::{
    Cause, Detail, DurationOf, Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason, millis,
};
use crate::probe::deadline::{LATE, within};
use crate::probe::{Attempt, Trace};
use crate::slo::Threshold;
use crate::units::show_duration;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A probe that does not end by itself is aborted this long after its timeout.
const GRACE: Duration = Duration::from_millis(500);

/// Events that the schedule sends to the ledger.
#[derive(Debug)]
pub enum ScheduleEvent {
    Outcome(Record),
    /// Ticks of a probe that could not run in time.
    Missed(ProbeKey, u64),
}

/// The context of an attempt.
pub(super) struct AttemptContext {
    pub(super) spec: ProbeSpec,
    /// The timestamp of the tick's outcome.
    pub(super) at: Timestamp,
    pub(super) clock: Clock,
    pub(super) stall: StallDetector,
    pub(super) meter: LagMeter,
    pub(super) wakeup_lag: prometheus::Histogram,
    pub(super) events: mpsc::Sender<ScheduleEvent>,
    /// Held until the outcome was sent.
    pub(super) slot: Slot,
}

pub(super) async fn run(context: AttemptContext) {
    let AttemptContext {
        spec,
        at,
        clock,
        stall,
        meter,
        wakeup_lag,
        events,
        slot,
    } = context;
    let running = meter.enter();
    let (wall, started) = (clock.now(), Instant::now());
    let outcome = outcome(&spec, wall).await;
    let lag = running.lag(Instant::now());
    drop(running);
    wakeup_lag.observe(lag.as_secs_f64());
    let limits = Limits::of(&spec);
    let void = limits.void_for_lag(lag, &outcome);
    let outcome = replaced(outcome, void);
    let outcome = limits.enforce_timeout(outcome);
    let wall = clock.now().0 - wall.0;
    let void = disturbance(&stall, started, wall, &outcome);
    let record = Record {
        key: spec.key,
        at,
        interval: spec.interval,
        outcome: replaced(outcome, void),
    };
    // The ledger outlives the schedule unless it failed, which is reported elsewhere.
    let _ = events.send(ScheduleEvent::Outcome(record)).await;
    drop(slot);
}

async fn outcome(spec: &ProbeSpec, wall: Timestamp) -> Outcome {
    if let Some(preparation) = spec.probe.prepare(spec.timeout) {
        // Without what it obtains, the attempt has its failure; after a panic, too.
        let _ = AssertUnwindSafe(preparation).catch_unwind().await;
    }
    let mut attempt = Attempt::new(wall, spec.timeout, Trace::silent());
    let (started, cut_off) = (attempt.started, attempt.deadline + GRACE);
    let guarded = AssertUnwindSafe(spec.probe.run(&mut attempt)).catch_unwind();
    match within(cut_off, guarded).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => {
            tracing::error!(probe = %spec.key, "probe {} panicked; this is a bug in slod", spec.key);
            explained(
                Verdict::Void(VoidReason::Internal),
                started.elapsed(),
                "the probe panicked; this is a bug in slod",
            )
        }
        Err(overdue) => {
            let failure = overdue.failure("did not finish within the timeout");
            explained(failure.verdict, started.elapsed(), &failure.message)
        }
    }
}

/// Replaces an outcome by a void one, if there is one. Usage, such as tokens, is kept.
fn replaced(outcome: Outcome, void: Option<Outcome>) -> Outcome {
    let Some(void) = void else { return outcome };
    Outcome {
        figures: outcome.figures,
        ..void
    }
}

/// Returns a void outcome if the process was stalled or the machine suspended during an attempt.
/// This includes good outcomes, whose latency is wrong by the length of the stall. `wall` is the
/// duration by the wall clock, in milliseconds.
fn disturbance(
    stall: &StallDetector,
    started: Instant,
    wall: i64,
    outcome: &Outcome,
) -> Option<Outcome> {
    if outcome.verdict == Verdict::Bad(Cause::JobFailed) {
        // The job reported the failure itself, so a stall of this process does not matter.
        return None;
    }
    let now = Instant::now();
    let took = now.saturating_duration_since(started);
    if let Some(still) = stall.stalled_since(started, now) {
        let message = format!("slod itself was stalled for {:.1} s", still.as_secs_f64());
        return Some(explained(
            Verdict::Void(VoidReason::Stalled),
            took,
            &message,
        ));
    }
    let jumped = wall - millis(took);
    // Setting the clock does not affect durations, which use the monotonic clock; a suspend does.
    if jumped.abs() > JUMP_MS && outcome.verdict != Verdict::Good {
        let message = format!("the wall clock jumped by {jumped} ms, as after a suspend");
        return Some(explained(
            Verdict::Void(VoidReason::ClockJump),
            took,
            &message,
        ));
    }
    None
}

/// The limits of an attempt: the timeout, and thresholds for being fast.
struct Limits<'a> {
    thresholds: &'a [Threshold],
    /// The timeout; `None` if the latency is not the duration of the attempt.
    timeout: Option<Duration>,
}

impl<'a> Limits<'a> {
    fn of(spec: &'a ProbeSpec) -> Self {
        let is_own = spec.measures.duration == DurationOf::Attempt;
        Self {
            thresholds: &spec.thresholds,
            timeout: is_own.then_some(spec.timeout),
        }
    }

    /// Returns a void outcome for a good attempt that exceeds a limit only because of the time that
    /// its thread waited for a processor: when the response arrived is unknown.
    fn void_for_lag(&self, lag: Duration, outcome: &Outcome) -> Option<Outcome> {
        if outcome.verdict != Verdict::Good {
            return None;
        }
        if let Some(timeout) = self
            .timeout
            .filter(|timeout| outcome.latency > *timeout + LATE)
        {
            let message = format!(
                "slod itself was stalled and noticed its timeout of {} only after {} ms: whether the response arrived within it is unknown",
                show_duration(timeout),
                outcome.latency.as_millis()
            );
            return Some(stalled(outcome, &message));
        }
        let exceeded = |limit: &Threshold| {
            let time = outcome.time(limit.of);
            time.is_some_and(|time| time > limit.below && time.saturating_sub(lag) <= limit.below)
        };
        let timeout = self.timeout.map(|below| Threshold { of: None, below });
        let mut limits = self.thresholds.iter().copied().chain(timeout);
        let limit = limits.find(exceeded)?;
        let message = format!(
            "slod itself waited {} ms for a processor before it could read the response: whether it arrived within {} is unknown",
            lag.as_millis(),
            limit.words()
        );
        Some(stalled(outcome, &message))
    }

    /// Makes a good attempt bad that took longer than its timeout: response and deadline had both
    /// occurred when the thread woke up, and the response was handled first.
    fn enforce_timeout(&self, outcome: Outcome) -> Outcome {
        let is_late = |timeout: &Duration| outcome.latency > *timeout;
        let Some(timeout) = self.timeout.filter(is_late) else {
            return outcome;
        };
        if outcome.verdict != Verdict::Good {
            return outcome;
        }
        let mut outcome = outcome;
        outcome.verdict = Verdict::Bad(Cause::Timeout);
        outcome.detail.say(format!(
            "the response was complete after {} ms, later than the timeout of {}",
            outcome.latency.as_millis(),
            show_duration(timeout)
        ));
        outcome
    }
}

fn stalled(outcome: &Outcome, message: &str) -> Outcome {
    explained(Verdict::Void(VoidReason::Stalled), outcome.latency, message)
}

pub(super) fn explained(verdict: Verdict, latency: Duration, message: &str) -> Outcome {
    let mut detail = Detail::default();
    detail.say(message);
    Outcome {
        detail,
        ..Outcome::new(verdict, latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lag_that_decides_a_threshold_voids() {
        let ms = Duration::from_millis;
        let thresholds = [500, 1000].map(|below| Threshold {
            of: None,
            below: ms(below),
        });
        let voids = |verdict, latency, lag| {
            let outcome = Outcome::new(verdict, ms(latency));
            let limits = Limits {
                thresholds: &thresholds,
                timeout: Some(ms(2000)),
            };
            limits.void_for_lag(ms(lag), &outcome).is_some()
        };
        let good = Verdict::Good;
        assert!(!voids(good, 490, 400), "fast even so");
        assert!(
            voids(good, 530, 30) && voids(good, 530, 45),
            "fast without it"
        );
        assert!(!voids(good, 530, 29), "slow without it as well");
        assert!(!voids(good, 530, 0), "nothing was added");
        assert!(voids(good, 1010, 20), "any threshold");
        assert!(!voids(good, 900, 300), "between two thresholds either way");
        let bad = Verdict::Bad(Cause::Status);
        assert!(!voids(bad, 530, 45), "a failure is bad at any latency");
        assert!(voids(good, 2010, 20), "the timeout as well");
        assert!(!voids(good, 2040, 0), "looked at before the deadline");
        assert!(voids(good, 2060, 0), "the deadline was noticed late");
    }

    #[test]
    fn an_attempt_that_took_longer_than_its_timeout_is_not_good() {
        let ms = Duration::from_millis;
        let judged = |timeout, verdict, latency| {
            let thresholds = &[];
            let limits = Limits {
                thresholds,
                timeout,
            };
            limits
                .enforce_timeout(Outcome::new(verdict, ms(latency)))
                .verdict
        };
        let (good, timeout) = (Verdict::Good, Some(ms(100)));
        assert_eq!(judged(timeout, good, 100), good);
        assert_eq!(judged(timeout, good, 101), Verdict::Bad(Cause::Timeout));
        let status = Verdict::Bad(Cause::Status);
        assert_eq!(judged(timeout, status, 101), status, "the status is known");
        assert_eq!(judged(None, good, 101), good, "the age of a report");
    }

    #[test]
    fn a_reported_failure_is_kept_despite_a_stall() {
        let (start, jump) = (Instant::now(), 2 * JUMP_MS);
        let stall = StallDetector::new(start);
        let voids = |cause| {
            let outcome = Outcome::new(Verdict::Bad(cause), Duration::ZERO);
            disturbance(&stall, start, jump, &outcome).is_some()
        };
        assert!(voids(Cause::Silent));
        assert!(!voids(Cause::JobFailed));
    }
}
