//! A program that uses known amounts of memory, CPU time, threads, files and writes, also inside a
//! control group with limits.

use super::program::Program;
use super::{MIB, close, host, pattern};
use crate::support::is_installed;
use slod::config::{FoundBy, ProcessSpec};
use slod::observe::{ContainerSampler, ContainerView, ProcessSampler, ProcessView};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn spec(mark: &str) -> ProcessSpec {
    ProcessSpec {
        service: "s".into(),
        name: "p".into(),
        found_by: FoundBy::Match {
            name: None,
            cmdline: Some(pattern(&format!("(?s)python3.*{mark}$"))),
        },
    }
}

/// A text that no other process of the machine has in its command line.
fn mark(test: &str) -> String {
    format!("slod-{test}-{}", std::process::id())
}

fn one(sampler: &mut ProcessSampler) -> ProcessView {
    let (mut views, fault) = sampler.sample();
    assert_eq!((fault, views.len()), (None, 1));
    views.remove(0)
}

#[test]
fn process_usage_matches_the_known_amounts() {
    if !is_installed("python3") {
        return;
    }
    let mark = mark("known");
    // Its first sample precedes the program, so it counts everything that the program does.
    let mut counting = ProcessSampler::new(host(), vec![spec(&mark)]);
    assert_eq!(one(&mut counting).count, 0);
    let mut program = Program::start(&mark, &[]);
    // A sampler's first sample reads everything.
    let fresh = || one(&mut ProcessSampler::new(host(), vec![spec(&mark)]));
    let before = fresh();
    assert_eq!(before.count, 1);
    let started = before.started_seconds.expect("known");
    let now = program.number("=time.time()");
    assert!(
        (now - 20.0..now + 2.0).contains(&started),
        "{started} is not now, {now}"
    );

    // The kernel sums up the counts of all CPUs from time to time (proc_pid_status(5): "this value is
    // inaccurate"), with a lag of at most some megabytes.
    program.allocate(256 * MIB);
    let allocated = fresh();
    let more = |of: fn(&ProcessView) -> Option<u64>, view: &ProcessView| {
        (of(view).expect("known") - of(&before).expect("known")) as f64
    };
    for memory in [
        (|view| view.anonymous_bytes) as fn(&ProcessView) -> Option<u64>,
        |view| view.resident_bytes,
        |view| view.proportional_bytes,
    ] {
        close(more(memory, &allocated), 256.0 * MIB as f64);
    }
    program.run("files = [open('/dev/null') for _ in range(20)]");
    program.run(
        "[threading.Thread(target=time.sleep, args=[100], daemon=True).start() for _ in range(5)]",
    );
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let path = folder.path().join("written");
    program.run(&format!("file = open('{}', 'wb', 0); [file.write(bytes(1 << 20)) for _ in range(32)] and os.fsync(file.fileno())", path.display()));
    program.run("[time.sleep(0.001) for _ in range(1000)]");
    program.burn(0.5);
    let cpu = program.number("=time.process_time()");
    let switches = program.number("=resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw");
    let (after, counted) = (fresh(), one(&mut counting));
    assert!(after.cpu_seconds < 0.001, "its past is not counted");

    assert_eq!(
        after.resident_max_bytes, after.resident_bytes,
        "it is the only one"
    );
    assert_eq!(
        (
            more(|view| view.threads, &after),
            more(|view| view.open_fds, &after)
        ),
        (5.0, 21.0)
    );
    assert!(switches > 1000.0, "{switches}");
    close(counted.voluntary_switches.map(|all| all as f64), switches);
    // The kernel counts in ticks of 10 ms.
    assert!(
        (counted.cpu_seconds - cpu).abs() < 0.02 * cpu + 0.03,
        "{} of {cpu}",
        counted.cpu_seconds
    );
    let limit = program.number("=resource.getrlimit(resource.RLIMIT_NOFILE)[0]");
    close(after.fd_limit.map(|limit| limit as f64), limit);
    close(after.fds_max, after.open_fds.expect("known") as f64 / limit);
    let written = counted.written_bytes.expect("known") as f64;
    if written == 0.0 {
        return eprintln!(
            "skipped: {} is not on a disk, or the kernel does not count",
            path.display()
        );
    }
    close(written, 32.0 * MIB as f64);
}

/// Directories of a control group created for a test, in each hierarchy; removed on drop.
struct Limited(Vec<PathBuf>);

impl Limited {
    /// `None` if this test is not allowed to create one.
    fn create(name: &str) -> Option<Self> {
        let root = Path::new("/sys/fs/cgroup");
        let v2 = fs::read_to_string(root.join("cgroup.subtree_control")).unwrap_or_default();
        let parents: Vec<PathBuf> = if ["cpu", "memory", "pids"].iter().all(|one| v2.contains(one))
        {
            vec![root.to_owned()]
        } else {
            ["memory", "cpu", "cpuacct", "pids"]
                .map(|one| root.join(one))
                .into()
        };
        let mut made = Self(Vec::new());
        for parent in parents {
            let folder = parent.join(name);
            fs::create_dir(&folder).ok()?;
            made.0.push(folder);
        }
        let is_real = made
            .0
            .iter()
            .all(|folder| folder.join("cgroup.procs").exists());
        is_real.then_some(made)
    }

    /// The first of these files that exists: for version 2 or 1.
    fn set(&self, files: [&str; 2], values: [&str; 2]) {
        let all = files.iter().zip(values);
        let mut all = all
            .flat_map(|(file, value)| self.0.iter().map(move |folder| (folder.join(file), value)));
        let (path, value) = all.find(|(path, _)| path.exists()).expect("a limit");
        fs::write(path, value).expect("written");
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let end = Instant::now() + Duration::from_secs(5);
        for folder in &self.0 {
            while folder.exists() && fs::remove_dir(folder).is_err() && Instant::now() < end {
                std::thread::yield_now();
            }
        }
    }
}

#[test]
fn container_usage_matches_its_program() {
    if !is_installed("python3") {
        return;
    }
    let mark = mark("limits");
    let Some(limited) = Limited::create(&mark) else {
        return eprintln!(
            "skipped: making a control group with limits needs root and a writable /sys/fs/cgroup"
        );
    };
    limited.set(["memory.max", "memory.limit_in_bytes"], ["200M"; 2]);
    limited.set(["cpu.max", "cpu.cfs_period_us"], ["20000 100000", "100000"]);
    if limited.0.len() > 1 {
        limited.set(["cpu.cfs_quota_us"; 2], ["20000"; 2]);
    }
    limited.set(["pids.max"; 2], ["50"; 2]);
    let mut program = Program::start(&mark, &limited.0);
    let mut processes = ProcessSampler::new(host(), vec![spec(&mark)]);
    let named = ProcessSpec {
        found_by: FoundBy::Cgroup(PathBuf::from(&mark)),
        ..spec(&mark)
    };
    let specs = [spec(&mark), named].into_iter();
    let mut containers = ContainerSampler::new(host(), specs);
    let mut sample = || -> [ContainerView; 2] {
        let found = one(&mut processes);
        let (views, fault) = containers.sample(&[found]);
        assert_eq!(fault, None);
        let [found, named] = views.try_into().expect("both");
        assert_eq!(
            (found.count, named.count),
            (1, 1),
            "the container of the process is the named one"
        );
        [found, named]
    };
    let used = program.number("=time.process_time()");
    let before = sample()[0].clone();
    assert_eq!(before.memory_limit_bytes, Some(200 * MIB));
    assert_eq!((before.cpu_limit, before.pids_limit), (Some(0.2), Some(50)));
    assert_eq!((before.oom_kills, before.pids), (Some(0), Some(1)));

    program.run(
        "[threading.Thread(target=time.sleep, args=[100], daemon=True).start() for _ in range(9)]",
    );
    program.allocate(64 * MIB);
    let begun = Instant::now();
    program.burn(0.5);
    // Otherwise, it waited for other programs and not for its limit.
    let is_throttled = begun.elapsed() < Duration::from_secs(4);
    let used = program.number("=time.process_time()") - used;
    for (view, first) in sample().iter().zip([before.clone(), before.clone()]) {
        let more = |of: fn(&ContainerView) -> Option<u64>| {
            (of(view).expect("known") - of(&first).expect("known")) as f64
        };
        close(more(|view| view.anonymous_bytes), 64.0 * MIB as f64);
        close(more(|view| view.memory_bytes), 64.0 * MIB as f64);
        assert_eq!((view.pids, view.pids_max), (Some(10), Some(0.2)));
        let cpu = view.cpu_seconds.zip(first.cpu_seconds);
        close(cpu.map(|(now, before)| now - before), used);
        let throttled = view.throttled_seconds.zip(first.throttled_seconds);
        let throttled = throttled.map_or(0.0, |(now, before)| now - before);
        assert!(view.periods >= view.throttled_periods);
        assert!(
            !is_throttled || (throttled > 0.5 && view.throttled_periods > Some(10)),
            "{throttled} s for 0.5 s at a fifth of a processor"
        );
    }
    // More than its limit: the kernel kills it.
    let stdin = program.child.stdin.as_mut().expect("piped");
    writeln!(stdin, "more = bytearray(300 << 20)").expect("it reads");
    program.child.wait().expect("it ends");
    // Without its processes, only the named container is known.
    let (views, _) = containers.sample(&[]);
    assert_eq!(views.len(), 1, "{views:?}");
    assert_eq!(views[0].oom_kills, Some(1), "{views:?}");
}
