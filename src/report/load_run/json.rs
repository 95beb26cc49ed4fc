//! JSON of a run: its figures, verdicts and windows.

use super::RunReport;
use crate::load::{
    Answer, Ending, Figures, LoadWindow, Model, ObservedSeries, RequestFigures, RetryAfter,
    RunRecord, Scenario, StageRow, Statement, stage_rows,
};
use crate::sample::Summary;
use crate::text::escaped_json;
use crate::threshold::ThresholdResult;
use serde_json::{Value, json};
use std::time::Duration;

/// Incremented when the meaning of a field changes.
const VERSION: u32 = 1;

pub(super) fn write(report: &RunReport) -> String {
    let RunRecord {
        service,
        scenario,
        engine,
        from,
        to,
        ending,
        windows,
        requests,
        observed,
        thresholds: _,
        examples,
        lack,
        concurrent,
    } = &report.run;
    let length = windows.iter().map(|one| one.length).sum();
    let requests: Vec<Value> = requests.iter().map(|one| request(one, length)).collect();
    let known = |value: Value| without_unknown(value, &report.run);
    let list = |list: &[Statement]| list.iter().map(statement).collect::<Vec<_>>();
    let advice: Vec<Value> = report
        .advice()
        .iter()
        .map(|one| json!({ "row": one.row, "what": one.what }))
        .collect();
    let document = json!({
        "version": VERSION,
        "headline": report.headline(),
        "service": service,
        "scenario": self::scenario(scenario),
        "engine": engine,
        "from": from.to_utc().to_rfc3339(),
        "to": to.to_utc().to_rfc3339(),
        "ending": self::ending(ending),
        "verdict": report.verdict(),
        "findings": report.findings(),
        "kept": report.decision().answer() != Answer::Bad,
        "thresholds": report.results.iter().map(threshold).collect::<Vec<_>>(),
        "verdicts": list(&report.statements),
        "healthy_indicators": list(&report.indicators.healthy),
        "warning_signs": list(&report.indicators.warnings),
        "advice": advice,
        "stages": stage_rows(&report.run).iter().map(|one| known(stage(one))).collect::<Vec<_>>(),
        "total": known(figures(&Figures::of(windows))),
        "requests": requests,
        "first_failures": examples.iter().map(|(cause, words)| json!({ "cause": cause.label(), "words": words })).collect::<Vec<_>>(),
        "first_lack": lack,
        "concurrent_runs": concurrent,
        "windows": windows.iter().map(|one| known(window(one))).collect::<Vec<_>>(),
        "observed": observed.iter().filter_map(series).collect::<Vec<_>>(),
    });
    escaped_json(&format!("{document:#}\n")).into_owned()
}

fn scenario(scenario: &Scenario) -> Value {
    let model = match scenario.model {
        Model::Closed { think } => json!({ "closed": { "think_seconds": think.as_secs_f64() } }),
        Model::Open { poisson } => json!({ "open": { "poisson": poisson } }),
    };
    let stages = scenario.stages.iter().map(|stage| {
        let seconds = stage.length.as_secs_f64();
        json!({ "name": stage.name, "from": stage.from, "to": stage.to, "seconds": seconds })
    });
    let stages: Vec<Value> = stages.collect();
    json!({ "name": scenario.name, "purpose": scenario.purpose, "model": model, "stages": stages })
}

fn ending(ending: &Ending) -> Value {
    match ending {
        Ending::Completed => json!({ "state": "completed" }),
        Ending::Aborted { why } => json!({ "state": "aborted", "why": why }),
        Ending::Interrupted => json!({ "state": "interrupted" }),
        Ending::Failed { why } => json!({ "state": "failed", "why": why }),
    }
}

fn threshold(result: &ThresholdResult) -> Value {
    json!({
        "threshold": result.threshold.to_string(),
        "request": result.threshold.request.as_deref(),
        "source": result.source,
        "limit": result.threshold.limit,
        "measured": result.measured.ok(),
        "reason": result.measured.err().map(|missing| missing.to_string()),
        "kept": is_met(result.decision.answer()),
    })
}

/// Replaces values that were not planned or counted in this run with null.
fn without_unknown(mut value: Value, run: &RunRecord) -> Value {
    let mut unknown: Vec<&str> = Vec::new();
    if !run.is_planned() {
        unknown.extend(["due", "from", "to"]);
    }
    if !run.counts_dropped() {
        unknown.push("dropped");
    }
    if !run.counts_repeated() {
        unknown.push("repeated");
    }
    if !run.measures_lag() {
        unknown.extend(["lag_seconds", "lacking"]);
    }
    for name in unknown {
        if let Some(field) = value.get_mut(name) {
            *field = Value::Null;
        }
    }
    value
}

/// Null if the run cannot show it.
fn is_met(answer: Answer) -> Option<bool> {
    (answer != Answer::Unknown).then_some(answer == Answer::Good)
}

/// For a warning sign, `bad` means that it is present.
fn statement(one: &Statement) -> Value {
    let answer = match one.answer {
        Answer::Good => "good",
        Answer::Bad => "bad",
        Answer::Unknown => "unknown",
    };
    json!({ "topic": one.topic, "answer": answer, "evidence": one.evidence })
}

fn stage(row: &StageRow) -> Value {
    let mut value = figures(&row.figures);
    value["name"] = json!(row.name);
    value["from"] = json!(row.from);
    value["to"] = json!(row.to);
    value["seconds"] = json!(row.length.as_secs_f64());
    value["host_cpu_ratio"] = json!(row.cpu);
    value["memory_bytes"] = json!(row.memory);
    value
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

fn figures(figures: &Figures) -> Value {
    json!({
        "requests": figures.completed,
        "errors": (!figures.are_errors_unknown()).then_some(figures.errors),
        "error_ratio": figures.error_ratio(),
        "dropped": figures.dropped,
        "lacking": figures.lacking,
        "repeated": figures.repeated,
        "rate_per_second": figures.rate(),
        "received_bytes": figures.transferred.received,
        "sent_bytes": figures.transferred.sent,
        "mean_seconds": seconds(figures.mean()),
        "p50_seconds": seconds(figures.quantile(0.5)),
        "p95_seconds": seconds(figures.quantile(0.95)),
        "p99_seconds": seconds(figures.quantile(0.99)),
    })
}

fn request(request: &RequestFigures, length: Duration) -> Value {
    let mut value = figures(&Figures::of_request(request, length));
    let causes = request.failed.iter();
    let causes = causes.map(|(cause, count)| (cause.label().to_owned(), json!(count)));
    let missing = request.missing.iter();
    let missing = missing.map(|(name, count)| (name.clone(), json!(count)));
    value["name"] = json!(request.name);
    // Dropped starts have no request.
    value["dropped"] = Value::Null;
    value["lacking"] = Value::Null;
    value["repeated"] = Value::Null;
    value["failed"] = Value::Object(causes.collect());
    let first = Figures::of_first_tokens([request]);
    value["time_to_first_token"] = if request.has_tokens() {
        json!({
            "p50_seconds": seconds(first.quantile(0.5)),
            "p95_seconds": seconds(first.quantile(0.95)),
            "p99_seconds": seconds(first.quantile(0.99)),
        })
    } else {
        Value::Null
    };
    let unmet = request.unmet.iter();
    let unmet = unmet.map(|(name, count)| (name.clone(), json!(count)));
    value["unmet_conditions"] = Value::Object(unmet.collect());
    value["missing_captures"] = Value::Object(missing.collect());
    value["retry_after"] = request.retry_after.map_or(Value::Null, retry_after);
    value
}

fn retry_after(retry_after: RetryAfter) -> Value {
    let (shortest, longest) = retry_after.waits.unzip();
    json!({
        "responses": retry_after.count,
        "shortest_seconds": seconds(shortest),
        "longest_seconds": seconds(longest),
    })
}

fn window(window: &LoadWindow) -> Value {
    let mut value = figures(&Figures::of([window]));
    value["start_seconds"] = json!(window.start.as_secs_f64());
    value["seconds"] = json!(window.length.as_secs_f64());
    value["stage"] = json!(window.stage);
    value["due"] = json!(window.due);
    value["active"] = json!(window.known_active());
    value["lag_seconds"] = json!(window.lag.as_secs_f64());
    value["generator_cpu_ratio"] = json!(window.generator_cpu);
    value
}

/// Summary of a series, without its samples.
fn series(series: &ObservedSeries) -> Option<Value> {
    let summary = Summary::of(series.samples.iter().copied())?;
    Some(json!({
        "series": series.key.to_string(),
        "kind": series.kind.label(),
        "samples": summary.count,
        "first": summary.first.value,
        "last": summary.last.value,
        "min": summary.min,
        "max": summary.max,
        "mean": summary.sum / summary.count as f64,
    }))
}
