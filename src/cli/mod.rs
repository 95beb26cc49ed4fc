//! The command line: one file per subcommand.

mod alerts;
mod audit;
mod author;
mod backtest;
mod backup;
mod baseline;
pub mod check;
mod child;
mod client;
mod compressed;
mod corrections;
mod daemon;
mod demo;
mod export;
mod failure;
mod generate;
mod health;
mod healthcheck;
mod import;
mod init;
mod journal;
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
mod reload;
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
mod thresholds;
mod unknown_name;

use crate::app::Origin;
use crate::config::Config;
use clap::builder::Resettable;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use failure::{CommandResult, Failure};
use log::BufferedLog;
use output::print_error;
use serde::Serialize;
use std::env;
use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit codes that scripts may rely on.
pub mod exit {
    /// Success, or the answer is yes.
    pub const OK: u8 = 0;
    /// The answer is no: a probe is bad, an objective is missed, `check` finds errors.
    pub const NO: u8 = 1;
    /// The command line or a file it names is invalid.
    pub const USAGE: u8 = 2;
    /// A run has too little data for a verdict. The same number as [`USAGE`].
    pub const UNKNOWN: u8 = 2;
    /// The daemon, its address or its store is unavailable, or the daemon rejects the request.
    pub const START: u8 = 64;
    /// A part of the daemon, or the load generator of a run, failed while it ran.
    pub const FAILED: u8 = 70;
    /// A load run missed a threshold, as in k6, or none of its requests succeeded.
    pub const THRESHOLDS: u8 = 99;
    /// A load run was interrupted, as in k6.
    pub const INTERRUPTED: u8 = 105;
}

/// The config of a subcommand.
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
    /// The config with the services of all shards.
    fn load(&self) -> Result<Config, Failure> {
        let loaded = Origin::File(self.path.clone()).load();
        loaded.map_err(Failure::Config)
    }

    /// The part of the config that the daemon runs, and its store has a history of.
    fn load_shard(&self) -> Result<Config, Failure> {
        self.load().map(Config::of_shard)
    }
}

/// Runs a function with the config. Errors of the store get its path.
fn with_config(config: &ConfigArg, answer: impl FnOnce(&Config) -> CommandResult) -> CommandResult {
    let config = config.load()?;
    answer(&config).map_err(|failure| failure.of_store(&config.store.path))
}

/// Parses the number of a list entry, such as a run.
fn read_number(text: &str) -> Result<i64, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or("expected a number from the list, such as 12")
}

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
}

impl OutputFormat {
    fn of<T: Serialize>(self, answer: &T, text: impl Fn(&T) -> String) -> String {
        match self {
            Self::Text => text(answer),
            Self::Json => output::json(answer),
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
    /// Make the running daemon read its config again: all of it takes effect, or nothing and the errors are printed. A changed `listen` or `store` needs a restart.
    Reload(reload::ReloadArgs),
    /// Probe a service once, explained step by step.
    Probe(probe::ProbeArgs),
    /// Show the SLOs of a running daemon, or of the store if none runs.
    Status(status::StatusArgs),
    /// Show the healthy indicators and warning signs of a service.
    Health(health::HealthArgs),
    /// List the gauges and counters that have a history, or show that of one.
    Samples(samples::SamplesArgs),
    /// List the alerts that are firing, or that fired in a time range; acknowledge one.
    Alerts(alerts::AlertsArgs),
    /// List, add, end or preview silences, which suppress notifications of matching alerts.
    #[command(subcommand)]
    Silence(silence::Command),
    /// List, add or revoke corrections: time ranges that are excluded.
    #[command(subcommand)]
    Corrections(corrections::Command),
    /// Mark a change to a service, such as a deployment, or list the markers.
    #[command(subcommand)]
    Marker(marker::Command),
    /// Show which receivers an alert with the given labels would go to, and why.
    Route(route::RouteArgs),
    /// Test a receiver, or list the notifications that were sent.
    #[command(subcommand)]
    Notify(notify::Command),
    /// SLO compliance report over a time range: text, Markdown, JSON or a self-contained HTML page.
    Report(report::ReportArgs),
    /// Replay stored outcomes through the objectives of a config: which burn-rate alerts would have fired, when, and how many notifications would have been sent.
    Backtest(backtest::BacktestArgs),
    /// Print Prometheus recording and alert rules for the objectives and alert tiers of a config.
    Rules(rules::RulesArgs),
    /// Generate the load of a scenario, and judge how the service performed.
    Load(load::LoadArgs),
    /// Watch a service under external load or in production, and judge it as a load run.
    Observe(observe::ObserveArgs),
    /// List load runs, show the report of one, or delete one.
    #[command(subcommand)]
    Runs(runs::Command),
    /// Record a load run as the baseline, or compare a later one with it.
    #[command(subcommand)]
    Baseline(baseline::Command),
    /// Answer the performance checklist of a service from measurements.
    Audit(audit::AuditArgs),
    /// Judge a result of k6, Locust, Vegeta, oha, wrk or JMeter as a load run, or convert a file of another tool to a config or a part of one.
    Import(import::ImportArgs),
    /// Export a load scenario as a script of Locust or k6, or the objectives as OpenSLO.
    Export(export::ExportArgs),
    /// Copy the store, even while the daemon runs.
    Backup(backup::BackupArgs),
    /// Check the store, recover a damaged one, or rename a service or probe in it.
    #[command(subcommand)]
    Store(store::Command),
    /// Check whether a running daemon works: exit code 0 if it does not hang; with --ready, if it can also write its store.
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the JSON Schema of the config, for editors.
    Schema,
    /// Print a completion script for a shell.
    Completions(generate::CompletionsArgs),
    /// Print the man page, or write those of all subcommands.
    Man(generate::ManArgs),
    /// Run a command that ends with its parent. Used by `observe` and `load`.
    #[command(hide = true, name = child::CHILD)]
    Child(child::ChildArgs),
}

/// Returns free memory of the process to the operating system.
pub type ReleaseMemory = fn();

/// Runs the command line of this process.
pub fn main(release_memory: ReleaseMemory) -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(message) => return ExitCode::from(print_message(&message)),
    };
    let level = cli.command.buffered_level().filter(|_| screen::holds_log());
    let log = BufferedLog::default();
    if let Err(error) = cli.log.init(level.map(|level| (&log, level))) {
        print_error(&format!("slod: {error}"));
        return ExitCode::from(exit::USAGE);
    }
    crate::clock::use_newer_system_zones();
    // reqwest uses the default provider of the process; a second call has no effect.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let result = run(cli.command, &log, release_memory);
    let code = result.unwrap_or_else(|failure| failure.print());
    // Output that could not be written is a failure.
    let is_answer = matches!(code, exit::OK | exit::NO);
    ExitCode::from(if is_answer && output::is_lost() {
        exit::FAILED
    } else {
        code
    })
}

fn parse() -> Result<Cli, clap::Error> {
    let mut command = without_empty_variables(Cli::command());
    let mut matches = command.try_get_matches_from_mut(env::args_os())?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// An empty environment variable counts as unset: compose files and manifests set `NAME: ${NAME:-}`.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if is_empty(name) => arg.env(Resettable::Reset),
        _ => arg,
    });
    command.mut_subcommands(without_empty_variables)
}

fn run(command: Command, log: &BufferedLog, release_memory: ReleaseMemory) -> CommandResult {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Demo(args) => demo::run(&args, log),
        Command::Check(args) => check::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Healthcheck(args) => healthcheck::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Store(command) => store::run(&command),
        Command::Status(args) => status::run(&args),
        Command::Samples(args) => samples::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Load(args) => load::run(&args, log, release_memory),
        Command::Observe(args) => observe::run(&args, log),
        Command::Child(args) => child::become_child(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Runs(command) => runs::run(&command),
        Command::Baseline(command) => baseline::run(&command),
        Command::Alerts(args) => alerts::run(&args),
        Command::Notify(command) => notify::run(&command),
        Command::Rules(args) => rules::run(&args),
        Command::Route(args) => route::run(&args),
        Command::Corrections(command) => corrections::run(&command),
        Command::Silence(command) => silence::run(&command),
        Command::Marker(command) => marker::run(&command),
        Command::Init(args) => init::run(&args),
        Command::Schema => Ok(generate::schema()),
        Command::Completions(args) => Ok(generate::completions(&args)),
        Command::Man(args) => generate::man(&args),
    }
}

impl Command {
    /// The level from which log lines are held back while the subcommand draws on a terminal.
    const fn buffered_level(&self) -> Option<&'static str> {
        match self {
            Self::Demo(_) => Some("error"),
            Self::Load(args) if !args.drawn.plain => Some("warn"),
            Self::Observe(args) if !args.drawn.plain => Some("warn"),
            _ => None,
        }
    }
}

/// Prints the help, the version, or the usage error, and returns the exit code.
fn print_message(message: &clap::Error) -> u8 {
    let written = message.print().and_then(|()| io::stdout().flush());
    match written {
        Err(error) if !message.use_stderr() && error.kind() != io::ErrorKind::BrokenPipe => {
            let reason = format!("cannot write to standard output: {error}");
            Failure::new(exit::FAILED, reason).print()
        }
        _ => u8::try_from(message.exit_code()).unwrap_or(exit::USAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_every_command_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_end_is_a_time_or_a_length() {
        let silence = ["slod", "silence", "add", "service=web", "--reason", "x"];
        let correction = ["slod", "corrections", "add", "--reason", "x"];
        for words in [&silence[..], &correction] {
            let error = Cli::try_parse_from(words).expect_err("no end").to_string();
            assert!(error.contains("<--to <TIME>|--for <DURATION>>"), "{error}");
            let both = ["--to", "2026-11-01", "--for", "2h"];
            for count in [2, 4] {
                let all = words.iter().chain(&both[4 - count..]);
                assert_eq!(Cli::try_parse_from(all).is_ok(), count == 2, "{words:?}");
            }
        }
    }

    fn check_help(command: &clap::Command) {
        for arg in command.get_arguments() {
            let place = format!("{} {}", command.get_name(), arg.get_id());
            assert!(arg.get_help().is_some(), "{place} has no help");
            let is_connection = client::OPTIONS.contains(&arg.get_id().as_str());
            let heading = is_connection.then_some(client::HEADING);
            assert_eq!(arg.get_help_heading(), heading, "{place}");
        }
        let shown = command.get_subcommands().filter(|one| !one.is_hide_set());
        for one in shown {
            assert!(one.get_about().is_some(), "{} has no help", one.get_name());
            check_help(one);
        }
    }

    #[test]
    fn every_option_has_help_under_its_own_heading() {
        check_help(&Cli::command());
    }
}
