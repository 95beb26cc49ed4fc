//! `slod export`: a load scenario as a script of another tool.

mod requests;

use super::load::plan::{driven, scenario, service};
use super::output::{complain, show};
use super::{ConfigArg, exit};
use crate::config::{Config, ServiceSpec};
use crate::export::{Limits, Script, Tool};
use crate::slo::Sli;
use clap::{Args, ValueEnum};
use requests::scripted;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    config: ConfigArg,
    tool: ExportTool,
    /// A scenario of the config, or one of baseline, stress, spike, soak, throughput, capacity.
    scenario: String,
    /// The service whose `load`, or first http probe, has the address.
    #[arg(long, value_name = "NAME")]
    service: String,
    /// Write Kubernetes manifests that run the script with so many workers.
    #[arg(long, value_name = "WORKERS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    kubernetes: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ExportTool {
    Locust,
    K6,
}

pub fn run(args: &ExportArgs) -> u8 {
    let config = match args.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let tool = match args.tool {
        ExportTool::Locust => Tool::Locust,
        ExportTool::K6 => Tool::K6,
    };
    match script(args, &config) {
        Ok(script) => {
            show(&match args.kubernetes {
                Some(workers) => script.write_manifests(tool, workers),
                None => script.write(tool),
            });
            exit::OK
        }
        Err(reason) => {
            complain(&format!("slod: {reason}"));
            exit::USAGE
        }
    }
}

fn script(args: &ExportArgs, config: &Config) -> Result<Script, String> {
    let service = service(config, &args.service)?;
    let driven = driven(service)?;
    if driven.has_secret_address() {
        let target = driven.target();
        return Err(format!(
            "{target} contains a secret, which a script must not carry"
        ));
    }
    let load = service.load.as_ref();
    let data = load.and_then(|load| load.data.as_ref());
    if data.is_some() && args.kubernetes.is_some() {
        return Err("manifests do not carry the data file of `load`: export the script".to_owned());
    }
    Ok(Script {
        service: service.name.to_string(),
        origin: driven.origin()?,
        scenario: scenario(config, service, &args.scenario)?,
        sequences: scripted(service, &driven)?,
        data: data.map(|data| data.path.clone()),
        cookies: load.is_none_or(|load| load.cookies),
        timeout: load.map_or(Duration::from_secs(30), |load| load.timeout),
        limits: limits(service),
    })
}

fn limits(service: &ServiceSpec) -> Limits {
    let mut limits = Limits::default();
    for objective in &service.objectives {
        match objective.sli {
            Sli::Latency { below, of: None } => limits.latencies.push((objective.target, below)),
            Sli::Success => limits.failed = Some(1.0 - objective.target),
            _ => {}
        }
    }
    limits
}
