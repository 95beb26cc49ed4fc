//! What users of k6 do: their requests, and how values get into them.

use super::text::{Dialect, way};
use super::{Script, ScriptCapture, ScriptRequest, ScriptSource, joined, literal};
use crate::load::Model;
use std::fmt::Write as _;
use std::time::Duration;

const DIALECT: Dialect = Dialect {
    environment: "__ENV",
    percent: "encodeURIComponent",
    json_text: "jsonText",
    json_value: "jsonValue",
};

/// Values of JSON in texts, and of answers.
pub(super) const HELPERS: &str = "
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
pub(super) const DATA: &str = "
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

pub(super) fn span(length: Duration) -> String {
    format!("{}ms", length.as_millis())
}

pub(super) fn sequences(text: &mut String, script: &Script) {
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

pub(super) fn body(script: &Script) -> String {
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
