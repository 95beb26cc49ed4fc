//! Runs what the plan says is due, with a limit on how many probes run at once.

use super::plan::{Due, Plan};
use crate::clock::Clock;
use crate::config::ProbeSpec;
use crate::outcome::{Cause, Detail, Outcome, ProbeKey, Record, Timestamp, Verdict, Why, millis};
use crate::probe::beats::{Beats, Heard};
use crate::probe::{Attempt, Trace};
use futures_util::FutureExt;
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// A probe that does not end by itself is cut off this long after its timeout.
const GRACE: Duration = Duration::from_millis(500);
/// Wall and monotonic time may differ by this much between two ticks before it is a jump.
const JUMP_MS: i64 = 2000;

/// What the schedule tells the ledger.
#[derive(Debug)]
pub enum Event {
    Outcome(Record),
    /// Ticks of a probe that could not run in time.
    Missed(ProbeKey, u64),
}

/// What the schedule needs from outside.
#[derive(Debug)]
pub struct Wiring {
    pub clock: Clock,
    /// What jobs reported.
    pub beats: Beats,
    /// Bounded: while it is full, finished probes wait and ticks are missed, nothing piles up.
    pub events: mpsc::Sender<Event>,
    /// Replaces all probes.
    pub reloads: mpsc::Receiver<Vec<ProbeSpec>>,
    pub stop: CancellationToken,
    /// How long running probes may go on after a stop request.
    pub drain: Duration,
    pub max_concurrent: usize,
    /// Seconds from a tick to the start of its probe.
    pub lag: prometheus::Histogram,
    pub in_flight: prometheus::IntGauge,
}

/// Runs the probes until a stop is requested and the running ones have ended.
pub async fn run(specs: Vec<ProbeSpec>, wiring: Wiring) {
    let mut runner = Runner::new(specs, wiring);
    runner.until_stopped().await;
    runner.drain().await;
}

struct Runner {
    jobs: Vec<Job>,
    index: HashMap<ProbeKey, usize>,
    plan: Plan,
    /// Positions of jobs that are due but found no free place, in order; each at most once.
    waiting: VecDeque<usize>,
    running: JoinSet<ProbeKey>,
    /// Wall and monotonic time of the last wake-up, to notice a jump of the wall clock.
    last_wake: (Timestamp, Instant),
    wiring: Wiring,
}

struct Job {
    spec: ProbeSpec,
    /// The tick that is running now.
    running: Option<Timestamp>,
    /// The tick that waits for a free place.
    waiting: Option<Timestamp>,
    /// Missed ticks that the ledger was not told yet.
    missed: u64,
}

impl Runner {
    fn new(specs: Vec<ProbeSpec>, wiring: Wiring) -> Self {
        let mut runner = Self {
            jobs: Vec::new(),
            index: HashMap::new(),
            plan: Plan::default(),
            waiting: VecDeque::new(),
            running: JoinSet::new(),
            last_wake: (wiring.clock.now(), Instant::now()),
            wiring,
        };
        runner.reload(specs);
        runner
    }

    async fn until_stopped(&mut self) {
        let stop = self.wiring.stop.clone();
        loop {
            self.start_due();
            // With no probe at all, only a reload or a stop can follow.
            let wake = self.next_wake();
            tokio::select! {
                () = stop.cancelled() => return,
                Some(specs) = self.wiring.reloads.recv() => self.reload(specs),
                Some(done) = self.running.join_next() => self.finished(done.ok()),
                () = sleep_until(wake) => {}
            }
        }
    }

    fn next_wake(&self) -> Instant {
        let now = self.wiring.clock.now();
        let idle = Duration::from_secs(60);
        let wait = self.plan.next().map_or(idle, |due| {
            Duration::from_millis((due.0 - now.0).max(0).unsigned_abs()).min(idle)
        });
        Instant::now() + wait
    }

    /// Takes new probes; those that stay keep their place in time and what they are doing.
    fn reload(&mut self, specs: Vec<ProbeSpec>) {
        let mut old: HashMap<ProbeKey, Job> = self
            .jobs
            .drain(..)
            .map(|job| (job.spec.key.clone(), job))
            .collect();
        self.waiting.clear();
        self.plan = Plan::new(
            specs.iter().map(|spec| (&spec.key, spec.interval)),
            self.wiring.clock.now(),
        );
        for spec in specs {
            let kept = old.remove(&spec.key);
            self.jobs.push(Job {
                running: kept.as_ref().and_then(|job| job.running),
                missed: kept.map_or(0, |job| job.missed),
                waiting: None,
                spec,
            });
        }
        let keys = self.jobs.iter().enumerate();
        self.index = keys.map(|(at, job)| (job.spec.key.clone(), at)).collect();
    }

    fn start_due(&mut self) {
        let now = self.wiring.clock.now();
        self.notice_jump(now);
        while let Some(Due { probe, at, skipped }) = self.plan.pop(now) {
            let job = &mut self.jobs[probe];
            job.missed += skipped;
            if job.running.is_some() || job.waiting.replace(at).is_some() {
                job.missed += 1;
            } else {
                self.waiting.push_back(probe);
            }
            self.tell_missed(probe);
        }
        self.start_waiting(now);
    }

    /// A jump of the wall clock moves the grid; ticks inside the jump never were.
    fn notice_jump(&mut self, now: Timestamp) {
        let (wall, monotonic) = self.last_wake;
        let jumped = now.0 - wall.0 - millis(monotonic.elapsed());
        if jumped.abs() > JUMP_MS {
            tracing::warn!(
                jump_ms = jumped,
                "the wall clock jumped by {jumped} ms; the schedule is laid anew"
            );
            self.plan.restart(now);
        }
        self.last_wake = (now, Instant::now());
    }

    fn tell_missed(&mut self, probe: usize) {
        let job = &mut self.jobs[probe];
        if job.missed > 0 {
            let event = Event::Missed(job.spec.key.clone(), job.missed);
            // A full queue keeps the count here until the next tick.
            if self.wiring.events.try_send(event).is_ok() {
                job.missed = 0;
            }
        }
    }

    fn start_waiting(&mut self, now: Timestamp) {
        while self.running.len() < self.wiring.max_concurrent
            && let Some(probe) = self.waiting.pop_front()
        {
            let job = &mut self.jobs[probe];
            let Some(at) = job.waiting.take() else {
                continue;
            };
            job.running = Some(at);
            self.wiring
                .lag
                .observe((now.0 - at.0).max(0) as f64 / 1000.0);
            self.wiring.in_flight.inc();
            let (spec, events) = (job.spec.clone(), self.wiring.events.clone());
            let heard = self.wiring.beats.heard(&spec.key, now);
            self.running.spawn(attempt(spec, at, heard, events));
        }
    }

    fn finished(&mut self, done: Option<ProbeKey>) {
        self.wiring.in_flight.dec();
        if let Some(job) = done
            .and_then(|key| self.index.get(&key))
            .map(|at| &mut self.jobs[*at])
        {
            job.running = None;
        }
    }

    /// Lets running probes end; those that do not are cut off and say nothing about their service.
    async fn drain(&mut self) {
        let deadline = Instant::now() + self.wiring.drain;
        while !self.running.is_empty() && Instant::now() < deadline {
            tokio::select! {
                Some(done) = self.running.join_next() => self.finished(done.ok()),
                () = sleep(Duration::from_secs(1)) => {
                    let names: Vec<_> = self.unfinished().take(5).map(|(key, _)| key.to_string()).collect();
                    tracing::info!(probes = self.running.len(), "waiting for {} running probes, such as {}", self.running.len(), names.join(", "));
                }
            }
        }
        self.running.abort_all();
        let cut_off: Vec<_> = self.unfinished().collect();
        for (key, at) in cut_off {
            let record = Record {
                interval: self.jobs[self.index[&key]].spec.interval,
                outcome: Outcome::new(Verdict::Void(Why::Shutdown), Duration::ZERO),
                key,
                at,
            };
            if self
                .wiring
                .events
                .send(Event::Outcome(record))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    fn unfinished(&self) -> impl Iterator<Item = (ProbeKey, Timestamp)> + '_ {
        self.jobs
            .iter()
            .filter_map(|job| job.running.map(|at| (job.spec.key.clone(), at)))
    }
}

/// One attempt from start to event.
async fn attempt(
    spec: ProbeSpec,
    at: Timestamp,
    heard: Heard,
    events: mpsc::Sender<Event>,
) -> ProbeKey {
    let mut attempt = Attempt::new(spec.timeout, Trace::silent());
    attempt.heard = heard;
    let (started, cut_off) = (attempt.started, attempt.deadline + GRACE);
    let guarded = AssertUnwindSafe(spec.probe.run(&mut attempt)).catch_unwind();
    let outcome = match timeout_at(cut_off, guarded).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => {
            tracing::error!(probe = %spec.key, "probe {} panicked; this is a defect of slod", spec.key);
            explained(
                Verdict::Void(Why::Internal),
                started.elapsed(),
                "the probe panicked; this is a defect of slod",
            )
        }
        Err(_elapsed) => explained(
            Verdict::Bad(Cause::Timeout),
            started.elapsed(),
            "no end within the timeout",
        ),
    };
    let record = Record {
        key: spec.key.clone(),
        at,
        interval: spec.interval,
        outcome,
    };
    // The ledger outlives the schedule; it is gone only if it failed, which is reported elsewhere.
    let _ = events.send(Event::Outcome(record)).await;
    spec.key
}

fn explained(verdict: Verdict, latency: Duration, message: &str) -> Outcome {
    let mut detail = Detail::default();
    detail.say(message);
    Outcome {
        detail,
        ..Outcome::new(verdict, latency)
    }
}
