//! Watches a run as it happens.

use super::child::LoadCommand;
use super::watch::Watch;
use crate::cli::exit;
use crate::cli::kept_run::KeptRun;
use crate::cli::output::{complain, show};
use crate::clock::Clock;
use crate::config::{Config, ServiceSpec};
use crate::format::numbers;
use crate::load::{Ending, Figures, LoadWindow, RunRecord};
use crate::observe::{RunSampler, sampling_interval};
use crate::units::show_duration;
use rustix::process::Signal;
use std::ffi::OsString;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

const PROGRESS: Duration = Duration::from_secs(10);
/// A run without an end that is given.
const LONGEST: Duration = Duration::from_secs(86_400);
/// How long a command may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// Watches until the command ends, the time is over, or a signal.
pub async fn run(
    config: &Config,
    service: &ServiceSpec,
    length: Option<Duration>,
    command: &[OsString],
) -> Result<(RunRecord, Option<i64>), String> {
    let clock = Clock::system();
    let on =
        |kind| signal(kind).map_err(|error| format!("cannot handle signals: {}", error.kind()));
    let (mut interrupt, mut terminate) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    let mut watch = Watch::new(config, service, clock.now(), sampling_interval(config));
    let sampler = RunSampler::start(config, service, clock.clone());
    let mut sampler = sampler.map_err(|error| format!("cannot sample: {}", error.kind()))?;
    let mut command = LoadCommand::start(command)?;
    let began = Instant::now();
    let mut end = began + length.unwrap_or(LONGEST).min(LONGEST);
    let mut purpose = match &command {
        Some(command) => format!("load of {}, {}", command.name, watch.purpose()),
        None => watch.purpose().to_owned(),
    };
    show(&announcement(service, &purpose, length, command.is_some()));
    let kept = KeptRun::begin(
        config,
        &watch.plan(purpose.clone(), length.unwrap_or(LONGEST)),
    );
    let mut progress = interval_at(began + PROGRESS, PROGRESS);
    progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut recent: Vec<LoadWindow> = Vec::new();
    let mut ending = Ending::Completed;
    let mut is_asked = false;
    loop {
        let request = tokio::select! {
            Some(tick) = sampler.next() => {
                kept.tick(tick.clone());
                for window in watch.take(tick) {
                    kept.window(window.clone());
                    recent.push(window);
                }
                continue;
            }
            _ = progress.tick() => {
                show(&line(began.elapsed(), &std::mem::take(&mut recent)));
                continue;
            }
            how = ended(&mut command) => {
                let name = command.as_ref().map_or("", |command| command.name.as_str());
                complain(&format!("slod: {name} {how}"));
                purpose = format!("load of {name}, which {how}; {}", watch.purpose());
                break;
            }
            () = sleep_until(end) => if is_asked { Signal::KILL } else { Signal::TERM },
            _ = interrupt.recv() => {
                end_if_second(&ending, command.as_ref());
                ending = Ending::Interrupted;
                Signal::INT
            }
            _ = terminate.recv() => {
                end_if_second(&ending, command.as_ref());
                ending = Ending::Interrupted;
                Signal::TERM
            }
        };
        let Some(command) = &command else { break };
        command.signal(request);
        is_asked = true;
        end = Instant::now() + PATIENCE;
    }
    sampler.stop();
    loop {
        let tick = tokio::select! {
            tick = sampler.next() => tick,
            // A service that hangs is not waited for twice.
            _ = interrupt.recv() => None,
        };
        let Some(tick) = tick else { break };
        watch.take(tick);
    }
    let run = watch.finish(clock.now(), ending, purpose);
    let id = kept.end(&run);
    Ok((run, id))
}

/// The second request ends it at once.
fn end_if_second(ending: &Ending, command: Option<&LoadCommand>) {
    if *ending == Ending::Interrupted {
        if let Some(command) = command {
            command.signal(Signal::KILL);
        }
        std::process::exit(i32::from(exit::INTERRUPTED));
    }
}

/// How the command ended; never without one.
async fn ended(command: &mut Option<LoadCommand>) -> String {
    match command {
        Some(command) => command.ended().await,
        None => std::future::pending().await,
    }
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

/// What the last windows were.
fn line(elapsed: Duration, windows: &[LoadWindow]) -> String {
    let seconds = elapsed.as_secs();
    if windows.is_empty() {
        return format!("{seconds:>5}s nothing new was counted\n");
    }
    let figures = Figures::of(windows);
    let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), numbers::latency);
    let ratio = figures.error_ratio();
    format!(
        "{seconds:>5}s {:>7.1}/s  avg {:<8} p95 {:<8} failed {}\n",
        figures.rate(),
        time(figures.mean()),
        time(figures.quantile(0.95)),
        ratio.map_or_else(|| "-".to_owned(), numbers::share),
    )
}
