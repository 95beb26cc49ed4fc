//! `slod silence`: suppresses notifications of matching alerts for some time.

use super::author::AuthorArg;
use super::daemon::{Daemon, DaemonArgs, on_daemon};
use super::failure::CommandResult;
use super::output::print_error;
use super::span::{EndArgs, TimeArg};
use super::{OutputFormat, read_number};
use crate::alert::Matcher;
use crate::clock::Clock;
use crate::report::alerts::{AlertEntry, with_evidence};
use crate::report::silences::{SilenceEntry, to_text};
use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::{Deserialize, Serialize};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the silences, including those that ended in the last week; reads the store if no daemon runs.
    List(ListArgs),
    /// Silence matching alerts for some time. They are recorded without notifying anyone.
    Add(Box<AddArgs>),
    /// End a silence now.
    Remove(RemoveArgs),
    /// Show the alerts that a silence would match: those that are firing, and those of the last week.
    Preview(PreviewArgs),
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
    /// Matchers that must all match, as in Alertmanager: service=web, severity!=critical,
    /// slo=~"latency-.*"; separate several by spaces or commas.
    #[arg(required = true, value_name = "MATCHER", value_parser = read_matchers)]
    matchers: Vec<Matchers>,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Start: a date (2026-11-01), a time (2026-11-01T14:00:00Z), or a duration before now [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<TimeArg>,
    #[command(flatten)]
    end: EndArgs,
    /// Shown with the silence.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    author: AuthorArg,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// ID as shown by `slod silence list`.
    #[arg(value_parser = read_number)]
    id: i64,
    #[command(flatten)]
    daemon: DaemonArgs,
}

#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// Same as for `slod silence add`.
    #[arg(required = true, value_name = "MATCHER", value_parser = read_matchers)]
    matchers: Vec<Matchers>,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

/// The daemon's answer to a preview.
#[derive(Debug, Serialize, Deserialize)]
struct Preview {
    firing: Vec<AlertEntry>,
    recent: Vec<AlertEntry>,
}

/// The matchers of one argument.
type Matchers = Vec<Matcher>;

fn read_matchers(text: &str) -> Result<Matchers, String> {
    Matcher::parse_list(text)
}

pub fn run(command: &Command) -> CommandResult {
    match command {
        Command::List(args) => on_daemon(&args.daemon, async |daemon| list(args, daemon).await),
        Command::Add(args) => on_daemon(&args.daemon, async |daemon| add(args, daemon).await),
        Command::Remove(args) => on_daemon(&args.daemon, async |daemon| remove(args, daemon).await),
        Command::Preview(args) => {
            on_daemon(&args.daemon, async |daemon| preview(args, daemon).await)
        }
    }
}

async fn list(args: &ListArgs, daemon: &Daemon) -> Result<String, String> {
    let now = Clock::system().now();
    let stored =
        |_: &_, store: &crate::store::Store| SilenceEntry::list(store, &store.silences()?, now);
    let all: Vec<SilenceEntry> = daemon.get_or("/api/v1/silences", stored).await?;
    Ok(args.format.of(&all, |all| to_text(all)))
}

async fn add(args: &AddArgs, daemon: &Daemon) -> Result<String, String> {
    let now = Clock::system().now();
    let from = args.from.map_or(now, |from| from.at(now));
    let to = args.end.at(from, now);
    let matchers: Vec<String> = args
        .matchers
        .iter()
        .flatten()
        .map(Matcher::to_string)
        .collect();
    let body = serde_json::json!({
        "matchers": matchers,
        "from": from.to_utc(),
        "to": to.to_utc(),
        "reason": args.reason,
        "author": args.author.name(),
    });
    let added: SilenceEntry = daemon.post("/api/v1/silences", &body).await?;
    for remark in &added.remarks {
        print_error(&format!("slod: {remark}"));
    }
    Ok(args
        .format
        .of(&added, |one| to_text(std::slice::from_ref(one))))
}

async fn remove(args: &RemoveArgs, daemon: &Daemon) -> Result<String, String> {
    let path = format!("/api/v1/silences/{}", args.id);
    daemon.send(daemon.request(Method::DELETE, &path)).await?;
    Ok(format!("silence {} has ended\n", args.id))
}

async fn preview(args: &PreviewArgs, daemon: &Daemon) -> Result<String, String> {
    let given = args.matchers.iter().flatten().map(|matcher| {
        let matcher = matcher.to_string();
        format!(
            "matcher={}",
            utf8_percent_encode(&matcher, NON_ALPHANUMERIC)
        )
    });
    let query: Vec<String> = given.collect();
    let path = format!("/api/v1/silences/preview?{}", query.join("&"));
    let preview: Preview = daemon.get(&path).await?;
    Ok(args.format.of(&preview, |preview| {
        let (firing, recent) = (
            with_evidence(&preview.firing),
            with_evidence(&preview.recent),
        );
        format!(
            "Firing alerts that match\n{firing}\nAlerts of the last 7 days that match\n{recent}"
        )
    }))
}
