//! A run while it goes on: a line a second, stop requests, and thresholds that end it.

use super::LoadArgs;
use super::plan::Prepared;
use crate::cli::kept_run::KeptRun;
use crate::clock::Clock;
use crate::config::Config;
use crate::format::numbers;
use crate::load::{Ending, Figures, LoadWindow, RunRecord, Samples};
use crate::observe::RunSampler;
use crate::report::load_run::{Held, Promise, Threshold, promises};
use slod_load::{Engine, Finished};
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write as _};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// Windows over which thresholds end a run.
const SLIDING: usize = 10;
/// Before this, connections and caches warm up.
const ABORT_AFTER: Duration = Duration::from_secs(20);

/// Runs it to its end, or until it is interrupted or aborted.
pub async fn run(
    prepared: Prepared<'_>,
    config: &Config,
    args: &LoadArgs,
) -> Result<RunRecord, String> {
    let clock = Clock::system();
    let scenario = prepared.plan.scenario.clone();
    let watched: Vec<Promise> = if args.abort {
        let given = args.threshold.iter();
        let given = given.map(|one| Promise::of_all(*one, "--threshold"));
        let known = promises(prepared.service, &scenario).into_iter();
        known.chain(given).collect()
    } else {
        Vec::new()
    };
    let mut cpu = CpuMeter::new();
    let sampler = RunSampler::start(config, prepared.service, clock.clone());
    let mut sampler = sampler.map_err(|error| format!("cannot sample: {}", error.kind()))?;
    let mut engine = Engine::start(prepared.plan).map_err(|error| error.to_string())?;
    let from = clock.now();
    let mut run = RunRecord {
        service: prepared.service.name.to_string(),
        scenario: scenario.clone(),
        engine: "slod".to_owned(),
        from,
        to: from,
        ending: Ending::Completed,
        windows: Vec::new(),
        requests: Vec::new(),
        thresholds: args.threshold.iter().map(Threshold::written).collect(),
        observed: Vec::new(),
    };
    let kept = KeptRun::begin(config, &run);
    let mut observed = Samples::default();
    let mut recent: VecDeque<LoadWindow> = VecDeque::new();
    let mut stopping = false;
    loop {
        tokio::select! {
            window = engine.next(|| cpu.share()) => {
                let Some(window) = window else { break };
                line(&window, &scenario);
                kept.window(window.clone());
                recent.push_back(window);
                if recent.len() > SLIDING {
                    recent.pop_front();
                }
                if let Some(held) = missed(&recent, &watched) && !stopping {
                    let source = &held.source;
                    run.ending = Ending::Aborted { why: format!("{} was missed over {SLIDING} s ({source})", held.threshold) };
                    engine.stop();
                    stopping = true;
                }
            }
            Some(tick) = sampler.next() => {
                kept.tick(tick.clone());
                observed.add(tick.at, tick.samples);
            }
            _ = tokio::signal::ctrl_c() => {
                if stopping {
                    // The second request ends it at once.
                    std::process::exit(i32::from(crate::cli::exit::INTERRUPTED));
                }
                run.ending = Ending::Interrupted;
                engine.stop();
                stopping = true;
            }
        }
    }
    sampler.stop();
    while let Some(tick) = sampler.next().await {
        observed.add(tick.at, tick.samples);
    }
    let Finished { windows, requests } = engine.finish();
    (run.windows, run.requests) = (windows, requests);
    run.observed = observed.finish();
    run.to = clock.now();
    kept.end(&run);
    Ok(run)
}

/// The first threshold that the last windows missed.
fn missed(recent: &VecDeque<LoadWindow>, watched: &[Promise]) -> Option<Held> {
    let last = recent.back()?;
    if recent.len() < SLIDING || last.start < ABORT_AFTER {
        return None;
    }
    let meant = |one: &&Promise| recent.iter().all(|window| one.concerns(window));
    let mut held = watched.iter().filter(meant).map(|one| one.judge(recent));
    // What has too few requests in ten seconds is judged at the end.
    held.find(|held| held.measured.is_some() && !held.is_kept())
}

/// One second, in place on a terminal.
fn line(window: &LoadWindow, scenario: &crate::load::Scenario) {
    let figures = Figures::of([window]);
    let stage = scenario
        .stages
        .get(window.stage)
        .map_or("", |stage| stage.name.as_str());
    let time = |q: f64| {
        figures
            .quantile(q)
            .map_or_else(|| "-".to_owned(), numbers::latency)
    };
    let median = figures
        .mean()
        .map_or_else(|| "-".to_owned(), numbers::latency);
    let text = format!(
        "{:>5}s {stage:<10} due {:<7.1} active {:<7.1} {:>7.1}/s  avg {median:<8} p95 {:<8} failed {:<8} dropped {}",
        window.start.as_secs() + 1,
        window.due,
        window.active,
        figures.rate(),
        time(0.95),
        figures
            .error_ratio()
            .map_or_else(|| "-".to_owned(), numbers::share),
        window.dropped,
    );
    let mut out = io::stdout().lock();
    let written = if out.is_terminal() {
        write!(out, "\r\u{1b}[2K{text}")
    } else {
        writeln!(out, "{text}")
    };
    // Whoever closed the output still gets the run's exit code.
    let _ = written.and_then(|()| out.flush());
}

/// The share of all processors that this process uses.
struct CpuMeter {
    before: Option<(Instant, f64)>,
}

impl CpuMeter {
    fn new() -> Self {
        Self {
            before: seconds().map(|used| (Instant::now(), used)),
        }
    }

    /// Since it was asked last; `None` where the kernel does not say.
    fn share(&mut self) -> Option<f64> {
        let (now, used) = (Instant::now(), seconds()?);
        let (since, before) = self.before.replace((now, used))?;
        let processors = available_parallelism().map_or(1, usize::from) as f64;
        let elapsed = now.duration_since(since).as_secs_f64();
        (elapsed > 0.0).then(|| (used - before) / elapsed / processors)
    }
}

/// Processor time of this process, in seconds.
fn seconds() -> Option<f64> {
    let stat = procfs::process::Process::myself().ok()?.stat().ok()?;
    let ticks = stat.utime + stat.stime;
    Some(ticks as f64 / procfs::ticks_per_second() as f64)
}
