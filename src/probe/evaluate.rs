//! Expectations are evaluated on threads of their own: an expression that takes long delays no
//! attempt, and at the end no stop of the daemon.
//!
//! There are two lanes, as for name lookups: evaluations that are known to take long wait for each
//! other in one of them and for nothing else. One that turns out to take long leaves the other
//! lane. Nothing can end an evaluation early, so each probe has one at a time.

use super::deadline::judged_until;
use super::dial::Failure;
use crate::outcome::VoidReason;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// Threads, of which most are only used while evaluations take long for the first time.
const THREADS: usize = 32;
/// Evaluations at the same time of which nothing bad is known.
const FAST: usize = 4;
/// Evaluations at the same time that are known to take long: a processor must stay free.
const SLOW: usize = 1;
/// What takes longer takes long.
const PATIENCE: Duration = Duration::from_millis(50);
/// JSON and expressions are nested; the default of a thread in Rust.
const STACK: usize = 2 << 20;

const NO_THREAD: &str = "slod could not start a thread to evaluate the expectations: raise the limit of its processes (`ulimit -u`, TasksMax, pids.max)";

/// Longer than any process lives.
const ALWAYS: Duration = Duration::from_secs(1 << 32);

static FAST_LANE: Semaphore = Semaphore::const_new(FAST);
static SLOW_LANE: Semaphore = Semaphore::const_new(SLOW);

/// The threads. They are never waited for, so that none of them holds up the end of the process.
static POOL: Mutex<Option<&'static Runtime>> = Mutex::new(None);

/// The pool, which is made when it is needed first.
fn pool() -> io::Result<&'static Runtime> {
    let mut started = POOL.lock();
    if let Some(pool) = *started {
        return Ok(pool);
    }
    Ok(started.insert(Box::leak(Box::new(start()?))))
}

/// A pool whose first thread stays: as long as there is one, work waits for it where no other can be
/// started, and otherwise tokio panics.
fn start() -> io::Result<Runtime> {
    // Whether one can be started at all.
    let first = thread::Builder::new().stack_size(STACK).spawn(|| {})?;
    let _ = first.join();
    Builder::new_current_thread()
        .max_blocking_threads(THREADS)
        .thread_stack_size(STACK)
        .thread_keep_alive(ALWAYS)
        .thread_name("evaluate")
        .build()
}

/// How long a probe's evaluations take.
#[derive(Debug, Default)]
pub struct Evaluator(Arc<State>);

#[derive(Debug, Default)]
struct State {
    busy: AtomicBool,
    slow: AtomicBool,
}

/// One evaluation of a probe, which ends with the work even if nobody waits any more.
struct Turn(Arc<State>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
    }
}

impl Evaluator {
    /// What `work` returns, away from the threads of attempts. Void where it does not end by the
    /// deadline: the service has answered in time, and slod cannot say what the answer is worth.
    pub async fn evaluate<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let deadline = judged_until(deadline);
        let turn = self.turn()?;
        let slow = self.0.slow.load(Ordering::Acquire);
        let lane = if slow { &SLOW_LANE } else { &FAST_LANE };
        let permit = timeout_at(deadline, lane.acquire()).await;
        let permit = permit.ok().and_then(Result::ok).ok_or_else(no_thread)?;
        let pool = pool().map_err(|_| Failure::void(VoidReason::Resources, NO_THREAD))?;
        let started = Instant::now();
        let (held, permit) = if slow {
            (Some(permit), None)
        } else {
            (None, Some(permit))
        };
        let state = self.0.clone();
        let mut running = pool.spawn_blocking(move || {
            let _kept: (Turn, Option<SemaphorePermit<'static>>) = (turn, held);
            // Nobody waits for it any more.
            (Instant::now() < deadline).then(|| {
                let value = work();
                let took = started.elapsed();
                state.slow.store(took > PATIENCE, Ordering::Release);
                value
            })
        });
        if let Some(permit) = permit {
            let known = deadline.min(started + PATIENCE);
            match timeout_at(known, &mut running).await {
                Ok(done) => return done.ok().flatten().ok_or_else(too_long),
                Err(_elapsed) => self.0.slow.store(true, Ordering::Release),
            }
            drop(permit);
        }
        match timeout_at(deadline, running).await {
            Ok(Ok(Some(value))) => Ok(value),
            _ => Err(too_long()),
        }
    }

    fn turn(&self) -> Result<Turn, Failure> {
        if self.0.busy.swap(true, Ordering::AcqRel) {
            let message = "the expectations of an earlier attempt are still being evaluated: use simpler expressions, or a lower `body_limit`";
            return Err(Failure::void(VoidReason::Resources, message));
        }
        Ok(Turn(self.0.clone()))
    }
}

fn no_thread() -> Failure {
    let message = "the expectations were not evaluated: those of other probes take too long";
    Failure::void(VoidReason::Resources, message)
}

fn too_long() -> Failure {
    let message = "the expectations were not evaluated within the timeout: use simpler expressions, or a lower `body_limit`";
    Failure::void(VoidReason::Resources, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Verdict;
    use std::sync::mpsc;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn slow_evaluations_hold_up_no_others() {
        let (end, ends) = mpsc::channel::<()>();
        let ends = Arc::new(std::sync::Mutex::new(ends));
        let stuck: Vec<_> = (0..FAST * 2).map(|_| Evaluator::default()).collect();
        for evaluator in &stuck {
            let ends = ends.clone();
            let deadline = Instant::now() + PATIENCE * 2;
            let result = evaluator.evaluate(deadline, move || {
                let _ = ends.lock().expect("no panic").recv();
            });
            let failure = result.await.expect_err("stuck");
            assert_eq!(failure.verdict, Verdict::Void(VoidReason::Resources));
        }
        let other = Evaluator::default();
        assert_eq!(other.evaluate(soon(), || 1).await, Ok(1));
        let again = stuck[0]
            .evaluate(soon(), || 1)
            .await
            .expect_err("one at a time");
        assert!(again.message.contains("earlier attempt"), "{again:?}");
        drop(end);
        // Each ends, and takes its turn again.
        while stuck[0].0.busy.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(stuck[0].evaluate(soon(), || 2).await, Ok(2));
    }

    #[test]
    fn evaluations_have_few_threads() {
        let pool = start().expect("a runtime");
        let (began, begins) = mpsc::channel();
        let (end, ends) = mpsc::channel::<()>();
        let ends = Arc::new(std::sync::Mutex::new(ends));
        for _ in 0..THREADS * 2 {
            let (began, ends) = (began.clone(), ends.clone());
            pool.spawn_blocking(move || {
                began.send(()).expect("the test waits");
                let _ = ends.lock().expect("no panic").recv();
            });
        }
        let second = Duration::from_secs(1);
        let waited = |_: &usize| begins.recv_timeout(second).is_ok();
        assert_eq!((0..THREADS * 2).take_while(waited).count(), THREADS);
        drop(end);
        pool.shutdown_background();
    }

    #[tokio::test]
    async fn a_panic_is_void_and_the_next_evaluation_works() {
        let evaluator = Evaluator::default();
        let failure = evaluator
            .evaluate(soon(), || -> () { panic!("a defect") })
            .await;
        let failure = failure.expect_err("a panic");
        assert_eq!(failure.verdict, Verdict::Void(VoidReason::Resources));
        assert_eq!(evaluator.evaluate(soon(), || 1).await, Ok(1));
    }
}
