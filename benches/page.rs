//! How long the front page and `/metrics` take with a thousand services. Target: below 20 ms for the
//! front page.

#[path = "../tests/project/synthetic/mod.rs"]
mod synthetic;

use flate2::Compression;
use flate2::write::GzEncoder;
use slod::alerting::{self, AlertsView};
use slod::config::Config;
use slod::exposition::{TextFormat, TextSink};
use slod::ledger::{self, LedgerView, RestoreFrom, restore};
use slod::outcome::{Cause, Measurement, Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::web::page::{Overview, PageQuery, View, render_overview};
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

const ROUNDS: usize = 50;
const SERVICES: usize = 1000;
const INTERVAL: Duration = Duration::from_secs(10);
/// Outcomes of each service: three hours.
const OUTCOMES: u32 = 1080;
const CONFIG: &str = "defaults:
  interval: 10s
  objectives:
    - { name: availability, sli: availability, target: 99.9%, window: 30d, budgeting: timeslices }
    - { name: latency-p95, sli: latency, below: 500ms, target: 95%, window: 30d }
    - { name: latency-p99, sli: latency, below: 1s, target: 99%, window: 30d }
    - { name: errors, sli: success, target: 99.9%, window: 30d }
services:
";

fn main() {
    overview();
    metrics();
}

fn overview() {
    let snapshot = synthetic::many(SERVICES);
    let firing = synthetic::firing(&snapshot.services);
    let (system, findings) = (synthetic::system(), synthetic::findings());
    let view = View {
        now: snapshot.at,
        query: PageQuery::NONE,
        store_trouble: None,
        writer: None,
    };
    let render = || {
        let shown = Overview {
            snapshot: &snapshot,
            firing: &firing,
            findings: &findings,
            system: &system,
            silences: &[],
            shard: None,
        };
        render_overview(shown, view).len()
    };
    let size = render();
    let (median, worst) = measured(|| {
        black_box(render());
    });
    let size = size / 1024;
    println!("front page: {SERVICES} services, {size} KiB: median {median:?}, worst {worst:?}");
}

fn metrics() {
    let view = probed();
    let text = page(&view, Vec::new());
    let lines = text.split(|byte| *byte == b'\n').count() - 1;
    let kib = text.len() / 1024;
    let per_line = |time: Duration| time.as_secs_f64() * 1e6 / lines as f64;
    let (plain, worst) = measured(|| {
        black_box(page(&view, io::sink()));
    });
    println!(
        "/metrics: {SERVICES} services, {lines} lines, {kib} KiB: median {plain:?}, worst {worst:?}: {:.3} us per line",
        per_line(plain)
    );
    let (gzip, worst) = measured(|| {
        black_box(page(&view, zipped()));
    });
    println!(
        "/metrics with gzip: median {gzip:?}, worst {worst:?}: {:.3} us per line",
        per_line(gzip)
    );
    let (step, worst) = measured(|| {
        black_box(alerting::LiveAlerts::default().step(&view, &alerting::Inputs::default()));
    });
    println!("alerts: median {step:?}, worst {worst:?}");
}

fn page<W: Write>(view: &LedgerView, out: W) -> W {
    let mut sink = TextSink::new(TextFormat::Text, out);
    ledger::metrics::write(&mut sink, view);
    alerting::metrics::write(&mut sink, view, &AlertsView::default());
    sink.finish().expect("nothing fails")
}

fn zipped() -> GzEncoder<io::Sink> {
    GzEncoder::new(io::sink(), Compression::fast())
}

/// Every hundredth service has some failures.
fn probed() -> LedgerView {
    let services = (0..SERVICES).map(|number| {
        format!("  - {{ name: s{number}, probes: [ {{ name: http, http: {{ url: \"http://127.0.0.1/t/{number}\" }} }} ] }}\n")
    });
    let text = CONFIG.to_owned() + &services.collect::<String>();
    let config: Config = text.parse().expect("valid");
    let start = Timestamp::from_secs(1_700_000_000);
    let mut ledger = restore(RestoreFrom::new(&config, &[], None, start)).expect("nothing is read");
    for tick in 0..OUTCOMES {
        for number in 0..SERVICES {
            ledger.record(&Record {
                key: ProbeKey::new(&format!("s{number}"), "http"),
                at: start.after(INTERVAL * tick),
                interval: INTERVAL,
                outcome: outcome(number, tick),
            });
        }
    }
    ledger.advance(start.after(INTERVAL * OUTCOMES)).view()
}

fn outcome(number: usize, tick: u32) -> Outcome {
    let failed = number % 100 == 17 && tick % 40 < 3;
    let verdict = if failed {
        Verdict::Bad(Cause::Timeout)
    } else {
        Verdict::Good
    };
    let took = Duration::from_micros(1000 + u64::from(tick) * 7919 % 500);
    let mut outcome = Outcome::new(verdict, took);
    for phase in [
        Measurement::Connect,
        Measurement::Processing,
        Measurement::Transfer,
    ] {
        outcome.measured.add(phase, took / 3);
    }
    outcome.code = (!failed).then_some(200);
    outcome
}

/// Median and maximum.
fn measured(mut work: impl FnMut()) -> (Duration, Duration) {
    let mut times = [Duration::ZERO; ROUNDS];
    for time in &mut times {
        let start = Instant::now();
        work();
        *time = start.elapsed();
    }
    times.sort_unstable();
    (times[ROUNDS / 2], times[ROUNDS - 1])
}
