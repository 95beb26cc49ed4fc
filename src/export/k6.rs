//! A scenario as a script of k6.

use super::k6_requests::{DATA, HELPERS, body, sequences, span};
use super::{Certificates, Limits, Script, literal};
use crate::load::{Model, Scenario, Stage};
use crate::units::whole;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Users that k6 may start for one request per second before it drops starts: enough for answers
/// that take ten seconds.
const USERS_PER_RATE: f64 = 10.0;

/// A point of a metric when the plan begins: its first users may come later.
const BEGIN: &str = "
const began = new Counter('slod_began');

export function setup() {
  began.add(1);
}
";

pub(super) fn write(script: &Script) -> String {
    let mut options = Map::new();
    let scenario = json!({ script.scenario.name.clone(): executor(&script.scenario) });
    options.insert("scenarios".to_owned(), scenario);
    options.insert("thresholds".to_owned(), thresholds(&script.limits));
    options.insert(
        "summaryTrendStats".to_owned(),
        json!(["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"]),
    );
    // A redirect is an answer.
    options.insert("maxRedirects".to_owned(), json!(0));
    if script.certificates == Certificates::All {
        options.insert("insecureSkipTLSVerify".to_owned(), json!(true));
    }
    if script.cookies && matches!(script.scenario.model, Model::Closed { .. }) {
        // k6 forgets them after each iteration otherwise.
        options.insert("noCookiesReset".to_owned(), json!(true));
    }
    let options = format!("{:#}", Value::Object(options));
    let mut imports = String::new();
    if script.data.is_some() {
        imports += "import { SharedArray } from 'k6/data';\nimport exec from 'k6/execution';\n";
    }
    if script.reports {
        imports += "import { Counter } from 'k6/metrics';\n";
    }
    let mut text = format!(
        "// {title}
//
//   k6 run FILE                                  exit code 99 if a threshold is exceeded
//   k6 run -e TARGET=http://HOST:PORT FILE       another copy of the service
{note}import http from 'k6/http';
import {{ check, sleep }} from 'k6';
{imports}
export const options = {options};

const target = __ENV.TARGET || {origin};
",
        title = script.title(),
        note = note(script),
        origin = literal(&script.origin),
    );
    text.push_str(HELPERS);
    if let Some(file) = &script.data {
        let file = literal(&file.display().to_string());
        writeln!(text, "\nconst file = __ENV.DATA_FILE || {file};{DATA}").unwrap_or_default();
    }
    if script.reports {
        text.push_str(BEGIN);
    }
    sequences(&mut text, script);
    text.push_str(&body(script));
    text
}

/// What whoever reads the script has to know.
fn note(script: &Script) -> String {
    let mut notes = String::new();
    if script.certificates == Certificates::Named {
        notes += "//   SSL_CERT_FILE=CA.pem k6 run FILE             trusts the authority of the service\n";
    }
    if matches!(script.scenario.model, Model::Open { poisson: true }) {
        notes += "//\n// Random starts are planned; k6 spaces them evenly.\n";
    }
    notes
}

fn executor(scenario: &Scenario) -> Value {
    let rate_unit = if is_whole(scenario) { 1.0 } else { 60.0 };
    let levels = |factor: f64| {
        let mut stages = Vec::new();
        let mut level = scenario.stages.first().map_or(0.0, |stage| stage.from);
        for Stage {
            from, to, length, ..
        } in &scenario.stages
        {
            if (from - level).abs() > f64::EPSILON {
                stages.push(json!({ "duration": "0s", "target": whole(from * factor) }));
            }
            stages.push(json!({ "duration": span(*length), "target": whole(to * factor) }));
            level = *to;
        }
        stages
    };
    let first = scenario.stages.first().map_or(0.0, |stage| stage.from);
    match scenario.model {
        Model::Closed { .. } => json!({
            "executor": "ramping-vus",
            "startVUs": whole(first),
            "stages": levels(1.0),
            "gracefulRampDown": "30s",
        }),
        Model::Open { .. } => json!({
            "executor": "ramping-arrival-rate",
            "startRate": whole(first * rate_unit),
            "timeUnit": if is_whole(scenario) { "1s" } else { "1m" },
            "stages": levels(rate_unit),
            "preAllocatedVUs": whole(scenario.peak().max(1.0)),
            "maxVUs": whole((scenario.peak() * USERS_PER_RATE).max(10.0)),
        }),
    }
}

/// Whether k6, which takes whole rates only, can take those of the scenario per second.
fn is_whole(scenario: &Scenario) -> bool {
    let mut levels = scenario.stages.iter().flat_map(|one| [one.from, one.to]);
    levels.all(|level| level.fract() == 0.0)
}

fn thresholds(limits: &Limits) -> Value {
    let mut all = Map::new();
    if !limits.latencies.is_empty() {
        let each = limits.latencies.iter().map(|(quantile, below)| {
            let percent = quantile * 100.0;
            json!(format!("p({percent})<{}", below.as_secs_f64() * 1000.0))
        });
        all.insert("http_req_duration".to_owned(), each.collect());
    }
    if let Some(failed) = limits.failed {
        let failed = json!([format!("rate<{failed}")]);
        all.insert("http_req_failed".to_owned(), failed);
    }
    // Without any request, the thresholds above would be kept.
    all.insert("http_reqs".to_owned(), json!(["count>0"]));
    Value::Object(all)
}
