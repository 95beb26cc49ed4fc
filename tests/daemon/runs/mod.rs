//! Load runs on the real binary.

mod ended;
mod kept;
mod published;

use crate::support::write_config;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn config(folder: &Path) -> PathBuf {
    let text = "services:
  - name: web
    probes: [ { name: home, http: { url: \"http://127.0.0.1:1/\" } } ]
";
    write_config(folder, text)
}

/// The command for a run of one second.
fn quick() -> Vec<&'static str> {
    let command = "load baseline --service web --users 1 --run-time 1s";
    command.split(' ').collect()
}

/// Two minutes of 20 requests per second in oha's format, with about this latency in milliseconds.
fn result(folder: &Path, latency: f64) -> PathBuf {
    let mut text = "request-start,request-duration,status\n".to_owned();
    for request in 0..2400_u32 {
        let spread = 1.0 + f64::from(request * 7919 % 101) / 200.0;
        let (start, took) = (f64::from(request) / 20.0, latency * spread / 1000.0);
        writeln!(text, "{start},{took},200").expect("written");
    }
    let file = folder.join(format!("{latency}.csv"));
    std::fs::write(&file, text).expect("written");
    file
}
