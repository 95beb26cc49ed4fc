//! The closed model: users that wait for their response, think, and send the next request.

use crate::connection::{Connection, Done};
use crate::plan::Plan;
use crate::recorder::{CompletedRequest, Recorder};
use crate::request::PlannedSequence;
use crate::session::{RequestResult, Session};
use slod_core::load::Scenario;
use std::cell::RefCell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

/// How often new users are started.
const TICK: Duration = Duration::from_millis(20);

/// The state shared by the tasks of one thread.
#[derive(Clone)]
pub struct Shared {
    pub plan: Plan,
    pub start: Instant,
    pub recorder: Rc<RefCell<Recorder>>,
    /// Becomes true when no more requests must be started.
    pub stop: watch::Receiver<bool>,
}

impl Shared {
    /// The number of users due at a moment: the level, rounded.
    fn users_due(&self, now: Instant) -> usize {
        let elapsed = now.saturating_duration_since(self.start);
        due(&self.plan.scenario, elapsed)
    }

    /// The end of the plan.
    pub fn end(&self) -> Instant {
        self.start + self.plan.scenario.length()
    }

    pub fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until a moment, or until the run is stopped.
    pub async fn wait_until(&mut self, until: Instant) {
        tokio::select! {
            () = sleep_until(until) => {}
            _ = self.stop.wait_for(|stopped| *stopped) => {}
        }
    }
}

fn due(scenario: &Scenario, elapsed: Duration) -> usize {
    let level = scenario.at(elapsed).map_or(0.0, |(_, level)| level);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "levels are bounded where scenarios are read"
    )]
    let users = level.round().max(0.0) as usize;
    users
}

/// Runs the users of one thread. Users are assigned to `threads` threads in turn.
pub async fn run(shared: Shared, thread: usize, think: Duration) {
    let mut users = JoinSet::new();
    let mut running: Vec<bool> = Vec::new();
    let mut next = shared.start;
    let end = shared.end();
    while Instant::now() < end && !shared.is_stopped() {
        while let Some(ended) = users.try_join_next() {
            let place = unwrap_task(ended);
            if let Some(is_running) = running.get_mut(place) {
                *is_running = false;
            }
        }
        let due = shared.users_due(Instant::now());
        let own = due.saturating_sub(thread).div_ceil(shared.plan.threads);
        running.resize(running.len().max(own), false);
        for (place, is_running) in running.iter_mut().enumerate().take(own) {
            if !*is_running {
                *is_running = true;
                let number = thread + place * shared.plan.threads;
                users.spawn_local(user(shared.clone(), number, think, place));
            }
        }
        shared.recorder.borrow_mut().roll(Instant::now());
        next = (next + TICK).max(Instant::now());
        sleep_until(next.min(end)).await;
    }
    // Requests in flight end by their own deadlines.
    while let Some(ended) = users.join_next().await {
        unwrap_task(ended);
    }
}

/// Returns the result of a task. A panic is propagated, because the counts of the thread would be wrong.
pub fn unwrap_task<T>(ended: Result<T, JoinError>) -> T {
    match ended {
        Ok(value) => value,
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// Runs one user until the plan has fewer users. Returns its place.
async fn user(shared: Shared, number: usize, think: Duration, place: usize) -> usize {
    let seed = shared.plan.seed.wrapping_add(number as u64);
    let mut random = fastrand::Rng::with_seed(seed);
    let session = Session::new(&shared.plan, Connection::default());
    let now = Instant::now();
    let mut user = User {
        shared,
        number,
        think,
        session,
        intended: now,
        now,
    };
    let plan = user.shared.plan.clone();
    user.shared.recorder.borrow_mut().enter();
    while user.is_due() {
        let sequence = plan.mix.choose(&mut random);
        user.session.begin(&plan, sequence);
        user.sequence(sequence).await;
    }
    user.shared.recorder.borrow_mut().leave();
    place
}

struct User {
    shared: Shared,
    number: usize,
    think: Duration,
    session: Session,
    /// When its next request is due.
    intended: Instant,
    /// When the clock was last read.
    now: Instant,
}

impl User {
    fn is_due(&self) -> bool {
        !self.shared.is_stopped() && self.number < self.shared.users_due(self.now)
    }

    /// Makes the requests of a sequence in order, up to the first failure.
    async fn sequence(&mut self, sequence: &PlannedSequence) {
        for (number, step) in sequence.steps.iter().enumerate() {
            if number > 0 && !self.is_due() {
                return;
            }
            let Shared { plan, recorder, .. } = &self.shared;
            let (now, deadline) = (self.now, self.intended + plan.timeout);
            recorder.borrow_mut().started(self.intended, now);
            let result = self.session.send(plan, step, deadline).await;
            let ended = CompletedRequest {
                request: sequence.first + number,
                intended: self.intended,
                result,
            };
            recorder.borrow_mut().ended(ended);
            // A failure ends the sequence: the next request is the first one of another.
            let next = sequence.steps.get(number + 1);
            let next = next.filter(|_| result.done == Done::Good);
            let think = next.and_then(|step| step.request.think);
            self.pause(&result, think.unwrap_or(self.think)).await;
            if result.done != Done::Good {
                return;
            }
        }
    }

    async fn pause(&mut self, result: &RequestResult, think: Duration) {
        self.now = result.inspected;
        self.intended = self.now + think;
        if think.is_zero() && result.done != Done::Good {
            // A service that fails at once must not cause a busy loop.
            self.intended += TICK;
        }
        if self.intended > self.now {
            // Do not wait beyond the end of the plan.
            let until = self.intended.min(self.shared.end());
            self.shared.wait_until(until).await;
            self.now = Instant::now();
        }
    }
}
