//! Exports a scenario as a k6 script.

use super::template::{code, fields, render};
use super::text::{Dialect, path_literal};
use super::{
    Certificates, Script, ScriptCapture, ScriptCheck, ScriptRequest, ScriptSequence, ScriptSource,
    Tool, joined, literal, one_line,
};
use crate::format::numbers::percentage;
use crate::load::{Model, Scenario, Stage};
use crate::threshold::{Threshold, ThresholdMetric};
use crate::units::whole;
use minijinja::Value;
use serde_json::{Map, Value as Json, json};
use std::time::Duration;

/// Number of users that k6 may start per request per second before it drops starts: enough for
/// answers that take ten seconds.
const USERS_PER_RATE: f64 = 10.0;

/// Tolerance of a rate that is an integer: products of binary fractions are not exact.
const RATE_PRECISION: f64 = 1e-6;

const DIALECT: Dialect = Dialect {
    environment: "__ENV",
    percent: "encodeURIComponent",
    target: "asPath",
    json_text: "jsonText",
    json_value: "jsonValue",
};

pub(super) fn write(script: &Script) -> String {
    let model = script.scenario.model;
    let think = match model {
        Model::Closed { think } => think.as_secs_f64(),
        Model::Open { .. } => 0.0,
    };
    let steps_have_think = script.requests().any(|one| one.think.is_some());
    let is_random = matches!(model, Model::Open { poisson: true });
    let data_file = script.data.as_ref().map(|file| file.display().to_string());
    render(
        include_str!("templates/k6.js.jinja"),
        [
            ("title", code(script.title())),
            ("origin", script.origin.as_str().into()),
            (
                "has_authority",
                (script.certificates == Certificates::Named).into(),
            ),
            ("is_random", is_random.into()),
            ("reports", script.reports.into()),
            (
                "left_out",
                script
                    .without_equivalent(Tool::K6)
                    .iter()
                    .map(|line| code(one_line(line)))
                    .collect(),
            ),
            ("inspects", script.inspects_responses().into()),
            ("has_target_values", script.has_target_values().into()),
            ("has_checks", script.has_checks().into()),
            ("captures_cookies", script.captures_cookies().into()),
            ("captures_locations", script.captures_locations().into()),
            ("reads_headers", script.reads_headers().into()),
            ("data_file", data_file.into()),
            ("options", code(format!("{:#}", options(script)))),
            ("timeout", milliseconds(script.timeout).into()),
            ("keeps_cookies", script.cookies.into()),
            ("think", think.into()),
            ("steps_have_think", steps_have_think.into()),
            ("sequences", script.sequences.iter().map(sequence).collect()),
        ],
    )
}

fn options(script: &Script) -> Json {
    let mut options = Map::new();
    let scenario = json!({ script.scenario.name.clone(): executor(&script.scenario) });
    options.insert("scenarios".to_owned(), scenario);
    options.insert("thresholds".to_owned(), thresholds(script));
    options.insert(
        "summaryTrendStats".to_owned(),
        json!(["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"]),
    );
    // A redirect counts as the answer.
    options.insert("maxRedirects".to_owned(), json!(0));
    if script.certificates == Certificates::All {
        options.insert("insecureSkipTLSVerify".to_owned(), json!(true));
    }
    if script.cookies && matches!(script.scenario.model, Model::Closed { .. }) {
        // By default, k6 clears cookies after each iteration.
        options.insert("noCookiesReset".to_owned(), json!(true));
    }
    Json::Object(options)
}

fn executor(scenario: &Scenario) -> Json {
    let (time_unit, seconds) = time_unit(scenario);
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
            stages.push(json!({ "duration": milliseconds(*length), "target": whole(to * factor) }));
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
            "startRate": whole(first * seconds),
            "timeUnit": time_unit,
            "stages": levels(seconds),
            "preAllocatedVUs": whole(scenario.peak().max(1.0)),
            "maxVUs": whole((scenario.peak() * USERS_PER_RATE).max(10.0)),
        }),
    }
}

/// The shortest unit in which all rates are integers, as k6 requires, and its seconds. Configured rates are
/// integers per day.
fn time_unit(scenario: &Scenario) -> (&'static str, f64) {
    const DAY: (&str, f64) = ("24h", 86_400.0);
    let levels = || scenario.stages.iter().flat_map(|one| [one.from, one.to]);
    let is_whole = |rate: f64| (rate - rate.round()).abs() < RATE_PRECISION;
    let units = [("1s", 1.0), ("1m", 60.0), ("1h", 3600.0)];
    let mut fitting = units
        .into_iter()
        .filter(|(_, seconds)| levels().all(|level| is_whole(level * seconds)));
    fitting.next().unwrap_or(DAY)
}

fn thresholds(script: &Script) -> Json {
    let mut all: Map<String, Json> = Map::new();
    let mut add = |metric: String, condition: String| {
        let conditions = all.entry(metric).or_insert_with(|| json!([]));
        conditions
            .as_array_mut()
            .expect("a list")
            .push(json!(condition));
    };
    for one in script.judged(Tool::K6) {
        let name = one.request.as_ref();
        let selector = name.map_or_else(String::new, |name| format!("{{name:{name}}}"));
        let (metric, condition) = threshold(one, script);
        add(format!("{metric}{selector}"), condition);
    }
    // Without any request, the thresholds above would pass.
    add("http_reqs".to_owned(), "count>0".to_owned());
    Json::Object(all)
}

/// The metric and the condition of k6.
fn threshold(threshold: &Threshold, script: &Script) -> (&'static str, String) {
    let limit = threshold.limit;
    let latency = |of: &str| ("http_req_duration", format!("{of}<{}", limit * 1000.0));
    // k6 counts only statuses in its own metric.
    let failed = if script.inspects_responses() {
        "failed_requests"
    } else {
        "http_req_failed"
    };
    match threshold.of {
        ThresholdMetric::Quantile(q) | ThresholdMetric::FirstToken(q) => {
            latency(&format!("p({})", percentage(q)))
        }
        ThresholdMetric::Average => latency("avg"),
        ThresholdMetric::Maximum => latency("max"),
        ThresholdMetric::Errors if threshold.is_none() => (failed, "rate==0".to_owned()),
        ThresholdMetric::Errors => (failed, format!("rate<{limit}")),
        ThresholdMetric::Rate => ("http_reqs", format!("rate>{limit}")),
    }
}

fn milliseconds(length: Duration) -> String {
    format!("{}ms", length.as_millis())
}

fn sequence(sequence: &ScriptSequence) -> Value {
    let steps = sequence.steps.iter().enumerate().map(|(place, request)| {
        let next = sequence.steps.get(place + 1);
        step(request, next.and_then(|next| next.think))
    });
    fields([
        ("weight", sequence.weight.into()),
        ("steps", steps.collect()),
    ])
}

/// A step, with the pause after it if it differs from the scenario's.
fn step(request: &ScriptRequest, then: Option<Duration>) -> Value {
    let ranges = request.statuses.iter().map(|range| {
        let (min, max) = (range.start(), range.end());
        if min == max {
            min.to_string()
        } else {
            format!("{{ min: {min}, max: {max} }}")
        }
    });
    let body = request.body.as_ref().map(|body| body.expression(&DIALECT));
    fields([
        ("name", request.name.as_str().into()),
        ("method", request.method.as_str().into()),
        ("path", code(request.path.expression(&DIALECT))),
        ("headers", code(request.header_entries(&DIALECT))),
        ("body", code(body.unwrap_or_else(|| "null".to_owned()))),
        ("statuses", code(joined(ranges))),
        ("checks", code(joined(request.checks.iter().map(check)))),
        (
            "captures",
            code(joined(request.captures.iter().map(capture))),
        ),
        ("then", then.map(|then| then.as_secs_f64()).into()),
    ])
}

fn check(check: &ScriptCheck) -> String {
    let call = check.test.call();
    format!("[{}, (response) => {call}]", literal(&check.name))
}

fn capture(capture: &ScriptCapture) -> String {
    let find = match &capture.from {
        ScriptSource::Json(keys) => format!("inJson(response, {})", path_literal(keys)),
        ScriptSource::Header(name, None) => format!("inHeader(response, {})", literal(name)),
        ScriptSource::Header(name, Some(pattern)) => format!(
            "inText(inHeader(response, {}), {})",
            literal(name),
            literal(pattern)
        ),
        ScriptSource::Location(None) => "inLocation(response)".to_owned(),
        ScriptSource::Location(Some(pattern)) => {
            format!("inLocationPart(response, {})", literal(pattern))
        }
        ScriptSource::Cookie(name) => format!("inCookie(response, {})", literal(name)),
        ScriptSource::Regex(pattern) => format!("inText(response.body, {})", literal(pattern)),
    };
    format!("[{}, (response) => {find}]", literal(&capture.name))
}
