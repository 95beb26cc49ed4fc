//! `slod load`: generates the load of a scenario, and judges how the service performed.
//!
//! ```text
//! plan.rs -> generator.rs: the engine of slod, or tool.rs -> tool_run.rs (Locust, k6)
//!              -> live.rs: windows and samples -> the store, the report
//! ```

mod abort;
mod cpu;
mod generator;
mod live;
pub mod plan;
pub mod sequences;
mod tool;
mod tool_log;
mod tool_output;
mod tool_run;
mod tool_secrets;

use super::failure::{CommandResult, Failure};
use super::log::BufferedLog;
use super::output::show;
use super::progress::DrawnArg;
use super::run::on_runtime;
use super::span::read_duration;
use super::{ConfigArg, ReleaseMemory, exit, runs};
use crate::config::Config;
use crate::export::Tool;
use crate::load::{Answer, Ending};
use crate::report::load_run::{ReportExtras, RunReport};
use crate::threshold::Threshold;
use crate::units::Rate;
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Args)]
pub struct LoadArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// A scenario of the config, or one of baseline, stress, spike, soak, throughput, capacity.
    scenario: String,
    /// The service whose `load`, or first http probe, has the address.
    #[arg(long, value_name = "NAME")]
    service: String,
    /// Use this number of concurrent users instead of the scenario's stages.
    #[arg(long, visible_alias = "vus", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "rate")]
    users: Option<u32>,
    /// Users to start per second, with --users.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), requires = "users")]
    spawn_rate: Option<u32>,
    /// Use this request rate instead of the scenario's stages, such as 100/s.
    #[arg(long, value_name = "RATE", value_parser = read_rate)]
    rate: Option<Rate>,
    /// Use this length instead of the scenario's.
    #[arg(long, visible_alias = "duration", value_name = "DURATION", value_parser = read_duration)]
    run_time: Option<Duration>,
    /// A condition that the run must meet, such as `p95<500ms`, `avg<400ms`, `max<2s`, `errors<1%`, `errors==0` or `rate>100/s`, or of one request `p95{name:login}<500ms`; repeatable.
    #[arg(long, value_name = "CONDITION")]
    threshold: Vec<Threshold>,
    /// End the run as soon as a threshold is missed over ten seconds.
    #[arg(long)]
    abort: bool,
    /// Write run.json, summary.txt, junit.xml, report.md and report.html to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Allow a target with a public address. Load on a service that you do not own is an attack.
    #[arg(long)]
    i_own_this_target: bool,
    /// Open a new connection for every request.
    #[arg(long)]
    no_keep_alive: bool,
    /// Load generator: Locust and k6 must be installed; they run the script of `slod export`.
    #[arg(long, default_value = "slod")]
    engine: EngineName,
    /// Number of Locust workers on other machines to distribute the load to.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    expect_workers: Option<u32>,
    #[command(flatten)]
    pub drawn: DrawnArg,
    /// Additional arguments for Locust or k6, such as `--out cloud`.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineName {
    Slod,
    Locust,
    K6,
}

impl EngineName {
    const fn tool(self) -> Option<Tool> {
        match self {
            Self::Slod => None,
            Self::Locust => Some(Tool::Locust),
            Self::K6 => Some(Tool::K6),
        }
    }
}

fn read_rate(text: &str) -> Result<Rate, String> {
    Rate::parse(text).ok_or_else(|| "expected a rate such as 100/s or 200/min".to_owned())
}

pub fn run(args: &LoadArgs, log: &BufferedLog, release_memory: ReleaseMemory) -> CommandResult {
    if args.engine == EngineName::Slod
        && !(args.arguments.is_empty() && args.expect_workers.is_none())
    {
        return Err(Failure::usage(
            "--expect-workers and arguments after `--` are for --engine locust or k6",
        ));
    }
    let config = args.config.load()?;
    on_runtime(async {
        let prepared = plan::prepare(args, &config).await;
        let prepared = prepared.map_err(Failure::usage)?;
        show(&prepared.announcement);
        let service = prepared.service;
        let record = live::run(prepared, &config, args, log, release_memory).await?;
        let report = RunReport::new(record, Some(service));
        finish(&config, &report, args.out.as_deref())
    })
}

/// Prints the report of a run, writes its files, and returns the exit code.
pub fn finish(config: &Config, report: &RunReport, out: Option<&Path>) -> CommandResult {
    let compared = runs::compared(config, &report.run);
    let extras = ReportExtras {
        compared: compared.as_ref(),
        log: None,
    };
    show(&format!("\n{}", report.to_text(extras)));
    if let Some(folder) = out {
        write_all(folder, report, extras).map_err(|error| {
            let reason = format!("cannot write {}: {}", folder.display(), error.kind());
            Failure::new(exit::FAILED, reason)
        })?;
    }
    Ok(code(report))
}

/// The exit codes of k6.
fn code(report: &RunReport) -> u8 {
    match report.run.ending {
        Ending::Interrupted => exit::INTERRUPTED,
        Ending::Failed { .. } => exit::FAILED,
        _ => verdict_code(report),
    }
}

/// Exit code of the verdict, regardless of how the run ended.
pub fn verdict_code(report: &RunReport) -> u8 {
    match report.answer() {
        Answer::Good => exit::OK,
        Answer::Bad => exit::THRESHOLDS,
        Answer::Unknown => exit::UNKNOWN,
    }
}

fn write_all(folder: &Path, report: &RunReport, extras: ReportExtras<'_>) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("run.json"), report.to_json())?;
    fs::write(folder.join("summary.txt"), report.to_text(extras))?;
    fs::write(folder.join("junit.xml"), report.to_junit())?;
    fs::write(folder.join("report.md"), report.to_markdown(extras))?;
    fs::write(folder.join("report.html"), report.to_html(extras))
}
