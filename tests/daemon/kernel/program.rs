//! A program that uses resources on request.

use crate::support::Running;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};

/// A program that runs lines of Python, and ends with the test.
pub struct Program {
    pub child: Running,
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
    pub fn start(mark: &str, groups: &[PathBuf]) -> Self {
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
        let child = Running(child);
        let mut program = Self { child, answers };
        program.run("import mmap, os, resource, threading, time");
        program
    }

    /// Runs a line, and returns when it is done; with its value if it starts with `=`. `None` if the
    /// program has ended.
    pub fn run(&mut self, line: &str) -> String {
        let stdin = self.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{line}").expect("it reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        answer.trim().to_owned()
    }

    pub fn number(&mut self, line: &str) -> f64 {
        self.run(line).parse().expect("a number")
    }

    /// Touches this much anonymous memory.
    pub fn allocate(&mut self, bytes: u64) {
        self.run(&format!("held = mmap.mmap(-1, {bytes}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); [held.__setitem__(at, 1) for at in range(0, {bytes}, 4096)]"));
    }

    /// Busy until it has used this much more CPU time.
    pub fn burn(&mut self, seconds: f64) {
        self.run(&format!("end = time.process_time() + {seconds}"));
        self.run("all(iter(lambda: time.process_time() < end, False))");
    }
}
