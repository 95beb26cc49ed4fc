//! Named tasks that are all joined, and whose failures are never silent.

pub mod threads;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::{Id, JoinError, JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How often a drain logs which tasks it waits for.
const WAIT_LOGGED_EVERY: Duration = Duration::from_secs(2);

/// A set of tasks that stop together: the token requests the stop, and the join set reports its
/// completion. A task that ends or panics before a stop request stops the others, because a daemon
/// whose loop has silently ended looks healthy but is not.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<TaskEnd>,
    names: BTreeMap<Id, &'static str>,
    stop: CancellationToken,
}

/// How one task ended.
#[derive(Debug)]
struct TaskEnd {
    panicked: bool,
}

impl Tasks {
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            set: JoinSet::new(),
            names: BTreeMap::new(),
            stop,
        }
    }

    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_on(&Handle::current(), name, task);
    }

    /// Spawns a task on another runtime than the caller's.
    pub fn spawn_on(
        &mut self,
        runtime: &Handle,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        // Boxed, because the runtime's code is compiled once for each type of future.
        let task: BoxFuture<'static, ()> = Box::pin(task);
        let guarded = async move {
            let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
            TaskEnd { panicked }
        };
        let id = self.set.spawn_on(guarded, runtime).id();
        self.names.insert(id, name);
    }

    /// Waits until a stop is requested or a task ends by itself, and returns the name of that task.
    pub async fn until_stop(&mut self) -> Option<&'static str> {
        let stop = self.stop.clone();
        tokio::select! {
            // A task that ended because of the stop request did not end by itself.
            biased;
            () = stop.cancelled() => None,
            Some(ended) = self.set.join_next_with_id() => {
                let name = self.forget(ended);
                self.stop.cancel();
                Some(name)
            }
        }
    }

    /// Joins the remaining tasks, logging every few seconds which ones it still waits for. Returns
    /// the names of tasks that did not end within `deadline`.
    pub async fn drain(mut self, deadline: Duration) -> Vec<&'static str> {
        let end = Instant::now() + deadline;
        while !self.set.is_empty() && Instant::now() < end {
            tokio::select! {
                Some(ended) = self.set.join_next_with_id() => { self.forget(ended); }
                () = sleep_until(end.min(Instant::now() + WAIT_LOGGED_EVERY)) => {
                    let left: Vec<_> = self.names.values().copied().collect();
                    tracing::info!("still waiting for {}", left.join(", "));
                }
            }
        }
        self.names.into_values().collect()
    }

    fn forget(&mut self, ended: Result<(Id, TaskEnd), JoinError>) -> &'static str {
        let (id, panicked) = match ended {
            Ok((id, ended)) => (id, ended.panicked),
            Err(error) => (error.id(), !error.is_cancelled()),
        };
        let name = self.names.remove(&id).unwrap_or("unknown");
        if panicked {
            tracing::error!(task = name, "task {name} panicked; this is a bug in slod");
        }
        name
    }
}

/// The result of a task or of blocking work.
///
/// # Panics
///
/// Propagates its panic, and panics if it was canceled.
pub fn unless_panicked<T>(ended: Result<T, JoinError>) -> T {
    match ended {
        Ok(done) => done,
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// Starts blocking work on a thread for such work. An error means that it panicked, or that the
/// runtime shut down before it started.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, JoinError>> {
    // Boxed, because the runtime's code is compiled once for each type of work.
    let work: Box<dyn FnOnce() -> Box<dyn Any + Send> + Send> = Box::new(|| Box::new(work()));
    let done = spawn_blocking(work);
    async move { Ok(*done.await?.downcast().expect("the result of the work")) }
}
