//! Processes are found, followed and measured like the kernel does.

mod found;

use super::{host, within};
use crate::support::{Running, is_installed, wait_for};
use slod::config::{FoundBy, Pattern, ProcessSpec};
use slod::observe::{ProcessSampler, ProcessView};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A shell that runs commands line by line; stopped on drop.
struct Shell {
    child: Running,
    answers: BufReader<std::process::ChildStdout>,
}

impl Shell {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new("bash")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let child = Running(child);
        Self { child, answers }
    }

    /// Runs a line, and returns when it is done, with its output in one line.
    fn run(&mut self, line: &str) -> String {
        let stdin = self.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{line}").expect("it listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }
}

fn spec(found_by: FoundBy) -> ProcessSpec {
    ProcessSpec {
        service: "s".into(),
        name: "p".into(),
        found_by,
    }
}

fn by_cmdline(mark: &str) -> FoundBy {
    FoundBy::Match {
        name: Some("bash".to_owned()),
        cmdline: Some(Pattern(regex::Regex::new(mark).expect("valid"))),
    }
}

fn one(sampler: &mut ProcessSampler) -> ProcessView {
    sampled(sampler).remove(0)
}

fn sampled(sampler: &mut ProcessSampler) -> Vec<ProcessView> {
    let (views, fault) = sampler.sample();
    assert_eq!(fault, None);
    views
}

/// A text that no other process of the machine has in its command line.
fn mark(test: &str) -> String {
    format!("slod-{test}-{}", std::process::id())
}

#[test]
fn cpu_time_files_and_children_match_the_kernel() {
    let mark = mark("use");
    let mut shell = Shell::start(&["--norc", "-s", &mark]);
    let pid = shell.run("echo $$");
    let mut sampler = ProcessSampler::new(host(), vec![spec(by_cmdline(&mark))]);
    let before_first = Instant::now();
    let first = one(&mut sampler);
    let after_first = Instant::now();
    assert_eq!((first.count, first.cpu_usage), (1, None), "one reading");
    let open = |pid: &str| {
        fs::read_dir(format!("/proc/{pid}/fd"))
            .expect("ours")
            .count() as u64
    };
    assert_eq!(first.open_fds, Some(open(&pid)));
    shell.run("exec 7</dev/null 8</dev/null 9</dev/null; echo done");
    // Busy for a time that the shell itself measures.
    let spent = shell.run(
        "n=0; while [ $SECONDS -lt 2 ]; do n=$((n+1)); done; \
         read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user sys _ < /proc/$$/stat; echo $((user+sys))",
    );
    let least = after_first.elapsed();
    let second = one(&mut sampler);
    let most = before_first.elapsed();
    assert_eq!(second.open_fds, first.open_fds.map(|held| held + 3));
    let ticks: f64 = spent.parse().expect("ticks");
    let truth = ticks / procfs::ticks_per_second() as f64;
    assert!(
        (second.cpu_seconds - truth).abs() <= 0.02 * truth + 0.02,
        "{} reported, {truth} by the kernel",
        second.cpu_seconds
    );
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = |elapsed: Duration| {
        (second.cpu_seconds - first.cpu_seconds) / elapsed.as_secs_f64() / processors as f64
    };
    let usage = second.cpu_usage.expect("the second reading");
    let spent = share(most) - 0.001..=share(least) + 0.001;
    assert!(spent.contains(&usage), "{usage} reported, {spent:?} spent");
    shell.run("sleep 100 & sleep 100 & echo done");
    let third = one(&mut sampler);
    assert_eq!((third.count, third.threads), (3, Some(3)), "its children");
    shell.run("kill %1 %2; wait; echo done");
}

#[test]
fn the_cpu_time_of_children_that_ended_between_two_samples_counts() {
    let mark = mark("short");
    let mut shell = Shell::start(&["--norc", "-s", &mark]);
    shell.run("echo up");
    let mut sampler = ProcessSampler::new(host(), vec![spec(by_cmdline(&mark))]);
    one(&mut sampler);
    let ticks = shell.run(
        "busy='n=0; while [ $n -lt 200000 ]; do n=$((n+1)); done'; \
         for i in 1 2 3; do bash --norc -c \"$busy\"; done; \
         read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user sys cuser csys _ < /proc/$$/stat; \
         echo $((user+sys+cuser+csys))",
    );
    let truth = ticks.parse::<f64>().expect("ticks") / procfs::ticks_per_second() as f64;
    let found = one(&mut sampler).cpu_seconds;
    assert!(
        truth > 0.2 && (found - truth).abs() <= 0.05,
        "{found} reported, {truth} by the kernel"
    );
}

#[test]
fn memory_and_threads_match_the_kernel() {
    const THREADS: u64 = 12;
    let held = vec![1_u8; 96 * 1024 * 1024];
    std::hint::black_box(&held);
    let path = tempfile::NamedTempFile::new().expect("a file");
    fs::write(path.path(), format!("{}\n", std::process::id())).expect("written");
    let mut sampler = ProcessSampler::new(host(), vec![spec(FoundBy::PidFile(path.path().into()))]);
    let barrier = std::sync::Arc::new(std::sync::Barrier::new(13));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let barrier = barrier.clone();
            std::thread::spawn(move || barrier.wait())
        })
        .collect();
    let sum = |pids: &[i32], file: &str, field: &str| -> f64 {
        let one = |pid: &i32| {
            let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
            let line = text.lines().find(|line| line.starts_with(field))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        pids.iter().filter_map(one).sum()
    };
    let mut compare = || {
        let view = one(&mut sampler);
        let memory = view.resident_bytes.expect("it runs") as f64;
        let threads = view.threads.expect("it runs") as f64;
        let counted_memory = sum(&view.pids, "smaps_rollup", "Rss:") * 1024.0;
        let counted_threads = sum(&view.pids, "status", "Threads:");
        [(memory, counted_memory), (threads, counted_threads)]
    };
    let agree = |[memory, threads]: &[(f64, f64); 2]| {
        within(memory.0, memory.1, 0.1) && (threads.0 - threads.1).abs() <= 8.0
    };
    // Processes started by other tests also belong to this process, and may end before they are counted.
    let mut found = compare();
    for _ in 0..20 {
        if !agree(&found) {
            found = compare();
        }
    }
    assert!(agree(&found), "reported and counted: {found:?}");
    let [(memory, _), (running, _)] = found;
    assert!(memory > held.len() as f64 && running > THREADS as f64);
    barrier.wait();
    for thread in threads {
        thread.join().expect("it ends");
    }
}

#[test]
fn a_replaced_process_is_a_restart_and_its_cpu_time_is_kept() {
    let mark = mark("restart");
    let mut first = Shell::start(&["--norc", "-s", &mark]);
    let mut sampler = ProcessSampler::new(host(), vec![spec(by_cmdline(&mark))]);
    assert!(one(&mut sampler).cpu_seconds < 0.001, "counters begin at 0");
    first.run("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done");
    let before = one(&mut sampler);
    assert!(before.cpu_seconds > 0.0);
    drop(first);
    let gone = one(&mut sampler);
    assert_eq!((gone.count, gone.restarts, gone.threads), (0, 0, None));
    assert!(gone.cpu_seconds >= before.cpu_seconds);
    let mut second = Shell::start(&["--norc", "-s", &mark]);
    second.run("echo up");
    let back = one(&mut sampler);
    assert_eq!((back.count, back.restarts), (1, 1));
    assert!(back.cpu_seconds >= before.cpu_seconds);
}

/// The state of a process in the kernel, such as `Z` for a zombie.
fn state_of(pid: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn is_zombie(pid: &str) -> bool {
    state_of(pid) == Some('Z')
}

#[test]
fn a_zombie_is_neither_a_running_process_nor_a_running_child() {
    let mark = mark("zombie");
    // Ends as a child of a program that never waits for its children.
    let program = "read -r _ <&0 & echo $!; exec -a $0 sleep 100";
    let mut shell = Shell::start(&["--norc", "-c", program, &mark]);
    let mut zombie = String::new();
    shell.answers.read_line(&mut zombie).expect("a number");
    let comm = format!("/proc/{}/comm", shell.child.id());
    let is_sleep = || fs::read_to_string(&comm).is_ok_and(|comm| comm.trim() == "sleep");
    wait_for(|| is_sleep().then_some(()));
    let stdin = shell.child.stdin.as_mut().expect("piped");
    writeln!(stdin, "end").expect("it listens");
    let zombie = zombie.trim();
    wait_for(|| is_zombie(zombie).then_some(()));
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), zombie).expect("written");
    let cmdline = Some(Pattern(regex::Regex::new(&mark).expect("valid")));
    let mut sampler = ProcessSampler::new(
        host(),
        vec![
            spec(FoundBy::PidFile(file.path().into())),
            spec(FoundBy::Match {
                name: None,
                cmdline,
            }),
        ],
    );
    let views = sampled(&mut sampler);
    let shown = |view: &ProcessView| (view.count, view.threads, view.open_fds, view.resident_bytes);
    assert_eq!(shown(&views[0]), (0, None, None, None));
    assert_eq!(
        (views[1].count, views[1].threads),
        (1, Some(1)),
        "its parent"
    );
}

#[test]
fn a_process_whose_main_thread_has_ended_is_still_running() {
    if !is_installed("python3") {
        return;
    }
    let mark = mark("leader");
    let program = "import ctypes, sys, threading, time
held = b'x' * (32 << 20)
files = [open('/dev/null') for _ in range(5)]
threading.Thread(target=time.sleep, args=[100]).start()
ctypes.CDLL(None).pthread_exit(None)";
    let child = Command::new("python3").args(["-c", program, &mark]).spawn();
    let mut child = child.expect("python3");
    let pid = child.id().to_string();
    wait_for(|| is_zombie(&pid).then_some(()));
    let cmdline = Some(Pattern(regex::Regex::new(&mark).expect("valid")));
    let looks = FoundBy::Match {
        name: None,
        cmdline,
    };
    let view = one(&mut ProcessSampler::new(host(), vec![spec(looks)]));
    child.kill().expect("ours");
    child.wait().expect("it ends");
    assert_eq!((view.count, view.threads), (1, Some(1)), "{view:?}");
    assert!(view.resident_bytes > Some(32 << 20), "{view:?}");
    assert!(view.anonymous_bytes > Some(32 << 20), "{view:?}");
    assert!(view.open_fds >= Some(8), "{view:?}");
}
