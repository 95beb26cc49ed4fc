//! Evaluates expectations on separate threads: a slow expression delays neither other attempts nor
//! the shutdown of the daemon.
//!
//! There are two lanes, as for name lookups. Evaluations known to be slow use the slow lane and wait
//! only for each other. An evaluation that turns out to be slow leaves the fast lane. An evaluation
//! cannot be canceled, so each probe runs at most one at a time.

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

/// Maximum number of threads. Most are used only while many evaluations are slow for the first time.
const THREADS: usize = 32;
/// Concurrent evaluations that are not known to be slow.
const FAST: usize = 4;
/// Concurrent evaluations that are known to be slow: one CPU must stay free.
const SLOW: usize = 1;
/// An evaluation that takes longer is slow.
const PATIENCE: Duration = Duration::from_millis(50);
/// Stack size of a thread, since JSON and expressions are nested; the default of Rust threads.
const STACK: usize = 2 << 20;

const NO_THREAD: &str = "slod could not start a thread to evaluate the expectations: raise its process limit (`ulimit -u`, TasksMax, pids.max)";

/// Longer than the lifetime of any process.
const ALWAYS: Duration = Duration::from_secs(1 << 32);

static FAST_LANE: Semaphore = Semaphore::const_new(FAST);
static SLOW_LANE: Semaphore = Semaphore::const_new(SLOW);

/// The threads. They are never joined, so that none of them delays the exit of the process.
static POOL: Mutex<Option<&'static Runtime>> = Mutex::new(None);

/// Returns the pool, which is created on first use.
fn pool() -> io::Result<&'static Runtime> {
    let mut started = POOL.lock();
    if let Some(pool) = *started {
        return Ok(pool);
    }
    Ok(started.insert(Box::leak(Box::new(start()?))))
}

/// Starts a pool that keeps its first thread alive: while one thread exists, work queues for it if
/// no other can be started; with none, tokio panics.
fn start() -> io::Result<Runtime> {
    // Checks that a thread can be started at all.
    let first = thread::Builder::new().stack_size(STACK).spawn(|| {})?;
    let _ = first.join();
    Builder::new_current_thread()
        .max_blocking_threads(THREADS)
        .thread_stack_size(STACK)
        .thread_keep_alive(ALWAYS)
        .thread_name("evaluate")
        .build()
}

/// Runs a probe's evaluations and remembers whether they are slow.
#[derive(Clone, Debug, Default)]
pub struct Evaluator(Arc<State>);

#[derive(Debug, Default)]
struct State {
    busy: AtomicBool,
    slow: AtomicBool,
}

/// One running evaluation of a probe. It ends with the work, even if the attempt no longer waits for
/// it.
struct Turn(Arc<State>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
    }
}

impl Evaluator {
    /// Runs `work` on the pool and returns its result. Void if it does not finish by the deadline:
    /// the service answered in time, but slod cannot judge the answer.
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
        let permit = permit.ok().and_then(Result::ok).ok_or_else(lane_is_full)?;
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
            // The attempt no longer waits for the result.
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

fn lane_is_full() -> Failure {
    let message =
        "the expectations were not evaluated: the expectations of other probes take too long";
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
    use futures_util::future::join_all;
    use std::sync::mpsc;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn slow_evaluations_hold_up_no_others() {
        let (end, ends) = mpsc::channel::<()>();
        let ends = Arc::new(std::sync::Mutex::new(ends));
        let stuck: Vec<_> = (0..FAST * 2).map(|_| Evaluator::default()).collect();
        // Enough time for all of them to begin on a busy machine.
        let deadline = Instant::now() + Duration::from_secs(3);
        let results = stuck.iter().map(|evaluator| {
            let ends = ends.clone();
            evaluator.evaluate(deadline, move || {
                let _ = ends.lock().expect("no panic").recv();
            })
        });
        for result in join_all(results).await {
            let failure = result.expect_err("stuck");
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
        // Each evaluation ends and releases its turn.
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
        for _ in 0..THREADS {
            begins.recv().expect("it begins");
        }
        let more = begins.recv_timeout(Duration::from_secs(1));
        assert!(more.is_err(), "no thread is left");
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
