//! The numbers of the host match those of the kernel.

use super::{host, within};
use crate::support::wait_for;
use slod::config::Pattern;
use slod::observe::{HostSampler, NetworkSampler};
use std::fs;
use std::time::{Duration, Instant};

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

/// Busy ticks and all ticks of all CPUs.
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

fn threads() -> f64 {
    let loadavg = fs::read_to_string("/proc/loadavg").expect("Linux");
    let threads = loadavg.split(['/', ' ']).nth(4).expect("there");
    threads.parse().expect("a number")
}

#[test]
fn host_numbers_match_the_kernel() {
    let mut sampler = HostSampler::new(host());
    let mut sample = || {
        let (view, fault) = sampler.sample();
        assert_eq!(fault, None);
        view
    };
    let first = sample();
    assert_eq!(first.cpu_usage, None, "one reading says nothing");
    let before = stat();
    // Causes measurable usage: this thread is busy for half a second.
    let end = Instant::now() + Duration::from_millis(500);
    while Instant::now() < end {
        std::hint::black_box(0);
    }
    let view = sample();
    let after = stat();
    let usage = view.cpu_usage.expect("the second reading");
    let truth = (after.0 - before.0) / (after.1 - before.1);
    assert!(
        (usage - truth).abs() < 0.1,
        "{usage} reported, {truth} by the kernel's ticks of 10 ms"
    );
    assert!(within(
        view.memory_total_bytes.expect("known") as f64,
        meminfo("MemTotal"),
        0.001
    ));
    assert!(view.load.iter().all(Option::is_some));
    // Other tests use memory and start threads between both readings.
    wait_for(|| {
        let view = sample();
        let used = meminfo("MemTotal") - meminfo("MemAvailable");
        let reported = view.memory_used_bytes.expect("known") as f64;
        let differ = (view.threads.expect("known") as f64 - threads()).abs();
        (within(reported, used, 0.02) && differ <= 20.0).then_some(())
    });
}

#[test]
fn devices_match_the_kernel_except_excluded_ones() {
    let sample = |exclude: &str| {
        let exclude = Pattern(regex::Regex::new(exclude).expect("valid"));
        let sampler = NetworkSampler::new(host(), exclude);
        sampler.sample().expect("Linux")
    };
    let text = fs::read_to_string("/proc/net/dev").expect("Linux");
    let mut devices: Vec<_> = text
        .lines()
        .skip(2)
        .filter_map(|line| Some(line.split_once(':')?.0.trim()))
        .collect();
    devices.sort_unstable();
    let names = |all: &[slod::observe::NetworkView]| -> Vec<String> {
        all.iter().map(|view| view.device.clone()).collect()
    };
    assert_eq!(names(&sample("^none$")), devices);
    assert!(!names(&sample("^lo$")).contains(&"lo".to_owned()));
}
