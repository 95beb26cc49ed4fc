//! `slod alerts`: lists firing alerts or the alerts of a time range, and acknowledges one.

use super::OutputFormat;
use super::author::AuthorArg;
use super::daemon::{DaemonArgs, on_daemon};
use super::failure::{CommandResult, Failure};
use super::span::{TimeArg, check_order};
use crate::clock::Clock;
use crate::config::Config;
use crate::format::times;
use crate::outcome::Timestamp;
use crate::report::alerts::{AlertEntry, with_evidence};
use crate::store::Store;
use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Most alerts in one list, the newest ones; the same limit as in the API.
const LIMIT: u32 = 10_000;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AlertsArgs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: Box<ListArgs>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Acknowledge an alert: record who handles it until it is resolved.
    Acknowledge(AcknowledgeArgs),
}

#[derive(Debug, Args)]
struct AcknowledgeArgs {
    /// Fingerprint of a firing alert, as `slod alerts` shows it.
    fingerprint: String,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Shown with the alert.
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    author: AuthorArg,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Alerts that were firing after this time, including those that started before it: a date (2026-11-01), a time (2026-11-01T14:00:00Z), a duration before now (7d), or now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<TimeArg>,
    /// Alerts that were firing before this time, including those that ended after it; in the same formats.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<TimeArg>,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &AlertsArgs) -> CommandResult {
    match &args.command {
        Some(Command::Acknowledge(args)) => acknowledge(args),
        None => list(&args.list),
    }
}

fn acknowledge(args: &AcknowledgeArgs) -> CommandResult {
    on_daemon(&args.daemon, async |daemon| {
        let fingerprint = utf8_percent_encode(&args.fingerprint, NON_ALPHANUMERIC);
        let path = format!("/api/v1/alerts/{fingerprint}/acknowledge");
        let body = serde_json::json!({ "note": args.note, "author": args.author.name() });
        let alert: AlertEntry = daemon.post(&path, &body).await?;
        let text = |one: &AlertEntry| with_evidence(std::slice::from_ref(one));
        Ok(args.format.of(&alert, text))
    })
}

fn list(args: &ListArgs) -> CommandResult {
    let now = Clock::system().now();
    let (from, to) = (
        args.from.map(|from| from.at(now)),
        args.to.map(|to| to.at(now)),
    );
    let order = from.zip(to).map(|(from, to)| check_order(from, to));
    order.transpose().map_err(Failure::usage)?;
    if let Some(from) = from.filter(|from| *from > now) {
        let show = |at: Timestamp| times::second(at.to_utc());
        let (from, now) = (show(from), show(now));
        return Err(Failure::usage(format!(
            "--from {from} UTC is in the future (now: {now} UTC), so it has no alerts"
        )));
    }
    on_daemon(&args.daemon, async |daemon| {
        let stored = |config: &Config, store: &Store| {
            let alerts = match (from, to) {
                (None, None) => store.firing_alerts()?,
                (from, to) => store.alerts(
                    from.unwrap_or(Timestamp(0)),
                    to.unwrap_or(Timestamp(i64::MAX)),
                    LIMIT,
                )?,
            };
            let entry = |one| AlertEntry::with_fingerprint(one, &config.alerts);
            Ok(alerts.iter().map(entry).collect())
        };
        let alerts: Vec<AlertEntry> = daemon.get_or(&path(from, to), stored).await?;
        Ok(args.format.of(&alerts, |alerts| with_evidence(alerts)))
    })
}

/// API path of the list.
fn path(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    let part =
        |name: &str, at: Option<Timestamp>| at.map(|at| format!("{name}={}", at.to_rfc3339()));
    let parts: Vec<_> = [part("from", from), part("to", to)]
        .into_iter()
        .flatten()
        .collect();
    format!("/api/v1/alerts?{}", parts.join("&"))
}
