//! Exports a scenario as a locustfile.

use super::template::{code, fields, render};
use super::text::{Dialect, path_literal};
use super::{
    Certificates, Script, ScriptCapture, ScriptCheck, ScriptRequest, ScriptSequence, ScriptSource,
    Tool, joined, literal, locust_rate,
};
use crate::load::{Model, Stage};
use crate::threshold::{Threshold, ThresholdMetric};
use minijinja::Value;

const DIALECT: Dialect = Dialect {
    environment: "os.environ",
    percent: "percent",
    target: "self.as_path",
    json_text: "json_text",
    json_value: "json_value",
};
/// Minimum number of users that Locust adds per second.
const SPAWN_RATE_MIN: f64 = 100.0;

pub(super) fn write(script: &Script) -> String {
    let title = literal(&script.title());
    let title = &title[1..title.len() - 1];
    let (scenario, is_closed) = (&script.scenario, is_closed(script));
    let period = locust_rate::period(scenario);
    let think = match scenario.model {
        Model::Closed { think } => think.as_secs_f64(),
        Model::Open { .. } => 0.0,
    };
    let users_per_level = if is_closed { 1.0 } else { period };
    let spawn_rate = (scenario.peak() * users_per_level).ceil();
    let data_file = script.data.as_ref().map(|file| file.display().to_string());
    render(
        include_str!("templates/locustfile.py.jinja"),
        [
            ("title", code(title)),
            ("origin", script.origin.as_str().into()),
            (
                "has_authority",
                (script.certificates == Certificates::Named).into(),
            ),
            (
                "trusts_all",
                (script.certificates == Certificates::All).into(),
            ),
            ("verifies", verifies(script).into()),
            ("uses_gevent", uses_gevent(script).into()),
            ("reports", script.reports.into()),
            ("has_target_values", script.has_target_values().into()),
            ("has_checks", script.has_checks().into()),
            ("captures_cookies", script.captures_cookies().into()),
            ("captures_locations", script.captures_locations().into()),
            ("data_file", data_file.into()),
            ("timeout", script.timeout.as_secs_f64().into()),
            ("keeps_cookies", script.cookies.into()),
            ("forgets_cookies", (script.cookies && !is_closed).into()),
            ("is_closed", is_closed.into()),
            ("think", think.into()),
            ("period", period.into()),
            ("users_per_level", users_per_level.into()),
            ("spawn_rate", spawn_rate.max(SPAWN_RATE_MIN).into()),
            ("stages", scenario.stages.iter().map(stage).collect()),
            ("sequences", script.sequences.iter().map(sequence).collect()),
            (
                "thresholds",
                script.judged(Tool::Locust).map(threshold).collect(),
            ),
        ],
    )
}

/// Whether the service's certificate is verified.
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

fn stage(stage: &Stage) -> Value {
    fields([
        ("length", stage.length.as_secs_f64().into()),
        ("from", stage.from.into()),
        ("to", stage.to.into()),
    ])
}

/// A threshold with the expression that decides whether it is met.
fn threshold(threshold: &Threshold) -> Value {
    let limit = threshold.limit;
    let ms = limit * 1000.0;
    let is_met = match threshold.of {
        ThresholdMetric::Quantile(q) | ThresholdMetric::FirstToken(q) => {
            format!("stats.get_response_time_percentile({q}) < {ms}")
        }
        ThresholdMetric::Average => format!("stats.avg_response_time < {ms}"),
        ThresholdMetric::Maximum => format!("stats.max_response_time < {ms}"),
        ThresholdMetric::Errors if threshold.is_none() => "stats.num_failures == 0".to_owned(),
        ThresholdMetric::Errors => format!("stats.fail_ratio < {limit}"),
        ThresholdMetric::Rate => format!("stats.total_rps > {limit}"),
    };
    fields([
        ("shown", threshold.to_string().into()),
        ("request", threshold.request.as_deref().into()),
        ("is_met", code(is_met)),
    ])
}

fn sequence(sequence: &ScriptSequence) -> Value {
    let uses_data = |step: &ScriptRequest| step.texts().any(|text| text.uses("data"));
    fields([
        ("weight", sequence.weight.into()),
        ("uses_data", sequence.steps.iter().any(uses_data).into()),
        ("steps", sequence.steps.iter().map(step).collect()),
    ])
}

fn step(request: &ScriptRequest) -> Value {
    let body = request.body.as_ref();
    let body = body.map(|body| format!("({}).encode()", body.expression(&DIALECT)));
    let ranges = request.statuses.iter();
    let ranges = ranges.map(|range| format!("{} <= status <= {}", range.start(), range.end()));
    let checks = joined(request.checks.iter().map(check));
    let captures = joined(request.captures.iter().map(capture));
    fields([
        ("name", request.name.as_str().into()),
        (
            "think",
            request.think.map(|think| think.as_secs_f64()).into(),
        ),
        ("method", request.method.as_str().into()),
        ("path", code(request.path.expression(&DIALECT))),
        (
            "headers",
            code(format!("{{{}}}", request.header_entries(&DIALECT))),
        ),
        ("body", code(body.unwrap_or_else(|| "None".to_owned()))),
        ("is_expected", code(ranges.collect::<Vec<_>>().join(" or "))),
        ("checks", code(format!("{{{checks}}}"))),
        ("captures", code(format!("{{{captures}}}"))),
    ])
}

fn check(check: &ScriptCheck) -> String {
    let call = check.test.call();
    format!("{}: lambda response: {call}", literal(&check.name))
}

fn capture(capture: &ScriptCapture) -> String {
    let find = match &capture.from {
        ScriptSource::Json(keys) => format!("in_json(response, {})", path_literal(keys)),
        ScriptSource::Header(name, None) => format!("in_header(response, {})", literal(name)),
        ScriptSource::Header(name, Some(pattern)) => format!(
            "in_text(in_header(response, {}), {})",
            literal(name),
            literal(pattern)
        ),
        ScriptSource::Location(None) => "in_location(response)".to_owned(),
        ScriptSource::Location(Some(pattern)) => {
            format!("in_location_part(response, {})", literal(pattern))
        }
        ScriptSource::Cookie(name) => format!("self.in_cookie({})", literal(name)),
        ScriptSource::Regex(pattern) => format!("in_text(response.text, {})", literal(pattern)),
    };
    format!("{}: lambda response: {find}", literal(&capture.name))
}
