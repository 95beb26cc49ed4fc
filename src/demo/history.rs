//! Thirty days of generated outcomes, so that budgets, days and reports show something from the
//! start. The same end always gives the same history.

use super::past::{self, Effect, MAINTENANCE, PROBER_DOWN, Span};
use super::{INTERVAL, PROBE, Profile, SERVICES, TIMEOUT};
use crate::outcome::{Cause, Outcome, ProbeKey, Record, Timestamp, Verdict};
use crate::slo::correction::Correction;
use crate::store::{CountingPlan, Store, StoreError};
use crate::units::HOUR;
use fastrand::Rng;
use std::iter::successors;
use std::sync::mpsc::sync_channel;
use std::thread::Scope;
use std::time::Duration;

const LENGTH: Duration = Duration::from_hours(30 * 24);
/// Later hours are stored as individual outcomes, as the daemon would store them.
const SETTLE_TIME: Duration = Duration::from_mins(5);
/// All samples of a month, about 30 MB.
const BATCHES_AHEAD: usize = 10;
/// Outside of incidents, one in this many attempts fails.
const ONE_FAILURE_IN: u32 = 100_000;

/// The generated history of the simulated services.
#[derive(Clone, Copy, Debug)]
pub struct History {
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
}

impl History {
    /// The month before a time, from the start of an hour.
    pub fn before(now: Timestamp) -> Self {
        let from = now.before(LENGTH).hour();
        Self { from, to: now }
    }

    /// Every outcome, one hour of one service at a time, in order of time.
    pub fn hours(self) -> impl Iterator<Item = Vec<Record>> {
        self.hours_between(self.from, self.to)
    }

    /// `from` and `to` must be full hours or the end of the history.
    fn hours_between(self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Vec<Record>> {
        let hours = successors(Some(from), |hour| Some(hour.after(HOUR)));
        let hours = hours.take_while(move |hour| *hour < to);
        hours.flat_map(move |hour| {
            let services = (0..).zip(&SERVICES);
            services.map(move |(number, profile)| self.hour(number, profile, hour))
        })
    }

    /// The maintenance, as a user would enter it.
    pub fn correction(self) -> Correction {
        let (service, Span { begins, lasts }) = MAINTENANCE;
        let from = self.end_of_minutes().before(Duration::from_mins(begins));
        let to = from.after(Duration::from_mins(lasts));
        Correction {
            services: vec![SERVICES[service].name.to_owned()],
            author: "demo".to_owned(),
            ..Correction::once(from, to, "index rebuilt (simulated)")
        }
    }

    /// Stores everything; returns the number of outcomes. `plan` returns the rules for counting
    /// hours.
    pub fn store(
        self,
        store: &mut Store,
        plan: &dyn Fn(&ProbeKey) -> CountingPlan,
    ) -> Result<usize, StoreError> {
        std::thread::scope(|scope| {
            // Generating takes about as long as storing.
            let samples = generated_ahead(scope, self.samples());
            let finished = generated_ahead(scope, self.hours_between(self.from, self.settled()));
            let count = self.store_outcomes(finished, store, plan)?;
            for ticks in samples {
                store.append_samples(&ticks)?;
            }
            Ok(count)
        })
    }

    fn store_outcomes(
        self,
        finished: impl Iterator<Item = Vec<Record>>,
        store: &mut Store,
        plan: &dyn Fn(&ProbeKey) -> CountingPlan,
    ) -> Result<usize, StoreError> {
        let mut count = 0;
        store.append_blocks(finished.inspect(|hour| count += hour.len()), plan)?;
        for hour in self.hours_between(self.settled(), self.to) {
            store.append(&hour)?;
            count += hour.len();
        }
        store.add_correction(&self.correction(), self.to)?;
        Ok(count)
    }

    /// The end of the hours that are stored as blocks.
    fn settled(self) -> Timestamp {
        self.to.before(SETTLE_TIME).hour()
    }

    fn hour(self, number: u32, profile: &Profile, hour: Timestamp) -> Vec<Record> {
        let mut random = Rng::with_seed(self.seed(number, hour));
        let key = ProbeKey::new(profile.name, PROBE);
        // The services are probed at different times.
        let first = hour.after(Duration::from_secs(number.into()));
        let end = hour.after(HOUR).min(self.to);
        let ticks = (0..).map(|tick| first.after(INTERVAL * tick));
        let record = |at: Timestamp| {
            let before = self.before_end(at);
            let usual = profile.latency(at, &mut random);
            let rarely = random.u32(0..ONE_FAILURE_IN) == 0;
            let outcome = match past::effect(number, before) {
                Some(Effect::Slow(more)) => good(usual + more),
                Some(Effect::Fails(cause)) => bad(cause, usual),
                Some(Effect::FailsEvery(span)) if first_in(span, before) => {
                    bad(Cause::Status, usual)
                }
                _ if rarely => bad(Cause::Status, usual),
                _ => good(usual),
            };
            (!PROBER_DOWN.contains(before)).then(|| Record {
                key: key.clone(),
                at,
                interval: INTERVAL,
                outcome,
            })
        };
        let ticks = ticks.take_while(|at| *at < end);
        ticks.filter_map(record).collect()
    }

    /// The end that time ranges of the past are measured from.
    fn end_of_minutes(self) -> Timestamp {
        Timestamp(self.to.0.div_euclid(60_000) * 60_000)
    }

    /// The time from `at` to the end of the last whole minute; zero after it.
    pub(super) fn before_end(self, at: Timestamp) -> Duration {
        let ms = self.end_of_minutes().0.saturating_sub(at.0);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// A seed for each hour of a service, independent of when the history ends.
    fn seed(self, number: u32, hour: Timestamp) -> u64 {
        const HASH: u64 = 0x9e37_79b9_7f4a_7c15;
        (hour.0.abs_diff(self.from.0) + u64::from(number)).wrapping_mul(HASH)
    }
}

/// Generates batches in a thread of their own, which ends early if the batches are dropped.
fn generated_ahead<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    batches: impl Iterator<Item = T> + Send + 'scope,
) -> impl Iterator<Item = T> {
    let (sender, receiver) = sync_channel(BATCHES_AHEAD);
    scope.spawn(move || {
        for batch in batches {
            if sender.send(batch).is_err() {
                break;
            }
        }
    });
    receiver.into_iter()
}

/// Whether an attempt is the first one in a period of this length; periods are counted from the
/// end.
fn first_in(span: Duration, before: Duration) -> bool {
    let number = |before: Duration| before.as_millis() / span.as_millis();
    number(before) != number(before + INTERVAL)
}

fn good(latency: Duration) -> Outcome {
    let mut outcome = Outcome::new(Verdict::Good, latency);
    outcome.code = Some(200);
    outcome
}

/// A failure with the message that such a probe would have reported.
fn bad(cause: Cause, latency: Duration) -> Outcome {
    let at_once = Duration::from_millis(1);
    let (latency, message) = match cause {
        Cause::Status => (latency, "status 503, expected 200-299"),
        Cause::Timeout => (TIMEOUT, "timeout in processing after 2s"),
        Cause::Refused => (at_once, "connection refused"),
        _ => (latency, "connection reset by peer"),
    };
    let mut outcome = Outcome::new(Verdict::Bad(cause), latency);
    outcome.code = (cause == Cause::Status).then_some(503);
    outcome.detail.say(message);
    outcome
}
