//! A tool that is generating the load of a run.

use super::cpu::CpuMeter;
use super::generator::Generated;
use super::tool::{ToolPlan, WAITING_FOR_WORKERS};
use super::tool_log::ToolLog;
use super::tool_output::ToolOutput;
use crate::cli::child::{ChildExit, LoadCommand};
use crate::cli::output::print_error;
use crate::clock::Clock;
use crate::export::Tool;
use crate::import::Follower;
use crate::load::LoadWindow;
use crate::outcome::{Cause, Timestamp};
use rustix::process::Signal;
use slod_load::{add_within, close};
use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

/// How often to look for completed windows.
const LOOK: Duration = Duration::from_millis(250);
/// Time after the end of a second until its results are complete. Locust workers report every three seconds.
const SETTLED: Duration = Duration::from_millis(1500);
const SETTLED_WORKERS: Duration = Duration::from_millis(4500);
/// How long a tool may run after its last request ended.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a tool may take to start its load, in addition to the wait for its workers.
const STARTING: Duration = Duration::from_mins(2);
/// How long a tool may exceed its plan, in addition to its last requests.
const OVERDUE: Duration = Duration::from_mins(1);
/// How long its output is read after it exits, if another process keeps it open.
const CLOSING: Duration = Duration::from_secs(3);
/// Results within this time before reading stops mean that more would have followed.
const FLOWING: Duration = Duration::from_secs(1);
/// Maximum number of stored windows of a run; beyond it, neighboring windows are merged.
const KEPT_MAX: usize = 7200;
/// k6's exit code for a run without any request, or with a missed threshold that was passed to k6.
const K6_THRESHOLDS: i32 = 99;

/// The certificates that the tool trusts, in the folder of its script.
const AUTHORITIES: &str = "authorities.pem";

pub struct ToolRun {
    plan: ToolPlan,
    command: LoadCommand,
    output: ToolOutput,
    cpu: Option<CpuMeter>,
    /// Windows that were not returned yet.
    ready: VecDeque<LoadWindow>,
    kept: Vec<LoadWindow>,
    state: State,
    /// Stopped before the end of its plan.
    was_stopped: bool,
    /// When the current state times out.
    deadline: Option<Instant>,
    /// Why the run deviated from its plan.
    failure: Option<String>,
    /// How the tool exited.
    ended: Option<ChildExit>,
    /// Folder of the script.
    folder: TempDir,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Running,
    /// The tool was asked to stop.
    Stopping,
    /// The tool has exited, and its output is being read.
    Reading,
    Over,
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
        let authorities = folder.path().join(AUTHORITIES);
        if let Some(pem) = &plan.authorities {
            std::fs::write(&authorities, pem).map_err(failed)?;
        }
        let log = ToolLog::new(plan.log.as_deref(), plan.secrets.clone());
        let log = log.map_err(failed)?;
        let command = LoadCommand::start(&plan.command(&script), |command| {
            command.envs(&plan.variables);
            if plan.authorities.is_some() {
                // Go and OpenSSL read this file instead of the system's certificates.
                command.env("SSL_CERT_FILE", &authorities);
            }
            command.stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        })?;
        let command = command.ok_or_else(|| format!("cannot start {name}"))?;
        Self::follow(plan, command, log, folder).map_err(failed)
    }

    /// Reads the output of a tool that was started.
    fn follow(
        plan: ToolPlan,
        mut command: LoadCommand,
        log: ToolLog,
        folder: TempDir,
    ) -> io::Result<Self> {
        let follower = Follower::new(plan.followed(), plan.scenario.clone(), plan.names.clone());
        let output = ToolOutput::read(&mut command, follower, log)?;
        let processors = match plan.tool {
            Tool::K6 => None,
            // A Python process uses one CPU.
            Tool::Locust => Some(1.0),
        };
        let is_alone = plan.workers.is_none();
        let cpu = command.id().filter(|_| is_alone);
        Ok(Self {
            cpu: cpu.map(|id| CpuMeter::of(id, processors)),
            deadline: Some(Instant::now() + starting(&plan)),
            plan,
            command,
            output,
            ready: VecDeque::new(),
            kept: Vec::new(),
            state: State::Starting,
            was_stopped: false,
            failure: None,
            ended: None,
            folder,
        })
    }

    /// Waits for the first sign of load. An error says why there is none.
    pub async fn began(&mut self) -> Result<Timestamp, String> {
        let mut looks = interval(LOOK);
        loop {
            let began = self.output.follower().began();
            if let Some(at) = began {
                if self.state == State::Starting {
                    self.state = State::Running;
                    let length = self.plan.scenario.length() + self.plan.timeout;
                    self.deadline = Instant::now().checked_add(length + OVERDUE);
                }
                return Ok(at);
            }
            if self.state == State::Over {
                let (name, lines) = (self.plan.name(), self.output.log().ending());
                let how = self.ended.as_ref().map(ToString::to_string);
                let how = self.failure.take().or(how).unwrap_or_default();
                return Err(format!("{name} {how} before it generated any load{lines}"));
            }
            self.step(&mut looks).await;
        }
    }

    /// Returns the next completed second; `None` after the tool has ended.
    pub async fn next(&mut self) -> Option<LoadWindow> {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(window) = self.ready.pop_front() {
                return Some(window);
            }
            if self.state == State::Over {
                return None;
            }
            self.step(&mut looks).await;
        }
    }

    /// Waits for the next event. Cancel-safe.
    async fn step(&mut self, looks: &mut Interval) {
        let deadline = self.deadline;
        tokio::select! {
            _ = looks.tick() => self.look(),
            ended = self.command.ended(), if self.ended.is_none() => {
                self.command.sweep();
                self.ended = Some(ended);
                self.enter(State::Reading, CLOSING);
            }
            () = self.output.closed(), if self.ended.is_some() => self.end(),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                self.deadline = None;
                self.overdue();
            }
        }
    }

    fn enter(&mut self, state: State, longest: Duration) {
        self.state = state;
        self.deadline = Some(Instant::now() + longest);
    }

    /// Handles a state that has timed out.
    fn overdue(&mut self) {
        match self.state {
            State::Starting => {
                self.failure = Some(format!(
                    "did nothing for {} s",
                    starting(&self.plan).as_secs()
                ));
                self.stop();
            }
            State::Running => {
                let seconds = (self.plan.timeout + OVERDUE).as_secs();
                self.failure = Some(format!(
                    "was still running {seconds} s after the end of its plan"
                ));
                self.stop();
            }
            State::Stopping => self.kill(),
            State::Reading => {
                let name = self.plan.name();
                if self.output.had_results_within(FLOWING) {
                    let cut = "ended, but a process that it left behind still wrote results, which are incomplete";
                    self.failure.get_or_insert_with(|| cut.to_owned());
                } else {
                    print_error(&format!(
                        "slod: {name} left a process behind that keeps its output open; slod does not wait for it"
                    ));
                }
                self.end();
            }
            State::Over => {}
        }
    }

    /// Asks the tool to stop. Locust waits for its requests, k6 aborts them.
    pub fn stop(&mut self) {
        // Same as Ctrl-C: Locust handles no other signal while it runs a load shape.
        self.command.signal(Signal::INT);
        self.was_stopped = true;
        if self.ended.is_none() {
            self.enter(State::Stopping, self.plan.timeout + PATIENCE);
        }
    }

    /// Kills all of its processes immediately.
    pub fn kill(&self) {
        self.command.signal(Signal::KILL);
        // The process may exit without dropping the folder.
        let _ = std::fs::remove_dir_all(self.folder.path());
    }

    /// Number of running workers, as reported by the tool.
    pub fn workers(&self) -> Option<u64> {
        self.output.follower().workers()
    }

    fn look(&mut self) {
        let settled = match self.workers() {
            Some(_) => SETTLED_WORKERS,
            None => SETTLED,
        };
        let until = Clock::system().now().before(settled);
        let windows = self.output.follower().windows(until);
        self.take(windows);
    }

    fn end(&mut self) {
        let rest = self.output.follower().rest();
        self.take(rest);
        self.state = State::Over;
    }

    fn take(&mut self, windows: Vec<LoadWindow>) {
        if windows.is_empty() {
            return;
        }
        // The CPU usage of workers is unknown, including those of `locust --processes`.
        let is_alone = self.workers().is_none();
        let cpu = self.cpu.as_mut().filter(|_| is_alone);
        let share = cpu.and_then(CpuMeter::share);
        for mut window in windows {
            window.generator_cpu = share;
            add_within(KEPT_MAX, &mut self.kept, std::slice::from_ref(&window));
            self.ready.push_back(window);
        }
    }

    /// The first failure of each cause so far, without secrets.
    pub fn examples(&self) -> Vec<(Cause, String)> {
        let secrets = &self.plan.secrets;
        let examples = self.output.follower().examples().into_iter();
        let cleaned = examples.map(|(cause, words)| (cause, secrets.clean(&words)));
        cleaned.collect()
    }

    /// Ends the run. Unless the tool was asked to stop, it must report success.
    pub fn finish(self) -> Generated {
        let examples = self.examples();
        let is_fine = |code: i32| code == 0 || self.plan.tool == Tool::K6 && code == K6_THRESHOLDS;
        let ended = self
            .ended
            .filter(|ended| !ended.code().is_some_and(is_fine));
        let why = self.failure.or_else(|| ended.map(|one| one.to_string()));
        let failure = why.map(|why| {
            let lines = self.output.log().ending();
            format!("{} {why}{lines}", self.plan.name())
        });
        let requests = self.output.follower().requests();
        let planned = if failure.is_some() || self.was_stopped {
            Duration::ZERO
        } else {
            self.plan.scenario.length()
        };
        let ended = self.output.follower().ended().unwrap_or_default();
        let mut windows = self.kept;
        close(&mut windows, planned.max(ended));
        Generated {
            windows,
            requests,
            failure,
            examples,
            lack: None,
        }
    }
}

fn starting(plan: &ToolPlan) -> Duration {
    match plan.workers {
        Some(_) => STARTING + WAITING_FOR_WORKERS,
        None => STARTING,
    }
}

#[cfg(test)]
mod tests;
