//! Processes are found, followed and measured like the kernel does.

use super::{host, within};
use crate::support::Daemon;
use slod::config::{FoundBy, Pattern, ProcessSpec};
use slod::observe::{ProcessSampler, ProcessView};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A shell that runs commands line by line; stopped on drop.
struct Shell {
    child: Child,
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

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
    let first = one(&mut sampler);
    assert_eq!((first.count, first.cpu_usage), (1, None), "one reading");
    let open = |pid: &str| {
        fs::read_dir(format!("/proc/{pid}/fd"))
            .expect("ours")
            .count() as u64
    };
    assert_eq!(first.open_fds, Some(open(&pid)));
    shell.run("exec 7</dev/null 8</dev/null 9</dev/null; echo done");
    let started = Instant::now();
    // Busy for a time that the shell itself measures.
    let spent = shell.run(
        "n=0; while [ $SECONDS -lt 2 ]; do n=$((n+1)); done; \
         read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user sys _ < /proc/$$/stat; echo $((user+sys))",
    );
    let second = one(&mut sampler);
    let elapsed = started.elapsed().as_secs_f64();
    assert_eq!(second.open_fds, first.open_fds.map(|held| held + 3));
    let ticks: f64 = spent.parse().expect("ticks");
    let truth = ticks / procfs::ticks_per_second() as f64;
    assert!(
        (second.cpu_seconds - truth).abs() <= 0.02 * truth + 0.02,
        "{} reported, {truth} by the kernel",
        second.cpu_seconds
    );
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = (second.cpu_seconds - first.cpu_seconds) / elapsed / processors as f64;
    let usage = second.cpu_usage.expect("the second reading");
    assert!(
        (usage - share).abs() < 0.02,
        "{usage} reported, {share} spent"
    );
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
    // Processes started by other tests also belong to this process, and may have ended in the
    // meantime.
    let sum = |pids: &[i32], file: &str, field: &str| -> f64 {
        let one = |pid: &i32| {
            let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
            let line = text.lines().find(|line| line.starts_with(field))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        pids.iter().filter_map(one).sum()
    };
    let view = one(&mut sampler);
    let truth = sum(&view.pids, "smaps_rollup", "Rss:") * 1024.0;
    let reported = view.resident_bytes.expect("it runs") as f64;
    assert!(
        within(reported, truth, 0.1),
        "{reported} reported, {truth} counted"
    );
    assert!(reported > held.len() as f64);
    let truth = sum(&view.pids, "status", "Threads:");
    let reported = view.threads.expect("it runs") as f64;
    assert!(
        (reported - truth).abs() <= 8.0 && reported > THREADS as f64,
        "{reported} threads reported, {truth} counted"
    );
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

#[test]
fn processes_listening_on_a_port_and_their_successors_are_found() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let mut sampler = ProcessSampler::new(host(), vec![spec(FoundBy::Port(port))]);
    let threads = |view: &ProcessView| view.threads.unwrap_or(0);
    let found = one(&mut sampler);
    assert!(found.count >= 1 && threads(&found) >= 2, "{found:?}");
    let again = one(&mut sampler);
    assert!(again.count >= 1, "{again:?}");
    drop(listener);
    assert_eq!(one(&mut sampler).count, 0, "nobody listens");
    let _next = TcpListener::bind(("127.0.0.1", port)).expect("free again");
    assert!(one(&mut sampler).count >= 1, "another socket");
}

/// systemd opens the sockets of services, and keeps them open while these run.
#[test]
fn the_manager_that_opened_a_socket_is_not_the_process_that_listens() {
    let folder = tempfile::tempdir().expect("a folder");
    let manager = folder.path().join("systemd");
    fs::copy("/bin/sleep", &manager).expect("copied");
    let program = "import socket, subprocess, sys
listener = socket.create_server(('127.0.0.1', 0))
listener.set_inheritable(True)
run = lambda program: subprocess.Popen([program, '100'], close_fds=False)
manager, service = run(sys.argv[1]), run('sleep')
print(listener.getsockname()[1], flush=True)
listener.close()
sys.stdin.readline()
service.kill()
service.wait()
print('ended', flush=True)
sys.stdin.readline()
manager.kill()
manager.wait()";
    let mut child = Command::new("python3")
        .args(["-c", program])
        .arg(&manager)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut answer = || answers.next().expect("it answers").expect("a line");
    let port = answer().parse().expect("a port");
    let mut sampler = ProcessSampler::new(host(), vec![spec(FoundBy::Port(port))]);
    let mut count = || one(&mut sampler).count;
    wait_for(|| count() == 1);
    let mut stdin = child.stdin.take().expect("piped");
    writeln!(stdin, "end").expect("it listens");
    assert_eq!(answer(), "ended");
    assert_eq!(count(), 0, "the manager would start it");
    drop(stdin);
    child.wait().expect("it ends");
}

/// The path of its config contains the name of the service.
#[test]
fn slod_itself_is_no_process_of_a_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("concierge.yaml");
    let mark = path.display();
    let text = format!(
        "listen: 127.0.0.1:0\nobserve: {{ interval: 1s }}\nservices:\n  - name: s\n    objectives: []\n    probes: [ {{ name: p, tcp: {{ address: \"127.0.0.1:1\" }} }} ]\n    processes:\n      - {{ name: service, match: {{ cmdline: \"{mark}\" }} }}\n      - {{ name: itself, match: {{ name: slod, cmdline: \"{mark}\" }} }}\n"
    );
    fs::write(&path, text).expect("written");
    let daemon = Daemon::start(&path);
    let instances = |process: &str| {
        let series = format!("slod_process_instances{{service=\"s\",process=\"{process}\"}}");
        daemon.wait_for(|daemon| daemon.metric(&series))
    };
    assert!((instances("service") - 0.0).abs() < f64::EPSILON);
    assert!((instances("itself") - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_copy_that_becomes_another_program_is_found_by_its_new_name() {
    let mark = mark("exec");
    let mut shell = Shell::start(&["--norc", "-s"]);
    let pid = shell.run("echo $$");
    let looks = FoundBy::Match {
        name: Some("sleep".to_owned()),
        cmdline: None,
    };
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), &pid).expect("written");
    let named = ProcessSpec {
        name: mark.as_str().into(),
        ..spec(looks)
    };
    let mut sampler = ProcessSampler::new(
        host(),
        vec![named, spec(FoundBy::PidFile(file.path().into()))],
    );
    let sleeping = |sampler: &mut ProcessSampler| sampled(sampler)[0].count;
    let before = sleeping(&mut sampler);
    let stdin = shell.child.stdin.as_mut().expect("piped");
    writeln!(stdin, "exec sleep 100").expect("it listens");
    let comm = format!("/proc/{pid}/comm");
    let end = Instant::now() + Duration::from_secs(10);
    while fs::read_to_string(&comm).expect("it runs").trim() != "sleep" {
        assert!(Instant::now() < end, "it never became another program");
        std::thread::yield_now();
    }
    // Other tests may start or end other `sleep` processes, but not this one.
    let after = sampled(&mut sampler);
    assert!(after[0].count >= 1, "{before} before, {after:?}");
    assert_eq!(
        (after[1].count, after[1].restarts),
        (1, 0),
        "the same process"
    );
}

/// The state of a process in the kernel, such as `Z` for a zombie.
fn state_of(pid: &str) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn is_zombie(pid: &str) -> bool {
    state_of(pid) == Some('Z')
}

fn wait_for(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < end, "it never came to that");
        std::thread::yield_now();
    }
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
    wait_for(|| fs::read_to_string(&comm).is_ok_and(|comm| comm.trim() == "sleep"));
    let stdin = shell.child.stdin.as_mut().expect("piped");
    writeln!(stdin, "end").expect("it listens");
    let zombie = zombie.trim();
    wait_for(|| is_zombie(zombie));
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
    let mark = mark("leader");
    let program = "import ctypes, sys, threading, time
held = b'x' * (32 << 20)
files = [open('/dev/null') for _ in range(5)]
threading.Thread(target=time.sleep, args=[100]).start()
ctypes.CDLL(None).pthread_exit(None)";
    let child = Command::new("python3").args(["-c", program, &mark]).spawn();
    let mut child = child.expect("python3");
    let pid = child.id().to_string();
    wait_for(|| is_zombie(&pid));
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

#[test]
fn an_unreadable_process_is_unknown_rather_than_absent() {
    let folder = tempfile::tempdir().expect("a folder");
    // A directory cannot be read as a file, even by root.
    let unreadable = spec(FoundBy::PidFile(folder.path().into()));
    let missing = spec(FoundBy::PidFile(folder.path().join("missing")));
    let mut sampler = ProcessSampler::new(host(), vec![unreadable, missing]);
    let (views, fault) = sampler.sample();
    assert_eq!(views.len(), 1, "the other one is known");
    let fault = fault.expect("a reason").to_string();
    assert!(
        fault.contains(&folder.path().display().to_string()),
        "{fault}"
    );
}

/// After a crash, the system assigns the PID to another process.
#[test]
fn a_process_younger_than_its_pid_file_is_ignored() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), format!("\u{feff}{}\n", std::process::id())).expect("written");
    let found = || vec![spec(FoundBy::PidFile(file.path().into()))];
    assert!(one(&mut ProcessSampler::new(host(), found())).count > 0);
    let before = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let opened = fs::File::options().write(true).open(file.path());
    opened
        .and_then(|file| file.set_modified(before))
        .expect("set");
    assert_eq!(one(&mut ProcessSampler::new(host(), found())).count, 0);
    fs::write(file.path(), "{\"pid\": 7}").expect("written");
    let (views, fault) = ProcessSampler::new(host(), found()).sample();
    let fault = fault.expect("a reason").to_string();
    assert!(
        views.is_empty() && fault.contains("does not start with a pid"),
        "{fault}"
    );
}

#[test]
fn a_nonexistent_process_is_absent() {
    let missing = |path: &str| std::path::PathBuf::from(path);
    let mut sampler = ProcessSampler::new(
        host(),
        vec![
            spec(FoundBy::PidFile(missing("/nonexistent/pid"))),
            spec(FoundBy::Cgroup(missing("no.slice/such.service"))),
        ],
    );
    for view in sampled(&mut sampler) {
        assert_eq!(
            (view.count, view.cpu_seconds, view.resident_bytes),
            (0, 0.0, None)
        );
    }
}

/// A PID file of a container contains a PID of its namespace: everything here descends from process
/// 1.
#[test]
fn a_file_that_names_the_first_process_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), "1\n").expect("written");
    let mut sampler = ProcessSampler::new(host(), vec![spec(FoundBy::PidFile(file.path().into()))]);
    let (views, fault) = sampler.sample();
    assert!(views.is_empty(), "{views:?}");
    let fault = fault.expect("a reason").to_string();
    assert!(
        fault.contains("contains pid 1, which is the init process of the host"),
        "{fault}"
    );
}
