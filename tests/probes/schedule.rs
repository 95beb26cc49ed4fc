//! Guarantees of the schedule, in paused time: no drift, a limit, missed attempts are counted, a
//! clean stop.

use async_trait::async_trait;
use slod::clock::Clock;
use slod::config::{Config, ProbeSpec};
use slod::outcome::{
    DurationOf, Measurement, Measures, Outcome, ProbeKey, Record, Timestamp, Verdict, VoidReason,
};
use slod::probe::{Attempt, Probe};
use slod::schedule::{Deps, ProbeThreads, ScheduleEvent, StallDetector, run};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep};
use tokio_util::sync::CancellationToken;

/// A probe that takes a fixed time, and records how many of its kind run concurrently.
#[derive(Clone, Debug)]
struct Slow {
    takes: Duration,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl Probe for Slow {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        assert!(self.takes != Duration::MAX, "a probe that panics");
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        sleep(self.takes).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        Outcome::new(Verdict::Good, attempt.started.elapsed())
    }

    fn target(&self) -> String {
        "nowhere".to_owned()
    }
}

fn histogram(name: &str) -> prometheus::Histogram {
    let opts = prometheus::HistogramOpts::new(name, name);
    prometheus::Histogram::with_opts(opts).expect("valid")
}

fn specs(count: usize, slow: &Slow) -> Vec<ProbeSpec> {
    let spec = |n| ProbeSpec {
        key: ProbeKey::new(&format!("s{n}"), "p"),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
        kind: "slow",
        measures: &Measures {
            duration: DurationOf::Attempt,
            measurements: Measurement::ALL,
            code: None,
        },
        fingerprint: 0,
        thresholds: Arc::default(),
        probe: Arc::new(slow.clone()),
    };
    (0..count).map(spec).collect()
}

/// A config that runs these probes. A reload does not change the concurrency limit.
fn config(max_concurrent: usize, probes: Vec<ProbeSpec>) -> Arc<Config> {
    let text = format!(
        "max_concurrent_probes: {max_concurrent}\nservices: {{ name: s, objectives: [], probes: {{ name: p, http: {{ url: \"http://127.0.0.1:1/\" }} }} }}"
    );
    let mut config: Config = text.parse().expect("valid");
    config.services[0].probes = probes;
    Arc::new(config)
}

struct Fixture {
    events: mpsc::Receiver<ScheduleEvent>,
    configs: watch::Sender<Arc<Config>>,
    stop: CancellationToken,
    clock: Clock,
    task: JoinHandle<()>,
    most: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
}

impl Fixture {
    fn new(count: usize, takes: Duration, max_concurrent: usize) -> Self {
        Self::on(ProbeThreads::none(), count, takes, max_concurrent)
    }

    fn on(threads: ProbeThreads, count: usize, takes: Duration, max_concurrent: usize) -> Self {
        let scheduling = threads.first().clone();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (events_in, events) = mpsc::channel(100_000);
        let (stop, clock) = (
            CancellationToken::new(),
            Clock::manual(Timestamp(1_700_000_000_000)),
        );
        let slow = Slow {
            takes,
            running: running.clone(),
            most: most.clone(),
        };
        let first = config(max_concurrent, specs(count, &slow));
        let (configs, configs_out) = watch::channel(first);
        let wiring = Deps {
            stall: StallDetector::new(Instant::now()),
            used_until: None,
            clock: clock.clone(),
            threads,
            events: events_in,
            configs: configs_out,
            stop: stop.clone(),
            drain: Duration::from_secs(3),
            lag: histogram("lag"),
            wakeup_lag: histogram("wakeup_lag"),
            in_flight: prometheus::IntGauge::new("in_flight", "in flight").expect("valid"),
        };
        Self {
            events,
            configs,
            stop,
            clock,
            task: scheduling.spawn(run(wiring)),
            most,
            running,
        }
    }

    fn specs(&self, count: usize, takes: Duration) -> Vec<ProbeSpec> {
        let slow = Slow {
            takes,
            running: self.running.clone(),
            most: self.most.clone(),
        };
        specs(count, &slow)
    }

    fn reload(&self, specs: Vec<ProbeSpec>) {
        self.configs.send_replace(config(1, specs));
    }

    /// Stops, and returns all recorded events.
    async fn finish(mut self) -> (Vec<Record>, u64) {
        self.stop.cancel();
        self.task.await.expect("the schedule ends");
        let (mut records, mut missed) = (Vec::new(), 0);
        while let Some(event) = self.events.recv().await {
            match event {
                ScheduleEvent::Outcome(record) => records.push(record),
                ScheduleEvent::Missed(_, ticks) => missed += ticks,
            }
        }
        (records, missed)
    }
}

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn every_tick_is_on_schedule_for_a_whole_day() {
    let fixture = Fixture::new(3, 40 * MS, 10);
    sleep(Duration::from_hours(24)).await;
    let (records, missed) = fixture.finish().await;
    assert_eq!(missed, 0);
    assert!(
        (3 * 8640 - 3..=3 * 8640).contains(&records.len()),
        "{}",
        records.len()
    );
    for n in 0..3 {
        let key = ProbeKey::new(&format!("s{n}"), "p");
        let ticks: Vec<i64> = records
            .iter()
            .filter(|r| r.key == key)
            .map(|r| r.at.0)
            .collect();
        assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] == 10_000));
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_kept_and_missed_attempts_are_counted() {
    // 20 probes of 4 s each need 80 s of slots per 10 s; two slots provide 20.
    let fixture = Fixture::new(20, 4000 * MS, 2);
    let most = fixture.most.clone();
    sleep(Duration::from_secs(100)).await;
    let (records, missed) = fixture.finish().await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
    let ticks = 20 * 10;
    assert!(
        missed >= 130 && records.len() >= 45,
        "{missed} missed, {} ran",
        records.len()
    );
    assert!(records.len() as u64 + missed <= ticks);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_probe_is_void_and_others_continue() {
    let fixture = Fixture::new(1, Duration::MAX, 2);
    sleep(Duration::from_secs(25)).await;
    let (records, _) = fixture.finish().await;
    assert!(records.len() >= 2);
    assert!(
        records
            .iter()
            .all(|r| r.outcome.verdict == Verdict::Void(VoidReason::Internal))
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_running_probes_and_then_voids_them() {
    let fixture = Fixture::new(5, 9000 * MS, 10);
    sleep(Duration::from_secs(10)).await;
    let (records, _) = fixture.finish().await;
    assert_eq!(records.len(), 5);
    let void = records
        .iter()
        .filter(|r| r.outcome.verdict == Verdict::Void(VoidReason::Shutdown))
        .count();
    let good = records
        .iter()
        .filter(|r| r.outcome.verdict == Verdict::Good)
        .count();
    assert_eq!(void + good, 5);
    assert!(
        void > 0,
        "nine seconds do not fit into the three of the drain"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_jump_moves_the_schedule_without_missed_attempts() {
    let fixture = Fixture::new(1, 40 * MS, 10);
    sleep(Duration::from_mins(1)).await;
    fixture.clock.jump(3_600_000);
    sleep(Duration::from_mins(1)).await;
    fixture.clock.jump(-7_200_000);
    sleep(Duration::from_mins(1)).await;
    let (records, missed) = fixture.finish().await;
    assert_eq!(missed, 0);
    assert!((15..=19).contains(&records.len()), "{}", records.len());
    assert!(
        records
            .iter()
            .all(|r| [0, 1].contains(&((r.at.0 - records[0].at.0).rem_euclid(10_000))))
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_creates_no_duplicate_ticks() {
    let fixture = Fixture::new(1, 40 * MS, 10);
    for _ in 0..3 {
        sleep(Duration::from_mins(2)).await;
        fixture.clock.jump(-60_000);
    }
    sleep(Duration::from_mins(2)).await;
    let (records, missed) = fixture.finish().await;
    let labels: HashSet<i64> = records.iter().map(|record| record.at.0).collect();
    assert_eq!((labels.len(), missed), (records.len(), 0));
    assert!((44..=48).contains(&records.len()), "{}", records.len());
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_before_a_stop_creates_no_duplicate_tick() {
    let fixture = Fixture::new(1, 9000 * MS, 10);
    sleep(Duration::from_mins(2)).await;
    fixture.clock.jump(-60_000);
    for running in [0, 1, 0, 1] {
        while fixture.running.load(Ordering::SeqCst) != running {
            sleep(MS).await;
        }
    }
    let (records, _) = fixture.finish().await;
    let last = records.last().expect("cut off").outcome.verdict;
    assert_eq!(last, Verdict::Void(VoidReason::Shutdown));
    let labels: HashSet<i64> = records.iter().map(|record| record.at.0).collect();
    assert_eq!(labels.len(), records.len());
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_is_due_at_a_reload_is_not_lost() {
    let fixture = Fixture::new(1, MS, 10);
    sleep(MS).await;
    for _ in 0..20 {
        fixture.reload(fixture.specs(1, MS));
        // Before the schedule handles the reload.
        advance(Duration::from_secs(10)).await;
        sleep(Duration::from_secs(10)).await;
    }
    let (records, missed) = fixture.finish().await;
    assert_eq!(records.len() as u64 + missed, 40, "{missed} missed");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_cannot_start_in_time_is_void() {
    // Twenty times two seconds need 40 s of the only slot per 10 s, and each attempt must end within
    // three.
    let fixture = Fixture::new(0, 2000 * MS, 1);
    let mut specs = fixture.specs(20, 2000 * MS);
    for spec in &mut specs {
        spec.timeout = Duration::from_secs(3);
    }
    fixture.reload(specs);
    sleep(Duration::from_secs(100)).await;
    let (records, missed) = fixture.finish().await;
    let late = records
        .iter()
        .filter(|r| r.outcome.verdict == Verdict::Void(VoidReason::Late));
    let late = late.count();
    assert!(late > 50, "{late} of {} and {missed} missed", records.len());
    let good = records
        .iter()
        .filter(|r| r.outcome.verdict == Verdict::Good);
    assert!((40..=50).contains(&good.count()));
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_schedule_of_unchanged_probes() {
    let fixture = Fixture::new(2, 40 * MS, 10);
    sleep(Duration::from_mins(1)).await;
    let specs = fixture.specs(3, 40 * MS);
    fixture.reload(specs);
    sleep(Duration::from_mins(1)).await;
    let (records, missed) = fixture.finish().await;
    assert_eq!(missed, 0);
    let ticks: Vec<i64> = records
        .iter()
        .filter(|r| &*r.key.service == "s0")
        .map(|r| r.at.0)
        .collect();
    assert!(
        ticks.windows(2).all(|pair| pair[1] - pair[0] == 10_000),
        "{ticks:?}"
    );
    assert!(records.iter().any(|r| &*r.key.service == "s2"));
}

#[tokio::test]
async fn a_busy_program_delays_no_attempt() {
    let threads = ProbeThreads::start().expect("threads");
    // A hundred per second.
    let mut fixture = Fixture::on(threads, 1000, Duration::from_millis(1), 100);
    let mut meanwhile = 0;
    // Blocks the only thread of this runtime, as a page or a snapshot would; longer on a busy machine.
    for _ in 0..30 {
        std::thread::sleep(Duration::from_secs(1));
        meanwhile += std::iter::from_fn(|| fixture.events.try_recv().ok()).count();
        if meanwhile >= 20 {
            break;
        }
    }
    assert!(meanwhile >= 20, "{meanwhile} outcomes meanwhile");
    fixture.finish().await;
}
