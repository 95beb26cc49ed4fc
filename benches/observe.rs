//! Cost of a sample of all collectors, with 50 matched processes among 500, and of parsing a metrics
//! page. Target for the sample: below 0.2% of one CPU with a sample every 10 s, which is 20 ms.

use procfs::process::Process;
use slod::config::Config;
use slod::diagnostic::Source;
use slod::observe::scrape::{PageReader, Plan, Scan};
use slod::observe::{COLLECTORS, Collector, SystemView};
use slod::probe::http::BodySink;
use std::hash::RandomState;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SAMPLES: u32 = 200;
const PROCESSES: usize = 500;
const MATCHED: usize = 50;

const CONFIG: &str = "services: { name: bench, objectives: [], probes: { name: p, tcp: { address: \"127.0.0.1:1\" } }, processes: { name: matched, match: { cmdline: ^matched } } }";

fn main() {
    let source = Source::new("", CONFIG);
    let loaded = Config::load(&source, Path::new(""), &|_| None);
    let Some(config) = loaded.config else {
        return println!("the config is invalid: {:?}", loaded.diagnostics);
    };
    let mut children: Vec<Child> = (0..PROCESSES).filter_map(sleeper).collect();
    let mut collectors: Vec<_> = COLLECTORS
        .iter()
        .filter_map(|kind| Some((kind.name, (kind.start)(&config).ok()?)))
        .collect();
    let (mut view, mut sum) = (SystemView::default(), 0.0);
    for (name, collector) in &mut collectors {
        let cost = cost(|| sample(collector.as_mut(), &mut view));
        println!("{name:>10}: {cost:.2} ms");
        sum += cost;
    }
    let count = view.processes.first().map_or(0, |view| view.count);
    println!(
        "{count} processes among {PROCESSES} and more: {sum:.2} ms of a processor per sample, {:.3}% at one every 10 s",
        sum / 100.0
    );
    scrape();
    for child in &mut children {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Cost of parsing a page of 20,000 lines, without the network. Target: below 15 ms.
fn scrape() {
    let text = "services: [{ name: a, probes: [{ name: p, http: { url: \"http://h/\" } }], metrics: { url: \"http://h/\" } }]";
    let source = Source::new("", text);
    let loaded = Config::load(&source, Path::new(""), &|_| None);
    let Some(spec) = loaded
        .config
        .and_then(|config| config.metrics().next().cloned())
    else {
        return println!("the config of the page is invalid");
    };
    let (plan, hasher, page) = (Plan::new(&spec), RandomState::new(), page_of_metrics());
    let lines = page.lines().count();
    let mut findings = 0;
    let one = cost(|| {
        let mut reader = PageReader::new(Scan::new(&plan, &hasher, 0));
        for part in page.as_bytes().chunks(16 * 1024) {
            let _ = reader.take(part);
        }
        findings = reader.finish().map_or(0, |findings| findings.samples);
    });
    println!(
        "a page of {lines} lines, {} KiB, {findings} samples: {one:.2} ms of a processor",
        page.len() / 1024
    );
}

/// A histogram with many handlers, and families that no role uses.
fn page_of_metrics() -> String {
    let mut lines = Vec::new();
    for handler in 0..200 {
        let labels = format!("handler=\"/api/v1/things/{handler}\",method=\"GET\",status=\"2xx\"");
        for bucket in 0..20 {
            let count = handler * bucket;
            lines.push(format!(
                "http_request_duration_seconds_bucket{{{labels},le=\"{bucket}.5\"}} {count}\n"
            ));
        }
        lines.push(format!("http_requests_total{{{labels}}} {handler}\n"));
    }
    for family in 0..158 {
        lines.push(format!("# TYPE other_metric_{family} gauge\n"));
        for series in 0..100 {
            lines.push(format!(
                "other_metric_{family}{{instance=\"node-{series}\",region=\"eu-west-1\"}} {series}.25\n"
            ));
        }
    }
    lines.concat()
}

fn sample(collector: &mut dyn Collector, view: &mut SystemView) {
    if let Err(reason) = collector.collect(view) {
        println!("not everything was sampled: {reason}");
    }
}

fn sleeper(index: usize) -> Option<Child> {
    let name = if index < MATCHED { "matched" } else { "other" };
    let mut command = Command::new("bash");
    command.args(["-c", &format!("exec -a {name} sleep 600")]);
    command.stdin(Stdio::null()).spawn().ok()
}

/// CPU time of one call in milliseconds, after a first call that fills caches.
fn cost(mut call: impl FnMut()) -> f64 {
    call();
    call();
    let before = spent_ms();
    for _ in 0..SAMPLES {
        call();
    }
    (spent_ms() - before) / f64::from(SAMPLES)
}

fn spent_ms() -> f64 {
    let stat = Process::myself().and_then(|own| own.stat());
    let ticks = stat.map_or(0, |stat| stat.utime + stat.stime);
    ticks as f64 * 1000.0 / procfs::ticks_per_second() as f64
}
