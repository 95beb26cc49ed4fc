//! A run in progress: one line per second, stop requests, and thresholds that end it.

use super::LoadArgs;
use super::abort::{SLIDING, missed};
use super::generator::Generator;
use super::plan::Prepared;
use crate::cli::failure::Failure;
use crate::cli::kept_run::KeptRun;
use crate::cli::log::BufferedLog;
use crate::cli::progress::{Progress, required};
use crate::cli::stop_requests::StopRequests;
use crate::cli::thresholds::written;
use crate::cli::{ReleaseMemory, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::format::numbers;
use crate::load::{Ending, Figures, LoadWindow, RunRecord, Samples, WORKERS};
use crate::observe::RunSampler;
use crate::outcome::Cause;
use crate::report::load_run::Requirement;
use crate::report::table::known;
use crate::sample::{SeriesKey, SeriesKind};
use crate::store::Tick;
use crate::tasks::threads::refusal;
use crate::text::printable;
use crate::threshold::ThresholdResult;
use std::collections::VecDeque;
use std::sync::Arc;

/// How often free memory is returned to the system. After a stall, many requests are open at once, and
/// their memory would otherwise stay allocated until the run ends.
const RELEASE_EVERY: u64 = 10;

/// Runs the load to its end, or until it is interrupted or aborted. A run without any load fails.
pub async fn run(
    prepared: Prepared<'_>,
    config: &Config,
    args: &LoadArgs,
    log: &BufferedLog,
    release_memory: ReleaseMemory,
) -> Result<RunRecord, Failure> {
    let failed = |reason: String| Failure::new(exit::FAILED, reason);
    let clock = Clock::system();
    let Prepared {
        service,
        scenario,
        engine,
        work,
        thresholds,
        ..
    } = prepared;
    let required = required(service, &scenario, &thresholds);
    let mut requests = StopRequests::new().map_err(failed)?;
    let mut generator = Generator::start(work).map_err(failed)?;
    let from = tokio::select! {
        from = generator.began() => from.map_err(failed)?,
        _ = requests.next() => {
            generator.kill();
            let reason = "interrupted before any load was made";
            return Err(Failure::new(exit::INTERRUPTED, reason));
        }
    };
    let sampler = RunSampler::start(config, service, clock.clone());
    let sampler = sampler.map_err(|error| failed(refusal(&error)))?;
    let run = RunRecord {
        thresholds: written(&thresholds),
        ..RunRecord::begun(&*service.name, scenario, engine, from)
    };
    let kept = KeptRun::begin(config, &run);
    let title = format!("{} of {}, by {engine}", run.scenario.name, run.service);
    let drawn = args.drawn.on_terminal(log);
    let mut active = ActiveRun {
        kept,
        progress: Progress::start(&run, required.clone(), title, drawn, line),
        run,
        generator,
        sampler,
        observed: Samples::default(),
        recent: VecDeque::new(),
        watched: if args.abort { required } else { Vec::new() },
        is_stopping: false,
        is_interrupted: false,
        release_memory,
    };
    active.follow(&mut requests).await;
    let run = active.finish(&clock).await;
    log.release();
    Ok(run)
}

/// A run in progress.
struct ActiveRun {
    run: RunRecord,
    generator: Generator,
    sampler: RunSampler,
    kept: KeptRun,
    progress: Progress,
    observed: Samples,
    /// The latest windows.
    recent: VecDeque<LoadWindow>,
    /// Thresholds that end the run if missed.
    watched: Vec<Requirement>,
    is_stopping: bool,
    /// Whether a user asked to stop it.
    is_interrupted: bool,
    release_memory: ReleaseMemory,
}

impl ActiveRun {
    /// Follows the run to its end.
    async fn follow(&mut self, requests: &mut StopRequests) {
        loop {
            tokio::select! {
                window = self.generator.next() => {
                    let Some(window) = window else { return };
                    self.take(window);
                }
                Some(tick) = self.sampler.next() => self.sampled(tick),
                _ = requests.next() => {
                    if std::mem::replace(&mut self.is_interrupted, true) {
                        // The second request kills it immediately.
                        self.generator.kill();
                        std::process::exit(i32::from(exit::INTERRUPTED));
                    }
                    self.stop(Ending::Interrupted);
                }
            }
        }
    }

    fn take(&mut self, window: LoadWindow) {
        if window.lacking > 0 {
            self.lacks();
        }
        self.keep_examples(&window);
        self.progress.window(&window);
        self.kept.window(window.clone());
        if window.start.as_secs().is_multiple_of(RELEASE_EVERY) {
            (self.release_memory)();
        }
        self.recent.push_back(window);
        if self.recent.len() > SLIDING {
            self.recent.pop_front();
        }
        if let Some(result) = missed(&self.recent, &self.watched).filter(|_| !self.is_stopping) {
            let ThresholdResult {
                threshold, source, ..
            } = &result;
            let measured = result.in_words();
            let why = format!("{threshold} was missed over {SLIDING} s ({source}): {measured}");
            self.stop(Ending::Aborted { why });
        }
    }

    /// Stores the first missing resource once, so that a run that is killed also has it.
    fn lacks(&mut self) {
        let lack = self.generator.lack();
        if self.run.lack.is_none() {
            self.run.lack.clone_from(&lack);
            if let Some(words) = &lack {
                self.kept.lacks(words.clone());
            }
        }
        self.progress.lacks(lack);
    }

    /// Stores the first failure of each cause, so that the page of a running run and a run that is killed also
    /// have it.
    fn keep_examples(&mut self, window: &LoadWindow) {
        let is_new = |cause: &Cause| self.run.examples.iter().all(|(known, _)| known != cause);
        if !window.failed.iter().any(|(cause, _)| is_new(cause)) {
            return;
        }
        let mut new = self.generator.examples();
        new.retain(|(cause, _)| is_new(cause));
        if !new.is_empty() {
            self.kept.examples(new.clone());
            self.run.examples.extend(new);
        }
    }

    fn stop(&mut self, ending: Ending) {
        // The first reason decides: a run that a threshold aborted was not interrupted.
        if !std::mem::replace(&mut self.is_stopping, true) {
            self.run.ending = ending;
        }
        self.progress.ends();
        self.generator.stop();
    }

    fn sampled(&mut self, mut tick: Tick) {
        self.progress.workers(self.generator.workers());
        if let Some(workers) = self.generator.workers() {
            let labels = [("service", self.run.service.as_str())];
            let key = Arc::new(SeriesKey::new(WORKERS, labels));
            tick.samples.push((key, SeriesKind::Gauge, workers as f64));
        }
        self.progress.sampled(&tick);
        self.kept.tick(tick.clone());
        self.observed.add(tick.at, tick.samples);
    }

    /// Waits for pending samples, and stores the run.
    async fn finish(mut self, clock: &Clock) -> RunRecord {
        self.sampler.stop();
        while let Some(tick) = self.sampler.next().await {
            self.observed.add(tick.at, tick.samples);
        }
        let to = clock.now();
        self.progress.end();
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
            examples: generated.examples,
            lack: generated.lack,
            observed: self.observed.finish(),
            ..self.run
        };
        self.kept.end(run)
    }
}

/// Output line of one second when nothing is drawn.
fn line(window: &LoadWindow, run: &RunRecord) -> String {
    let figures = Figures::of([window]);
    let stage = run.scenario.stages.get(window.stage);
    let stage = stage.map_or("", |stage| stage.name.as_str());
    let time = |time| known(time, numbers::latency);
    format!(
        "{:>5}s {stage:<10} due {:<7.1} active {:<7.1} {:>7.1}/s  avg {:<8} p95 {:<8} failed {:<8} dropped {}{}\n",
        window.start.as_secs() + 1,
        window.due,
        window.active,
        figures.rate(),
        time(figures.mean()),
        time(figures.quantile(0.95)),
        known(figures.error_ratio(), numbers::failed),
        window.dropped,
        lack_note(window.lacking, run.lack.as_deref()),
    )
}

/// How many of the dropped starts the generator's machine caused, and why.
fn lack_note(lacking: u64, first: Option<&str>) -> String {
    if lacking == 0 {
        return String::new();
    }
    let first = first.map_or_else(String::new, |words| format!(": {}", printable(words)));
    format!(" ({lacking} for lack of resources on this machine{first})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_missing_resource() {
        assert_eq!(lack_note(0, None), "");
        assert_eq!(
            lack_note(2, Some("no port\nis left")),
            " (2 for lack of resources on this machine: no port is left)"
        );
    }
}
