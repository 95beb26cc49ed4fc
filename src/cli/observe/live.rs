//! Watches a service live.

use super::ObserveArgs;
use crate::cli::child::{ChildExit, LoadCommand};
use crate::cli::exit;
use crate::cli::kept_run::KeptRun;
use crate::cli::log::BufferedLog;
use crate::cli::output::{print_error, show};
use crate::cli::progress::{Progress, required};
use crate::cli::stop_requests::StopRequests;
use crate::clock::Clock;
use crate::config::{Config, ServiceSpec};
use crate::format::numbers;
use crate::load::{Ending, Figures, LoadWindow, RunRecord};
use crate::observe::{RunSampler, sampling_interval};
use crate::report::table::known;
use crate::runs::observed::Watch;
use crate::store::Tick;
use crate::tasks::threads::refusal;
use crate::units::show_duration;
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};

const PROGRESS: Duration = Duration::from_secs(10);
/// Maximum length of a run without a given end.
pub const LONGEST: Duration = Duration::from_hours(24);
/// How long to wait for the last outcomes at most.
const LONGEST_SETTLING: Duration = Duration::from_secs(30);
/// How long a command may take to exit after a stop request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Watches until the command ends, the time is up, or the user stops it.
pub async fn run(
    config: &Config,
    service: &ServiceSpec,
    args: &ObserveArgs,
    log: &BufferedLog,
) -> Result<RunRecord, String> {
    let (clock, length) = (Clock::system(), args.length);
    let mut requests = StopRequests::new()?;
    let watch = Watch::new(config, service, clock.now(), sampling_interval(config));
    if let Some(reason) = watch.fault() {
        return Err(reason);
    }
    let sampler = RunSampler::start(config, service, clock.clone());
    let sampler = sampler.map_err(|error| refusal(&error))?;
    let mut command = LoadCommand::start(&args.command, |_| {})?;
    let mut purpose = match &command {
        Some(command) => format!("load of {}, {}", command.name, watch.purpose()),
        None => watch.purpose().to_owned(),
    };
    show(&announcement(service, &purpose, length, command.is_some()));
    // Without a given length, nothing is planned.
    let mut plan = watch.plan(purpose.clone(), length.unwrap_or_default());
    plan.thresholds = args.thresholds();
    let length = length.unwrap_or(LONGEST);
    let kept = KeptRun::begin(config, &plan);
    let required = required(service, &plan.scenario, &args.threshold);
    let title = format!("watching {}", service.name);
    // The command itself writes to the terminal.
    let drawn = args.drawn.on_terminal(log).filter(|_| command.is_none());
    let mut active = ActiveRun {
        kept,
        progress: Progress::start(&plan, required, title, drawn, |_, _| String::new()),
        watch,
        sampler,
        began: Instant::now(),
        recent: Vec::new(),
    };
    let (ending, exit) = active.follow(&mut requests, &mut command, length).await;
    active.progress.end();
    let exit = command.as_ref().map(|command| &command.name).zip(exit);
    if let Some((name, exit)) = &exit {
        print_error(&format!("slod: {name} {exit}"));
        purpose = format!("load of {name}, which {exit}; {}", active.watch.purpose());
    }
    active.sample_the_end(&mut requests).await;
    let to = clock.now();
    active.settle(&mut requests).await;
    let mut run = active.watch.finish(to, ending, purpose);
    run.thresholds = args.thresholds();
    if let Some((name, exit)) = exit
        && let Some(why) = no_load(&run, name, &exit)
    {
        run.ending = Ending::Failed { why };
    }
    let run = active.kept.end(run);
    log.release();
    Ok(run)
}

/// A run in progress.
struct ActiveRun {
    watch: Watch,
    kept: KeptRun,
    progress: Progress,
    sampler: RunSampler,
    began: Instant,
    /// Windows since the last output line.
    recent: Vec<LoadWindow>,
}

impl ActiveRun {
    /// Waits for attempts that are still running: they may fail.
    async fn settle(&self, requests: &mut StopRequests) {
        tokio::select! {
            () = sleep(self.watch.settling().min(LONGEST_SETTLING)) => {}
            _ = requests.next() => {}
        }
    }

    /// Follows the run to its end. Returns how the command ended, if there is one.
    async fn follow(
        &mut self,
        requests: &mut StopRequests,
        command: &mut Option<LoadCommand>,
        length: Duration,
    ) -> (Ending, Option<ChildExit>) {
        let mut progress = interval_at(self.began + PROGRESS, PROGRESS);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut end = self.began + length;
        let (mut ending, mut is_asked) = (Ending::Completed, false);
        loop {
            let request = tokio::select! {
                Some(tick) = self.sampler.next() => {
                    self.take(tick);
                    continue;
                }
                _ = progress.tick() => {
                    let windows = std::mem::take(&mut self.recent);
                    if !self.progress.is_drawn() {
                        show(&line(self.began.elapsed(), &windows));
                    }
                    continue;
                }
                exit = ended(command) => return (ending, Some(exit)),
                () = sleep_until(end) => if is_asked { Signal::KILL } else { Signal::TERM },
                request = requests.next() => {
                    if ending == Ending::Interrupted {
                        // The second request kills it immediately.
                        drop(command.take());
                        std::process::exit(i32::from(exit::INTERRUPTED));
                    }
                    ending = Ending::Interrupted;
                    self.progress.ends();
                    request
                }
            };
            let Some(command) = command else {
                return (ending, None);
            };
            command.signal(request);
            is_asked = true;
            end = Instant::now() + PATIENCE;
        }
    }

    fn take(&mut self, tick: Tick) {
        self.progress.sampled(&tick);
        self.kept.tick(tick.clone());
        for window in self.watch.take(tick) {
            self.progress.window(&window);
            self.kept.window(window.clone());
            self.recent.push(window);
        }
    }

    /// Takes the remaining samples, until a stop request: the service may hang.
    async fn sample_the_end(&mut self, requests: &mut StopRequests) {
        self.sampler.stop();
        loop {
            let tick = tokio::select! {
                tick = self.sampler.next() => tick,
                _ = requests.next() => None,
            };
            let Some(tick) = tick else { return };
            self.take(tick);
        }
    }
}

/// Waits for the command to end; never returns without a command.
async fn ended(command: &mut Option<LoadCommand>) -> ChildExit {
    match command {
        Some(command) => command.ended().await,
        None => std::future::pending().await,
    }
}

/// Why the run shows nothing: the command failed without a load. That is no fault of the service.
fn no_load(run: &RunRecord, name: &str, exit: &ChildExit) -> Option<String> {
    let is_without = run.ending == Ending::Completed && Figures::of(&run.windows).completed == 0;
    let why = || format!("no request was measured, and {name} {exit}");
    (is_without && exit.code() != Some(0)).then(why)
}

fn announcement(
    service: &ServiceSpec,
    purpose: &str,
    length: Option<Duration>,
    has_command: bool,
) -> String {
    let until = match (length, has_command) {
        (Some(length), _) => format!("for {}", show_duration(length)),
        (None, true) => "until the command ends".to_owned(),
        (None, false) => "until Ctrl-C".to_owned(),
    };
    format!("watching {} {until} ({purpose})\n", service.name)
}

/// Summarizes the latest windows on one line.
fn line(elapsed: Duration, windows: &[LoadWindow]) -> String {
    let seconds = elapsed.as_secs();
    if windows.is_empty() {
        return format!("{seconds:>5}s no new requests\n");
    }
    let figures = Figures::of(windows);
    let time = |time| known(time, numbers::latency);
    format!(
        "{seconds:>5}s {:>7.1}/s  avg {:<8} p95 {:<8} failed {}\n",
        figures.rate(),
        time(figures.mean()),
        time(figures.quantile(0.95)),
        known(figures.error_ratio(), numbers::failed),
    )
}
