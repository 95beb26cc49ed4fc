//! Which processes are found by a port, a name or a file.

use super::{Shell, mark, one, sampled, spec};
use crate::observe::host;
use crate::support::{Daemon, free_port, has_all, is_installed, wait_for};
use slod::config::{FoundBy, ProcessSpec};
use slod::observe::{ProcessSampler, ProcessView};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn processes_listening_on_a_port_and_their_successors_are_found() {
    let port = free_port();
    let bind = || TcpListener::bind(("127.0.0.1", port)).ok();
    let listener = bind().expect("free");
    let mut sampler = ProcessSampler::new(host(), vec![spec(FoundBy::Port(port))]);
    let threads = |view: &ProcessView| view.threads.unwrap_or(0);
    let found = one(&mut sampler);
    assert!(found.count >= 1 && threads(&found) >= 2, "{found:?}");
    let again = one(&mut sampler);
    assert!(again.count >= 1, "{again:?}");
    drop(listener);
    // A program that another test is starting has it for a moment, too.
    wait_for(|| (one(&mut sampler).count == 0).then_some(()));
    let _next = wait_for(bind);
    assert!(one(&mut sampler).count >= 1, "another socket");
}

/// systemd opens the sockets of services, and keeps them open while these run.
#[test]
fn the_manager_that_opened_a_socket_is_not_the_process_that_listens() {
    if !is_installed("python3") {
        return;
    }
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
    wait_for(|| (count() == 1).then_some(()));
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
    let is_sleep = || fs::read_to_string(&comm).expect("it runs").trim() == "sleep";
    wait_for(|| is_sleep().then_some(()));
    // Other tests may start or end other `sleep` processes, but not this one.
    let after = sampled(&mut sampler);
    assert!(after[0].count >= 1, "{before} before, {after:?}");
    assert_eq!(
        (after[1].count, after[1].restarts),
        (1, 0),
        "the same process"
    );
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
    has_all(
        &fault,
        &["contains pid 1, which is the init process of the host"],
    );
}
