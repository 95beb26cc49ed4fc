//! A scenario as a locustfile.

use super::{Limits, Script, ScriptRequest, literal};
use crate::load::Model;
use std::fmt::Write as _;

pub(super) fn write(script: &Script) -> String {
    let mut text = format!(
        "\"\"\"{title}

    locust -f FILE --headless                     exit code 1 if a limit is exceeded
    locust -f FILE --headless --host URL          another copy of the service
    locust -f FILE --master --expect-workers 4    with workers on other machines
\"\"\"
import os

from locust import FastHttpUser, LoadTestShape, {wait_import}, events, task


class User(FastHttpUser):
    host = {origin}
    {wait}
    network_timeout = {timeout}
    connection_timeout = {timeout}
",
        title = literal(&script.title()).trim_matches('"'),
        wait_import = wait(script).0,
        wait = wait(script).1,
        origin = literal(&script.origin),
        timeout = script.timeout.as_secs_f64(),
    );
    for (number, request) in script.requests.iter().enumerate() {
        task(&mut text, number, request);
    }
    shape(&mut text, script);
    limits(&mut text, &script.limits);
    text
}

/// The name to import and the line of the class.
fn wait(script: &Script) -> (&'static str, String) {
    match script.scenario.model {
        Model::Closed { think } => {
            let line = format!("wait_time = constant({})", think.as_secs_f64());
            ("constant", line)
        }
        Model::Open { .. } => (
            "constant_throughput",
            "# Locust has users, not rates: each sends at most one request per second, so a service\n    \
             # that answers more slowly than that gets less than the rate.\n    \
             wait_time = constant_throughput(1)"
                .to_owned(),
        ),
    }
}

fn task(text: &mut String, number: usize, request: &ScriptRequest) {
    let ScriptRequest {
        method,
        path,
        body,
        weight,
        statuses,
        ..
    } = request;
    let body = body.as_ref().map_or_else(
        || "None".to_owned(),
        |body| format!("{}.encode()", body.expression("os.environ")),
    );
    let ok: Vec<String> = statuses
        .iter()
        .map(|range| format!("{} <= status <= {}", range.start(), range.end()))
        .collect();
    let name = path.split('?').next().unwrap_or(path);
    write!(
        text,
        "
    @task({weight})
    def request_{number}(self):
        with self.client.request(
            {},
            {},
            name={},
            headers={{{}}},
            data={body},
            catch_response=True,
        ) as response:
            status = response.status_code
            if {}:
                response.success()
            else:
                response.failure(f\"status {{status}}\")
",
        literal(method),
        literal(path),
        literal(name),
        request.header_entries("os.environ"),
        ok.join(" or "),
    )
    .unwrap_or_default();
}

fn shape(text: &mut String, script: &Script) {
    text.push_str("\n\nclass Shape(LoadTestShape):\n    # seconds, level at the begin, level at the end\n    stages = [\n");
    for stage in &script.scenario.stages {
        let (length, from, to) = (stage.length.as_secs_f64(), stage.from, stage.to);
        writeln!(text, "        ({length}, {from}, {to}),").unwrap_or_default();
    }
    text.push_str(
        "    ]

    def tick(self):
        elapsed = self.get_run_time()
        for length, begin, end in self.stages:
            if elapsed < length:
                users = begin + (end - begin) * elapsed / length
                return max(1, round(users)), 100
            elapsed -= length
        return None
",
    );
}

fn limits(text: &mut String, limits: &Limits) {
    text.push_str(
        "

@events.quitting.add_listener
def judge(environment, **kwargs):
    total = environment.stats.total
    faults = []
    if total.num_requests == 0:
        faults.append(\"no request was made\")
",
    );
    for (quantile, below) in &limits.latencies {
        let ms = below.as_secs_f64() * 1000.0;
        writeln!(
            text,
            "    if total.num_requests and total.get_response_time_percentile({quantile}) >= {ms}:\n        \
             faults.append(\"p{} is not below {ms} ms\")",
            quantile * 100.0
        )
        .unwrap_or_default();
    }
    if let Some(failed) = limits.failed {
        writeln!(
            text,
            "    if total.fail_ratio >= {failed}:\n        \
             faults.append(\"the share of failed requests is not below {failed}\")"
        )
        .unwrap_or_default();
    }
    text.push_str(
        "    for fault in faults:
        print(fault)
    if faults:
        environment.process_exit_code = 1
",
    );
}
