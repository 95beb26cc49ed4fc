//! The threads of a run, and how they hand over their results.

use crate::plan::Plan;
use crate::recorder::{Recorder, ThreadWindow};
use crate::tally::Tally;
use crate::users::Shared;
use crate::windows::Windows;
use crate::{open, users};
use slod_core::load::{LoadWindow, Model, RequestFigures};
use slod_core::outcome::Cause;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Delay between the start of a run and the common start of all threads.
const LEAD: Duration = Duration::from_millis(50);
/// Number of windows that threads may be ahead of the consumer.
pub const QUEUE: usize = 1024;

/// A run in progress. Dropping it stops it.
pub struct Engine {
    plan: Plan,
    start: Instant,
    stop: StopOnDrop,
    parts: mpsc::Receiver<ThreadWindow>,
    windows: Windows,
    threads: Vec<JoinHandle<ThreadResult>>,
}

/// What a thread returns at its end.
#[derive(Debug, Default)]
struct ThreadResult {
    /// Indexed by the number of the request.
    tallies: Vec<Tally>,
    /// When its last request ended, since the start of the run.
    ended: Duration,
}

/// The measurements of a run.
#[derive(Clone, Debug)]
pub struct Finished {
    pub windows: Vec<LoadWindow>,
    /// In the order of the plan.
    pub requests: Vec<RequestFigures>,
    /// Number of threads that panicked. Their counts and their share of the load are lost.
    pub panicked: usize,
    /// A description of the first failure of each cause.
    pub examples: Vec<(Cause, String)>,
    /// A description of the first resource that this machine lacked.
    pub lack: Option<String>,
}

/// Why a run could not begin.
#[derive(Debug)]
pub struct StartError(pub io::Error);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start a thread: {}", self.0.kind())
    }
}

impl std::error::Error for StartError {}

/// Stops the run when it is dropped, also if not all threads can be started.
struct StopOnDrop(watch::Sender<bool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

/// Stops the run if its thread panics: a part of the load is not the planned load.
struct StopOnPanic(watch::Sender<bool>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.send_replace(true);
        }
    }
}

impl Engine {
    /// Starts the threads of a run.
    pub fn start(plan: Plan) -> Result<Self, StartError> {
        let (stop_in, stopped) = watch::channel(false);
        let stop_in = StopOnDrop(stop_in);
        let (parts_in, parts) = mpsc::channel(QUEUE);
        let start = Instant::now() + LEAD;
        let mut threads = Vec::new();
        for number in 0..plan.threads.max(1) {
            let (plan, stop, parts) = (plan.clone(), stopped.clone(), parts_in.clone());
            let stops = StopOnPanic(stop_in.0.clone());
            let work = async move || {
                let _stops = stops;
                run_thread(plan, start, stop, parts, number).await
            };
            threads.push(spawn(number, work).map_err(StartError)?);
        }
        Ok(Self {
            windows: Windows::new(threads.len()),
            plan,
            start,
            stop: stop_in,
            parts,
            threads,
        })
    }

    /// When the first request is due.
    pub const fn began(&self) -> Instant {
        self.start
    }

    /// Returns the next complete second; `None` after the end of the run. `generator_cpu` returns the share
    /// of the available CPU time that this process used since the last call.
    pub async fn next(
        &mut self,
        mut generator_cpu: impl FnMut() -> Option<f64>,
    ) -> Option<LoadWindow> {
        while let Some(part) = self.parts.recv().await {
            let scenario = &self.plan.scenario;
            let is_last = self.windows.is_last(part.number);
            let cpu = if is_last { generator_cpu() } else { None };
            if let Some(window) = self.windows.add(part, scenario, cpu) {
                return Some(window);
            }
        }
        None
    }

    /// A description of the first resource that this machine lacked so far.
    pub fn lack(&self) -> Option<String> {
        self.plan.examples.lack()
    }

    /// The first failure of each cause so far.
    pub fn examples(&self) -> Vec<(Cause, String)> {
        self.plan.examples.list()
    }

    /// Stops starting requests. Those in flight end by their deadlines.
    pub fn stop(&self) {
        self.stop.0.send_replace(true);
    }

    /// Ends the run.
    pub fn finish(self) -> Finished {
        let was_stopped = *self.stop.0.borrow();
        self.stop();
        let mix = &self.plan.mix;
        let mut tallies: Vec<Tally> = mix.requests().map(|_| Tally::default()).collect();
        let planned = self.plan.scenario.length();
        let mut end = if was_stopped { Duration::ZERO } else { planned };
        let mut panicked = 0;
        for thread in self.threads {
            let Ok(own) = thread.join() else {
                panicked += 1;
                continue;
            };
            end = end.max(own.ended);
            for (all, own) in tallies.iter_mut().zip(own.tallies) {
                all.merge(own);
            }
        }
        let requests = tallies.into_iter().zip(mix.requests());
        Finished {
            windows: self.windows.finish(&self.plan.scenario, end),
            requests: requests
                .map(|(tally, request)| tally.figures(request))
                .collect(),
            panicked,
            examples: self.plan.examples.list(),
            lack: self.plan.examples.lack(),
        }
    }
}

/// Starts a thread with its own runtime, whose tasks stay on it.
fn spawn<F>(
    number: usize,
    work: impl FnOnce() -> F + Send + 'static,
) -> io::Result<JoinHandle<F::Output>>
where
    F: Future<Output: Default + Send + 'static>,
{
    let (started, is_started) = std::sync::mpsc::channel();
    let builder = thread::Builder::new().name(format!("load-{number}"));
    let thread = builder.spawn(move || {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(runtime::LocalOptions::default());
        let (runtime, error) = match runtime {
            Ok(runtime) => (Some(runtime), None),
            Err(error) => (None, Some(error)),
        };
        let _ = started.send(error);
        runtime.map_or_else(Default::default, |runtime| runtime.block_on(work()))
    })?;
    // A thread that sends nothing has panicked, which joining it shows.
    match is_started.recv().ok().flatten() {
        Some(error) => Err(error),
        None => Ok(thread),
    }
}

/// The work of one thread.
async fn run_thread(
    plan: Plan,
    start: Instant,
    stop: watch::Receiver<bool>,
    parts: mpsc::Sender<ThreadWindow>,
    number: usize,
) -> ThreadResult {
    tokio::time::sleep_until(start).await;
    let model = plan.scenario.model;
    let requests = plan.mix.requests().count();
    let recorder = Recorder::new(start, requests, parts.clone());
    let recorder = Rc::new(RefCell::new(recorder));
    let shared = Shared {
        plan,
        start,
        recorder: recorder.clone(),
        stop,
    };
    let ticker = recorder.clone();
    let ticks = tokio::task::spawn_local(async move {
        loop {
            let next = ticker.borrow().next_tick();
            tokio::time::sleep_until(next).await;
            ticker.borrow_mut().roll(Instant::now());
        }
    });
    match model {
        Model::Closed { think } => users::run(shared, number, think).await,
        Model::Open { poisson } => open::run(shared, number, poisson).await,
    }
    ticks.abort();
    let now = Instant::now();
    let rest = recorder.borrow_mut().finish(now);
    for part in rest {
        // The receiver is dropped only with the run.
        let _ = parts.send(part).await;
    }
    ThreadResult {
        tallies: recorder.borrow_mut().take_tallies(),
        ended: now.saturating_duration_since(start),
    }
}
