//! `slod import`: the result of another load tool, judged as a run of slod's own.

use super::load::plan::service;
use super::output::{complain, show};
use super::span::When;
use super::{ConfigArg, exit, runs};
use crate::clock::Clock;
use crate::import::Tool;
use crate::report::load_run::{RunReport, Threshold};
use clap::{Args, ValueEnum};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    config: ConfigArg,
    tool: ImportTool,
    /// k6: --out json=FILE or csv=FILE; locust: `NAME_stats_history.csv`; vegeta: encode --to csv or json; oha: --output-format csv.
    file: PathBuf,
    /// The service that was under load.
    #[arg(long, value_name = "NAME")]
    service: String,
    /// When the run began, for tools that do not write it (oha).
    #[arg(long, value_name = "TIME", default_value = "0")]
    started: When,
    /// A condition that the run must keep, such as `p95<500ms`; repeatable.
    #[arg(long, value_name = "CONDITION")]
    threshold: Vec<Threshold>,
    #[arg(long, default_value = "text")]
    format: ImportFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ImportTool {
    K6,
    Locust,
    Vegeta,
    Oha,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ImportFormat {
    Text,
    Json,
    Junit,
}

pub fn run(args: &ImportArgs) -> u8 {
    let config = match args.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let service = match service(&config, &args.service) {
        Ok(service) => service,
        Err(reason) => {
            complain(&format!("slod: {reason}"));
            return exit::USAGE;
        }
    };
    let tool = match args.tool {
        ImportTool::K6 => Tool::K6,
        ImportTool::Locust => Tool::Locust,
        ImportTool::Vegeta => Tool::Vegeta,
        ImportTool::Oha => Tool::Oha,
    };
    let file = match File::open(&args.file) {
        Ok(file) => file,
        Err(error) => {
            complain(&format!("slod: {}: {}", args.file.display(), error.kind()));
            return exit::USAGE;
        }
    };
    let started = args.started.at(Clock::system().now());
    match tool.read(BufReader::new(file), &service.name, started) {
        Ok(run) => {
            runs::keep(&config, &run);
            let report = RunReport::new(run, Some(service), &args.threshold);
            show(&match args.format {
                ImportFormat::Text => report.to_text(),
                ImportFormat::Json => report.to_json(),
                ImportFormat::Junit => report.to_junit(),
            });
            if report.is_kept() {
                exit::OK
            } else {
                exit::THRESHOLDS
            }
        }
        Err(error) => {
            complain(&format!("slod: {}: {error}", args.file.display()));
            exit::USAGE
        }
    }
}
