//! An external command that generates the load of a run.

use super::exit;
use super::failure::{CommandResult, Failure};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process_group, set_parent_process_death_signal};
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{self, ExitStatus, Stdio};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::runtime;
use tokio::signal::unix::{self, SignalKind};

/// The hidden subcommand that is replaced by the command.
pub const CHILD: &str = "child-of-run";

#[derive(Debug, Args)]
pub struct ChildArgs {
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Replaces this process with a command that the kernel kills when its parent ends. This is the only way to
/// end the command if slod is killed with `kill -9`. Returns only if the command cannot be run.
pub fn become_child(args: &ChildArgs) -> CommandResult {
    let Some((program, arguments)) = args.command.split_first() else {
        return Ok(exit::USAGE);
    };
    // A shell that starts slod in the background makes it ignore Ctrl-C, and the command would inherit
    // that. `exec` resets handled signals to their default.
    let handled = handle_interrupts();
    let bound = set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from);
    let error = match bound.and(handled) {
        Ok(()) => process::Command::new(program).args(arguments).exec(),
        Err(error) => error,
    };
    let reason = format!("cannot run {}: {}", program.display(), error.kind());
    Err(Failure::usage(reason))
}

/// Handles interrupts from now on; nothing reads them.
fn handle_interrupts() -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    unix::signal(SignalKind::interrupt()).map(drop)
}

/// Checks that the program of a command exists.
pub fn check(command: &[OsString]) -> Result<(), String> {
    let Some(program) = command.first().map(Path::new) else {
        return Ok(());
    };
    let is_path = program.components().count() > 1;
    let folders = env::var_os("PATH").unwrap_or_default();
    let is_there = if is_path {
        program.is_file()
    } else {
        env::split_paths(&folders).any(|folder| folder.join(program).is_file())
    };
    if is_there {
        Ok(())
    } else {
        Err(format!("cannot run {}: not found", program.display()))
    }
}

/// A running command in a process group of its own, so that a Ctrl-C reaches it only once, from here.
pub struct LoadCommand {
    /// The program, without its arguments, which may be secret.
    pub name: String,
    child: Child,
    group: Option<Pid>,
    is_over: bool,
}

impl LoadCommand {
    /// Starts a prepared command; `None` if no command is given.
    pub fn start(
        command: &[OsString],
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Option<Self>, String> {
        let Some(program) = command.first().map(Path::new) else {
            return Ok(None);
        };
        let name = program.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let failed = |error: io::Error| format!("cannot start {name}: {}", error.kind());
        let own = env::current_exe().map_err(failed)?;
        // A background process group must not read from the terminal.
        let input = if io::stdin().is_terminal() {
            Stdio::null()
        } else {
            Stdio::inherit()
        };
        let mut starting = Command::new(own);
        starting.arg(CHILD).arg("--").args(command);
        starting.stdin(input);
        prepare(&mut starting);
        Self::spawn(name.clone(), &mut starting)
            .map(Some)
            .map_err(failed)
    }

    /// Starts a command as it is, in a process group of its own.
    pub fn spawn(name: String, command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self {
            group: group.and_then(Pid::from_raw),
            name,
            child,
            is_over: false,
        })
    }

    /// Waits for the command to end.
    pub async fn ended(&mut self) -> ChildExit {
        let status = self.child.wait().await;
        self.is_over = true;
        ChildExit(status)
    }

    /// Standard output and standard error of the command, if they are piped.
    pub fn output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Kills processes that the command left behind.
    pub fn sweep(&self) {
        if let Some(group) = self.group {
            // Usually, there are none.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Process ID of the command.
    pub fn id(&self) -> Option<i32> {
        self.group.map(Pid::as_raw_pid)
    }

    /// Sends a signal to all of its processes, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = self.group.filter(|_| !self.is_over) {
            // It may have ended already.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for LoadCommand {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// How a command ended.
pub struct ChildExit(io::Result<ExitStatus>);

impl ChildExit {
    /// The exit code; `None` if there is none.
    pub fn code(&self) -> Option<i32> {
        self.0.as_ref().ok().and_then(ExitStatus::code)
    }
}

impl fmt::Display for ChildExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match &self.0 {
            Ok(status) => status,
            Err(error) => return write!(f, "cannot be waited for: {}", error.kind()),
        };
        match (status.code(), status.signal()) {
            (Some(code), _) => write!(f, "ended with exit code {code}"),
            (None, Some(signal)) => write!(f, "was killed by signal {signal}"),
            (None, None) => f.write_str("ended"),
        }
    }
}
