//! The host's numbers against the kernel's own.

use slod::observe::HostSampler;
use std::fs;
use std::time::{Duration, Instant};

fn within(told: f64, truth: f64, share: f64) -> bool {
    (told - truth).abs() <= share * truth.abs()
}

fn meminfo(name: &str) -> f64 {
    let text = fs::read_to_string("/proc/meminfo").expect("Linux");
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .expect("there");
    let kib: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number");
    kib * 1024.0
}

/// Busy and all ticks of all processors.
fn stat() -> (f64, f64) {
    let text = fs::read_to_string("/proc/stat").expect("Linux");
    let fields: Vec<f64> = text
        .lines()
        .next()
        .expect("a line")
        .split_whitespace()
        .skip(1)
        .take(8)
        .map(|n| n.parse().expect("a number"))
        .collect();
    let all: f64 = fields.iter().sum();
    (all - fields[3] - fields[4], all)
}

#[test]
fn host_numbers_are_the_kernels() {
    let mut sampler = HostSampler::new().expect("a supported system");
    assert_eq!(sampler.sample().cpu_usage, None, "one reading says nothing");
    let before = stat();
    // Something to see: this thread is busy for half a second.
    let end = Instant::now() + Duration::from_millis(500);
    while Instant::now() < end {
        std::hint::black_box(0);
    }
    let view = sampler.sample();
    let after = stat();
    let usage = view.cpu_usage.expect("the second reading");
    let truth = (after.0 - before.0) / (after.1 - before.1);
    assert!(
        (usage - truth).abs() < 0.1,
        "{usage} told, {truth} by the kernel's ticks of 10 ms"
    );
    assert!(within(
        view.memory_total_bytes as f64,
        meminfo("MemTotal"),
        0.001
    ));
    let used = meminfo("MemTotal") - meminfo("MemAvailable");
    assert!(
        within(view.memory_used_bytes as f64, used, 0.02),
        "{} told, {used}",
        view.memory_used_bytes
    );
    let loadavg = fs::read_to_string("/proc/loadavg").expect("Linux");
    let threads: f64 = loadavg
        .split(['/', ' '])
        .nth(4)
        .and_then(|n| n.parse().ok())
        .expect("a number");
    assert!(
        (view.threads.expect("known") as f64 - threads).abs() <= 20.0,
        "{loadavg}"
    );
    assert!(view.load1.is_some_and(|load| load >= 0.0));
    assert!(view.network.iter().all(|device| device.device != "lo"));
}
