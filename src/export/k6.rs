//! A scenario as a script of k6.

use super::{Limits, Script, ScriptRequest, literal};
use crate::load::{Model, Scenario, Stage};
use crate::units::whole;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// Users that k6 may start for one request per second before it drops starts: enough for answers
/// that take ten seconds.
const USERS_PER_RATE: f64 = 10.0;

pub(super) fn write(script: &Script) -> String {
    let mut options = Map::new();
    let scenario = json!({ script.scenario.name.clone(): executor(&script.scenario) });
    options.insert("scenarios".to_owned(), scenario);
    options.insert("thresholds".to_owned(), thresholds(&script.limits));
    options.insert(
        "summaryTrendStats".to_owned(),
        json!(["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"]),
    );
    let options = format!("{:#}", Value::Object(options));
    let mut text = format!(
        "// {title}
//
//   k6 run FILE                                  exit code 99 if a threshold is exceeded
//   k6 run -e TARGET=http://HOST:PORT FILE       another copy of the service
import http from 'k6/http';
import {{ check, sleep }} from 'k6';

export const options = {options};

const target = __ENV.TARGET || {origin};
",
        title = script.title(),
        origin = literal(&script.origin),
    );
    requests(&mut text, script);
    text.push_str(&body(script));
    text
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

fn span(length: Duration) -> String {
    format!("{}ms", length.as_millis())
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

fn requests(text: &mut String, script: &Script) {
    text.push_str("const requests = [\n");
    for request in &script.requests {
        let ScriptRequest {
            method,
            path,
            body,
            weight,
            statuses,
            ..
        } = request;
        let ranges: Vec<String> = statuses
            .iter()
            .map(|range| {
                let (min, max) = (range.start(), range.end());
                if min == max {
                    min.to_string()
                } else {
                    format!("{{ min: {min}, max: {max} }}")
                }
            })
            .collect();
        let body = body.as_ref();
        let body = body.map_or_else(|| "null".to_owned(), |body| body.expression("__ENV"));
        writeln!(
            text,
            "  {{ weight: {weight}, method: {}, path: {}, headers: {{ {} }}, body: {body}, ok: [{}] }},",
            literal(method),
            literal(path),
            request.header_entries("__ENV"),
            ranges.join(", "),
        )
        .unwrap_or_default();
    }
    text.push_str("];\n");
}

fn body(script: &Script) -> String {
    let think = match script.scenario.model {
        Model::Closed { think } if !think.is_zero() => {
            format!("  sleep({});\n", think.as_secs_f64())
        }
        _ => String::new(),
    };
    format!(
        "const total = requests.reduce((sum, request) => sum + request.weight, 0);

function choose() {{
  let left = Math.random() * total;
  return requests.find((request) => (left -= request.weight) < 0) || requests[0];
}}

export default function () {{
  const {{ method, path, headers, body, ok }} = choose();
  const response = http.request(method, target + path, body, {{
    headers,
    timeout: {timeout},
    responseCallback: http.expectedStatuses(...ok),
  }});
  check(response, {{ 'status is as expected': (r) => ok.some((s) => (s.min ? r.status >= s.min && r.status <= s.max : r.status === s)) }});
{think}}}
",
        timeout = literal(&span(script.timeout)),
    )
}
