//! `slod corrections`: lists, adds and revokes time ranges that are excluded.

use super::OutputFormat;
use super::author::AuthorArg;
use super::daemon::{Daemon, DaemonArgs, on_daemon};
use super::failure::CommandResult;
use super::span::{EndArgs, TimeArg};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::in_force;
use crate::report::corrections::{CorrectionEntry, to_text};
use crate::slo::correction::Correction;
use crate::slo::occurrence::latest;
use crate::store::{Store, StoreError};
use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;

/// Most corrections in one list: the latest.
const LIMIT: usize = 1000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the corrections in force, the latest first; reads the store if no daemon runs.
    List(ListArgs),
    /// Exclude a time range from all objectives, or from some of them.
    Add(Box<AddArgs>),
    /// Count the time range of a correction again.
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct AddArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Start: a date (2026-11-01), a time (2026-11-01T14:00:00Z), a duration before now (20m), or now.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        allow_hyphen_values = true
    )]
    from: TimeArg,
    #[command(flatten)]
    end: EndArgs,
    /// Only for this service; repeat it for several [default: all].
    #[arg(long = "service", value_name = "NAME")]
    services: Vec<String>,
    /// Only for objectives with this name; repeat it for several [default: all].
    #[arg(long = "slo", value_name = "NAME")]
    slos: Vec<String>,
    /// Shown with the correction on pages and in reports.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    author: AuthorArg,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// ID as shown by `slod corrections list`.
    id: String,
    #[command(flatten)]
    daemon: DaemonArgs,
}

pub fn run(command: &Command) -> CommandResult {
    match command {
        Command::List(args) => on_daemon(&args.daemon, async |daemon| list(args, daemon).await),
        Command::Add(args) => on_daemon(&args.daemon, async |daemon| add(args, daemon).await),
        Command::Revoke(args) => on_daemon(&args.daemon, async |daemon| revoke(args, daemon).await),
    }
}

async fn list(args: &ListArgs, daemon: &Daemon) -> Result<String, String> {
    let path = format!("/api/v1/corrections?limit={LIMIT}");
    let corrections: Vec<CorrectionEntry> = daemon.get_or(&path, stored).await?;
    Ok(args.format.of(&corrections, |all| to_text(all)))
}

fn stored(config: &Config, store: &Store) -> Result<Vec<CorrectionEntry>, StoreError> {
    let all = in_force(config, store)?;
    let all: Vec<&Correction> = all.iter().collect();
    let found = latest(&all, Clock::system().now(), None, LIMIT);
    Ok(found.iter().map(CorrectionEntry::of).collect())
}

async fn add(args: &AddArgs, daemon: &Daemon) -> Result<String, String> {
    let now = Clock::system().now();
    let from = args.from.at(now);
    let to = args.end.at(from, now);
    let body = serde_json::json!({
        "from": from.to_rfc3339(),
        "to": to.to_rfc3339(),
        "services": args.services,
        "slos": args.slos,
        "reason": args.reason,
        "author": args.author.name(),
    });
    let added: CorrectionEntry = daemon.post("/api/v1/corrections", &body).await?;
    Ok(args
        .format
        .of(&added, |one| to_text(std::slice::from_ref(one))))
}

async fn revoke(args: &RevokeArgs, daemon: &Daemon) -> Result<String, String> {
    let id = utf8_percent_encode(&args.id, NON_ALPHANUMERIC);
    let path = format!("/api/v1/corrections/{id}");
    daemon.send(daemon.request(Method::DELETE, &path)).await?;
    Ok(format!("correction {} revoked\n", args.id))
}
