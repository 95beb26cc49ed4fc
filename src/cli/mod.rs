//! The command line: one file per subcommand.

mod alerts;
mod audit;
mod backtest;
mod backup;
mod baseline;
pub mod check;
mod child;
mod client;
mod corrections;
mod daemon;
mod demo;
mod export;
mod generate;
mod health;
mod healthcheck;
mod import;
mod init;
mod kept_run;
mod load;
mod log;
mod marker;
mod notify;
mod observe;
mod output;
mod probe;
mod probe_metrics;
mod progress;
mod report;
mod route;
mod rules;
mod run;
mod runs;
mod samples;
mod screen;
mod silence;
mod span;
mod status;
mod stop_requests;
mod store;

use crate::app::Origin;
use crate::config::Config;
use clap::{Args, Parser, Subcommand, ValueEnum};
use log::HeldLog;
use output::complain;
use serde::Serialize;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit codes that scripts may rely on.
pub mod exit {
    /// Fine, or the answer is yes.
    pub const OK: u8 = 0;
    /// The answer is no: a probe is bad, an objective is missed, `check` finds faults.
    pub const NO: u8 = 1;
    /// The command line or a file it names cannot be used.
    pub const USAGE: u8 = 2;
    /// A run has too little data for an answer. The same number as [`USAGE`].
    pub const UNKNOWN: u8 = 2;
    /// The daemon, its address or its store is unavailable, or the daemon refuses what was asked.
    pub const START: u8 = 64;
    /// A part of the daemon, or the load generator of a run, failed while it ran.
    pub const FAILED: u8 = 70;
    /// A load run missed a threshold, as in k6, or had no request that succeeded.
    pub const THRESHOLDS: u8 = 99;
    /// A load run was interrupted, as in k6.
    pub const INTERRUPTED: u8 = 105;
}

/// Which config a subcommand works on.
#[derive(Debug, Args)]
pub struct ConfigArg {
    /// The config file.
    #[arg(
        id = "config",
        long = "config",
        short = 'c',
        value_name = "FILE",
        default_value = "slod.yaml",
        env = "SLOD_CONFIG"
    )]
    pub path: PathBuf,
}

impl ConfigArg {
    /// The config, or the exit code once its errors are printed.
    fn load(&self) -> Result<Config, u8> {
        Origin::File(self.path.clone()).load().map_err(|errors| {
            complain(&errors);
            exit::USAGE
        })
    }
}

/// Reads the number of an entry of a list, such as a run.
fn read_number(text: &str) -> Result<i64, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or("expected a number as the list shows it, such as 12")
}

/// Format of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
}

impl OutputFormat {
    fn of<T: Serialize>(self, answer: &T, text: impl Fn(&T) -> String) -> String {
        match self {
            Self::Text => text(answer),
            Self::Json => serde_json::to_string_pretty(answer).unwrap_or_default() + "\n",
        }
    }
}

/// SLO daemon: probes services, keeps every outcome, tracks error budgets, exports Prometheus metrics.
#[derive(Debug, Parser)]
#[command(name = "slod", version, long_version = crate::version::LONG, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: log::LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    Run(run::RunArgs),
    /// Probe three simulated services with 30 days of synthetic history, in a temporary store.
    Demo(demo::DemoArgs),
    /// Write a first config, from flags or by asking.
    Init(init::InitArgs),
    /// Validate a config: all errors at once, with line numbers.
    Check(check::CheckArgs),
    /// Probe a service once, explained step by step.
    Probe(probe::ProbeArgs),
    /// Show the SLOs of a running daemon, or of the store if none runs.
    Status(status::StatusArgs),
    /// Show the healthy indicators and warning signs of a service.
    Health(health::HealthArgs),
    /// List the gauges and counters that have a history, or show that of one.
    Samples(samples::SamplesArgs),
    /// List the alerts that fire, or that fired at some time of a range; acknowledge one.
    Alerts(alerts::AlertsArgs),
    /// List, add, end or preview silences: alerts that nobody is notified of.
    Silence(silence::SilenceArgs),
    /// List, add or revoke corrections: time ranges that are excluded.
    Corrections(corrections::CorrectionsArgs),
    /// Mark that something was done to a service, such as a deployment, or list the marks.
    Marker(marker::MarkerArgs),
    /// Show which receivers an alert with some labels would go to, and why.
    Route(route::RouteArgs),
    /// Try a receiver, or list the notifications that were sent.
    Notify(notify::NotifyArgs),
    /// SLO compliance report over a time range: text, Markdown, JSON or a self-contained HTML page.
    Report(report::ReportArgs),
    /// Replay stored outcomes through the objectives of a config: which burn-rate alerts would have fired, when, and how many of them people would have been sent.
    Backtest(backtest::BacktestArgs),
    /// Print Prometheus recording and alert rules for the objectives and alert tiers of a config.
    Rules(rules::RulesArgs),
    /// Make the load of a scenario, and judge what the service did.
    Load(load::LoadArgs),
    /// Watch a load that somebody else makes, or production, and judge it as a load run.
    Observe(observe::ObserveArgs),
    /// List load runs, report what one of them shows, or delete one.
    Runs(runs::RunsArgs),
    /// Record a load run as the baseline, or compare a later one with it.
    Baseline(baseline::BaselineArgs),
    /// Answer the performance checklist of a service from what can be measured.
    Audit(audit::AuditArgs),
    /// Judge a result of k6, Locust, Vegeta, oha or wrk as a load run, or make a config, or a part of one, of a file of another tool.
    Import(import::ImportArgs),
    /// Write a load scenario as a script of Locust or k6, or the objectives as OpenSLO.
    Export(export::ExportArgs),
    /// Copy the store, also while the daemon runs.
    Backup(backup::BackupArgs),
    /// Check the store, or recover a damaged one.
    Store(store::StoreArgs),
    /// Ask a running daemon whether it works: exit code 0 if it does not hang; with --ready, if it can write its store as well.
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the JSON Schema of the config, for editors.
    Schema,
    /// Print a completion script for a shell.
    Completions(generate::CompletionsArgs),
    /// Print the man page, or write those of all subcommands.
    Man(generate::ManArgs),
    /// Run a command that ends with its parent. `observe` and `load` start commands with it.
    #[command(hide = true, name = child::CHILD)]
    Child(child::ChildArgs),
}

/// Returns free memory of the process to the system.
pub type GiveBack = fn();

/// Runs the command line of this process.
pub fn main(give_back: GiveBack) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return ExitCode::from(say(&said)),
    };
    let level = cli.command.held_level().filter(|_| screen::holds_log());
    let held = HeldLog::default();
    if let Err(error) = cli.log.init(level.map(|level| (&held, level))) {
        complain(&format!("slod: {error}"));
        return ExitCode::from(exit::USAGE);
    }
    // reqwest takes the process's provider; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let code = run(cli.command, &held, give_back);
    // An answer that could not be written is a failure.
    let is_answer = matches!(code, exit::OK | exit::NO);
    ExitCode::from(if is_answer && output::is_lost() {
        exit::FAILED
    } else {
        code
    })
}

/// Runs a subcommand, and returns its exit code.
fn run(command: Command, held: &HeldLog, give_back: GiveBack) -> u8 {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Demo(args) => demo::run(&args, held),
        Command::Check(args) => check::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Healthcheck(args) => healthcheck::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Samples(args) => samples::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Load(args) => load::run(&args, held, give_back),
        Command::Observe(args) => observe::run(&args, held),
        Command::Child(args) => child::become_child(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::Baseline(args) => baseline::run(&args),
        Command::Alerts(args) => alerts::run(&args),
        Command::Notify(args) => notify::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Route(args) => route::run(&args),
        Command::Corrections(args) => corrections::run(&args),
        Command::Silence(args) => silence::run(&args),
        Command::Marker(args) => marker::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Schema => generate::schema(),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
    }
}

impl Command {
    /// The level from which on the log is held back while the subcommand draws in a terminal.
    const fn held_level(&self) -> Option<&'static str> {
        match self {
            Self::Demo(_) => Some("error"),
            Self::Load(args) if !args.drawn.plain => Some("warn"),
            Self::Observe(args) if !args.drawn.plain => Some("warn"),
            _ => None,
        }
    }
}

/// Prints the help, the version, or what is wrong with the command line, and returns the exit code.
fn say(said: &clap::Error) -> u8 {
    let written = said.print().and_then(|()| io::stdout().flush());
    match written {
        Err(error) if !said.use_stderr() && error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("slod: cannot write to standard output: {error}"));
            exit::FAILED
        }
        _ => u8::try_from(said.exit_code()).unwrap_or(exit::USAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_of_every_command_fit_together() {
        Cli::command().debug_assert();
    }
}
