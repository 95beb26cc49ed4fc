//! `slod report`: the SLO compliance report over a time range.

use super::failure::{CommandResult, Failure};
use super::output::{json, show};
use super::span::SpanArgs;
use super::unknown_name::unknown_name;
use super::{ConfigArg, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::report::slo::model::Report;
use crate::report::slo::span::Span;
use crate::report::slo::{MAX_SPAN, report};
use crate::store::Store;
use crate::units::show_duration;
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    span: SpanArgs,
    /// Report only this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: ReportFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    Text,
    /// GitHub-flavored Markdown.
    Markdown,
    Json,
    /// A self-contained page.
    Html,
}

impl ReportFormat {
    fn of(self, report: &Report) -> String {
        match self {
            Self::Text => report.to_text(),
            Self::Markdown => report.to_markdown(),
            Self::Json => json(report),
            Self::Html => report.to_html(),
        }
    }
}

pub fn run(args: &ReportArgs) -> CommandResult {
    let mut config = args.config.load_shard()?;
    let report = outcome(args, &mut config)?;
    show(&args.format.of(&report));
    let is_missed = report.any_missed();
    Ok(if is_missed { exit::NO } else { exit::OK })
}

fn outcome(args: &ReportArgs, config: &mut Config) -> Result<Report, Failure> {
    if let Some(name) = &args.service {
        keep_only(config, name).map_err(Failure::usage)?;
    }
    let now = Clock::system().now();
    let (from, to) = args.span.at(now).map_err(Failure::usage)?;
    let span = Span::new(from, to, now);
    if span.length() > MAX_SPAN {
        let (length, longest) = (show_duration(span.length()), show_duration(MAX_SPAN));
        return Err(Failure::usage(format!(
            "a report covers at most {longest}, but --from to --to is {length}"
        )));
    }
    Store::open_read_only(&config.store.path)
        .and_then(|store| report(config, &store, span))
        .map_err(|error| {
            let path = config.store.path.display();
            Failure::unavailable(format!("cannot read {path}: {error}"))
        })
}

fn keep_only(config: &mut Config, name: &str) -> Result<(), String> {
    let known: Vec<&str> = config.services.iter().map(|one| &*one.name).collect();
    if !known.contains(&name) {
        let other = config.other_shard(name);
        return Err(other.unwrap_or_else(|| unknown_name("service", name, known.into_iter())));
    }
    config.services.retain(|service| &*service.name == name);
    Ok(())
}
