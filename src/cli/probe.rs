//! `slod probe`: one attempt now, explained step by step.

use super::run::on_runtime;
use super::{ConfigArg, exit};
use crate::app::recall_heartbeats;
use crate::clock::Clock;
use crate::config::{Config, ProbeSpec};
use crate::diagnostic::nearest;
use crate::format::numbers;
use crate::outcome::{Measurement, Outcome, Verdict};
use crate::probe::{Attempt, Trace};
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
    if let Err(error) = recall_heartbeats(&config) {
        eprintln!("slod: what jobs reported is unknown: {error}");
    }
    let clock = Clock::system();
    on_runtime(async {
        let mut code = exit::OK;
        for spec in probes {
            let mut attempt = Attempt::new(clock.now(), spec.timeout, Trace::listening());
            let outcome = spec.probe.run(&mut attempt).await;
            print!("{}", story(spec, &attempt.trace, &outcome));
            if outcome.verdict != Verdict::Good {
                code = exit::NO;
            }
        }
        code
    })
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
    let phases: Vec<String> = Measurement::ALL
        .iter()
        .filter_map(|phase| {
            Some(format!(
                "{} {}",
                phase.label(),
                numbers::latency(outcome.measured.get(*phase)?)
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
