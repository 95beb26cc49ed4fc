//! `slod runs`: lists load runs, and shows or deletes one.

use super::compressed::decompressed;
use super::failure::{CommandResult, Failure};
use super::load::verdict_code;
use super::output::{print_error, show};
use super::{ConfigArg, OutputFormat, exit, kept_run, read_number, with_config};
use crate::clock::Clock;
use crate::config::Config;
use crate::load::RunRecord;
use crate::report::load_run::{Compared, ReportExtras, RunReport, RunSummary};
use crate::report::log_file::{LogSummary, summarize};
use crate::report::runs::{RunRow, list_to_text};
use crate::store::{KeptSummary, RunState, Store, StoreError, StoredRun};
use chrono::Local;
use clap::{Args, Subcommand, ValueEnum};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Interval over which log lines are counted.
const LOG_WINDOW: Duration = Duration::from_secs(10);
/// Maximum number of listed runs.
const LISTED_MAX: u32 = 1000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the runs, the newest first.
    List(ListArgs),
    /// Show the report of a run: exit code 99 if the service failed it, 2 if the run is inconclusive.
    Show(ShowArgs),
    /// Delete a run.
    Delete(OneArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// List only runs of this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    one: OneArgs,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: RunFormat,
    /// Also show what the service's log contains from the time of the run, such as errors, slow queries and
    /// opened circuit breakers. Times without a zone are in that of the variable TZ, or of this machine. Not included in
    /// the formats `json` and `junit`.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RunFormat {
    Text,
    Json,
    Junit,
    /// For a pull request.
    Markdown,
    /// A self-contained page with charts.
    Html,
}

#[derive(Debug, Args)]
pub struct OneArgs {
    /// Number of the run.
    #[arg(value_parser = read_number)]
    id: i64,
    #[command(flatten)]
    config: ConfigArg,
}

pub fn run(command: &Command) -> CommandResult {
    match command {
        Command::List(args) => with_config(&args.config, |config| list(config, args)),
        Command::Show(args) => with_config(&args.one.config, |config| report(config, args)),
        Command::Delete(args) => with_config(&args.config, |config| delete(config, args.id)),
    }
}

fn list(config: &Config, args: &ListArgs) -> CommandResult {
    let store = Store::open_read_only(&config.store.path)?;
    let mut runs = store.runs(args.service.as_deref(), LISTED_MAX + 1)?;
    if runs.len() > LISTED_MAX as usize {
        runs.truncate(LISTED_MAX as usize);
        print_error(&format!(
            "slod: the newest {LISTED_MAX} runs are listed (--service NAME lists those of one service)"
        ));
    }
    show_list(config, &store, &runs, args.format)
}

/// Lists runs, each with its summary under the current config.
pub fn show_list(
    config: &Config,
    store: &Store,
    runs: &[StoredRun],
    format: OutputFormat,
) -> CommandResult {
    let (now, mut judged) = (Clock::system().now(), Vec::new());
    let row = |run: &StoredRun| {
        let summary = summary(config, store, run, &mut judged)?;
        Ok(RunRow::of(run, now, summary))
    };
    let rows: Result<Vec<RunRow>, StoreError> = runs.iter().map(row).collect();
    show(&format.of(&rows?, |rows| list_to_text(rows)));
    if !judged.is_empty() {
        // If this fails, the next list judges them again.
        let kept = Store::open_for_runs(&config.store.path)
            .and_then(|mut store| store.keep_summaries(&judged));
        kept.unwrap_or_else(|error| tracing::debug!("cannot store the summaries of runs: {error}"));
    }
    Ok(exit::OK)
}

/// Returns the stored summary of a run. A newly judged one is also added to `judged`.
fn summary(
    config: &Config,
    store: &Store,
    run: &StoredRun,
    judged: &mut Vec<(i64, KeptSummary)>,
) -> Result<Option<RunSummary>, StoreError> {
    let service = config.service(&run.service);
    let basis = RunSummary::basis(service);
    let kept = RunSummary::read(store, run.id, basis)?;
    if kept.is_some() {
        return Ok(kept);
    }
    let Some((_, record)) = store.run(run.id)? else {
        return Ok(None);
    };
    let summary = RunSummary::of(&RunReport::new(record, service));
    judged.push((run.id, summary.to_stored(basis)));
    Ok(Some(summary))
}

/// Returns the run, which must exist.
pub fn stored(store: &Store, id: i64) -> Result<(StoredRun, RunRecord), Failure> {
    let missing = || format!("there is no readable run {id} (see slod runs list)");
    store.run(id)?.ok_or_else(|| Failure::usage(missing()))
}

fn report(config: &Config, args: &ShowArgs) -> CommandResult {
    let store = Store::open_read_only(&config.store.path)?;
    let (head, run) = stored(&store, args.one.id)?;
    if head.state(Clock::system().now()) == RunState::Running {
        print_error(&format!(
            "slod: run {} is still in progress; its results so far:",
            head.id
        ));
    }
    let log = args.log.as_deref().map(|path| read_log(path, &run));
    let log = log.transpose().map_err(Failure::usage)?;
    let compared = Compared::read(&store, Some(head.id), &run)?;
    let extras = ReportExtras {
        compared: compared.as_ref(),
        log: log.as_ref(),
    };
    let report = RunReport::new(run, config.service(&head.service));
    show(&match args.format {
        RunFormat::Text => report.to_text(extras),
        RunFormat::Json => report.to_json(),
        RunFormat::Junit => report.to_junit(),
        RunFormat::Markdown => report.to_markdown(extras),
        RunFormat::Html => report.to_html(extras),
    });
    Ok(verdict_code(&report))
}

fn read_log(path: &Path, run: &RunRecord) -> Result<LogSummary, String> {
    let read = || {
        summarize(
            decompressed(File::open(path)?)?,
            (run.from, run.to),
            LOG_WINDOW,
            Local,
        )
    };
    read().map_err(|error: io::Error| format!("{}: {}", path.display(), error.kind()))
}

/// Stores a run in the store of a config. A failure is only reported.
pub fn keep(config: &Config, run: &RunRecord) {
    let path = &config.store.path;
    let kept = Store::open_for_runs(path).and_then(|mut store| {
        let id = store.keep_run(run)?;
        kept_run::summarize(&mut store, id, run, config.service(&run.service));
        Ok(id)
    });
    kept_run::report(path, kept);
}

/// Compares a run that just ended with its baseline, if there is one that can be read.
pub fn compared(config: &Config, run: &RunRecord) -> Option<Compared> {
    let store = Store::open_read_only(&config.store.path).ok()?;
    Compared::read(&store, None, run).ok()?
}

fn delete(config: &Config, id: i64) -> CommandResult {
    if Store::open_for_runs(&config.store.path)?.delete_run(id)? {
        show(&format!("run {id} deleted\n"));
        return Ok(exit::OK);
    }
    Err(no_run(id))
}

/// Reports that a run does not exist.
pub fn no_run(id: i64) -> Failure {
    Failure::usage(format!("there is no run {id} (see slod runs list)"))
}
