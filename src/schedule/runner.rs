//! Runs due probes, with a limit on how many run concurrently.

use super::attempt::{self, ScheduleEvent, explained};
use super::plan::{Due, Plan};
use super::slots::{SlotStatus, Slots};
use super::stall::{self, StallDetector};
use super::threads::ProbeThreads;
use crate::clock::Clock;
use crate::config::{Config, ProbeSpec};
use crate::outcome::{Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason, millis};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Maximum difference between wall and monotonic time from one tick to the next that is not a jump.
pub(super) const JUMP_MS: i64 = 2000;

/// The dependencies of the schedule.
#[derive(Debug)]
pub struct Deps {
    pub clock: Clock,
    /// The threads that attempts run on.
    pub threads: ProbeThreads,
    /// Called regularly while the schedule is running.
    pub stall: StallDetector,
    /// The latest stored tick: the wall clock has already been used up to this time.
    pub used_until: Option<Timestamp>,
    /// Bounded: while it is full, finished probes wait and ticks are missed.
    pub events: mpsc::Sender<ScheduleEvent>,
    /// The probes of the latest config are run.
    pub configs: watch::Receiver<Arc<Config>>,
    pub stop: CancellationToken,
    /// How long running probes may continue after a stop request.
    pub drain: Duration,
    /// Seconds from a tick to the start of its probe.
    pub lag: prometheus::Histogram,
    /// Seconds that a thread had waited for a processor when an attempt on it ended.
    pub wakeup_lag: prometheus::Histogram,
    pub in_flight: prometheus::IntGauge,
}

/// Runs the probes until a stop is requested and the running ones have ended.
pub async fn run(deps: Deps) {
    let mut runner = Runner::new(deps);
    runner.until_stopped().await;
    runner.drain().await;
}

struct Runner {
    jobs: Vec<Job>,
    plan: Plan,
    /// Positions of due jobs without a free slot, in order; each at most once.
    waiting: VecDeque<usize>,
    slots: Slots,
    /// The number of threads that attempts run on.
    threads: usize,
    /// Attempts, some of which may have ended.
    running: JoinSet<()>,
    /// Wall and monotonic time of the last wake-up, to detect a jump of the wall clock.
    last_wake: (Timestamp, Instant),
    /// How often the wall clock was set back, and until when its times are repeated.
    echo: (i64, Timestamp),
    deps: Deps,
}

struct Job {
    spec: ProbeSpec,
    /// The last attempt started.
    last: Option<Started>,
    /// The tick that waits for a free slot.
    waiting: Option<Timestamp>,
    /// Missed ticks that were not yet sent to the ledger.
    missed: u64,
}

#[derive(Clone)]
struct Started {
    /// The timestamp of its outcome.
    at: Timestamp,
    slot: SlotStatus,
}

impl Job {
    /// The running attempt.
    fn running(&self) -> Option<&Started> {
        let last = self.last.as_ref();
        last.filter(|started| !started.slot.has_ended())
    }
}

impl Runner {
    fn new(deps: Deps) -> Self {
        let now = deps.clock.now();
        // From the first config: a change requires a restart.
        let most = deps.configs.borrow().max_concurrent_probes;
        let repeated = deps.used_until.filter(|until| *until >= now);
        let mut runner = Self {
            jobs: Vec::new(),
            plan: Plan::default(),
            waiting: VecDeque::new(),
            slots: Slots::new(most, deps.in_flight.clone()),
            threads: 1,
            running: JoinSet::new(),
            last_wake: (now, Instant::now()),
            echo: repeated.map_or((0, Timestamp(i64::MIN)), |until| (1, until)),
            deps,
        };
        runner.reload();
        runner
    }

    async fn until_stopped(&mut self) {
        let (stop, slots) = (self.deps.stop.clone(), self.slots.clone());
        loop {
            self.deps.stall.beat(Instant::now());
            while self.running.try_join_next().is_some() {}
            self.start_due();
            let wake = self.next_wake();
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = self.deps.configs.changed() => {
                    // The new plan begins now, without the ticks that are due.
                    self.start_due();
                    self.reload();
                }
                () = slots.freed() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// When the next probe or the next call of the stall detector is due.
    fn next_wake(&self) -> Instant {
        let now = self.deps.clock.now();
        let wait = self.plan.next().map_or(stall::CHECK_INTERVAL, |due| {
            due.since(now).min(stall::CHECK_INTERVAL)
        });
        Instant::now() + wait
    }

    /// Takes the probes of the new config; unchanged ones keep their schedule and state.
    fn reload(&mut self) {
        let config = self.deps.configs.borrow_and_update().clone();
        let specs: Vec<ProbeSpec> = config.running().cloned().collect();
        let mut old: HashMap<ProbeKey, Job> = self
            .jobs
            .drain(..)
            .map(|job| (job.spec.key.clone(), job))
            .collect();
        self.waiting.clear();
        let rates = specs.iter().map(|spec| 1.0 / spec.interval.as_secs_f64());
        self.threads = self.deps.threads.needed(rates.sum());
        self.plan = Plan::new(
            specs.iter().map(|spec| (&spec.key, spec.interval)),
            self.deps.clock.now(),
        );
        self.jobs.reserve_exact(specs.len());
        for spec in specs {
            let kept = old.remove(&spec.key);
            // A tick that waits for a slot is given up.
            let given_up = kept.as_ref().is_some_and(|job| job.waiting.is_some());
            self.jobs.push(Job {
                last: kept.as_ref().and_then(|job| job.last.clone()),
                missed: kept.map_or(0, |job| job.missed) + u64::from(given_up),
                waiting: None,
                spec,
            });
        }
    }

    fn start_due(&mut self) {
        let now = self.deps.clock.now();
        self.notice_jump(now);
        while let Some(Due { probe, at, skipped }) = self.plan.pop(now) {
            let job = &mut self.jobs[probe];
            job.missed += skipped;
            if job.running().is_some() || job.waiting.replace(at).is_some() {
                job.missed += 1;
            } else {
                self.waiting.push_back(probe);
            }
            self.report_missed(probe);
        }
        self.start_waiting(now);
    }

    /// Reschedules after a jump of the wall clock; ticks inside the jump did not exist.
    fn notice_jump(&mut self, now: Timestamp) {
        let (wall, monotonic) = self.last_wake;
        let jumped = now.0 - wall.0 - millis(monotonic.elapsed());
        if jumped.abs() > JUMP_MS {
            tracing::warn!(
                jump_ms = jumped,
                "the wall clock jumped by {jumped} ms; recomputing the schedule"
            );
            self.plan.restart(now);
        }
        if jumped < -JUMP_MS {
            self.echo = (self.echo.0 + 1, wall.max(self.echo.1));
        }
        self.last_wake = (now, Instant::now());
    }

    fn report_missed(&mut self, probe: usize) {
        let job = &mut self.jobs[probe];
        if job.missed > 0 {
            let event = ScheduleEvent::Missed(job.spec.key.clone(), job.missed);
            // If the queue is full, the count is kept until the next tick.
            if self.deps.events.try_send(event).is_ok() {
                job.missed = 0;
            }
        }
    }

    fn start_waiting(&mut self, now: Timestamp) {
        while let Some(probe) = self.waiting.front().copied() {
            let Some((slot, status)) = self.slots.take() else {
                return;
            };
            self.waiting.pop_front();
            let job = &mut self.jobs[probe];
            let Some(at) = job.waiting.take() else {
                continue;
            };
            let lag = now.0 - at.0;
            self.deps.lag.observe(lag.max(0) as f64 / 1000.0);
            if lag > millis(job.spec.timeout) {
                self.void_late(probe, at, lag);
                continue;
            }
            let spec = job.spec.clone();
            let at = self.label(at);
            let thread = self.deps.threads.of(probe, self.threads);
            let context = attempt::AttemptContext {
                spec,
                at,
                clock: self.deps.clock.clone(),
                stall: self.deps.stall.clone(),
                meter: thread.meter.clone(),
                wakeup_lag: self.deps.wakeup_lag.clone(),
                events: self.deps.events.clone(),
                slot,
            };
            let slot = status;
            self.jobs[probe].last = Some(Started { at, slot });
            self.running
                .spawn_on(attempt::run(context), &thread.runtime);
        }
    }

    /// Records a void outcome for a tick whose attempt would start after its deadline: it would say
    /// nothing about that time.
    fn void_late(&mut self, probe: usize, at: Timestamp, lag: i64) {
        let spec = &self.jobs[probe].spec;
        let message = format!("slod was too busy to start in time: {lag} ms late");
        let record = Record {
            key: spec.key.clone(),
            at: self.label(at),
            interval: spec.interval,
            outcome: explained(Verdict::Void(VoidReason::Late), Duration::ZERO, &message),
        };
        if self
            .deps
            .events
            .try_send(ScheduleEvent::Outcome(record))
            .is_err()
        {
            self.jobs[probe].missed += 1;
        }
    }

    /// The timestamp of a tick's outcome. Where the wall clock was set back, ticks occur again; a
    /// few milliseconds distinguish them from the earlier ones.
    fn label(&self, at: Timestamp) -> Timestamp {
        let (times, until) = self.echo;
        if at > until {
            return at;
        }
        // The shortest interval is 100 ms.
        Timestamp(at.0 + times % 100)
    }

    /// Waits for running probes to end; those that do not are aborted, with a void outcome.
    async fn drain(&mut self) {
        let deadline = Instant::now() + self.deps.drain;
        let slots = self.slots.clone();
        while slots.taken() > 0 && Instant::now() < deadline {
            tokio::select! {
                () = slots.all_freed() => {}
                () = sleep(Duration::from_secs(1)) => {
                    let names: Vec<_> = self.unfinished().take(5).map(|(job, _)| job.spec.key.to_string()).collect();
                    tracing::info!(probes = slots.taken(), "waiting for {} running probes, such as {}", slots.taken(), names.join(", "));
                }
            }
        }
        let cut_off = self.unfinished().map(|(job, started)| Record {
            interval: job.spec.interval,
            outcome: Outcome::new(Verdict::Void(VoidReason::Shutdown), Duration::ZERO),
            key: job.spec.key.clone(),
            at: started.at,
        });
        let cut_off: Vec<_> = cut_off.collect();
        self.running.abort_all();
        for record in cut_off {
            let event = ScheduleEvent::Outcome(record);
            if self.deps.events.send(event).await.is_err() {
                return;
            }
        }
    }

    fn unfinished(&self) -> impl Iterator<Item = (&Job, &Started)> {
        self.jobs
            .iter()
            .filter_map(|job| Some((job, job.running()?)))
    }
}
