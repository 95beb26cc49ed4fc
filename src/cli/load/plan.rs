//! Builds a permitted run from the command line and the config.

use super::LoadArgs;
use super::sequences::{rows, sequences};
use super::tool::ToolPlan;
use crate::cli::thresholds::{check_names, refuse_tokens};
use crate::cli::unknown_name::unknown_name;
use crate::config::{Config, ScenarioSpec, ServiceSpec};
use crate::format::numbers;
use crate::load::{BUILTIN, Model, SLOD, Scenario, Stage, builtin};
use crate::probe::http::load_target::LoadTarget;
use crate::probe::llm;
use crate::slo::Sli;
use crate::threshold::Threshold;
use crate::units::show_duration;
use crate::yaml::Redactions;
use slod_load::{Examples, Mix, Plan};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

/// Request timeout for a service without `load`.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Timeout for name resolution.
const RESOLVE: Duration = Duration::from_secs(10);
/// Timeout for the OAuth 2.0 token of the requests.
const TOKEN: Duration = Duration::from_secs(10);
/// Start rate of `throughput` and `capacity` without an objective or a `load`.
const RATE: f64 = 100.0;
/// Maximum number of requests in flight in the open model.
const IN_FLIGHT_MAX: usize = 10_000;
/// Minimum and maximum duration of a run.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(24);
/// Maximum number of requests per second.
const RATE_MAX: f64 = 100_000.0;

/// A run that is ready to start.
pub struct Prepared<'a> {
    pub service: &'a ServiceSpec,
    pub scenario: Scenario,
    /// Name of the load generator.
    pub engine: &'static str,
    pub work: Work,
    /// Those of the scenario, and those of the command line.
    pub thresholds: Vec<Threshold>,
    /// Description of the run for users.
    pub announcement: String,
}

/// Work for the selected engine.
pub enum Work {
    Engine(Box<Plan>),
    Tool(Box<ToolPlan>),
}

pub async fn prepare<'a>(args: &LoadArgs, config: &'a Config) -> Result<Prepared<'a>, String> {
    let service = service(config, &args.service)?;
    let load_target = load_target(service)?;
    let ScenarioSpec {
        scenario,
        mut thresholds,
    } = scenario(config, service, &args.scenario)?;
    let scenario = with_options(scenario, args)?;
    thresholds.extend(args.threshold.iter().cloned());
    check_thresholds(&thresholds, args, service, &load_target)?;
    check_owner(&load_target, args.i_own_this_target).await?;
    load_target.prepare(TOKEN).await?;
    let mut announcement = announcement(&scenario, service, &load_target);
    let (engine, work) = match args.engine.tool() {
        None => (
            SLOD,
            Work::Engine(Box::new(engine_plan(
                args,
                service,
                &load_target,
                &scenario,
            )?)),
        ),
        Some(tool) => {
            let plan = ToolPlan::new(tool, args, service, &load_target, scenario.clone())?;
            announcement.push_str(&plan.announcement());
            (plan.name(), Work::Tool(Box::new(plan)))
        }
    };
    Ok(Prepared {
        service,
        scenario,
        engine,
        work,
        thresholds,
        announcement,
    })
}

/// Rejects thresholds that the run cannot measure.
fn check_thresholds(
    thresholds: &[Threshold],
    args: &LoadArgs,
    service: &ServiceSpec,
    load_target: &LoadTarget,
) -> Result<(), String> {
    let sequences = sequences(service, load_target);
    let sequences = sequences.map_err(|reason| format!("{}: {reason}", load_target.target()))?;
    let steps = sequences.iter().flat_map(|one| &one.steps);
    check_names(thresholds, steps.map(|step| step.name.as_str()))?;
    if !load_target.is_watched() {
        let why = format!("the requests of {} stream no tokens", service.name);
        return refuse_tokens(thresholds, &why);
    }
    match args.engine.tool() {
        Some(_) => refuse_tokens(thresholds, "only slod's own engine measures it"),
        None => Ok(()),
    }
}

/// The plan for slod's own engine.
fn engine_plan(
    args: &LoadArgs,
    service: &ServiceSpec,
    load_target: &LoadTarget,
    scenario: &Scenario,
) -> Result<Plan, String> {
    let at_target = |reason| format!("{}: {reason}", load_target.target());
    let mix = Mix::new(sequences(service, load_target).map_err(at_target)?);
    let load = service.load.as_deref();
    let data = load.and_then(|load| load.data.as_ref());
    let timeout = load.map_or(TIMEOUT, |load| load.timeout);
    let has_cookies = load.is_none_or(|load| load.cookies);
    Ok(Plan {
        scenario: scenario.clone(),
        mix: mix.map(Arc::new).ok_or("there is no request to send")?,
        rows: data.map(rows).transpose()?,
        cookies: has_cookies.then(|| load_target.cookies()),
        connect: load_target.connector(timeout),
        timeout,
        keep_alive: !args.no_keep_alive,
        in_flight_max: IN_FLIGHT_MAX,
        threads: available_parallelism().map_or(1, usize::from),
        seed: 1,
        examples: Arc::new(examples(
            redactions(service, load_target),
            load_target.clone(),
        )),
    })
}

/// What must not appear in the record and reports of a run.
pub fn redactions(service: &ServiceSpec, load_target: &LoadTarget) -> Redactions {
    let mut all = load_target.redactions().clone();
    if let Some(load) = &service.load {
        all.extend(&load.redactions);
    }
    all
}

/// First failures, without secrets of the config and without values from a data file or from earlier
/// responses: servers echo what they receive.
fn examples(redactions: Redactions, load_target: LoadTarget) -> Examples {
    Examples::cleaned_by(move |words, values| {
        let mut redactions = redactions.clone();
        for value in values {
            redactions.add(value, "<value>");
        }
        load_target.cleaned(redactions.cleaned(words))
    })
}

pub fn service<'a>(config: &'a Config, name: &str) -> Result<&'a ServiceSpec, String> {
    let found = config.services.iter().find(|one| *one.name == *name);
    found.ok_or_else(|| {
        let known = config.services.iter().map(|one| &*one.name);
        unknown_name("service", name, known)
    })
}

/// Target of the load: the service's `load`, otherwise its first `http` probe, otherwise its first `llm`
/// probe that streams.
pub fn load_target(service: &ServiceSpec) -> Result<LoadTarget, String> {
    let own = service.load.as_deref().and_then(|load| load.target.clone());
    let probes = || service.probes.iter().map(|spec| &spec.probe);
    let http = || probes().find_map(LoadTarget::of);
    let llm = || probes().find_map(llm::load_target::load_target);
    own.or_else(http).or_else(llm).ok_or_else(|| {
        let name = &service.name;
        format!("{name} has no target for the load: add `load: {{ url: ... }}`, an http probe or a streaming llm probe to it")
    })
}

pub fn scenario(
    config: &Config,
    service: &ServiceSpec,
    name: &str,
) -> Result<ScenarioSpec, String> {
    let mut own = config.scenarios.iter();
    let own = own.find(|one| one.scenario.name == name);
    let known = own.cloned().or_else(|| {
        Some(ScenarioSpec {
            scenario: known_scenario(name, service)?,
            thresholds: Vec::new(),
        })
    });
    known.ok_or_else(|| {
        let own = config.scenarios.iter();
        let own = own.map(|one| one.scenario.name.as_str());
        unknown_name("scenario", name, own.chain(BUILTIN))
    })
}

/// A built-in scenario. `throughput` also tries the peak rate that the config promises.
fn known_scenario(name: &str, service: &ServiceSpec) -> Option<Scenario> {
    let mut scenario = builtin(name, rate(service))?;
    let peak = service.load.as_ref().and_then(|load| load.peak_rate);
    if let ("throughput", Some(peak), Some(last)) = (name, peak, scenario.stages.last_mut()) {
        let level = last.to.max(peak);
        (last.from, last.to) = (level, level);
    }
    Some(scenario)
}

/// Requests per second that a service must sustain.
fn rate(service: &ServiceSpec) -> f64 {
    let objectives = service.objectives.iter().filter_map(|one| match one.sli {
        Sli::Throughput(throughput) => Some(throughput.at_least.per_second()),
        _ => None,
    });
    let expected = service
        .load
        .as_ref()
        .and_then(|load| load.rate.as_ref().map(|range| *range.end()));
    objectives.chain(expected).next().unwrap_or(RATE)
}

/// The scenario, with its stages replaced by those of the command line, if any.
fn with_options(mut scenario: Scenario, args: &LoadArgs) -> Result<Scenario, String> {
    let length = args.run_time.unwrap_or_else(|| scenario.length());
    if !(SHORTEST..=LONGEST).contains(&length) {
        let (shortest, longest) = (show_duration(SHORTEST), show_duration(LONGEST));
        return Err(format!("a run must take from {shortest} to {longest}"));
    }
    if let Some(users) = args.users {
        let users = f64::from(users);
        let ramp = args
            .spawn_rate
            .map(|per_second| users / f64::from(per_second));
        let ramp = ramp.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        let ramp = ramp.unwrap_or_default().min(length / 2);
        if !matches!(scenario.model, Model::Closed { .. }) {
            let think = Duration::from_secs(1);
            scenario.model = Model::Closed { think };
        }
        scenario.stages = vec![Stage::new(
            "steady",
            users,
            users,
            length.saturating_sub(ramp),
        )];
        if !ramp.is_zero() {
            scenario
                .stages
                .insert(0, Stage::new("ramp", 0.0, users, ramp));
        }
    } else if let Some(rate) = args.rate {
        let rate = rate.per_second();
        if !matches!(scenario.model, Model::Open { .. }) {
            scenario.model = Model::Open { poisson: false };
        }
        scenario.stages = vec![Stage::new("steady", rate, rate, length)];
    } else if args.run_time.is_some() {
        scenario.stretch(length);
    }
    let peak = scenario.peak();
    if peak > RATE_MAX {
        return Err(format!(
            "{} reaches {peak}/s, and a run can have at most {RATE_MAX} requests per second: set --rate",
            scenario.name
        ));
    }
    Ok(scenario)
}

/// Rejects public addresses, unless the user confirms ownership of the service.
async fn check_owner(load_target: &LoadTarget, is_owner: bool) -> Result<(), String> {
    let addresses = load_target.addresses(RESOLVE).await;
    let addresses = addresses.map_err(|reason| format!("{}: {reason}", load_target.target()))?;
    match addresses.iter().find(|address| !is_private(**address)) {
        Some(public) if !is_owner => Err(format!(
            "{} has the public address {public}: add --i-own-this-target if the service is yours",
            load_target.target()
        )),
        _ => Ok(()),
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_private(IpAddr::V4(mapped)),
            None => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
            }
        },
    }
}

fn announcement(scenario: &Scenario, service: &ServiceSpec, load_target: &LoadTarget) -> String {
    let purpose = if scenario.purpose.is_empty() {
        String::new()
    } else {
        format!(" ({})", scenario.purpose)
    };
    // Requests with their own paths share only the server.
    let has_own = service
        .load
        .as_ref()
        .is_some_and(|load| !load.sequences.is_empty());
    let target = if has_own {
        load_target.origin()
    } else {
        load_target.target()
    };
    let mut out = format!("{}{purpose}: {target} of {}\n", scenario.name, service.name);
    let unit = match scenario.model {
        Model::Closed { think } => format!("users, {} between requests", show_duration(think)),
        Model::Open { poisson: false } => "requests/s, evenly spaced".to_owned(),
        Model::Open { poisson: true } => "requests/s at random".to_owned(),
    };
    for stage in &scenario.stages {
        let length = show_duration(stage.length);
        let levels = numbers::levels(stage.from, stage.to);
        writeln!(out, "  {length:<8}{levels} {unit}").unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throughput_reaches_the_peak_rate_that_the_config_promises() {
        let text = "services:
  - name: rag
    probes: [ { name: p, http: { url: 'http://127.0.0.1:1/' } } ]
    load: { rate: 20/min-80/min, peak_rate: 200/min }
";
        let config: Config = text.parse().expect("valid");
        let peak = |name| {
            let known = known_scenario(name, &config.services[0]).expect("built in");
            numbers::level(known.peak())
        };
        assert_eq!(peak("throughput"), "3.33");
        assert_eq!(peak("capacity"), "10.7");
    }

    #[test]
    fn public_addresses_are_distinguished_from_private_ones() {
        for own in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.9",
            "172.16.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_private(own.parse().expect("an address")), "{own}");
        }
        for public in [
            "8.8.8.8",
            "172.32.0.1",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
        ] {
            assert!(!is_private(public.parse().expect("an address")), "{public}");
        }
    }
}
