//! A scenario as a locustfile.

use super::text::{Dialect, way};
use super::{
    Certificates, Script, ScriptCapture, ScriptRequest, ScriptSequence, ScriptSource, joined,
    literal, locust_counts, locust_rate, locust_shape,
};
use crate::load::Model;
use std::fmt::Write as _;

const DIALECT: Dialect = Dialect {
    environment: "os.environ",
    percent: "percent",
    json_text: "json_text",
    json_value: "json_value",
};

/// Values in texts, and of answers.
const HELPERS: &str = "

def percent(value):
    return quote(value, safe=\"\")


def json_text(value):
    return json.dumps(value, ensure_ascii=False)[1:-1]


def json_value(value):
    try:
        json.loads(value)
        return value
    except ValueError:
        return json.dumps(value, ensure_ascii=False)


def in_json(response, keys):
    try:
        value = json.loads(response.text)
        for key in keys:
            value = value[key]
    except (ValueError, LookupError, TypeError):
        return None
    return value if value is None or isinstance(value, str) else json.dumps(value)


def in_body(response, pattern):
    found = re.search(pattern, response.text or \"\")
    return found and found.group(min(1, found.re.groups))

";

/// Reads CSV with a header, or JSON lines. Each process has all rows.
const DATA: &str = "

def rows(path):
    with open(path, encoding=\"utf-8-sig\", newline=\"\") as lines:
        if path.endswith(\".csv\"):
            for row in csv.DictReader(lines):
                yield {name.strip(): value for name, value in row.items()}
            return
        for line in filter(str.strip, lines):
            row = json.loads(line)
            texts = {name: \"\" if value is None else json.dumps(value) for name, value in row.items()}
            yield texts | {name: value for name, value in row.items() if isinstance(value, str)}

";

/// One for all users, since it takes long to read.
const CERTIFICATES: &str = "
# Those of the system, and of the file that the variable SSL_CERT_FILE names.
certificates = gevent.ssl.create_default_context()

";

pub(super) fn write(script: &Script) -> String {
    let data = script.data.as_ref().map(|file| {
        let file = literal(&file.display().to_string());
        format!("{DATA}\ndata_rows = itertools.cycle(list(rows(os.environ.get(\"DATA_FILE\", {file}))))\n\n")
    });
    let data = data.unwrap_or_default();
    let mut text = format!(
        "\"\"\"{title}

    locust -f FILE --headless                     exit code 1 if a limit is exceeded
    locust -f FILE --headless --host URL          another copy of the service
    locust -f FILE --master --expect-workers 4    with workers on other machines
{note}\"\"\"
import csv
import itertools
import json
import os
import random
import re
import time
from urllib.parse import quote

{gevent}from locust import FastHttpUser, LoadTestShape, constant, events, task
from locust.runners import WorkerRunner
{reporter_imports}{HELPERS}{data}{certificates}
class User(FastHttpUser):
    host = {origin}
    {wait}
    network_timeout = {timeout}
    connection_timeout = {timeout}
    insecure = {insecure}
    keeps_cookies = {cookies}
",
        title = literal(&script.title()).trim_matches('"'),
        note = if script.certificates == Certificates::Named {
            "    SSL_CERT_FILE=CA.pem locust -f FILE           trusts the authority of the service\n"
        } else {
            ""
        },
        gevent = if verifies(script) {
            "import gevent.ssl\n"
        } else if uses_gevent(script) {
            "import gevent\n"
        } else {
            ""
        },
        reporter_imports = if script.reports {
            locust_counts::IMPORTS
        } else {
            ""
        },
        certificates = if verifies(script) { CERTIFICATES } else { "" },
        wait = wait(script),
        origin = literal(&script.origin),
        timeout = script.timeout.as_secs_f64(),
        insecure = python(script.certificates == Certificates::All),
        cookies = python(script.cookies),
    );
    if verifies(script) {
        text.push_str("    ssl_context_factory = staticmethod(lambda: certificates)\n");
    }
    text.push_str(SEND);
    for (number, one) in script.sequences.iter().enumerate() {
        sequence(&mut text, number, one, script);
    }
    locust_shape::shape(&mut text, script);
    locust_shape::limits(&mut text, &script.limits);
    if script.reports {
        text.push_str(locust_counts::REPORTER);
    }
    text
}

const fn python(is_so: bool) -> &'static str {
    if is_so { "True" } else { "False" }
}

/// Whether the certificates of the service are verified.
fn verifies(script: &Script) -> bool {
    script.origin.starts_with("https:") && script.certificates != Certificates::All
}

const fn is_closed(script: &Script) -> bool {
    matches!(script.scenario.model, Model::Closed { .. })
}

fn uses_gevent(script: &Script) -> bool {
    let has_think = script.requests().any(|one| one.think.is_some());
    script.reports || has_think || !is_closed(script)
}

/// The lines of the class for it.
fn wait(script: &Script) -> String {
    match script.scenario.model {
        Model::Closed { think } => format!("wait_time = constant({})", think.as_secs_f64()),
        Model::Open { .. } => locust_rate::pacing(locust_rate::period(&script.scenario)),
    }
}

/// Makes one request, and returns the values of its answer; none if it failed.
const SEND: &str = "
    def __init__(self, environment):
        super().__init__(environment)
        # A redirect is an answer. Older versions have the other name.
        agent = self.client.client
        agent.redirect_response_codes = agent.redirect_resonse_codes = frozenset()

    def send(self, method, path, name, headers, data, is_expected, captures):
        if not self.keeps_cookies:
            self.client.cookiejar.clear()
        with self.client.request(
            method,
            path,
            name=name,
            headers=headers,
            data=data,
            catch_response=True,
        ) as response:
            # Locust has an error for each status from 400 on as well.
            error = getattr(response, \"error\", None)
            fault = response.request_meta[\"exception\"]
            if not response.status_code or fault not in (None, error):
                response.failure(fault or error)
                return None
            if not is_expected(response.status_code):
                response.failure(f\"status {response.status_code}\")
                return None
            values = {}
            for value, find in captures.items():
                values[value] = find(response)
                if values[value] is None:
                    response.failure(f\"no value for {value} to capture\")
                    return None
            response.success()
            return values
";

fn sequence(text: &mut String, number: usize, sequence: &ScriptSequence, script: &Script) {
    let weight = sequence.weight;
    write!(
        text,
        "\n    @task({weight})\n    def sequence_{number}(self):\n        captured = {{}}\n"
    )
    .unwrap_or_default();
    if !is_closed(script) && script.cookies {
        text.push_str("        # At a given rate, each iteration is a new user.\n");
        text.push_str("        self.client.cookiejar.clear()\n");
    }
    let takes_data = |step: &ScriptRequest| step.texts().any(|text| text.takes("data"));
    if sequence.steps.iter().any(takes_data) {
        text.push_str("        data = next(data_rows)\n");
    }
    for (place, step) in sequence.steps.iter().enumerate() {
        match step.think {
            _ if place == 0 => {}
            None if is_closed(script) => text.push_str("        self.wait()\n"),
            None => {}
            Some(think) => {
                let seconds = think.as_secs_f64();
                writeln!(text, "        gevent.sleep({seconds})").unwrap_or_default();
            }
        }
        request(text, step);
    }
}

fn request(text: &mut String, request: &ScriptRequest) {
    let body = request.body.as_ref().map_or_else(
        || "None".to_owned(),
        |body| format!("({}).encode()", body.expression(&DIALECT)),
    );
    let ok = request.statuses.iter();
    let ok = ok.map(|range| format!("{} <= status <= {}", range.start(), range.end()));
    let ok: Vec<String> = ok.collect();
    write!(
        text,
        "        values = self.send(
            {},
            {},
            name={},
            headers={{{}}},
            data={body},
            is_expected=lambda status: {},
            captures={{{}}},
        )
        if values is None:
            return
        captured.update(values)
",
        literal(&request.method),
        request.path.expression(&DIALECT),
        literal(&request.name),
        request.header_entries(&DIALECT),
        ok.join(" or "),
        joined(request.captures.iter().map(capture)),
    )
    .unwrap_or_default();
}

fn capture(capture: &ScriptCapture) -> String {
    let find = match &capture.from {
        ScriptSource::Json(keys) => format!("in_json(response, {})", way(keys)),
        ScriptSource::Header(name) => format!("response.headers.get({})", literal(name)),
        ScriptSource::Regex(pattern) => format!("in_body(response, {})", literal(pattern)),
    };
    format!("{}: lambda response: {find}", literal(&capture.name))
}
