//! `slod observe`: watches a service under external load or in production, and judges it as a run.
//!
//! ```text
//! sampler -> ticks -> runs/observed/watch.rs -> windows and samples -> the store, the report
//! live.rs: as it happens    cli/child.rs: the command that makes the load
//! runs/observed: windows and samples, and runs of the past from what the daemon stored
//! ```

mod live;

use super::child;
use super::failure::{CommandResult, Failure};
use super::load::{finish, plan};
use super::log::BufferedLog;
use super::progress::DrawnArg;
use super::run::on_runtime;
use super::span::{TimeArg, check_order, read_duration};
use super::{ConfigArg, runs, thresholds};
use crate::clock::Clock;
use crate::config::{Config, ServiceSpec};
use crate::load::RunRecord;
use crate::outcome::Timestamp;
use crate::report::load_run::RunReport;
use crate::runs::observed::{LONGEST, check_thresholds, past};
use crate::threshold::Threshold;
use crate::units::show_duration;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct ObserveArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// The service that is under load.
    #[arg(long, value_name = "NAME")]
    service: String,
    /// How long to watch; without it, until the command ends or until Ctrl-C (one day at most).
    #[arg(long = "for", value_name = "DURATION", value_parser = read_duration)]
    length: Option<Duration>,
    /// Watch the past, from the data that the daemon stored: a time, or a duration before now.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["length", "command"], allow_hyphen_values = true)]
    from: Option<TimeArg>,
    /// End of the time range in the past [default: now].
    #[arg(
        long,
        value_name = "TIME",
        requires = "from",
        allow_hyphen_values = true
    )]
    to: Option<TimeArg>,
    /// A condition that the run must meet, such as `p95<500ms`, `avg<400ms`, `max<2s`, `errors<1%`, `errors==0` or `rate>100/s`; repeatable.
    #[arg(long, value_name = "CONDITION")]
    threshold: Vec<Threshold>,
    /// Write run.json, summary.txt, junit.xml, report.md and report.html to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub drawn: DrawnArg,
    /// A command that generates the load; watched until it ends.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl ObserveArgs {
    fn thresholds(&self) -> Vec<String> {
        thresholds::written(&self.threshold)
    }
}

pub fn run(args: &ObserveArgs, log: &BufferedLog) -> CommandResult {
    let config = args.config.load()?;
    let service = plan::service(&config, &args.service).map_err(Failure::usage)?;
    check_thresholds(&args.threshold).map_err(Failure::usage)?;
    let Some(from) = args.from else {
        return watch_now(&config, service, args, log);
    };
    let span = span(from, args.to).map_err(Failure::usage)?;
    let failed = |error| Failure::from(error).of_store(&config.store.path);
    let mut run = past(&config, service, span).map_err(failed)?;
    run.thresholds = args.thresholds();
    runs::keep(&config, &run);
    judge(&config, run, service, args)
}

/// The time range in the past, which ends now at the latest.
fn span(from: TimeArg, to: Option<TimeArg>) -> Result<(Timestamp, Timestamp), String> {
    let now = Clock::system().now();
    let (from, to) = (from.at(now), to.map_or(now, |to| to.at(now).min(now)));
    check_order(from, to)?;
    if to.since(from) > LONGEST {
        let longest = show_duration(LONGEST);
        return Err(format!("a run of the past can take at most {longest}"));
    }
    Ok((from, to))
}

fn watch_now(
    config: &Config,
    service: &ServiceSpec,
    args: &ObserveArgs,
    log: &BufferedLog,
) -> CommandResult {
    child::check(&args.command).map_err(Failure::usage)?;
    if args.length.is_some_and(|length| length > live::LONGEST) {
        return Err(Failure::usage("a run is watched for at most 1d (--for)"));
    }
    on_runtime(async {
        let run = live::run(config, service, args, log).await;
        judge(config, run.map_err(Failure::unavailable)?, service, args)
    })
}

fn judge(
    config: &Config,
    run: RunRecord,
    service: &ServiceSpec,
    args: &ObserveArgs,
) -> CommandResult {
    let report = RunReport::new(run, Some(service));
    finish(config, &report, args.out.as_deref())
}
