//! Creates probes from YAML, and runs them.

use slod::diagnostic::{Diagnostic, Source};
use slod::outcome::{Cause, Outcome, Timestamp, Verdict};
use slod::probe::{Attempt, KINDS, Probe, Trace};
use slod::yaml::{Reader, parse};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longer than an attempt at an address of this machine takes.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// For attempts that should time out.
pub const SHORT: Duration = Duration::from_millis(600);

/// Reads the value of an `http:` key; errors are returned with the probe.
pub fn read(yaml: &str, base: &Path) -> (Option<Arc<dyn Probe>>, Vec<Diagnostic>) {
    read_kind("http", yaml, base)
}

/// Reads the value of a kind's key.
pub fn read_kind(name: &str, yaml: &str, base: &Path) -> (Option<Arc<dyn Probe>>, Vec<Diagnostic>) {
    let source = Source::new("test", yaml);
    let node = parse(&source).expect("YAML");
    let env = |name: &str| (name == "TOKEN").then(|| "from-the-environment".to_owned());
    let reader = Reader::new(&source, base, &env);
    let kind = KINDS
        .iter()
        .find(|kind| kind.name == name)
        .expect("registered");
    let probe = reader
        .section(&node, name, kind.keys)
        .and_then(|section| (kind.read)(&section));
    (probe, reader.finish())
}

/// Checks that each of these configs of a kind has a fault that contains a text.
pub fn assert_faults(name: &str, cases: &[(&str, &str)]) {
    for (yaml, fault) in cases {
        let (_, faults) = read_kind(name, yaml, Path::new(""));
        let shown = format!("{faults:?}");
        assert!(shown.contains(fault), "{yaml}: {shown}");
    }
}

/// A probe with a valid config.
pub fn probe(name: &str, yaml: &str, base: &Path) -> Arc<dyn Probe> {
    let (probe, faults) = read_kind(name, yaml, base);
    assert!(
        faults
            .iter()
            .all(|fault| fault.severity == slod::diagnostic::Severity::Warning),
        "{faults:?}"
    );
    probe.expect("no fault, so a probe")
}

/// One attempt with a timeout, and the steps it recorded.
pub async fn attempt(yaml: &str, timeout: Duration) -> (Outcome, String) {
    attempt_in(yaml, timeout, Path::new("")).await
}

pub async fn attempt_in(yaml: &str, timeout: Duration, base: &Path) -> (Outcome, String) {
    attempt_kind("http", yaml, timeout, base).await
}

pub async fn attempt_kind(
    name: &str,
    yaml: &str,
    timeout: Duration,
    base: &Path,
) -> (Outcome, String) {
    let probe = probe(name, yaml, base);
    if let Some(preparation) = probe.prepare(timeout) {
        preparation.await;
    }
    let mut attempt = Attempt::new(Timestamp(0), timeout, Trace::listening());
    let outcome = probe.run(&mut attempt).await;
    assert!(
        outcome.latency <= timeout + Duration::from_secs(2),
        "{:?}",
        outcome.latency
    );
    let story: Vec<_> = attempt
        .trace
        .steps()
        .iter()
        .map(|step| format!("{} {}", step.topic, step.text))
        .collect();
    (outcome, story.join("\n"))
}

pub fn cause(outcome: &Outcome) -> Option<Cause> {
    match outcome.verdict {
        Verdict::Bad(cause) => Some(cause),
        _ => None,
    }
}

pub fn message(outcome: &Outcome) -> &str {
    outcome.detail.message.as_deref().unwrap_or_default()
}
