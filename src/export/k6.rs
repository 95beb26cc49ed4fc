//! A scenario as a script of k6.

use super::text::{Dialect, way};
use super::{
    Certificates, Limits, Script, ScriptCapture, ScriptRequest, ScriptSource, joined, literal,
};
use crate::load::{Model, Scenario, Stage};
use crate::units::whole;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// Users that k6 may start for one request per second before it drops starts: enough for answers
/// that take ten seconds.
const USERS_PER_RATE: f64 = 10.0;

const DIALECT: Dialect = Dialect {
    environment: "__ENV",
    percent: "encodeURIComponent",
    json_text: "jsonText",
    json_value: "jsonValue",
};

/// Values of JSON in texts, and of answers.
const HELPERS: &str = "
const jsonText = (value) => JSON.stringify(value).slice(1, -1);
const jsonValue = (value) => {
  try {
    JSON.parse(value);
    return value;
  } catch (error) {
    return JSON.stringify(value);
  }
};
const inJson = (response, keys) => {
  try {
    const value = keys.reduce((value, key) => value[key], JSON.parse(response.body));
    return value === null || typeof value === 'string' ? value : JSON.stringify(value);
  } catch (error) {
    return undefined;
  }
};
const inHeader = (response, name) => {
  const found = Object.entries(response.headers).find(([key]) => key.toLowerCase() === name);
  return found && found[1];
};
const inBody = (response, pattern) => {
  const found = new RegExp(pattern).exec(response.body);
  return found && (found.length > 1 ? found[1] : found[0]);
};
";

/// Reads CSV with a header, or JSON lines.
const DATA: &str = "
const data = new SharedArray('data', () => {
  const text = open(file).replace(/^\\uFEFF/, '');
  if (!file.endsWith('.csv')) {
    const asText = (value) => (value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value));
    const lines = text.split('\\n').filter((line) => line.trim());
    return lines.map((line) => Object.fromEntries(Object.entries(JSON.parse(line)).map(([key, value]) => [key, asText(value)])));
  }
  const records = [];
  let record = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:\"((?:[^\"]|\"\")*)\"|([^,\\r\\n]*))(,|\\r?\\n|$)/g)) {
    record.push(quoted === undefined ? plain : quoted.replace(/\"\"/g, '\"'));
    if (end !== ',') {
      if (record.length > 1 || record[0]) records.push(record);
      record = [];
    }
  }
  const columns = records.shift().map((name) => name.trim());
  return records.map((fields) => Object.fromEntries(columns.map((name, place) => [name, fields[place]])));
});
";

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

fn sequences(text: &mut String, script: &Script) {
    text.push_str("\nconst sequences = [\n");
    for sequence in &script.sequences {
        let weight = sequence.weight;
        writeln!(text, "  {{ weight: {weight}, steps: [").unwrap_or_default();
        for (place, step) in sequence.steps.iter().enumerate() {
            let next = sequence.steps.get(place + 1);
            request(text, step, next.and_then(|next| next.think));
        }
        text.push_str("  ] },\n");
    }
    text.push_str("];\n");
}

/// With the time after it, if that is not the scenario's.
fn request(text: &mut String, request: &ScriptRequest, then: Option<Duration>) {
    let ranges = request.statuses.iter().map(|range| {
        let (min, max) = (range.start(), range.end());
        if min == max {
            min.to_string()
        } else {
            format!("{{ min: {min}, max: {max} }}")
        }
    });
    let body = request.body.as_ref();
    let body = body.map_or_else(|| "null".to_owned(), |body| body.expression(&DIALECT));
    let then = then.map(|then| format!("\n      then: {},", then.as_secs_f64()));
    let then = then.unwrap_or_default();
    writeln!(
        text,
        "    {{
      name: {},
      method: {},
      path: (captured, data) => {},
      headers: (captured, data) => ({{ {} }}),
      body: (captured, data) => {body},
      ok: [{}],
      captures: [{}],{then}
    }},",
        literal(&request.name),
        literal(&request.method),
        request.path.expression(&DIALECT),
        request.header_entries(&DIALECT),
        joined(ranges),
        joined(request.captures.iter().map(capture)),
    )
    .unwrap_or_default();
}

fn capture(capture: &ScriptCapture) -> String {
    let find = match &capture.from {
        ScriptSource::Json(keys) => format!("inJson(response, {})", way(keys)),
        ScriptSource::Header(name) => format!("inHeader(response, {})", literal(name)),
        ScriptSource::Regex(pattern) => format!("inBody(response, {})", literal(pattern)),
    };
    format!("[{}, (response) => {find}]", literal(&capture.name))
}

fn body(script: &Script) -> String {
    let think = match script.scenario.model {
        Model::Closed { think } => think.as_secs_f64(),
        Model::Open { .. } => 0.0,
    };
    let differs = script.requests().any(|one| one.think.is_some());
    let (then, think) = if differs {
        (format!(", then = {think}"), "    sleep(then);\n".to_owned())
    } else if think > 0.0 {
        (String::new(), format!("    sleep({think});\n"))
    } else {
        (String::new(), String::new())
    };
    let row = if script.data.is_some() {
        "data[exec.scenario.iterationInTest % data.length]"
    } else {
        "{}"
    };
    let jar = if script.cookies {
        ""
    } else {
        "\n      jar: new http.CookieJar(),"
    };
    format!(
        "const total = sequences.reduce((sum, sequence) => sum + sequence.weight, 0);

function choose() {{
  let left = Math.random() * total;
  return sequences.find((sequence) => (left -= sequence.weight) < 0) || sequences[0];
}}

export default function () {{
  const captured = {{}};
  const row = {row};
  for (const {{ name, method, path, headers, body, ok, captures{then} }} of choose().steps) {{
    const response = http.request(method, target + path(captured, row), body(captured, row), {{
      headers: headers(captured, row),
      tags: {{ name }},{jar}
      timeout: {timeout},
      responseCallback: http.expectedStatuses(...ok),
    }});
    let good = check(response, {{ 'status is as expected': (r) => ok.some((s) => (s.min ? r.status >= s.min && r.status <= s.max : r.status === s)) }});
    for (const [value, find] of good ? captures : []) {{
      captured[value] = find(response);
      good = check(captured[value], {{ [`${{value}} is captured`]: (found) => found !== undefined && found !== null }}) && good;
    }}
{think}    if (!good) return;
  }}
}}
",
        timeout = literal(&span(script.timeout)),
    )
}
