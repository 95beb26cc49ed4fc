//! Disks, pressure and network compared with the kernel's numbers.

mod processes;
mod program;

use slod::config::Pattern;
use slod::observe::{DiskSampler, HostRoot, NetworkSampler, PressureSampler};
use std::fs;
use std::io::Write;
use std::process::Command;

const MIB: u64 = 1 << 20;

fn host() -> HostRoot {
    HostRoot::new("/")
}

fn pattern(text: &str) -> Pattern {
    Pattern(regex::Regex::new(text).expect("valid"))
}

/// Within 2%.
#[track_caller]
fn close(reported: impl Into<Option<f64>>, truth: f64) {
    let reported = reported.into().expect("known");
    assert!(
        (reported - truth).abs() <= 0.02 * truth,
        "{reported} reported, {truth} used"
    );
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    String::from_utf8(output.expect(program).stdout).expect("text")
}

#[test]
fn space_matches_df() {
    let mut sampler = DiskSampler::new(host(), pattern("^$"), pattern("^$"));
    let (all, fault) = sampler.file_systems();
    assert_eq!(fault, None);
    let df = output("df", &["--block-size=1", "--output=size,avail,itotal", "/"]);
    let numbers: Vec<f64> = df
        .lines()
        .nth(1)
        .expect("a line")
        .split_whitespace()
        .map(|number| number.parse().unwrap_or(0.0))
        .collect();
    let root = all
        .iter()
        .find(|one| one.mount_point == "/")
        .expect("mounted");
    close(root.size_bytes as f64, numbers[0]);
    close(root.available_bytes as f64, numbers[1]);
    close(root.files.unwrap_or(0) as f64, numbers[2]);
    assert!(
        root.free_bytes >= root.available_bytes && !root.is_read_only,
        "{root:?}"
    );
    let kinds = ["/proc", "/sys", "/dev"];
    assert!(
        !all.iter()
            .any(|one| kinds.contains(&one.mount_point.as_str())),
        "{all:?}"
    );
    let (without, _) = DiskSampler::new(host(), pattern("^/$"), pattern("^$")).file_systems();
    assert!(
        !without.iter().any(|one| one.mount_point == "/"),
        "{without:?}"
    );
}

#[test]
fn a_written_file_is_counted_for_its_disk() {
    let sampler = DiskSampler::new(host(), pattern("^$"), pattern("^$"));
    let written = |sampler: &DiskSampler| {
        let disks = sampler.devices().expect("Linux");
        disks.iter().map(|disk| disk.written_bytes).sum::<u64>()
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let path = folder.path().join("written");
    let before = written(&sampler);
    let mut file = fs::File::create(&path).expect("created");
    file.write_all(&vec![7; 32 << 20]).expect("written");
    file.sync_all().expect("on the disk");
    if before == 0 && written(&sampler) == 0 {
        return eprintln!(
            "skipped: the disk of {} is not in /proc/diskstats",
            path.display()
        );
    }
    assert!(written(&sampler) - before >= 32 * MIB);
}

#[test]
fn pressure_and_packets_match_the_kernel() {
    let total = |resource: &str| -> Option<f64> {
        let text = fs::read_to_string(format!("/proc/pressure/{resource}")).ok()?;
        let micros = text
            .lines()
            .next()?
            .rsplit_once("total=")?
            .1
            .parse::<u64>()
            .ok()?;
        Some(micros as f64 / 1e6)
    };
    let before = total("cpu");
    let (pressure, fault) = PressureSampler::new(host()).sample();
    match before {
        None => assert!(fault.expect("a reason").to_string().contains("psi=1")),
        Some(before) => {
            let cpu = pressure[0].waiting_seconds.expect("known");
            assert!(before <= cpu && Some(cpu) <= total("cpu"), "{pressure:?}");
        }
    }
    let packets = || -> u64 {
        let text = fs::read_to_string("/proc/net/dev").expect("Linux");
        let lo = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("lo:"));
        let word = lo
            .expect("there")
            .split_whitespace()
            .nth(1)
            .expect("a number");
        word.parse().expect("a number")
    };
    let before = packets();
    let devices = NetworkSampler::new(host(), pattern("^$"))
        .sample()
        .expect("Linux");
    let lo = devices
        .iter()
        .find(|one| one.device == "lo")
        .expect("there");
    assert!((before..=packets()).contains(&lo.receive.packets), "{lo:?}");
}
