//! A tool that makes the load of a run, while it does so.

use super::cpu::CpuMeter;
use super::generator::Generated;
use super::tool::ToolPlan;
use super::tool_log::ToolLog;
use crate::cli::child::{Ended, LoadCommand};
use crate::clock::Clock;
use crate::export::Tool;
use crate::import::Follower;
use crate::load::LoadWindow;
use crate::outcome::Timestamp;
use rustix::process::Signal;
use slod_load::add_within;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// How often it is looked for windows that are over.
const LOOK: Duration = Duration::from_millis(250);
/// How long after its end a second is all there. Workers of Locust report every three seconds.
const SETTLED: Duration = Duration::from_millis(1500);
const SETTLED_WORKERS: Duration = Duration::from_millis(4500);
/// How long a tool may take to end after its requests have.
const PATIENCE: Duration = Duration::from_secs(15);
/// Windows that are kept of a run; when there are more, neighbors become one.
const KEPT_MAX: usize = 7200;
/// A longer line is cut.
const LINE_MAX: u64 = 1 << 20;
/// k6 says so of a run without any request, or that missed a threshold that was passed on to it.
const K6_THRESHOLDS: i32 = 99;

pub struct ToolRun {
    plan: ToolPlan,
    command: LoadCommand,
    shared: Shared,
    readers: Vec<JoinHandle<()>>,
    cpu: Option<CpuMeter>,
    /// Windows that were not asked for yet.
    ready: VecDeque<LoadWindow>,
    kept: Vec<LoadWindow>,
    /// When it is ended at once, if it was asked to end.
    deadline: Option<Instant>,
    /// How it ended.
    ended: Option<Ended>,
    /// With the script.
    _folder: TempDir,
}

/// What the threads that read the tool's output share with the run.
#[derive(Clone)]
struct Shared {
    follower: Arc<Mutex<Follower>>,
    log: Arc<Mutex<ToolLog>>,
}

impl ToolRun {
    pub fn start(plan: ToolPlan) -> Result<Self, String> {
        let name = plan.name();
        let failed = |error: io::Error| format!("cannot start {name}: {}", error.kind());
        // Only its owner can read such a folder.
        let folder = tempfile::Builder::new().prefix("slod-load-").tempdir();
        let folder = folder.map_err(failed)?;
        let script = folder.path().join(plan.file_name());
        std::fs::write(&script, &plan.script).map_err(failed)?;
        let log = ToolLog::new(plan.log.as_deref(), plan.variables.values().cloned());
        let follower = Follower::new(plan.followed(), plan.scenario.clone(), plan.names.clone());
        let shared = Shared {
            follower: Arc::new(Mutex::new(follower)),
            log: Arc::new(Mutex::new(log.map_err(failed)?)),
        };
        let command = LoadCommand::start(&plan.command(&script), |command| {
            command.envs(&plan.variables);
            command.stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        })?;
        let mut command = command.ok_or_else(|| format!("cannot start {name}"))?;
        let readers = shared.read(&mut command).map_err(failed)?;
        let processors = match plan.tool {
            Tool::K6 => None,
            // One process of Python uses one processor.
            Tool::Locust => Some(1.0),
        };
        let is_alone = plan.workers.is_none();
        let cpu = command.id().filter(|_| is_alone);
        Ok(Self {
            cpu: cpu.map(|id| CpuMeter::of(id, processors)),
            plan,
            command,
            shared,
            readers,
            ready: VecDeque::new(),
            kept: Vec::new(),
            deadline: None,
            ended: None,
            _folder: folder,
        })
    }

    /// Waits for the first sign of its load. An error says why there is none.
    pub async fn began(&mut self) -> Result<Timestamp, String> {
        let mut looks = interval(LOOK);
        loop {
            if let Some(at) = lock(&self.shared.follower).began() {
                return Ok(at);
            }
            if let Some(ended) = &self.ended {
                let name = self.plan.name();
                let lines = lock(&self.shared.log).ending();
                return Err(format!("{name} {ended} before it made any load{lines}"));
            }
            tokio::select! {
                _ = looks.tick() => {}
                ended = self.command.ended() => self.end(ended),
            }
        }
    }

    /// The next second that is over; `None` after the end of the tool.
    pub async fn next(&mut self) -> Option<LoadWindow> {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(window) = self.ready.pop_front() {
                return Some(window);
            }
            if self.ended.is_some() {
                return None;
            }
            let deadline = self.deadline;
            tokio::select! {
                _ = looks.tick() => self.look(),
                ended = self.command.ended() => self.end(ended),
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    self.kill();
                    self.deadline = None;
                }
            }
        }
    }

    /// Asks the tool for its end: it waits for its requests.
    pub fn stop(&mut self) {
        self.command.signal(Signal::TERM);
        self.deadline = Some(Instant::now() + self.plan.timeout + PATIENCE);
    }

    /// Ends all of its processes at once.
    pub fn kill(&self) {
        self.command.signal(Signal::KILL);
    }

    /// Workers that run, as far as it says.
    pub fn workers(&self) -> Option<u64> {
        lock(&self.shared.follower).workers()
    }

    fn look(&mut self) {
        let settled = match self.plan.workers {
            Some(_) => SETTLED_WORKERS,
            None => SETTLED,
        };
        let until = Clock::system().now().before(settled);
        let windows = lock(&self.shared.follower).windows(until);
        self.take(windows);
    }

    /// All that it wrote is read before its end counts.
    fn end(&mut self, ended: Ended) {
        self.command.sweep();
        for reader in self.readers.drain(..) {
            // A panic of a thread would have lost its counts: nothing to add here.
            let _ = reader.join();
        }
        let rest = {
            let mut follower = lock(&self.shared.follower);
            follower.rest()
        };
        self.take(rest);
        self.ended = Some(ended);
    }

    fn take(&mut self, windows: Vec<LoadWindow>) {
        if windows.is_empty() {
            return;
        }
        let share = self.cpu.as_mut().and_then(CpuMeter::share);
        for mut window in windows {
            window.generator_cpu = share;
            add_within(KEPT_MAX, &mut self.kept, std::slice::from_ref(&window));
            self.ready.push_back(window);
        }
    }

    /// Ends the run. Without a request for its end, the tool has to say that all went well.
    pub fn finish(self) -> Generated {
        let is_fine = |code: i32| code == 0 || self.plan.tool == Tool::K6 && code == K6_THRESHOLDS;
        let ended = self
            .ended
            .filter(|ended| !ended.code().is_some_and(is_fine));
        let failure = ended.map(|ended| {
            let lines = lock(&self.shared.log).ending();
            format!("{} {ended}{lines}", self.plan.name())
        });
        let requests = lock(&self.shared.follower).requests();
        Generated {
            windows: self.kept,
            requests,
            failure,
        }
    }
}

impl Shared {
    /// Threads that read until the tool has closed its outputs.
    fn read(&self, command: &mut LoadCommand) -> io::Result<Vec<JoinHandle<()>>> {
        let mut readers = Vec::new();
        let (results, log) = command.output();
        if let Some(output) = results {
            let shared = self.clone();
            readers.push(reader(output.into_owned_fd()?, move |line| {
                if !lock(&shared.follower).line(line) {
                    lock(&shared.log).add(line);
                }
            })?);
        }
        if let Some(output) = log {
            let shared = self.clone();
            readers.push(reader(output.into_owned_fd()?, move |line| {
                lock(&shared.log).add(line);
            })?);
        }
        Ok(readers)
    }
}

fn reader(output: OwnedFd, take: impl Fn(&str) + Send + 'static) -> io::Result<JoinHandle<()>> {
    let mut input = BufReader::new(File::from(output));
    thread::Builder::new()
        .name("tool-output".to_owned())
        .spawn(move || {
            let mut line = Vec::new();
            // What cannot be read any more has ended.
            while (&mut input)
                .take(LINE_MAX)
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                take(&String::from_utf8_lossy(&line));
                line.clear();
            }
        })
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_long_line_arrives_in_parts() {
        let (output, mut input) = io::pipe().expect("a pipe");
        let lengths = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lengths);
        let reader = reader(output.into(), move |line| lock(&seen).push(line.len()));
        let long = usize::try_from(LINE_MAX).expect("small") + 2;
        input.write_all(&vec![b'x'; long]).expect("read");
        input.write_all(b"\nend\n").expect("read");
        drop(input);
        reader.expect("a thread").join().expect("no panic");
        assert_eq!(*lock(&lengths), [long - 2, 3, 4]);
    }
}
