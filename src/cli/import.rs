//! `slod import`: judges results of other load tools as runs of slod, and converts files of other tools to
//! config.

mod blackbox;
mod file;
mod objectives;
mod requests;
mod scenarios;

use super::compressed::decompressed;
use super::failure::{CommandResult, Failure};
use super::load::plan::service;
use super::load::verdict_code;
use super::output::show;
use super::span::TimeArg;
use super::{ConfigArg, runs, thresholds};
use crate::clock::Clock;
use crate::import::requests::Format;
use crate::import::{Tool, locust_failures};
use crate::outcome::Timestamp;
use crate::report::load_run::{ReportExtras, RunReport};
use crate::threshold::Threshold;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// The tool, or the format of the file.
    tool: ImportTool,
    /// The file to read.
    file: PathBuf,
    /// Further files that belong to the first one (openslo, sloth, locust).
    more: Vec<PathBuf>,
    /// A prometheus.yml whose scrape configs have the targets of the modules, repeatable; without it, the addresses are placeholders (blackbox).
    #[arg(long, value_name = "FILE")]
    targets: Vec<PathBuf>,
    /// The service that was under load, or that the requests are for; for requests, the default is the host of the first one.
    #[arg(long, value_name = "NAME", required_if_eq_any([("tool", "k6"), ("tool", "locust"), ("tool", "vegeta"), ("tool", "oha"), ("tool", "wrk"), ("tool", "jmeter")]))]
    service: Option<String>,
    /// When the run started, for tools that do not record it (oha, wrk); by default, the run ended when the
    /// file was written.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    started: Option<TimeArg>,
    /// A condition that the run must meet, such as `p95<500ms`; repeatable.
    #[arg(long, value_name = "CONDITION")]
    threshold: Vec<Threshold>,
    /// What to convert the requests of har and postman to: requests with weights, or the steps of one sequence in the recorded order, without images, styles, scripts and fonts.
    #[arg(long = "as", value_name = "SHAPE")]
    shape: Option<ImportShape>,
    /// Output format of the judged run: text, json or junit [default: text].
    #[arg(long)]
    format: Option<ImportFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ImportTool {
    /// A result to judge: output of `--out json=FILE` or `csv=FILE`, optionally compressed (.gz).
    K6,
    /// A result to judge: `NAME_stats_history.csv`, and `NAME_failures.csv` for the causes of failures.
    Locust,
    /// A result to judge: output of `vegeta encode --to csv` or `json`.
    Vegeta,
    /// A result to judge: output of `--output-format csv` or `json`.
    Oha,
    /// A result to judge: output of `wrk --latency` or wrk2.
    #[value(alias = "wrk2")]
    Wrk,
    /// A result to judge: `jmeter -l FILE`, as CSV.
    #[value(name = "jmeter")]
    JMeter,
    /// A browser recording, converted to a `load` section.
    Har,
    /// A collection of requests, converted to a `load` section.
    Postman,
    /// An API description, converted to a `load` section.
    #[value(name = "openapi")]
    OpenApi,
    /// Objectives (openslo/v1), converted to a config.
    #[value(name = "openslo")]
    OpenSlo,
    /// Objectives (prometheus/v1, `PrometheusServiceLevel`, `AlertWindows`), converted to a config.
    Sloth,
    /// Output of `k6 inspect SCRIPT`, converted to `scenarios`.
    #[value(name = "k6-options")]
    K6Options,
    /// Modules of `blackbox_exporter` (blackbox.yml), converted to a config with probes.
    Blackbox,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ImportShape {
    Requests,
    Steps,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ImportFormat {
    Text,
    Json,
    Junit,
}

impl ImportArgs {
    /// Names an option that has no effect for the tool, and the tools that it is for.
    fn meaningless(&self) -> Option<String> {
        use ImportTool::{
            Blackbox, Har, JMeter, K6, Locust, Oha, OpenApi, OpenSlo, Postman, Sloth, Vegeta, Wrk,
        };
        let results: &[ImportTool] = &[K6, Locust, Vegeta, Oha, Wrk, JMeter];
        let with_service: &[ImportTool] =
            &[K6, Locust, Vegeta, Oha, Wrk, JMeter, Har, Postman, OpenApi];
        let with_more: &[ImportTool] = &[OpenSlo, Sloth, Locust];
        let options: [(&str, bool, &[ImportTool]); 7] = [
            ("--service", self.service.is_some(), with_service),
            ("a second file", !self.more.is_empty(), with_more),
            ("--targets", !self.targets.is_empty(), &[Blackbox]),
            ("--started", self.started.is_some(), &[Oha, Wrk]),
            ("--threshold", !self.threshold.is_empty(), results),
            ("--as", self.shape.is_some(), &[Har, Postman]),
            ("--format", self.format.is_some(), results),
        ];
        let mut unfit = options
            .iter()
            .filter(|(_, is_given, tools)| *is_given && !tools.contains(&self.tool));
        let (option, _, tools) = unfit.next()?;
        let name = |tool: &ImportTool| {
            let value = tool.to_possible_value();
            value.map_or_else(String::new, |value| value.get_name().to_owned())
        };
        let tools: Vec<String> = tools.iter().map(name).collect();
        let (tool, tools) = (name(&self.tool), tools.join(", "));
        Some(format!(
            "{option} has no effect for {tool}; it is for {tools}"
        ))
    }
}

pub fn run(args: &ImportArgs) -> CommandResult {
    if let Some(reason) = args.meaningless() {
        return Err(Failure::usage(reason));
    }
    match args.tool {
        ImportTool::K6 => result(args, Tool::K6),
        ImportTool::Locust => result(args, Tool::Locust),
        ImportTool::Vegeta => result(args, Tool::Vegeta),
        ImportTool::Oha => result(args, Tool::Oha),
        ImportTool::Wrk => result(args, Tool::Wrk),
        ImportTool::JMeter => result(args, Tool::JMeter),
        ImportTool::Har => requests::show_section(args, Format::Har),
        ImportTool::Postman => requests::show_section(args, Format::Postman),
        ImportTool::OpenApi => requests::show_section(args, Format::OpenApi),
        ImportTool::OpenSlo => objectives::show_config(args, objectives::Format::OpenSlo),
        ImportTool::K6Options => scenarios::show_section(args),
        ImportTool::Sloth => objectives::show_config(args, objectives::Format::Sloth),
        ImportTool::Blackbox => blackbox::show_config(args),
    }
}

/// Stores a result as a run.
fn result(args: &ImportArgs, tool: Tool) -> CommandResult {
    let config = args.config.load()?;
    let name = args.service.as_deref().unwrap_or_default();
    let service = service(&config, name).map_err(Failure::usage)?;
    let is_script = matches!(
        args.file.extension().and_then(OsStr::to_str),
        Some("js" | "ts")
    );
    if is_script && tool == Tool::K6 {
        let file = args.file.display();
        return Err(Failure::usage(format!(
            "{file} is a script, not a result: to convert it to scenarios, run `k6 inspect {file} > FILE` and `slod import k6-options FILE`"
        )));
    }
    let unreadable =
        |error: io::Error| Failure::usage(format!("cannot read {}: {error}", args.file.display()));
    let file = File::open(&args.file).map_err(unreadable)?;
    let now = Clock::system().now();
    let written = file.metadata().and_then(|file| file.modified());
    let written = written.map(|written| DateTime::<Utc>::from(written).timestamp_millis());
    let written = written.map_or(now, Timestamp);
    let started = args.started.map(|started| started.at(now));
    let input = decompressed(file).map_err(unreadable)?;
    let mut run = tool
        .read(input, &service.name, started.unwrap_or(Timestamp(0)))
        .map_err(|error| Failure::usage(format!("{}: {error}", args.file.display())))?;
    for more in &args.more {
        let failed = |what: String| Failure::usage(format!("{}: {what}", more.display()));
        let input = File::open(more).and_then(decompressed);
        let input = input.map_err(|error| failed(format!("cannot be read: {error}")))?;
        let explained = locust_failures::explain(&mut run, input);
        explained.map_err(|error| failed(error.to_string()))?;
    }
    let names = run.requests.iter().map(|one| one.name.as_str());
    thresholds::check_names(&args.threshold, names).map_err(Failure::usage)?;
    if started.is_none() && !tool.writes_times() {
        let length = run.scenario.length();
        (run.from, run.to) = (written.before(length), written);
    }
    run.thresholds = thresholds::written(&args.threshold);
    runs::keep(&config, &run);
    let report = RunReport::new(run, Some(service));
    show(&match args.format.unwrap_or(ImportFormat::Text) {
        ImportFormat::Text => report.to_text(ReportExtras::default()),
        ImportFormat::Json => report.to_json(),
        ImportFormat::Junit => report.to_junit(),
    });
    Ok(verdict_code(&report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: ImportArgs,
    }

    #[test]
    fn options_for_other_tools_are_rejected() {
        let refused = |tail: &str| {
            let all = "slod".split(' ').chain(tail.split(' '));
            let cli = <Cli as clap::Parser>::try_parse_from(all).expect(tail);
            cli.args.meaningless()
        };
        let results = "k6, locust, vegeta, oha, wrk, jmeter";
        let with_service = format!("{results}, har, postman, openapi");
        for (given, option, tools) in [
            ("har f --format json", "--format", results),
            ("openapi f --as steps", "--as", "har, postman"),
            ("k6 f --service s --as steps", "--as", "har, postman"),
            ("k6 f --service s --started 1h", "--started", "oha, wrk"),
            ("sloth f --service s", "--service", &with_service),
            ("har f g", "a second file", "openslo, sloth, locust"),
            ("postman f --threshold p95<1ms", "--threshold", results),
            ("sloth f --targets g", "--targets", "blackbox"),
        ] {
            let (tool, _) = given.split_once(' ').expect("a tool");
            let reason = format!("{option} has no effect for {tool}; it is for {tools}");
            assert_eq!(refused(given), Some(reason), "{given}");
        }
        for given in [
            "har f --as steps",
            "oha f --service s --started 1h --threshold p95<1ms --format json",
            "locust f --service s --format junit",
            "openslo f g h",
            "blackbox f --targets g --targets h",
        ] {
            assert_eq!(refused(given), None, "{given}");
        }
    }
}
