//! Metric families of load runs.

use super::view::{Running, RunsView, summarized};
use crate::exposition::{Described, Family, Labels, Sink, counter, gauge, write_each};
use crate::load::Model;
use crate::report::load_run::RunSummary;
use crate::store::StoredRun;
use std::time::Duration;

const RUN: &[&str] = &["service", "scenario", "engine"];
const LAST: &[&str] = &["service", "scenario"];

const RUNNING: &[Described<Running>] = &[
    gauge(
        "slod_load_running",
        "",
        RUN,
        "1 during a load run, otherwise absent, as are all metrics of the current run.",
        |samples, _| samples.count(1),
    ),
    gauge(
        "slod_load_users",
        "",
        RUN,
        "Running users, in scenarios with a number of users.",
        |samples, run| samples.value(run.active.filter(|_| closed(run))),
    ),
    gauge(
        "slod_load_due_users",
        "",
        RUN,
        "Number of users that the scenario requires.",
        |samples, run| samples.value(run.due.filter(|_| closed(run))),
    ),
    gauge(
        "slod_load_due_requests_per_second",
        "",
        RUN,
        "Starts per second that the scenario requires, in scenarios with a rate. Absent for a load that is only observed.",
        |samples, run| samples.value(run.due.filter(|_| !closed(run))),
    ),
    gauge(
        "slod_load_in_flight_requests",
        "",
        RUN,
        "Requests waiting for their responses, in scenarios with a rate. Absent if unknown.",
        |samples, run| samples.value(run.active.filter(|_| !closed(run))),
    ),
    gauge(
        "slod_load_offered_requests_per_second",
        "",
        RUN,
        "Started requests per second, over the last 10 s of the run.",
        |samples, run| samples.value(rate(run.recent.started, run.recent.length)),
    ),
    gauge(
        "slod_load_achieved_requests_per_second",
        "",
        RUN,
        "Completed requests per second, over the last 10 s of the run.",
        |samples, run| samples.value(rate(run.recent.completed, run.recent.length)),
    ),
    counter(
        "slod_load_requests_total",
        &["service", "scenario", "engine", "result"],
        "Requests completed since the start of the run, by result: `good`, the cause of the failure, or `unknown` if the service does not count its errors.",
        |samples, run| {
            samples.with("result", "good", |samples| samples.count(run.good));
            for (cause, count) in &run.failed {
                samples.with("result", cause.label(), |samples| samples.count(*count));
            }
            if run.unjudged > 0 {
                samples.with("result", "unknown", |samples| samples.count(run.unjudged));
            }
        },
    ),
    gauge(
        "slod_load_error_ratio",
        "ratio",
        RUN,
        "Ratio of failed requests, over the last 10 s of the run. Absent without requests, and if the service does not count its errors.",
        |samples, run| samples.value(run.recent.error_ratio()),
    ),
    gauge(
        "slod_load_latency_quantile_seconds",
        "seconds",
        &["service", "scenario", "engine", "quantile"],
        "Latency from the intended start, over the last 10 s of the run. Absent if there are too few requests.",
        |samples, run| {
            for (name, q) in [("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99)] {
                let value = run.recent.quantile(q);
                samples.with("quantile", name, |samples| {
                    samples.value(value.map(|value| value.as_secs_f64()));
                });
            }
        },
    ),
    counter(
        "slod_load_dropped_starts_total",
        &["service", "scenario", "engine", "reason"],
        "Starts that were due since the start of the run but not made, by reason: `open_requests` (the maximum number of requests was open, because the service did not answer in time) or `generator` (the load generator's machine ran out of ports, file descriptors, memory or another resource; the run's report describes the first shortage). Absent for engines that do not count them.",
        |samples, run| {
            if let Some(dropped) = run.dropped {
                let reasons = [
                    ("open_requests", dropped.open_requests),
                    ("generator", dropped.generator),
                ];
                for (reason, count) in reasons {
                    samples.with("reason", reason, |samples| samples.count(count));
                }
            }
        },
    ),
    counter(
        "slod_load_repeated_requests_total",
        RUN,
        "Requests since the start of the run that were retried because the service closed a keep-alive connection before its answer, or did not process them. Absent for engines other than `slod`.",
        |samples, run| {
            if let Some(repeated) = run.repeated {
                samples.count(repeated);
            }
        },
    ),
    counter(
        "slod_load_received_bytes_total",
        RUN,
        "Bytes of responses since the start of the run. With slod's engine, of heads and bodies, without TLS; with k6, of the whole connections; with Locust, of bodies. Absent if they are not counted.",
        |samples, run| {
            if let Some(bytes) = run.transferred.received {
                samples.count(bytes);
            }
        },
    ),
    counter(
        "slod_load_sent_bytes_total",
        RUN,
        "Bytes of requests since the start of the run. With slod's engine, of heads and bodies, without TLS; with k6, of the whole connections. Absent if they are not counted, as with Locust.",
        |samples, run| {
            if let Some(bytes) = run.transferred.sent {
                samples.count(bytes);
            }
        },
    ),
    gauge(
        "slod_load_generator_lag_seconds",
        "seconds",
        RUN,
        "Lateness of the load generator in the last second: 99th percentile over its starts, or over its own ticks every 10 ms. Absent for engines other than `slod`.",
        |samples, run| samples.value(run.lag.map(|lag| lag.as_secs_f64())),
    ),
    gauge(
        "slod_load_generator_cpu_ratio",
        "ratio",
        RUN,
        "Share of the CPUs that the load generator used in the last second, for Locust of one CPU. Absent if unknown: for Locust workers and observed loads.",
        |samples, run| samples.value(run.generator_cpu),
    ),
];

type Finished<'a> = (&'a StoredRun, &'a RunSummary);

/// Value of a completed run.
type ReadValue = for<'a> fn(&Finished<'a>) -> Option<f64>;

const FINISHED: &[(Family, ReadValue)] = &[
    gauge(
        "slod_load_last_run_timestamp_seconds",
        "seconds",
        LAST,
        "End of the last run of a service and scenario.",
        |(run, _)| Some(run.to.as_secs_f64()),
    ),
    gauge(
        "slod_load_last_run_duration_seconds",
        "seconds",
        LAST,
        "Duration of the last run.",
        |(run, _)| Some(run.to.0.saturating_sub(run.from.0) as f64 / 1000.0),
    ),
    gauge(
        "slod_load_last_run_passed",
        "",
        LAST,
        "Whether the service passed the last run: 1 yes, 0 no. Absent if the run was inconclusive.",
        |(_, summary)| match &*summary.verdict {
            "passed" => Some(1.0),
            "failed" => Some(0.0),
            _ => None,
        },
    ),
    gauge(
        "slod_load_last_run_requests_per_second",
        "",
        LAST,
        "Completed requests per second in the last run.",
        |(_, summary)| Some(summary.rate_per_second),
    ),
    gauge(
        "slod_load_last_run_error_ratio",
        "ratio",
        LAST,
        "Ratio of failed requests in the last run. Absent without requests, and if the service does not count its errors.",
        |(_, summary)| summary.error_ratio,
    ),
    gauge(
        "slod_load_last_run_latency_p95_seconds",
        "seconds",
        LAST,
        "95th percentile of the latency in the last run.",
        |(_, summary)| summary.p95_seconds,
    ),
];

pub fn families() -> impl Iterator<Item = &'static Family> {
    let running = RUNNING.iter().map(|(family, _)| family);
    running.chain(FINISHED.iter().map(|(family, _)| family))
}

/// Writes running and last completed runs.
pub fn write(sink: &mut dyn Sink, view: &RunsView) {
    let label = |labels: &mut Labels, run: &&Running| {
        labels.push("service", &run.run.service);
        labels.push("scenario", &run.run.scenario);
        labels.push("engine", &run.run.engine);
    };
    write_each(
        sink,
        RUNNING,
        &view.running.iter(),
        label,
        |write, samples, run| write(samples, run),
    );
    let label = |labels: &mut Labels, (run, _): &Finished<'_>| {
        labels.push("service", &run.service);
        labels.push("scenario", &run.scenario);
    };
    write_each(
        sink,
        FINISHED,
        &summarized(view),
        label,
        |value, samples, run| samples.value(value(run)),
    );
}

fn closed(run: &Running) -> bool {
    matches!(run.model, Model::Closed { .. })
}

fn rate(count: u64, length: Duration) -> Option<f64> {
    let seconds = length.as_secs_f64();
    (seconds > 0.0).then(|| count as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{TextFormat, TextSink};
    use crate::load::{LoadWindow, OBSERVED, RunRecord, SLOD, builtin};
    use crate::outcome::Timestamp;

    fn shown(engine: &str, window: LoadWindow) -> String {
        let scenario = builtin("throughput", 50.0).expect("built in");
        let at = Timestamp(0);
        let run = StoredRun {
            id: 1,
            service: "web".to_owned(),
            scenario: scenario.name.clone(),
            engine: engine.to_owned(),
            from: at,
            to: at,
            is_baseline: false,
            is_open: true,
        };
        let record = RunRecord {
            windows: vec![window],
            ..RunRecord::begun("web", scenario, engine, at)
        };
        let view = RunsView {
            running: Running::of(run, &record).into_iter().collect(),
            finished: Vec::new(),
        };
        let mut sink = TextSink::new(TextFormat::Text, Vec::new());
        write(&mut sink, &view);
        String::from_utf8(sink.finish().expect("memory")).expect("text")
    }

    fn window() -> LoadWindow {
        LoadWindow {
            length: Duration::from_secs(1),
            due: 50.0,
            started: 50,
            unjudged: 50,
            ..LoadWindow::default()
        }
    }

    #[test]
    fn unknown_values_of_a_run_are_absent() {
        let window = window();
        let unknown = [
            "slod_load_due_requests_per_second{",
            "slod_load_in_flight_requests{",
            "slod_load_error_ratio{",
            "slod_load_latency_quantile_seconds{",
            "slod_load_dropped_starts_total{",
            "slod_load_repeated_requests_total{",
            "slod_load_generator_lag_seconds{",
            "slod_load_generator_cpu_ratio{",
        ];
        let watched = shown(OBSERVED, window.clone());
        for name in unknown {
            assert!(!watched.contains(name), "{name}: {watched}");
        }
        assert!(watched.contains("result=\"unknown\"} 50"), "{watched}");
        let mut own = window;
        (own.good, own.unjudged, own.active) = (50, 0, 2.0);
        let own = shown(SLOD, own);
        for name in unknown {
            let is_known = !name.contains("latency") && !name.contains("cpu");
            assert_eq!(own.contains(name), is_known, "{name}: {own}");
        }
        assert!(!own.contains("result=\"unknown\""), "{own}");
    }

    #[test]
    fn starts_are_dropped_for_a_reason() {
        let mut dropped = window();
        (dropped.dropped, dropped.lacking) = (30, 20);
        let text = shown(SLOD, dropped);
        for reason in ["\"open_requests\"} 10", "\"generator\"} 20"] {
            assert!(text.contains(&format!("reason={reason}")), "{text}");
        }
    }
}
