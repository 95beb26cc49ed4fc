//! The open model: requests start when they are due, whether or not earlier ones were answered.

use crate::alarm::Alarm;
use crate::arrivals::Arrivals;
use crate::connection::{Connection, Done};
use crate::recorder::CompletedRequest;
use crate::session::Session;
use crate::users::{Shared, unwrap_task};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a thread sleeps at most, so that it hands over windows and notices a stop.
const TICK: Duration = Duration::from_millis(100);

/// Connections idle for longer than this are closed. After a stall, there are as many as there were waiting
/// requests.
const UNUSED_MAX: Duration = Duration::from_secs(10);

/// Idle connections, and since when. The most recently used one is used first.
#[derive(Default)]
struct Idle(VecDeque<(Instant, Connection)>);

impl Idle {
    fn take(&mut self) -> Option<Connection> {
        self.0.pop_back().map(|(_, connection)| connection)
    }

    /// Returns a connection, and closes those that have been idle for too long.
    fn put(&mut self, connection: Connection, now: Instant) {
        self.0.push_back((now, connection));
        self.close_unused(now);
    }

    fn close_unused(&mut self, now: Instant) {
        let is_old = |since: Instant| now.saturating_duration_since(since) > UNUSED_MAX;
        while self.0.front().is_some_and(|(since, _)| is_old(*since)) {
            self.0.pop_front();
        }
        // Also release the memory after a stall.
        if self.0.capacity() > 64 && self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to(2 * self.0.len());
        }
    }
}

/// Runs the arrivals of one thread. Requests are assigned to `threads` threads in turn.
pub async fn run(shared: Shared, thread: usize, poisson: bool) {
    let random = poisson.then(|| fastrand::Rng::with_seed(shared.plan.seed));
    let arrivals = Arrivals::new(&shared.plan.scenario, random);
    let mut choice = fastrand::Rng::with_seed(shared.plan.seed.wrapping_add(1 + thread as u64));
    let own = arrivals.skip(thread).step_by(shared.plan.threads);
    let most = shared.plan.in_flight_max.div_ceil(shared.plan.threads);
    let idle: Rc<RefCell<Idle>> = Rc::default();
    let mut in_flight = JoinSet::new();
    let mut alarm = Alarm::new();
    for due in own {
        let intended = shared.start + due;
        if !wait(&shared, &mut alarm, intended).await {
            break;
        }
        while let Some(ended) = in_flight.try_join_next() {
            unwrap_task(ended);
        }
        if in_flight.len() >= most {
            shared.recorder.borrow_mut().dropped();
            continue;
        }
        let place = choice.u64(..);
        in_flight.spawn_local(request(shared.clone(), intended, idle.clone(), place));
    }
    let end = shared.end();
    wait(&shared, &mut alarm, end).await;
    while let Some(ended) = in_flight.join_next().await {
        unwrap_task(ended);
    }
}

/// Waits until a moment; `false` if the run was stopped before.
async fn wait(shared: &Shared, alarm: &mut Alarm, moment: Instant) -> bool {
    loop {
        let now = Instant::now();
        shared.recorder.borrow_mut().roll(now);
        if shared.is_stopped() {
            return false;
        }
        if now >= moment {
            return true;
        }
        alarm.until(moment.min(now + TICK)).await;
    }
}

/// Runs one sequence as a new user. Only the connection is kept for the next one.
async fn request(shared: Shared, intended: Instant, idle: Rc<RefCell<Idle>>, seed: u64) {
    let Shared { plan, recorder, .. } = &shared;
    recorder.borrow_mut().enter();
    let sequence = plan.mix.choose(&mut fastrand::Rng::with_seed(seed));
    let free = idle.borrow_mut().take();
    let mut session = Session::new(plan, free.unwrap_or_default());
    session.begin(plan, sequence);
    let mut intended = intended;
    // Do not wait for a user that thinks for long after the end of the plan.
    let last_start = shared.end() + plan.timeout;
    for (number, step) in sequence.steps.iter().enumerate() {
        if number > 0
            && let Some(think) = step.request.think
        {
            intended += think;
            if intended > last_start {
                break;
            }
            shared.clone().wait_until(intended).await;
            // A stop interrupts the rest.
            if shared.is_stopped() {
                break;
            }
        }
        let now = Instant::now();
        recorder.borrow_mut().started(intended, now);
        let deadline = intended + plan.timeout;
        let result = session.send(plan, step, deadline).await;
        recorder.borrow_mut().ended(CompletedRequest {
            request: sequence.first + number,
            intended,
            result,
        });
        if result.done != Done::Good || shared.is_stopped() {
            break;
        }
        intended = result.inspected;
    }
    idle.borrow_mut()
        .put(session.into_connection(), Instant::now());
    recorder.borrow_mut().leave();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connections_are_closed_after_a_stall() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let mut idle = Idle::default();
        for _ in 0..2000 {
            idle.put(Connection::default(), begin);
        }
        for second in 1..=10 {
            let used = idle.take().expect("some");
            idle.put(used, after(second));
            assert_eq!(idle.0.len(), 2000);
        }
        let used = idle.take().expect("some");
        idle.put(used, after(11));
        assert_eq!(idle.0.len(), 1, "the one in use");
        assert!(idle.0.capacity() < 64);
    }
}
