//! `slod probe`: runs one attempt now and explains it step by step.

use super::failure::{CommandResult, Failure};
use super::output::{print_error, show};
use super::probe_metrics;
use super::run::on_this_thread;
use super::unknown_name::unknown_name;
use super::{ConfigArg, exit};
use crate::app::{recall_budgets, recall_heartbeats};
use crate::clock::Clock;
use crate::config::{Config, ProbeSpec};
use crate::format::numbers;
use crate::outcome::{Measurement, Outcome, Verdict};
use crate::probe::{Attempt, Trace};
use crate::text::printable;
use clap::Args;
use std::fmt::Write as _;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct ProbeArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Name of the service, or of one of its probes.
    #[arg(value_name = "SERVICE[/PROBE]")]
    target: String,
    /// Read the service's own metrics once, and show which time series has which role. The default for a service without probes.
    #[arg(long)]
    metrics: bool,
}

pub fn run(args: &ProbeArgs) -> CommandResult {
    let config = args.config.load()?;
    let probes = chosen(&config, &args.target);
    let service = config.service(&args.target);
    // Without probes, only its metrics can be read.
    let is_only_scraped = service.is_some_and(|one| one.probes.is_empty() && one.metrics.is_some());
    if args.metrics || is_only_scraped {
        return probe_metrics::run(&config, &args.target);
    }
    if probes.is_empty() {
        return Err(Failure::usage(unknown(&config, &args.target)));
    }
    if let Err(error) = recall_heartbeats(&config) {
        print_error(&format!("slod: cannot read the reports of jobs: {error}"));
    }
    let clock = Clock::system();
    if let Err(error) = recall_budgets(&config, clock.now()) {
        print_error(&format!("slod: cannot read what was spent today: {error}"));
    }
    // One thread, as for an attempt of the daemon: on several, an HTTP/2 response that arrives together with
    // GOAWAY may be lost.
    on_this_thread(async {
        let mut code = exit::OK;
        for spec in probes {
            if let Some(preparation) = spec.probe.prepare(spec.timeout) {
                preparation.await;
            }
            let mut attempt = Attempt::new(clock.now(), spec.timeout, Trace::listening());
            let outcome = spec.probe.run(&mut attempt).await;
            show(&explained(spec, &attempt.trace, &outcome));
            if outcome.verdict != Verdict::Good {
                code = exit::NO;
            }
        }
        Ok(code)
    })
}

fn chosen<'a>(config: &'a Config, target: &str) -> Vec<&'a ProbeSpec> {
    let wanted = |spec: &&ProbeSpec| *spec.key.service == *target || spec.key.to_string() == target;
    config.probes().filter(wanted).collect()
}

fn unknown(config: &Config, target: &str) -> String {
    if let Some(service) = config.service(target) {
        return if service.borrowed.is_empty() {
            format!("{target} has no probes; `slod health {target}` shows its warning signs")
        } else {
            format!(
                "{target} has no probes of its own: its objectives count those of other services"
            )
        };
    }
    let names: Vec<String> = config
        .services
        .iter()
        .map(|service| service.name.to_string())
        .chain(config.probes().map(|spec| spec.key.to_string()))
        .collect();
    unknown_name("service or probe", target, names.iter().map(String::as_str))
}

/// Formats the attempt: its steps, phases and verdict.
fn explained(spec: &ProbeSpec, trace: &Trace, outcome: &Outcome) -> String {
    let target = spec.probe.target();
    let mut out = format!("{} ({}) {}\n", spec.key, spec.kind, printable(&target));
    for step in trace.steps() {
        let after = numbers::latency(step.after);
        let text = printable(&step.text);
        writeln!(out, "  {after:>8}  {:<10} {text}", step.topic).unwrap_or_default();
    }
    let (phases, times): (Vec<_>, Vec<_>) = outcome
        .measured
        .iter()
        .partition(|(one, _)| Measurement::PHASES.contains(one));
    let words = |times: Vec<(Measurement, Duration)>| {
        let words = times.into_iter();
        let words = words.map(|(one, took)| format!("{} {}", one.label(), numbers::latency(took)));
        words.collect::<Vec<_>>().join(", ")
    };
    for (name, words) in [
        ("phases", words(phases)),
        ("times", words(times)),
        ("figures", outcome.figures.to_string()),
    ] {
        if !words.is_empty() {
            writeln!(out, "  {name:<9} {words}").unwrap_or_default();
        }
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
        .map(|message| format!(": {}", printable(message)))
        .unwrap_or_default();
    writeln!(
        out,
        "  {verdict} in {}{message}",
        numbers::latency(outcome.latency)
    )
    .unwrap_or_default();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    fn config(text: &str) -> Config {
        text.parse().expect("valid")
    }

    #[test]
    fn a_service_without_probes_is_not_reported_as_unknown() {
        let config = config(
            "services:
  - { name: a, objectives: [], probes: [ { name: p, http: { url: \"http://h/\" } } ] }
  - { name: journey, objectives: [ { name: o, sli: success, target: 99%, probes: [ a/p ] } ] }
",
        );
        for (target, part) in [
            ("journey", "journey has no probes of its own"),
            ("journy", "did you mean journey?"),
        ] {
            let words = unknown(&config, target);
            assert!(words.contains(part), "{words}");
        }
    }

    /// Regression test: a certificate's name once looked like the verdict.
    #[test]
    fn text_of_a_server_cannot_imitate_output_lines() {
        let text = "services: [{ name: a, probes: [{ name: p, http: { url: \"http://h/\" } }] }]";
        let config = config(text);
        let spec = config.probes().next().expect("one");
        let sent = "CN=x\n  GOOD in 1ms\r\u{1b}[2K\u{9b}1A\u{202e}";
        let mut trace = Trace::listening();
        trace.record(Instant::now(), "tls", || sent.to_owned());
        let mut outcome = Outcome::new(Verdict::Good, Duration::from_secs(1));
        outcome.detail.message = Some(sent.into());
        let text = explained(spec, &trace, &outcome);
        assert_eq!(text.lines().count(), 3, "{text:?}");
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(obeyed), "{text:?}");
    }
}
