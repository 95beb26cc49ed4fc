//! The options of a k6 script, as `k6 inspect` shows them, as scenarios of a config. What a config has no
//! place for is named, and nothing is left out without a word. Pure: the caller reads the file.
//!
//! ```text
//! script.js -> k6 inspect -> JSON -> scenario.rs: executors as stages -> YAML
//!                                    threshold.rs: conditions of `slod load`
//! ```

mod scenario;
mod span;
mod threshold;

#[cfg(test)]
mod tests;

use scenario::Load;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Options that say nothing about the load, or that `k6 inspect` has as scenarios as well.
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

/// Options that slod has elsewhere, and where.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "insecureSkipTLSVerify",
        "`tls: { insecure: true }` of the service's `load`",
    ),
    ("noConnectionReuse", "`slod load --no-keep-alive`"),
    ("noVUConnectionReuse", "`slod load --no-keep-alive`"),
    ("userAgent", "`headers` of the service's `load`"),
];

/// What was read.
#[derive(Debug)]
pub struct Imported {
    /// The section `scenarios` of a config, with a comment on how each is run.
    pub yaml: String,
    /// What is not in it, or not as it was.
    pub remarks: Vec<String>,
}

/// Reads what `k6 inspect SCRIPT` printed. An error is a text that is something else, or options without
/// any load that has a place in a config.
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
        let why = "k6 runs its scenarios beside each other; slod runs the one that is asked for";
        remarks.push(why.to_owned());
    }
    let thresholds = threshold::read(options.get("thresholds"), &mut remarks);
    others(&options, &mut remarks);
    remarks.push(
        "the requests and pauses (`sleep`) of the functions are not among the options: write them into `load` of the service and into `think`"
            .to_owned(),
    );
    Ok(Imported {
        yaml: write(&loads, &thresholds),
        remarks,
    })
}

/// The scenario of a script without `scenarios`, as k6 makes it of the other options.
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
    // They are options of all scenarios.
    for key in ["env", "tags", "maxVUs"] {
        scenario[key] = Value::Null;
    }
    scenario
}

/// Options that have another place, or none.
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

/// `k6 inspect` has all options; those that the script does not set are null, or mappings of nulls.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Object(inner) => inner.values().all(is_unset),
        Value::Array(inner) => inner.is_empty(),
        _ => false,
    }
}

fn write(loads: &[Load], thresholds: &[String]) -> String {
    let mut yaml = String::new();
    let conditions = thresholds.iter().map(|one| format!(" --threshold '{one}'"));
    let conditions: String = conditions.collect();
    for load in loads {
        let name = &load.name;
        // Writing to a text cannot fail.
        let _ = writeln!(yaml, "# slod load {name} --service NAME{conditions}");
    }
    yaml.push_str("scenarios:\n");
    for load in loads {
        load.write(&mut yaml);
    }
    yaml
}
