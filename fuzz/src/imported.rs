//! Files of other tools that become configs or parts of one, and what a running load tool writes.

use super::Run;
use slod::config::Config;
use slod::diagnostic::{Severity, Source};
use slod::import::requests::{Format as Requests, Shape};
use slod::import::slo::Format as Objectives;
use slod::import::{Fault, Followed, Follower, blackbox, k6_options};
use slod::load::{Model, Scenario, Stage};
use std::path::Path;
use std::time::Duration;

const MODULES: &str = include_str!("../../src/import/blackbox/fixtures/blackbox.yml");
const PROMETHEUS: &str = include_str!("../../src/import/blackbox/fixtures/prometheus.yml");

fn input(text: &str) -> Source {
    Source::new("x.yml", text)
}

const SERVICE: &str = "services:
  - name: a
    probes: [ { name: http, http: { url: 'http://127.0.0.1/' } } ]
";

/// As the program checks the config that an import makes.
fn faults(config: &str) -> Vec<Fault> {
    let source = Source::new("", config);
    let env = |name: &str| {
        let is_user = name.contains("USERNAME");
        let value = if is_user { "user" } else { "http://127.0.0.1/" };
        Some(value.to_owned())
    };
    let found = Config::load(&source, Path::new(""), &env).diagnostics;
    let errors = found.into_iter();
    let errors = errors.filter(|one| one.severity == Severity::Error);
    let errors = errors.filter(|one| one.code != "unreadable-file");
    errors
        .map(|one| Fault {
            path: one.path,
            message: one.message,
        })
        .collect()
}

/// What was imported is a config that is valid.
fn assert_valid(config: &str) {
    let faults = faults(config);
    assert_eq!(faults, [], "{config}");
}

/// Modules of `blackbox_exporter`, or the scrape configs of their targets.
pub fn blackbox() -> Run {
    Box::new(|data| {
        let text = String::from_utf8_lossy(data);
        let find = |_: &str, pattern: &str| {
            let is_own = Path::new(pattern)
                .extension()
                .is_some_and(|one| one == "json");
            Ok(is_own
                .then(|| input("[{\"targets\": [\"a\"]}]"))
                .into_iter()
                .collect())
        };
        for (modules, targets) in [
            (&*text, None),
            (&*text, Some(PROMETHEUS)),
            (MODULES, Some(&*text)),
        ] {
            let targets: Vec<Source> = targets.into_iter().map(input).collect();
            let read = blackbox::read(&blackbox::Inputs {
                modules: &input(modules),
                targets: &targets,
                find: &find,
                check: &faults,
            });
            if let Ok(imported) = read {
                assert_valid(&imported.yaml);
            }
        }
    })
}

/// Objectives of every format.
pub fn objectives() -> Run {
    Box::new(|data| {
        let text = String::from_utf8_lossy(data);
        for format in [Objectives::OpenSlo, Objectives::Sloth] {
            if let Ok(imported) = format.read(&[input(&text)], &faults) {
                assert_valid(&imported.yaml);
            }
        }
    })
}

/// A config with a section of its service.
fn with_section(section: &str) -> String {
    let lines = section.lines().map(|line| format!("    {line}\n"));
    lines.fold(SERVICE.to_owned(), |config, line| config + &line)
}

/// Recordings, collections and descriptions of requests.
pub fn requests() -> Run {
    let check = |section: &str| {
        let mut faults = faults(&with_section(section)).into_iter();
        faults.next().map(|fault| fault.message)
    };
    Box::new(move |data| {
        for format in Requests::ALL {
            for shape in [Shape::Requests, Shape::Steps] {
                match format.read(data, None, shape, &check) {
                    Ok(imported) => assert_valid(&with_section(&imported.to_yaml(false))),
                    Err(fault) => drop(fault.to_string()),
                }
            }
        }
    })
}

/// The options of a k6 script.
pub fn options() -> Run {
    Box::new(|data| {
        if let Ok(imported) = k6_options::read(&String::from_utf8_lossy(data)) {
            assert_valid(&format!("{SERVICE}{}", imported.yaml));
        }
    })
}

/// Lines of k6 and of a locustfile while they run.
pub fn followed() -> Run {
    let scenario = Scenario {
        name: "a".to_owned(),
        purpose: String::new(),
        model: Model::Closed {
            think: Duration::ZERO,
        },
        stages: vec![Stage {
            name: "a".to_owned(),
            from: 1.0,
            to: 1.0,
            length: Duration::from_mins(1),
        }],
    };
    Box::new(move |data| {
        let text = String::from_utf8_lossy(data);
        for tool in [Followed::K6, Followed::Locust] {
            let mut follower = Follower::new(tool, scenario.clone(), vec!["a".to_owned()]);
            for line in text.lines() {
                follower.line(line);
            }
        }
    })
}
