//! `slod report`: what became of the promises over a span of time.

use super::span::SpanArgs;
use super::{ConfigArg, exit};
use crate::app::Origin;
use crate::clock::Clock;
use crate::config::Config;
use crate::diagnostic::nearest;
use crate::report::slo::model::Report;
use crate::report::slo::report;
use crate::store::Store;
use clap::{Args, ValueEnum};
use std::io::{self, Write as _};

#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    span: SpanArgs,
    /// Only this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    /// As GitHub renders it.
    Markdown,
    Json,
    /// One page that needs nothing else.
    Html,
}

pub fn run(args: &ReportArgs) -> u8 {
    match told(args) {
        Ok(report) => {
            let text = match args.format {
                Format::Text => report.to_text(),
                Format::Markdown => report.to_markdown(),
                Format::Json => serde_json::to_string_pretty(&report).unwrap_or_default() + "\n",
                Format::Html => report.to_html(),
            };
            // A reader that goes away early, such as `head`, is no fault.
            io::stdout().write_all(text.as_bytes()).unwrap_or_default();
            if report.any_missed() {
                exit::NO
            } else {
                exit::OK
            }
        }
        Err((code, reason)) => {
            eprintln!("{reason}");
            code
        }
    }
}

fn told(args: &ReportArgs) -> Result<Report, (u8, String)> {
    let usage = |reason: String| (exit::USAGE, format!("slod: {reason}"));
    let loaded = Origin::File(args.config.path.clone()).load();
    let mut config = loaded.map_err(|reason| (exit::USAGE, reason))?;
    if let Some(name) = &args.service {
        keep_only(&mut config, name).map_err(usage)?;
    }
    let (from, to) = args.span.at(Clock::system().now()).map_err(usage)?;
    Store::open_read_only(&config.store.path)
        .and_then(|store| report(&config, &store, from, to))
        .map_err(|error| {
            let path = config.store.path.display();
            (exit::START, format!("slod: {path} cannot be read: {error}"))
        })
}

fn keep_only(config: &mut Config, name: &str) -> Result<(), String> {
    let known: Vec<String> = config
        .services
        .iter()
        .map(|service| service.name.to_string())
        .collect();
    if !known.iter().any(|one| one == name) {
        let near = nearest(name, known.iter().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!(", did you mean {near}?"));
        return Err(format!("the config has no service {name}{hint}"));
    }
    config.services.retain(|service| &*service.name == name);
    Ok(())
}
