//! `slod export`: a load scenario as a script of another tool, or the objectives in the format of `OpenSLO`.

mod checks;
mod openslo;
mod requests;
mod variables;

use super::failure::{CommandResult, Failure};
use super::load::plan::{load_target, scenario, service};
use super::output::{print_error, show};
use super::{ConfigArg, exit};
use crate::config::{Config, ScenarioSpec, ServiceSpec};
use crate::export::{Certificates, Script, Tool};
use crate::load::Scenario;
use crate::probe::dial::Trusted;
use crate::probe::http::is_loopback;
use crate::probe::http::load_target::LoadTarget;
use crate::slo::Sli;
use crate::threshold::{Threshold, ThresholdMetric};
use clap::{Args, ValueEnum};
use requests::scripted;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;
pub use variables::Variables;

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// The tool, or the format of objectives.
    tool: ExportTool,
    /// A scenario of the config, or one of baseline, stress, spike, soak, throughput, capacity.
    #[arg(required_if_eq_any([("tool", "locust"), ("tool", "k6")]))]
    scenario: Option<String>,
    /// The service whose `load`, or first http probe, has the address; for openslo, the only service to export.
    #[arg(long, value_name = "NAME", required_if_eq_any([("tool", "locust"), ("tool", "k6")]))]
    service: Option<String>,
    /// Write Kubernetes manifests that run the script with this number of workers.
    #[arg(long, value_name = "WORKERS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    kubernetes: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ExportTool {
    Locust,
    K6,
    #[value(name = "openslo")]
    OpenSlo,
}

/// Script and environment of a run.
pub struct Exported {
    pub script: Script,
    /// The variables that the script reads, with their values if these were requested.
    pub variables: BTreeMap<String, String>,
    /// The certificates that it trusts, as PEM, if not the system's.
    pub authorities: Option<String>,
}

pub fn run(args: &ExportArgs) -> CommandResult {
    let config = args.config.load()?;
    let tool = match args.tool {
        ExportTool::Locust => Tool::Locust,
        ExportTool::K6 => Tool::K6,
        ExportTool::OpenSlo => return openslo::run(args, &config),
    };
    let script = script(args, &config).map_err(Failure::usage)?;
    remark(&script, tool);
    show(&match args.kubernetes {
        Some(workers) => {
            remark_loopback(&script);
            script.write_manifests(tool, workers)
        }
        None => script.write(tool),
    });
    Ok(exit::OK)
}

/// Says on standard error what the script does differently.
fn remark(script: &Script, tool: Tool) {
    for threshold in script.without_equivalent(tool) {
        print_error(&format!("slod: left out: {threshold}"));
    }
    if tool == Tool::K6 && script.reads_headers() {
        print_error(
            "slod: k6 joins the values of a repeated response header with \", \", before they are checked or captured",
        );
    }
}

/// Says on standard error that pods cannot reach the service.
fn remark_loopback(script: &Script) {
    let origin = Url::parse(&script.origin);
    if origin.is_ok_and(|origin| is_loopback(&origin)) {
        print_error(&format!(
            "slod: pods cannot reach {}: write the address of the service in the cluster as `url` of its `load`",
            script.origin
        ));
    }
}

fn script(args: &ExportArgs, config: &Config) -> Result<Script, String> {
    let service = service(config, args.service.as_deref().unwrap_or_default())?;
    let has_data = service
        .load
        .as_ref()
        .is_some_and(|load| load.data.is_some());
    if has_data && args.kubernetes.is_some() {
        return Err(
            "manifests cannot include the data file of `load`: export the script".to_owned(),
        );
    }
    let ScenarioSpec {
        scenario,
        thresholds,
    } = scenario(
        config,
        service,
        args.scenario.as_deref().unwrap_or_default(),
    )?;
    let exported = exported(
        service,
        &load_target(service)?,
        scenario,
        Variables::names_only(),
    )?;
    let mut script = exported.script;
    script.thresholds.extend(thresholds);
    Ok(script)
}

/// Exports a scenario of a service as a script.
pub fn exported(
    service: &ServiceSpec,
    load_target: &LoadTarget,
    scenario: Scenario,
    mut variables: Variables,
) -> Result<Exported, String> {
    if load_target.has_secret_address() {
        let target = load_target.target();
        return Err(format!(
            "{target} contains a secret, which a script must not contain: configure the path as a request of `load`"
        ));
    }
    let (certificates, authorities) = match load_target.trusted()? {
        Trusted::System => (Certificates::System, None),
        Trusted::These(pem) => (Certificates::Named, Some(pem)),
        Trusted::All => (Certificates::All, None),
    };
    let load = service.load.as_deref();
    let script = Script {
        service: service.name.to_string(),
        origin: load_target.origin(),
        scenario,
        sequences: scripted(service, load_target, &mut variables)?,
        data: load
            .and_then(|load| load.data.as_ref())
            .map(|data| data.path.clone()),
        cookies: load.is_none_or(|load| load.cookies),
        timeout: load.map_or(Duration::from_secs(30), |load| load.timeout),
        thresholds: objectives(service),
        certificates,
        reports: false,
    };
    Ok(Exported {
        script,
        variables: variables.into_values(),
        authorities,
    })
}

/// The objectives that scripts can judge. A threshold is missed at its limit, an objective is not.
fn objectives(service: &ServiceSpec) -> Vec<Threshold> {
    let objectives = service.objectives.iter();
    let thresholds = objectives.filter_map(|objective| {
        Some(match objective.sli {
            Sli::Latency { below, of: None } => Threshold::new(
                ThresholdMetric::Quantile(objective.target),
                below.as_secs_f64(),
            ),
            // 1 - 0.999 is not exactly 0.001.
            Sli::Success => Threshold::new(
                ThresholdMetric::Errors,
                ((1.0 - objective.target) * 1e9).round() / 1e9,
            ),
            _ => return None,
        })
    });
    thresholds.collect()
}
