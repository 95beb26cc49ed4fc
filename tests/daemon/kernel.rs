//! Disks, pressure and network compared with the kernel's numbers, and a program that uses known
//! amounts of memory, CPU time, threads, files and writes, also inside a control group with limits.

use slod::config::{FoundBy, Pattern, ProcessSpec};
use slod::observe::{
    ContainerSampler, ContainerView, DiskSampler, HostRoot, NetworkSampler, PressureSampler,
    ProcessSampler, ProcessView,
};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

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

/// A program that runs lines of Python, and ends with the test.
struct Program {
    child: Child,
    answers: BufReader<ChildStdout>,
}

const PROGRAM: &str = "import sys
scope = {}
for line in sys.stdin:
    answer = line.startswith('=')
    result = eval(line[1:], scope) if answer else exec(line, scope)
    print(result, flush=True)
";

impl Program {
    /// Starts it in the control groups with these directories.
    fn start(mark: &str, groups: &[PathBuf]) -> Self {
        let join: Vec<_> = groups
            .iter()
            .map(|group| format!("echo $$ > {}/cgroup.procs;", group.display()))
            .collect();
        let script = format!("{} exec python3 -c \"$0\" {mark}", join.join(" "));
        let mut child = Command::new("bash")
            .args(["-c", &script, PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut program = Self { child, answers };
        program.run("import mmap, os, resource, threading, time");
        program
    }

    /// Runs a line, and returns when it is done; with its value if it starts with `=`. `None` if the
    /// program has ended.
    fn run(&mut self, line: &str) -> String {
        let stdin = self.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{line}").expect("it reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }

    fn number(&mut self, line: &str) -> f64 {
        self.run(line).parse().expect("a number")
    }

    /// Touches this much anonymous memory.
    fn allocate(&mut self, bytes: u64) {
        self.run(&format!("held = mmap.mmap(-1, {bytes}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); [held.__setitem__(at, 1) for at in range(0, {bytes}, 4096)]"));
    }

    /// Busy until it has used this much more CPU time.
    fn burn(&mut self, seconds: f64) {
        self.run(&format!("end = time.process_time() + {seconds}"));
        self.run("all(iter(lambda: time.process_time() < end, False))");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
    program.burn(0.5);
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
        assert!(
            throttled > 0.5,
            "{throttled} s for 0.5 s at a fifth of a processor"
        );
        assert!(view.throttled_periods > Some(10) && view.periods >= view.throttled_periods);
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
