//! Locust and k6 as engines: finding and starting them.

use super::LoadArgs;
use super::tool_secrets::ToolSecrets;
use crate::cli::child;
use crate::cli::export::{Exported, Variables, exported};
use crate::config::ServiceSpec;
use crate::export::Tool;
use crate::format::numbers;
use crate::import::Followed;
use crate::load::{Model, Scenario};
use crate::probe::http::load_target::LoadTarget;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long Locust waits for its workers, which users start.
pub const WAITING_FOR_WORKERS: Duration = Duration::from_mins(10);
const MASTER_PORT: &str = "--master-bind-port";

/// A run by another tool.
pub struct ToolPlan {
    pub tool: Tool,
    pub scenario: Scenario,
    pub script: String,
    /// Environment variables of the script.
    pub variables: BTreeMap<String, String>,
    /// The certificates that it trusts, as PEM, if not the system's.
    pub authorities: Option<String>,
    /// What must not appear in its log.
    pub secrets: ToolSecrets,
    /// Names of its requests.
    pub names: Vec<String>,
    /// Arguments passed through to the tool.
    pub arguments: Vec<OsString>,
    pub keep_alive: bool,
    /// Number of workers that Locust waits for.
    pub workers: Option<u32>,
    /// Whether slod's own engine would read responses while they arrive.
    is_watched: bool,
    /// Maximum duration of a request.
    pub timeout: Duration,
    /// File for the tool's log.
    pub log: Option<PathBuf>,
}

impl ToolPlan {
    pub fn new(
        tool: Tool,
        args: &LoadArgs,
        service: &ServiceSpec,
        load_target: &LoadTarget,
        scenario: Scenario,
    ) -> Result<Self, String> {
        check_arguments(tool, args)?;
        check_passed(tool, &args.arguments)?;
        // Workers on other machines have their own environment.
        let variables = match args.expect_workers {
            Some(_) => Variables::names_only(),
            None => Variables::with_values(),
        };
        let exported = exported(service, load_target, scenario.clone(), variables)?;
        let Exported {
            script,
            variables,
            authorities,
        } = exported;
        let names = script.sequences.iter().flat_map(|one| &one.steps);
        let names = names.map(|one| one.name.clone()).collect();
        let timeout = script.timeout;
        let mut script = script;
        // slod judges the run. The script is in another folder than the config.
        script.thresholds.clear();
        script.reports = true;
        script.data = script
            .data
            .map(std::path::absolute)
            .transpose()
            .map_err(|error| format!("cannot find the data file of `load`: {}", error.kind()))?;
        is_installed(tool)?;
        Ok(Self {
            tool,
            scenario,
            script: script.write(tool),
            secrets: ToolSecrets::of(service, load_target, &variables),
            variables,
            authorities,
            names,
            arguments: args.arguments.clone(),
            keep_alive: !args.no_keep_alive,
            workers: args.expect_workers,
            is_watched: load_target.is_watched(),
            timeout,
            log: args.out.as_ref().map(|folder| folder.join(log_name(tool))),
        })
    }

    /// A plan for a process that stands in for k6.
    #[cfg(test)]
    pub fn stand_in(scenario: Scenario, timeout: Duration) -> Self {
        Self {
            tool: Tool::K6,
            scenario,
            script: String::new(),
            variables: BTreeMap::new(),
            authorities: None,
            secrets: ToolSecrets::default(),
            names: Vec::new(),
            arguments: Vec::new(),
            keep_alive: true,
            workers: None,
            is_watched: false,
            timeout,
            log: None,
        }
    }

    pub const fn followed(&self) -> Followed {
        match self.tool {
            Tool::K6 => Followed::K6,
            Tool::Locust => Followed::Locust,
        }
    }

    /// Its name in reports.
    pub const fn name(&self) -> &'static str {
        name(self.tool)
    }

    pub const fn file_name(&self) -> &'static str {
        match self.tool {
            Tool::K6 => "script.js",
            Tool::Locust => "locustfile.py",
        }
    }

    /// Returns the command that runs the script.
    pub fn command(&self, script: &Path) -> Vec<OsString> {
        let mut words = vec![self.name().to_owned()];
        let more: &[&str] = match self.tool {
            // Its API would occupy a port, and its summary would be mixed with the results.
            Tool::K6 => &[
                "run",
                "--quiet",
                "--no-summary",
                "--no-usage-report",
                "--address=",
                "--out",
                "json=/dev/stdout",
            ],
            // Failed requests must not fail Locust. Requests in flight at the end count.
            Tool::Locust => &[
                "--headless",
                "--only-summary",
                "--exit-code-on-error",
                "0",
                "--stop-timeout",
            ],
        };
        words.extend(more.iter().map(|word| (*word).to_owned()));
        match self.tool {
            Tool::K6 if !self.keep_alive => words.push("--no-connection-reuse".to_owned()),
            Tool::K6 => {}
            Tool::Locust => words.push(self.timeout.as_secs().max(1).to_string()),
        }
        if let Some(workers) = self.workers {
            words.push("--master".to_owned());
            words.push(format!("--expect-workers={workers}"));
        }
        let words = words.into_iter().map(OsString::from);
        let mut command: Vec<_> = words.chain(self.arguments.iter().cloned()).collect();
        if self.tool == Tool::Locust {
            command.push("-f".into());
        }
        command.push(script.into());
        command
    }

    /// The port on which Locust waits for its workers.
    fn master_port(&self) -> String {
        let words = || self.arguments.iter().filter_map(|one| one.to_str());
        let after = words().skip_while(|one| *one != MASTER_PORT).nth(1);
        let joined = words().find_map(|one| one.strip_prefix(MASTER_PORT)?.strip_prefix('='));
        after.or(joined).unwrap_or("5557").to_owned()
    }

    /// What users must do or know before the load starts.
    pub fn announcement(&self) -> String {
        let mut text = match (self.tool, self.scenario.model) {
            (_, Model::Closed { .. }) | (Tool::K6, Model::Open { poisson: false }) => String::new(),
            (Tool::K6, Model::Open { poisson: true }) => {
                "k6 spaces starts evenly, not at random\n".to_owned()
            }
            (Tool::Locust, Model::Open { .. }) => {
                "Locust has users, not rates: each user waits for responses, so a slow service receives less than the rate\n".to_owned()
            }
        };
        if self.is_watched {
            let name = self.name();
            let line = format!(
                "{name} judges responses by their status, and does not measure the time to the first token\n"
            );
            text.push_str(&line);
        }
        let Some(workers) = self.workers else {
            return text;
        };
        let (port, minutes) = (self.master_port(), WAITING_FOR_WORKERS.as_secs() / 60);
        let waiting = format!(
            "waiting up to {minutes} min for {}: on each machine, start `locust -f - --worker --master-host THIS_HOST --master-port {port}` (Locust 2.23 or later), with the variables of `slod export locust`\n",
            numbers::plural(workers.into(), "worker")
        );
        text.push_str(&waiting);
        text
    }
}

const fn name(tool: Tool) -> &'static str {
    match tool {
        Tool::K6 => "k6",
        Tool::Locust => "locust",
    }
}

fn log_name(tool: Tool) -> String {
    format!("{}.log", name(tool))
}

fn check_arguments(tool: Tool, args: &LoadArgs) -> Result<(), String> {
    match tool {
        Tool::K6 if args.expect_workers.is_some() => {
            Err("--expect-workers is for --engine locust: k6 has no workers".to_owned())
        }
        Tool::Locust if args.no_keep_alive => Err(
            "--no-keep-alive is not possible with Locust, which always uses keep-alive".to_owned(),
        ),
        _ => Ok(()),
    }
}

/// Arguments that would override the load planned by slod: long and short names.
const fn plan_arguments(tool: Tool) -> &'static [&'static str] {
    match tool {
        Tool::K6 => &[
            "--vus",
            "-u",
            "--duration",
            "-d",
            "--iterations",
            "-i",
            "--stage",
            "-s",
            "--rps",
            "--execution-segment",
        ],
        Tool::Locust => &[
            "--users",
            "-u",
            "--spawn-rate",
            "-r",
            "--run-time",
            "-t",
            "--iterations",
            "-i",
        ],
    }
}

fn check_passed(tool: Tool, arguments: &[OsString]) -> Result<(), String> {
    let given = arguments.iter().filter_map(|one| one.to_str());
    let mut names = given.map(|one| one.split_once('=').map_or(one, |(name, _)| name));
    // The value of a short name can follow it directly: `-u10`.
    let is = |name: &str, known: &str| name == known || known.len() == 2 && name.starts_with(known);
    match names.find(|name| plan_arguments(tool).iter().any(|known| is(name, known))) {
        Some(name) => Err(format!(
            "{name} after `--` would override the load of the scenario: use --users, --spawn-rate, --rate or --run-time of `slod load`"
        )),
        None => Ok(()),
    }
}

fn is_installed(tool: Tool) -> Result<(), String> {
    child::check(&[name(tool).into()]).map_err(|_| match tool {
        Tool::K6 => "k6 is not installed: it is not on the PATH. Install k6 0.34 or later (https://grafana.com/docs/k6/latest/set-up/install-k6), or leave out --engine".to_owned(),
        Tool::Locust => "Locust is not installed: it is not on the PATH. Install Locust 2.2 or later (pip install locust), or leave out --engine".to_owned(),
    })
}
