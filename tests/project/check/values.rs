//! What keys and their defaults mean in the config that is read.

use super::load;
use slod::config::{self, Config};
use slod::diagnostic::{Severity, Source};
use slod::slo::Threshold;
use std::fs;
use std::time::Duration;

#[test]
fn lists_of_requests_are_bounded() {
    let faults = |requests: &str| {
        let text = format!(
            "services: [ {{ name: web, objectives: [], probes: [ {{ name: p, tcp: {{ address: '127.0.0.1:1' }} }} ], load: {{ url: 'http://127.0.0.1:1', requests: {requests} }} }} ]\n"
        );
        load(&text).diagnostics.len()
    };
    let list = |item: &str, count: usize| format!("[{}]", vec![item; count].join(","));
    let steps = |count| format!("[ {{ steps: {} }} ]", list("{path: /}", count));
    let captures = |count: usize| {
        let each = (0..count).map(|n| format!("{{name: n{n}, header: X}}"));
        let each: Vec<_> = each.collect();
        let each = each.join(",");
        format!("[ {{ steps: [ {{ path: /, capture: [{each}] }} ] }} ]")
    };
    for (fits, too_many) in [
        (list("{path: /}", 1000), list("{path: /}", 1001)),
        (steps(1000), steps(1001)),
        (captures(50), captures(51)),
    ] {
        assert_eq!((faults(&fits), faults(&too_many)), (0, 1), "{fits:.60}");
    }
}

#[test]
fn stages_and_thresholds_of_a_scenario_are_bounded() {
    let faults = |stages: usize, thresholds: usize| {
        let stages = vec!["{ to: 1, for: 1s }"; stages].join(",");
        let thresholds = vec!["p95<500ms"; thresholds].join(",");
        let text = format!(
            "services: [ {{ name: web, objectives: [], probes: [ {{ name: p, tcp: {{ address: '127.0.0.1:1' }} }} ] }} ]\nscenarios: [ {{ name: s, users: [{stages}], thresholds: [{thresholds}] }} ]\n"
        );
        let errors = load(&text).diagnostics.into_iter();
        errors.filter(|one| one.severity == Severity::Error).count()
    };
    assert_eq!(
        (faults(100, 100), faults(101, 100), faults(100, 101)),
        (0, 1, 1)
    );
}

#[test]
fn defaults_match_their_declarations() {
    let plain = load(
        "services: [{ name: a, objectives: [{ name: o, sli: availability, target: 99% }], probes: [{ name: p, http: { url: 'http://x/' } }] }]",
    );
    let written = load(
        "listen: 127.0.0.1:9771
store: { path: data/slod.db, retention: 400d }
max_concurrent_probes: 256
defaults: { interval: 10s, timeout: 5s }
services:
  - name: a
    objectives: [{ name: o, sli: availability, target: 99%, window: 30d, budgeting: timeslices, slice_target: 50% }]
    probes: [{ name: p, interval: 10s, timeout: 5s, http: { url: 'http://x/' } }]",
    );
    let page = config::markdown();
    for default in [
        "127.0.0.1:9771",
        "data/slod.db",
        "400d",
        "256",
        "10s",
        "5s",
        "30d",
        "50%",
    ] {
        assert!(
            page.contains(&format!("| `{default}` |")),
            "{default} is not in the docs"
        );
    }
    let (plain, written) = (plain.config.unwrap(), written.config.unwrap());
    assert_eq!(
        format!("{plain:?}"),
        format!("{written:?}").replace(&fingerprint(&written), &fingerprint(&plain))
    );
}

fn fingerprint(config: &Config) -> String {
    format!("{}", config.services[0].probes[0].fingerprint)
}

#[test]
fn a_shorter_interval_shortens_the_inherited_timeout() {
    let loaded = load(
        "services: [{ name: a, objectives: [], probes: [{ name: p, interval: 1s, http: { url: 'http://x/' } }] }]",
    );
    let config = loaded.config.unwrap();
    let probe = &config.services[0].probes[0];
    assert_eq!(probe.timeout, probe.interval);
}

#[test]
fn an_empty_list_of_objectives_means_none() {
    let text = |own: &str| {
        format!(
            "defaults: {{ objectives: [{{ name: o, sli: success, target: 99% }}] }}\nservices: [{{ name: a, {own} probes: [{{ name: p, http: {{ url: 'http://x/' }} }}] }}]"
        )
    };
    let objectives = |own: &str| {
        load(&text(own)).config.unwrap().services[0]
            .objectives
            .len()
    };
    assert_eq!(objectives(""), 1);
    assert_eq!(objectives("objectives: ,"), 1);
    assert_eq!(objectives("objectives: [],"), 0);
}

#[test]
fn a_fingerprint_changes_only_with_the_settings_of_its_probe() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "one").unwrap();
    let spec = |text: &str, host: &'static str| {
        let source = Source::new("", text);
        let env = move |_: &str| Some(host.to_owned());
        let loaded = Config::load(&source, folder.path(), &env);
        loaded.config.unwrap().services[0].probes[0].clone()
    };
    let text = "services: [{ name: a, objectives: [], probes: [{ name: p, http: { url: \"http://${HOST}/\", bearer_file: token } }] }]";
    let first = spec(text, "x");
    assert!(first == spec(text, "x"), "nothing changed");
    assert!(
        first == spec(&format!("# moved\n\nlisten: 127.0.0.1:1\n{text}"), "x"),
        "other places"
    );
    assert!(first != spec(text, "y"), "another host");
    assert!(
        first != spec(&text.replace("http://", "https://"), "x"),
        "another url"
    );
    assert!(
        first != spec(&text.replace("name: p,", "name: p, interval: 9s,"), "x"),
        "another pace"
    );
    fs::write(&token, "two").unwrap();
    assert!(first != spec(text, "x"), "another token");
}

#[test]
fn a_probe_has_the_thresholds_of_all_its_objectives() {
    let text = r#"
services:
  - name: rag
    probes: [ { name: health, http: { url: "http://127.0.0.1:1/" } }, { name: search, http: { url: "http://127.0.0.1:1/" } } ]
    objectives: [ { name: fast, sli: latency, below: 500ms, target: 99%, probes: [ search ] } ]
  - name: journey
    objectives: [ { name: whole, sli: latency, below: 2s, target: 99%, probes: [ rag/search ] } ]
"#;
    let config = load(text).config.expect("valid");
    let thresholds: Vec<_> = config.probes().map(|spec| &*spec.thresholds).collect();
    let both = [500, 2000].map(|ms| Threshold {
        of: None,
        below: Duration::from_millis(ms),
    });
    assert_eq!(thresholds, [&[][..], &both[..]]);
}

/// How long it takes to read a config with this many services.
fn reading(services: usize) -> Duration {
    let head = "defaults: { objectives: [{ name: o, sli: success, target: 99% }] }\nservices:\n";
    let service = |n| {
        format!(
            "  - {{ name: s{n}, labels: {{ team: t{n} }}, probes: [{{ name: p, http: {{ url: \"http://127.0.0.1/{n}\" }} }}] }}\n"
        )
    };
    let all: Vec<String> = (0..services).map(service).collect();
    let text = format!("{head}{}", all.concat());
    let started = std::time::Instant::now();
    let loaded = load(&text);
    let took = started.elapsed();
    assert_eq!(loaded.config.unwrap().services.len(), services);
    took
}

/// Compares the growth, which does not depend on the machine's speed: 8 times if linear, 64 times if
/// quadratic.
#[test]
fn the_time_for_a_config_grows_with_its_length_only() {
    // Another program may take the processor during one of them.
    let tries = (0..3).map(|_| (reading(1000), reading(8000)));
    let slow: Vec<_> = tries
        .take_while(|(short, long)| *long >= 32 * *short)
        .collect();
    assert!(slow.len() < 3, "{slow:?} for 1,000 and 8,000");
}
