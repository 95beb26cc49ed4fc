//! A run as JSON: its figures, verdicts and windows.

use super::RunReport;
use crate::load::{Answer, Ending, Figures, LoadWindow, Model, RequestFigures, RunRecord};
use serde_json::{Value, json};
use std::time::Duration;

/// Changes when a field changes its meaning.
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
        observed: _,
    } = &report.run;
    let length = windows.iter().map(|one| one.length).sum();
    let requests: Vec<Value> = requests.iter().map(|one| request(one, length)).collect();
    let ending = match ending {
        Ending::Completed => json!({ "state": "completed" }),
        Ending::Aborted { why } => json!({ "state": "aborted", "why": why }),
        Ending::Interrupted => json!({ "state": "interrupted" }),
    };
    let model = match scenario.model {
        Model::Closed { think } => json!({ "closed": { "think_seconds": think.as_secs_f64() } }),
        Model::Open { poisson } => json!({ "open": { "poisson": poisson } }),
    };
    let stages: Vec<Value> = scenario
        .stages
        .iter()
        .map(|stage| {
            let seconds = stage.length.as_secs_f64();
            json!({ "name": stage.name, "from": stage.from, "to": stage.to, "seconds": seconds })
        })
        .collect();
    let thresholds: Vec<Value> = report
        .held
        .iter()
        .map(|held| {
            json!({
                "threshold": held.threshold.to_string(),
                "source": held.source,
                "limit": held.threshold.limit,
                "measured": held.measured,
                "kept": held.is_kept(),
            })
        })
        .collect();
    let statements: Vec<Value> = report
        .statements
        .iter()
        .map(|one| {
            let answer = match one.answer {
                Answer::Good => "good",
                Answer::Bad => "bad",
                Answer::Unknown => "unknown",
            };
            json!({ "topic": one.topic, "answer": answer, "evidence": one.evidence })
        })
        .collect();
    let document = json!({
        "version": VERSION,
        "headline": report.headline(),
        "service": service,
        "scenario": { "name": scenario.name, "purpose": scenario.purpose, "model": model, "stages": stages },
        "engine": engine,
        "from": from.to_utc().to_rfc3339(),
        "to": to.to_utc().to_rfc3339(),
        "ending": ending,
        "kept": report.is_kept(),
        "thresholds": thresholds,
        "verdicts": statements,
        "total": figures(&Figures::of(windows)),
        "requests": requests,
        "windows": windows.iter().map(window).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

fn figures(figures: &Figures) -> Value {
    json!({
        "requests": figures.completed,
        "errors": figures.errors,
        "error_ratio": figures.error_ratio(),
        "dropped": figures.dropped,
        "rate_per_second": figures.rate(),
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
    value["failed"] = Value::Object(causes.collect());
    let first = Figures::of_first_tokens(request);
    value["time_to_first_token"] = first.map_or(Value::Null, |first| {
        json!({
            "p50_seconds": seconds(first.quantile(0.5)),
            "p95_seconds": seconds(first.quantile(0.95)),
            "p99_seconds": seconds(first.quantile(0.99)),
        })
    });
    value["missing_captures"] = Value::Object(missing.collect());
    value
}

fn window(window: &LoadWindow) -> Value {
    let mut value = figures(&Figures::of([window]));
    value["start_seconds"] = json!(window.start.as_secs_f64());
    value["seconds"] = json!(window.length.as_secs_f64());
    value["stage"] = json!(window.stage);
    value["due"] = json!(window.due);
    value["active"] = json!(window.active);
    value["lag_seconds"] = json!(window.lag.as_secs_f64());
    value["generator_cpu_ratio"] = json!(window.generator_cpu);
    value
}
