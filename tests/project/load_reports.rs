//! The text reports of three runs: a soak with a leak, a stress run whose pool fills up, and a
//! healthy baseline.

use expect_test::expect_file;
use slod::config::{Config, ServiceSpec};
use slod::load::{LoadWindow, ObservedSeries, RunRecord, builtin};
use slod::outcome::Timestamp;
use slod::report::load_run::{ReportExtras, RunReport};
use slod::sample::{Sample, SeriesKind};
use slod::stats::quantile::Histogram;
use slod::stats::scale::Scale;
use std::path::Path;
use std::time::Duration;

const CONFIG: &str = "services:
  - name: rag
    probes: [ { name: p, http: { url: 'http://127.0.0.1:1/' } } ]
    objectives:
      - { name: p95, sli: latency, below: 500ms, target: 95% }
      - { name: errors, sli: success, target: 99.9% }
    load: { users: 10-50, peak_users: 100, average: 100ms-200ms, max: 500ms }
";
const MIB: f64 = 1_048_576.0;
const START: Timestamp = Timestamp::from_secs(1_795_000_000);

fn service() -> ServiceSpec {
    let config: Config = CONFIG.parse().expect("valid");
    config.services.into_iter().next().expect("one service")
}

/// The report of a run of a built-in scenario, with a latency in milliseconds for each second and
/// level.
fn report(name: &str, latency: impl Fn(f64, f64) -> f64, observed: &[ObservedSeries]) -> String {
    let scenario = builtin(name, 100.0).expect("built in");
    let length = scenario.length();
    let scale = Scale::new([]);
    let windows = (0..length.as_secs()).map(|second| {
        let (stage, due) = scenario.at(Duration::from_secs(second)).expect("inside");
        let wobble = 1.0 + (second * 7919 % 101) as f64 / 500.0;
        let ms = latency(second as f64, due) * wobble;
        let count = whole(due / (1.0 + ms / 1000.0));
        let mut histogram = Histogram::default();
        for place in 0..count {
            let spread = 0.8 + 0.4 * place as f64 / count as f64;
            let time = Duration::from_secs_f64(ms * spread / 1000.0);
            histogram.add(scale.code(time), 1);
        }
        LoadWindow {
            start: Duration::from_secs(second),
            length: Duration::from_secs(1),
            stage,
            due,
            active: due,
            started: count,
            good: count,
            latency: histogram,
            lag: Duration::from_micros(150),
            generator_cpu: Some(0.06),
            ..LoadWindow::default()
        }
    });
    let run = RunRecord {
        to: START.after(length),
        windows: windows.collect(),
        observed: observed.to_vec(),
        ..RunRecord::begun("rag", scenario, "slod", START)
    };
    RunReport::new(run, Some(&service())).to_text(ReportExtras::default())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small and positive"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

fn gauge(key: &str, seconds: u64, value: impl Fn(f64) -> f64) -> ObservedSeries {
    let samples = (0..=seconds / 5).map(|number| Sample {
        at: START.after(Duration::from_secs(number * 5)),
        value: value(number as f64 * 5.0),
    });
    ObservedSeries {
        key: key.parse().expect("a series"),
        kind: SeriesKind::Gauge,
        samples: samples.collect(),
    }
}

/// Values from -0.5 to 0.5, without a trend.
fn noise(second: f64) -> f64 {
    (second * 1583.8 % 101.0) / 101.0 - 0.5
}

/// All series of a healthy service, except those that are replaced.
fn observed(seconds: u64, special: Vec<ObservedSeries>) -> Vec<ObservedSeries> {
    let process = |name: &str| format!(r#"slod_process_{name}{{service="rag",process="app"}}"#);
    let container = |name: &str| format!(r#"slod_container_{name}{{service="rag",process="app"}}"#);
    let of_service = |name: &str| format!(r#"slod_service_{name}{{service="rag"}}"#);
    let steady = |key: &str, level: f64, spread: f64| {
        gauge(key, seconds, move |second| level + spread * noise(second))
    };
    let mut all = vec![
        steady("slod_host_cpu_usage_ratio", 0.41, 0.1),
        steady("slod_host_memory_total_bytes", 8192.0 * MIB, 0.0),
        steady("slod_host_memory_used_bytes", 3000.0 * MIB, 20.0 * MIB),
        steady("slod_host_memory_available_bytes", 5192.0 * MIB, 20.0 * MIB),
        steady(&process("resident_memory_bytes"), 240.0 * MIB, 4.0 * MIB),
        steady(&process("anonymous_memory_bytes"), 200.0 * MIB, 4.0 * MIB),
        steady(&process("open_fds"), 64.0, 6.0),
        steady(&process("open_fds_max_ratio"), 0.06, 0.006),
        steady(&process("threads"), 12.0, 0.0),
        steady(&container("cpu_usage_max_ratio"), 0.5, 0.1),
        steady(&container("memory_limit_bytes"), 512.0 * MIB, 0.0),
        steady(
            &container("memory_working_set_bytes"),
            230.0 * MIB,
            4.0 * MIB,
        ),
        steady(&container("memory_working_set_max_ratio"), 0.45, 0.01),
        steady(&of_service("active_connections"), 12.0, 4.0),
        steady(&of_service("queue_depth"), 1.0, 2.0),
        steady(&of_service("db_pool_in_use"), 6.0, 4.0),
        steady(&of_service("db_pool_max"), 20.0, 0.0),
        steady(&of_service("db_pool_waiting"), 0.0, 0.0),
        steady(&of_service("circuit_breaker_open"), 0.0, 0.0),
    ];
    for one in special {
        match all.iter_mut().find(|known| known.key == one.key) {
            Some(known) => *known = one,
            None => all.push(one),
        }
    }
    all
}

/// Compares with the expected text.
fn same(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/load-reports");
    expect_file![folder.join(format!("{name}.txt"))].assert_eq(text);
}

#[test]
fn a_soak_with_a_leak() {
    let leak =
        |from: f64| move |second: f64| (from + 24.0 * second / 3600.0 + 4.0 * noise(second)) * MIB;
    let key = |name: &str| format!(r#"slod_{name}{{service="rag",process="app"}}"#);
    let observed = observed(
        7200,
        vec![
            gauge(&key("process_anonymous_memory_bytes"), 7200, leak(200.0)),
            gauge(&key("process_resident_memory_bytes"), 7200, leak(240.0)),
            gauge(
                &key("container_memory_working_set_bytes"),
                7200,
                leak(230.0),
            ),
        ],
    );
    same("soak-with-leak", &report("soak", |_, _| 120.0, &observed));
}

/// Above 110 users, requests wait for a connection.
#[test]
fn a_stress_run_that_fills_a_pool() {
    let full = |second: f64| second >= 310.0;
    let key = |name: &str| format!(r#"slod_service_{name}{{service="rag"}}"#);
    let observed = observed(
        600,
        vec![
            gauge(&key("db_pool_in_use"), 600, move |second| {
                if full(second) {
                    20.0
                } else {
                    (2.0 + second / 20.0).floor()
                }
            }),
            gauge(&key("db_pool_waiting"), 600, move |second| {
                if full(second) {
                    ((second - 300.0) / 5.0).floor()
                } else {
                    0.0
                }
            }),
            gauge(&key("queue_depth"), 600, move |second| {
                if full(second) {
                    (second - 305.0).floor()
                } else {
                    1.0
                }
            }),
            gauge("slod_host_cpu_usage_ratio", 600, |second| {
                0.2 + second / 2000.0
            }),
        ],
    );
    let latency = |_, users: f64| {
        let waiting = (users / 110.0 - 1.0).max(0.0);
        120.0 + 3000.0 * waiting
    };
    same(
        "stress-with-full-pool",
        &report("stress", latency, &observed),
    );
}

#[test]
fn a_healthy_baseline_is_reported() {
    let observed = observed(300, Vec::new());
    same(
        "healthy-baseline",
        &report("baseline", |_, _| 120.0, &observed),
    );
}
