//! A run while it goes on: a line a second, stop requests, and thresholds that end it.

use super::LoadArgs;
use super::generator::Generator;
use super::plan::Prepared;
use crate::cli::exit;
use crate::cli::kept_run::KeptRun;
use crate::cli::stop_requests::StopRequests;
use crate::clock::Clock;
use crate::config::Config;
use crate::format::numbers;
use crate::load::{Ending, Figures, LoadWindow, RunRecord, Samples, WORKERS};
use crate::observe::RunSampler;
use crate::outcome::Timestamp;
use crate::report::load_run::{Held, Promise, promises};
use crate::sample::{SeriesKey, SeriesKind};
use crate::store::Tick;
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write as _};
use std::sync::Arc;
use std::time::Duration;

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
    let Prepared {
        service,
        scenario,
        engine,
        work,
        ..
    } = prepared;
    let watched = if args.abort {
        let given = args.threshold.iter();
        let given = given.map(|one| Promise::of_all(*one, "--threshold"));
        let known = promises(service, &scenario).into_iter();
        known.chain(given).collect()
    } else {
        Vec::new()
    };
    let mut requests = StopRequests::new()?;
    let mut generator = Generator::start(work)?;
    let from = tokio::select! {
        from = generator.began() => from?,
        _ = requests.next() => {
            generator.kill();
            return Err("interrupted before any load was made".to_owned());
        }
    };
    let sampler = RunSampler::start(config, service, clock.clone());
    let sampler = sampler.map_err(|error| format!("cannot sample: {}", error.kind()))?;
    let run = RunRecord {
        service: service.name.to_string(),
        scenario,
        engine: engine.to_owned(),
        from,
        to: from,
        ending: Ending::Completed,
        windows: Vec::new(),
        requests: Vec::new(),
        observed: Vec::new(),
    };
    let mut going = GoingOn {
        kept: KeptRun::begin(config, &run),
        run,
        generator,
        sampler,
        observed: Samples::default(),
        recent: VecDeque::new(),
        watched,
        is_stopping: false,
    };
    going.follow(&mut requests).await;
    going.sampler.stop();
    while let Some(tick) = going.sampler.next().await {
        going.observed.add(tick.at, tick.samples);
    }
    Ok(going.finish(clock.now()))
}

/// A run while it goes on.
struct GoingOn {
    run: RunRecord,
    generator: Generator,
    sampler: RunSampler,
    kept: KeptRun,
    observed: Samples,
    /// The last windows.
    recent: VecDeque<LoadWindow>,
    /// What ends the run if it is missed.
    watched: Vec<Promise>,
    is_stopping: bool,
}

impl GoingOn {
    /// Follows it to its end.
    async fn follow(&mut self, requests: &mut StopRequests) {
        loop {
            tokio::select! {
                window = self.generator.next() => {
                    let Some(window) = window else { return };
                    self.take(window);
                }
                Some(tick) = self.sampler.next() => self.sampled(tick),
                _ = requests.next() => {
                    if self.is_stopping {
                        // The second request ends it at once.
                        self.generator.kill();
                        std::process::exit(i32::from(exit::INTERRUPTED));
                    }
                    self.stop(Ending::Interrupted);
                }
            }
        }
    }

    fn take(&mut self, window: LoadWindow) {
        line(&window, &self.run.scenario);
        self.kept.window(window.clone());
        self.recent.push_back(window);
        if self.recent.len() > SLIDING {
            self.recent.pop_front();
        }
        if let Some(held) = missed(&self.recent, &self.watched).filter(|_| !self.is_stopping) {
            let Held {
                threshold, source, ..
            } = &held;
            let why = format!("{threshold} was missed over {SLIDING} s ({source})");
            self.stop(Ending::Aborted { why });
        }
    }

    fn stop(&mut self, ending: Ending) {
        self.run.ending = ending;
        self.is_stopping = true;
        self.generator.stop();
    }

    fn sampled(&mut self, mut tick: Tick) {
        if let Some(workers) = self.generator.workers() {
            let labels = [("service", self.run.service.as_str())];
            let key = Arc::new(SeriesKey::new(WORKERS, labels));
            tick.samples.push((key, SeriesKind::Gauge, workers as f64));
        }
        self.kept.tick(tick.clone());
        self.observed.add(tick.at, tick.samples);
    }

    fn finish(self, to: Timestamp) -> RunRecord {
        let generated = self.generator.finish();
        let ending = match (generated.failure, self.run.ending) {
            (Some(why), Ending::Completed) => Ending::Failed { why },
            (_, ending) => ending,
        };
        let run = RunRecord {
            to,
            ending,
            windows: generated.windows,
            requests: generated.requests,
            observed: self.observed.finish(),
            ..self.run
        };
        self.kept.end(&run);
        run
    }
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
