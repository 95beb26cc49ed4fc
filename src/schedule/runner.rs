//! Runs what the plan says is due, with a limit on how many probes run at once.

use super::attempt::{self, ScheduleEvent, explained};
use super::plan::{Due, Plan};
use super::slots::{Occupied, Slots};
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

/// Wall and monotonic time may differ by this much between two ticks before it is a jump.
pub(super) const JUMP_MS: i64 = 2000;

/// What the schedule needs from outside.
#[derive(Debug)]
pub struct Deps {
    pub clock: Clock,
    /// Where attempts run.
    pub threads: ProbeThreads,
    /// Beats while the schedule runs.
    pub stall: StallDetector,
    /// The latest tick that was ever kept: until then the wall clock has been used before.
    pub used_until: Option<Timestamp>,
    /// Bounded: while it is full, finished probes wait and ticks are missed, nothing piles up.
    pub events: mpsc::Sender<ScheduleEvent>,
    /// Its probes run, those of each new config as soon as it is there.
    pub configs: watch::Receiver<Arc<Config>>,
    pub stop: CancellationToken,
    /// How long running probes may go on after a stop request.
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
    /// Positions of jobs that are due but found no free slot, in order; each at most once.
    waiting: VecDeque<usize>,
    slots: Slots,
    /// The threads that attempts run on.
    threads: usize,
    /// Attempts, some of which may have ended.
    running: JoinSet<()>,
    /// Wall and monotonic time of the last wake-up, to notice a jump of the wall clock.
    last_wake: (Timestamp, Instant),
    /// How often the wall clock was set back, and until when it repeats itself.
    echo: (i64, Timestamp),
    deps: Deps,
}

struct Job {
    spec: ProbeSpec,
    /// The attempt that was started last.
    last: Option<Started>,
    /// The tick that waits for a free slot.
    waiting: Option<Timestamp>,
    /// Missed ticks that were not sent to the ledger yet.
    missed: u64,
}

#[derive(Clone)]
struct Started {
    /// Its tick.
    at: Timestamp,
    slot: Occupied,
}

impl Job {
    /// The attempt that is running now.
    fn running(&self) -> Option<&Started> {
        let last = self.last.as_ref();
        last.filter(|started| !started.slot.has_ended())
    }
}

impl Runner {
    fn new(deps: Deps) -> Self {
        let now = deps.clock.now();
        // Of the first config: a change needs a restart.
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
                Ok(()) = self.deps.configs.changed() => self.reload(),
                () = slots.freed() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// When the next probe is due, or the stall detector's next look.
    fn next_wake(&self) -> Instant {
        let now = self.deps.clock.now();
        let wait = self.plan.next().map_or(stall::CHECK_INTERVAL, |due| {
            Duration::from_millis((due.0 - now.0).max(0).unsigned_abs()).min(stall::CHECK_INTERVAL)
        });
        Instant::now() + wait
    }

    /// Takes the probes of the config; those that stay keep their place in time and what they are
    /// doing.
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
            // A tick that waits for a slot does so no more.
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

    /// A jump of the wall clock moves the grid; ticks inside the jump never were.
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
            // A full queue keeps the count here until the next tick.
            if self.deps.events.try_send(event).is_ok() {
                job.missed = 0;
            }
        }
    }

    fn start_waiting(&mut self, now: Timestamp) {
        while let Some(probe) = self.waiting.front().copied() {
            let Some((slot, occupied)) = self.slots.take() else {
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
            let thread = self.deps.threads.of(probe, self.threads);
            let context = attempt::AttemptContext {
                spec: job.spec.clone(),
                at: self.label(at),
                clock: self.deps.clock.clone(),
                stall: self.deps.stall.clone(),
                meter: thread.meter.clone(),
                wakeup_lag: self.deps.wakeup_lag.clone(),
                events: self.deps.events.clone(),
                slot,
            };
            let slot = occupied;
            self.jobs[probe].last = Some(Started { at, slot });
            self.running
                .spawn_on(attempt::run(context), &thread.runtime);
        }
    }

    /// A tick whose attempt would begin after it should have ended says nothing about that time.
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

    /// What an outcome of a tick is labelled with. Where the wall clock was set back, its ticks come
    /// once more; a few milliseconds keep them apart from those before.
    fn label(&self, at: Timestamp) -> Timestamp {
        let (times, until) = self.echo;
        if at > until {
            return at;
        }
        // The shortest interval is 100 ms.
        Timestamp(at.0 + times % 100)
    }

    /// Lets running probes end; those that do not are cut off and say nothing about their service.
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
