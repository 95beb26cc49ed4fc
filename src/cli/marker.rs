//! `slod marker`: marks deployments on charts and in timelines.

use super::OutputFormat;
use super::author::AuthorArg;
use super::daemon::{Daemon, DaemonArgs, on_daemon};
use super::failure::CommandResult;
use super::span::TimeArg;
use crate::clock::Clock;
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::report::deploys::burned;
use crate::report::markers::{MarkerEntry, to_text};
use crate::store::{Store, StoreError};
use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Most markers in one list: the latest.
const LIMIT: u32 = 1000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the markers, the latest first; reads the store if no daemon runs.
    List(Box<ListArgs>),
    /// Mark a change to a service, such as a deployment.
    // `--version` is the version of the service.
    #[command(disable_version_flag = true)]
    Add(Box<AddArgs>),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// List only markers of this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// Description of the change.
    #[arg(required_unless_present_any = ["version", "text_option"])]
    text: Option<String>,
    /// The same as TEXT.
    #[arg(
        id = "text_option",
        long = "text",
        value_name = "TEXT",
        conflicts_with = "text"
    )]
    text_option: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// The service that was changed.
    #[arg(long, value_name = "NAME")]
    service: String,
    /// The version that was deployed.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Time of the change: a date (2026-11-01), a time (2026-11-01T14:00:00Z), or a duration before now (20m).
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    at: TimeArg,
    #[command(flatten)]
    author: AuthorArg,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(command: &Command) -> CommandResult {
    match command {
        Command::List(args) => on_daemon(&args.daemon, async |daemon| list(args, daemon).await),
        Command::Add(args) => on_daemon(&args.daemon, async |daemon| add(args, daemon).await),
    }
}

async fn list(args: &ListArgs, daemon: &Daemon) -> Result<String, String> {
    let query = args.service.as_deref().map_or_else(String::new, |name| {
        format!("?service={}", utf8_percent_encode(name, NON_ALPHANUMERIC))
    });
    let stored = |config: &Config, store: &Store| stored(args, config, store);
    let path = format!("/api/v1/markers{query}");
    let markers: Vec<MarkerEntry> = daemon.get_or(&path, stored).await?;
    Ok(args.format.of(&markers, |all| to_text(all)))
}

fn stored(args: &ListArgs, config: &Config, store: &Store) -> Result<Vec<MarkerEntry>, StoreError> {
    let ever = (Timestamp(0), Timestamp(i64::MAX));
    let found = store.markers(args.service.as_deref(), ever, LIMIT)?;
    let burned = burned(config, store, &found, Clock::system().now())?;
    Ok(MarkerEntry::list(&found, burned))
}

async fn add(args: &AddArgs, daemon: &Daemon) -> Result<String, String> {
    let at = args.at.at(Clock::system().now());
    let body = serde_json::json!({
        "service": args.service,
        "text": args.text.as_ref().or(args.text_option.as_ref()).map_or("", String::as_str),
        "version": args.version.as_deref().unwrap_or_default(),
        "at": at.to_rfc3339(),
        "author": args.author.name(),
    });
    let added: MarkerEntry = daemon.post("/api/v1/markers", &body).await?;
    Ok(args
        .format
        .of(&added, |one| to_text(std::slice::from_ref(one))))
}
