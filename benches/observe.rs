//! What a sample of host, network and 50 matched processes among 500 costs. The promise: under
//! 0.2 % of one processor at one sample every 10 s, which is 20 ms.

use procfs::process::Process;
use slod::config::{FoundBy, Pattern, ProcessSpec};
use slod::observe::{HostSampler, NetworkSampler, ProcessSampler};
use std::hint::black_box;
use std::process::{Child, Command, Stdio};

const SAMPLES: u32 = 200;
const PROCESSES: usize = 500;
const MATCHED: usize = 50;

fn main() {
    let mut children: Vec<Child> = (0..PROCESSES).filter_map(sleeper).collect();
    let exclude = regex::Regex::new("^lo$").map(Pattern);
    let (Ok(mut host), Ok(exclude)) = (HostSampler::new(), exclude) else {
        return println!("this system cannot be sampled");
    };
    let Ok(mut network) = NetworkSampler::new(exclude) else {
        return println!("this network cannot be sampled");
    };
    let mut processes = ProcessSampler::new(vec![by_cmdline("^matched")]);
    let mut count = 0;
    let both = cost(|| {
        black_box((host.sample(), network.sample()));
        let (views, _) = processes.sample();
        count = views.first().map_or(0, |view| view.count);
    });
    println!(
        "{count} processes among {PROCESSES} and more: {both:.2} ms of a processor per sample, {:.3} % at one every 10 s",
        both / 100.0
    );
    for child in &mut children {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn sleeper(index: usize) -> Option<Child> {
    let name = if index < MATCHED { "matched" } else { "other" };
    let mut command = Command::new("bash");
    command.args(["-c", &format!("exec -a {name} sleep 600")]);
    command.stdin(Stdio::null()).spawn().ok()
}

fn by_cmdline(pattern: &str) -> ProcessSpec {
    let cmdline = regex::Regex::new(pattern).ok().map(Pattern);
    ProcessSpec {
        service: "bench".into(),
        name: "matched".into(),
        found_by: FoundBy::Looks {
            name: None,
            cmdline,
        },
    }
}

/// Processor time of one call in milliseconds, after a first one that fills what is remembered.
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
