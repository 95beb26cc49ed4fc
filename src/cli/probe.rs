//! `slod probe`: one attempt now, explained step by step.

use super::run::on_runtime;
use super::{ConfigArg, exit};
use crate::clock::Clock;
use crate::config::{Config, ProbeSpec};
use crate::diagnostic::nearest;
use crate::format::numbers;
use crate::outcome::{Outcome, Phase, Verdict};
use crate::probe::beats::HeartbeatState;
use crate::probe::{Attempt, Trace};
use crate::store::Store;
use clap::Args;
use std::fmt::Write as _;

#[derive(Debug, Args)]
pub struct ProbeArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// The service, or one of its probes.
    #[arg(value_name = "SERVICE[/PROBE]")]
    target: String,
}

pub fn run(args: &ProbeArgs) -> u8 {
    let config = match args.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let probes = chosen(&config, &args.target);
    if probes.is_empty() {
        eprintln!("slod: {}", unknown(&config, &args.target));
        return exit::USAGE;
    }
    on_runtime(async {
        let mut code = exit::OK;
        for spec in probes {
            let mut attempt = Attempt::new(spec.timeout, Trace::listening());
            attempt.heard = heard(&config, spec);
            let outcome = spec.probe.run(&mut attempt).await;
            print!("{}", story(spec, &attempt.trace, &outcome));
            if outcome.verdict != Verdict::Good {
                code = exit::NO;
            }
        }
        code
    })
}

/// What the daemon's store knows of the probe's job, if anything.
fn heard(config: &Config, spec: &ProbeSpec) -> HeartbeatState {
    let mut heard = HeartbeatState {
        now: Clock::system().now(),
        ..HeartbeatState::default()
    };
    if spec.probe.accepts_heartbeats().is_some() {
        let stored = Store::open_read_only(&config.store.path).and_then(|store| store.beats());
        match stored {
            Ok(mut beats) => heard.last = beats.remove(&spec.key).map(|stored| stored.last),
            Err(error) => {
                let path = config.store.path.display();
                eprintln!("slod: cannot read heartbeat reports from {path}: {error}");
            }
        }
    }
    heard
}

fn chosen<'a>(config: &'a Config, target: &str) -> Vec<&'a ProbeSpec> {
    let wanted = |spec: &&ProbeSpec| *spec.key.service == *target || spec.key.to_string() == target;
    config.probes().filter(wanted).collect()
}

fn unknown(config: &Config, target: &str) -> String {
    let names: Vec<String> = config
        .services
        .iter()
        .map(|service| service.name.to_string())
        .chain(config.probes().map(|spec| spec.key.to_string()))
        .collect();
    match nearest(target, names.iter().map(String::as_str)) {
        Some(near) => format!("no service or probe is named {target}; did you mean {near}?"),
        None => format!(
            "no service or probe is named {target}; known: {}",
            names.join(", ")
        ),
    }
}

/// The attempt as a story: what was decided when, the phases, the verdict.
fn story(spec: &ProbeSpec, trace: &Trace, outcome: &Outcome) -> String {
    let mut out = format!("{} ({}) {}\n", spec.key, spec.kind, spec.probe.target());
    for step in trace.steps() {
        let after = numbers::latency(step.after);
        writeln!(out, "  {after:>8}  {:<10} {}", step.topic, step.text).unwrap_or_default();
    }
    let phases: Vec<String> = Phase::ALL
        .into_iter()
        .filter_map(|phase| {
            Some(format!(
                "{} {}",
                phase.label(),
                numbers::latency(outcome.phases.get(phase)?)
            ))
        })
        .collect();
    if !phases.is_empty() {
        writeln!(out, "  phases    {}", phases.join(", ")).unwrap_or_default();
    }
    let verdict = match outcome.verdict {
        Verdict::Good => "GOOD".to_owned(),
        Verdict::Bad(cause) => format!("BAD ({cause})"),
        Verdict::Void(why) => {
            format!("VOID ({why}): failure of slod itself, not counted against the service")
        }
    };
    let message = outcome
        .detail
        .message
        .as_deref()
        .map(|message| format!(": {message}"))
        .unwrap_or_default();
    writeln!(
        out,
        "  {verdict} in {}{message}",
        numbers::latency(outcome.latency)
    )
    .unwrap_or_default();
    out
}
