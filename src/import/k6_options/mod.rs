//! Imports the options of a k6 script, as printed by `k6 inspect`, as scenarios of a config. Everything
//! without an equivalent is reported. Pure: the caller reads the file.
//!
//! ```text
//! script.js -> k6 inspect -> JSON -> scenario.rs: executors as stages -> YAML
//!                                    threshold.rs: their thresholds
//! ```

mod scenario;
mod span;
mod threshold;

#[cfg(test)]
mod tests;

use scenario::Load;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use threshold::Condition;

/// Options that do not affect the load, or that `k6 inspect` also includes in its scenarios.
const WITHOUT_MEANING: &[&str] = &[
    "discardResponseBodies",
    "duration",
    "executionSegment",
    "executionSegmentSequence",
    "ext",
    "httpDebug",
    "iterations",
    "maxVUs",
    "metricSamplesBufferSize",
    "noSetup",
    "noTeardown",
    "paused",
    "scenarios",
    "setupTimeout",
    "stages",
    "summaryTimeUnit",
    "summaryTrendStats",
    "systemTags",
    "teardownTimeout",
    "thresholds",
    "totalDuration",
    "vus",
];

/// Options with an equivalent elsewhere, and its place.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "insecureSkipTLSVerify",
        "`tls: { insecure: true }` of the service's `load`",
    ),
    ("noConnectionReuse", "`slod load --no-keep-alive`"),
    ("noVUConnectionReuse", "`slod load --no-keep-alive`"),
    ("userAgent", "`headers` of the service's `load`"),
];

/// The result of an import.
#[derive(Debug)]
pub struct Imported {
    /// The section `scenarios` of a config, with a comment on how to run each of them.
    pub yaml: String,
    /// What was omitted or changed.
    pub remarks: Vec<String>,
}

/// Reads the output of `k6 inspect SCRIPT`. An error is another kind of text, or options without any
/// scenario that a config can have.
pub fn read(text: &str) -> Result<Imported, String> {
    let expected = "expected the JSON that `k6 inspect SCRIPT` prints";
    let options: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("{expected}: line {}", error.line()))?;
    let scenarios = match options.get("scenarios") {
        Some(Value::Object(scenarios)) => scenarios.clone(),
        Some(_) => Map::from_iter([("default".to_owned(), single(&options))]),
        None => return Err(format!("{expected}: it has no `scenarios`")),
    };
    let mut remarks = Vec::new();
    let mut loads: Vec<Load> = Vec::new();
    for (name, scenario) in &scenarios {
        match Load::read(name, scenario, &mut remarks) {
            Ok(load) => loads.push(load),
            Err(why) => remarks.push(format!("scenario {name} is left out: {why}")),
        }
    }
    if loads.is_empty() {
        return Err(remarks.join("; "));
    }
    if scenarios.len() > 1 {
        let why = "k6 runs its scenarios in parallel; slod runs the one that is selected";
        remarks.push(why.to_owned());
    }
    let thresholds = threshold::read(options.get("thresholds"), &mut remarks);
    for one in &thresholds {
        let scenario = one.scenario.as_ref();
        if scenario.is_some_and(|name| !loads.iter().any(|load| load.name == *name)) {
            let text = &one.text;
            remarks.push(format!(
                "threshold {text} is left out: it is about another scenario"
            ));
        }
    }
    others(&options, &mut remarks);
    remarks.push(
        "the options do not contain the requests and pauses (`sleep`) of the functions: add them to `load` of the service and to `think`"
            .to_owned(),
    );
    Ok(Imported {
        yaml: write(&loads, &thresholds),
        remarks,
    })
}

/// The scenario that k6 derives from the other options of a script without `scenarios`.
fn single(options: &Map<String, Value>) -> Value {
    let of = |key: &str| options.get(key).filter(|value| !is_unset(value));
    let mut scenario = Value::Object(options.clone());
    let executor = match (of("stages"), of("iterations"), of("duration")) {
        (Some(_), _, _) => "ramping-vus",
        (None, Some(_), _) => "shared-iterations",
        (None, None, Some(_)) => "constant-vus",
        (None, None, None) => "per-vu-iterations",
    };
    scenario["executor"] = Value::from(executor);
    scenario["startVUs"] = options.get("vus").cloned().unwrap_or_default();
    // These are options of all scenarios.
    for key in ["env", "tags", "maxVUs"] {
        scenario[key] = Value::Null;
    }
    scenario
}

/// Adds remarks on options without an equivalent, or with one elsewhere.
fn others(options: &Map<String, Value>, remarks: &mut Vec<String>) {
    for (name, value) in options {
        if is_unset(value) || WITHOUT_MEANING.contains(&name.as_str()) {
            continue;
        }
        let elsewhere = ELSEWHERE.iter().find(|(known, _)| known == name);
        remarks.push(match elsewhere {
            Some((_, place)) => format!("option {name}: see {place}"),
            None => format!("option {name} is left out"),
        });
    }
}

/// `k6 inspect` prints all options; unset ones are null, or mappings of nulls.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Object(inner) => inner.values().all(is_unset),
        Value::Array(inner) => inner.is_empty(),
        _ => false,
    }
}

fn write(loads: &[Load], thresholds: &[Condition]) -> String {
    let mut yaml = String::new();
    for load in loads {
        // Writing to a text cannot fail.
        writeln!(yaml, "# slod load {} --service NAME", load.name).unwrap_or_default();
    }
    yaml.push_str("scenarios:\n");
    for load in loads {
        let concerns = |one: &&Condition| one.scenario.as_ref().is_none_or(|of| *of == load.name);
        let thresholds = thresholds.iter().filter(concerns);
        let thresholds: Vec<&str> = thresholds.map(|one| one.text.as_str()).collect();
        load.write(&thresholds, &mut yaml);
    }
    yaml
}
