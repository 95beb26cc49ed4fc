//! `slod baseline`: records a run as the baseline of its service and scenario, and compares later runs with it.

use super::failure::{CommandResult, Failure};
use super::output::show;
use super::runs::{no_run, show_list, stored};
use super::{ConfigArg, OutputFormat, exit, read_number, with_config};
use crate::config::Config;
use crate::load::{compare, unfit_as_baseline};
use crate::report::runs::{Finding, findings_to_text};
use crate::store::{Store, StoreError, StoredRun};
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a run the baseline of its service and scenario.
    Record(RecordArgs),
    /// Compare a run with the baseline of its service and scenario: exit code 1 if it is worse, 2 if part of it cannot be compared.
    Compare(CompareArgs),
    /// List the baselines.
    List(ListArgs),
}

#[derive(Debug, Args)]
pub struct RecordArgs {
    /// Number of the run.
    #[arg(value_parser = read_number)]
    id: i64,
    #[command(flatten)]
    config: ConfigArg,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Number of the run.
    #[arg(value_parser = read_number)]
    id: i64,
    #[command(flatten)]
    config: ConfigArg,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(command: &Command) -> CommandResult {
    match command {
        Command::Record(args) => with_config(&args.config, |config| record(config, args.id)),
        Command::Compare(args) => with_config(&args.config, |config| against(config, args)),
        Command::List(args) => with_config(&args.config, |config| list(config, args.format)),
    }
}

fn record(config: &Config, id: i64) -> CommandResult {
    let mut store = Store::open_for_runs(&config.store.path)?;
    let (_, run) = stored(&store, id)?;
    if let Some(reason) = unfit_as_baseline(&run) {
        let reason = format!("run {id} cannot be a baseline: {reason}");
        return Err(Failure::usage(reason));
    }
    if store.set_baseline(id)? {
        show(&format!(
            "run {id} is the baseline of its service and scenario\n"
        ));
        return Ok(exit::OK);
    }
    Err(no_run(id))
}

fn baselines(store: &Store, service: Option<&str>) -> Result<Vec<StoredRun>, StoreError> {
    let mut runs = store.runs(service, u32::MAX)?;
    runs.retain(|run| run.is_baseline);
    Ok(runs)
}

fn against(config: &Config, args: &CompareArgs) -> CommandResult {
    let store = Store::open_read_only(&config.store.path)?;
    let (head, run) = stored(&store, args.id)?;
    let all = baselines(&store, Some(&head.service))?;
    let Some(known) = all.iter().find(|one| one.scenario == head.scenario) else {
        let reason = format!(
            "{} has no baseline of {} (record one with slod baseline record RUN)",
            head.service, head.scenario
        );
        return Err(Failure::usage(reason));
    };
    let (_, baseline) = stored(&store, known.id)?;
    let statements = compare(&baseline, &run).into_iter();
    let findings: Vec<Finding> = statements.map(Finding::of).collect();
    let title = format!("Run {} against run {} (baseline)\n", head.id, known.id);
    let text = |findings: &Vec<Finding>| title.clone() + &findings_to_text(findings);
    show(&args.format.of(&findings, text));
    Ok(verdict(&findings))
}

fn verdict(findings: &[Finding]) -> u8 {
    let is_any = |answer| findings.iter().any(|one| one.answer == answer);
    if is_any("bad") {
        exit::NO
    } else if is_any("unknown") {
        exit::UNKNOWN
    } else {
        exit::OK
    }
}

fn list(config: &Config, format: OutputFormat) -> CommandResult {
    let store = Store::open_read_only(&config.store.path)?;
    show_list(config, &store, &baselines(&store, None)?, format)
}
