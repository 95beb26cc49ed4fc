//! Runs a program with a message.

use super::send::{ANSWER_MAX, Answer, excerpt};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

/// How long the output of a program is read after it exited.
const PIPES_OPEN_FOR: Duration = Duration::from_millis(500);

/// The process group of a program. It is killed on drop unless the program exited by itself.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs a program. If the future is dropped because of a timeout, the program and its children are killed.
pub(super) async fn run(program: &str, arguments: &[String], key: &str, input: &[u8]) -> Answer {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("SLOD_KEY", key)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Answer::failed(format!("cannot start {program}: {error}")),
    };
    let leader = child.id().and_then(|id| i32::try_from(id).ok());
    let mut group = Group(leader.and_then(Pid::from_raw));
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program does not have to read all of its input.
            let _ = stdin.write_all(input).await;
        }
    };
    let mut output = Vec::new();
    let read = async {
        if let Some(mut stderr) = stderr {
            let mut first = (&mut stderr).take(ANSWER_MAX as u64);
            let _ = first.read_to_end(&mut output).await;
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
    };
    let status = {
        let talk = async { tokio::join!(write, read) };
        tokio::pin!(talk);
        tokio::select! {
            // Its children may keep running and hold its pipes.
            status = child.wait() => {
                // The PID may be reused by now, and children that it left behind may keep running.
                group.0 = None;
                let _ = timeout(PIPES_OPEN_FOR, &mut talk).await;
                status
            }
            _ = &mut talk => {
                let status = child.wait().await;
                group.0 = None;
                status
            }
        }
    };
    answer(status, &output)
}

fn answer(status: io::Result<ExitStatus>, output: &[u8]) -> Answer {
    match status {
        Ok(status) if status.success() => Answer::Delivered("exit code 0".to_owned()),
        Ok(status) => {
            let output = excerpt(output);
            let code = status.code().map_or_else(
                || "killed by a signal".to_owned(),
                |code| format!("exit code {code}"),
            );
            Answer::failed(format!("{code}: {output}").trim_end_matches(": "))
        }
        Err(error) => Answer::failed(format!("cannot wait for the program: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a shell script, which must return in time even if its children keep running.
    async fn ran(script: &str) -> Answer {
        let arguments = ["-c".to_owned(), script.to_owned()];
        let input = vec![b'x'; 1 << 20];
        let running = run("/bin/sh", &arguments, "key", &input);
        timeout(Duration::from_secs(10), running)
            .await
            .expect("it does not wait for what the program left behind")
    }

    #[tokio::test]
    async fn children_are_killed_with_a_program_that_takes_too_long() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; wait", file.display());
        let arguments = ["-c".to_owned(), script];
        let mut running = Box::pin(run("/bin/sh", &arguments, "key", b"x"));
        let written = async {
            loop {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                if let Ok(pid) = text.trim().parse::<i32>() {
                    return pid;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let pid = tokio::select! {
            answer = &mut running => panic!("it waits: {answer:?}"),
            pid = timeout(Duration::from_secs(10), written) => pid.expect("it has started"),
        };
        drop(running);
        let is_gone = async {
            let stat = format!("/proc/{pid}/stat");
            while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), is_gone)
            .await
            .expect("it ends");
    }

    #[tokio::test]
    async fn children_left_behind_by_an_exited_program_keep_running() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let read = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
        let script = format!(
            "cd {}; (until [ -e go ]; do sleep 0.02; done; echo yes > done) & echo $$ > pid",
            folder.path().display()
        );
        let arguments = ["-c".to_owned(), script];
        let mut running = Box::pin(run("/bin/sh", &arguments, "key", b"x"));
        let step = Duration::from_millis(5);
        let has_ended = async {
            loop {
                let shell = read("pid");
                let folder = format!("/proc/{}", shell.trim());
                if shell.ends_with('\n') && !std::path::Path::new(&folder).exists() {
                    return;
                }
                tokio::time::sleep(step).await;
            }
        };
        tokio::select! {
            biased;
            answer = &mut running => panic!("its standard error is open: {answer:?}"),
            ended = timeout(Duration::from_secs(10), has_ended) => ended.expect("it ends"),
        }
        drop(running);
        std::fs::write(path("go"), "").expect("written");
        let goes_on = async {
            while read("done").is_empty() {
                tokio::time::sleep(step).await;
            }
        };
        timeout(Duration::from_secs(10), goes_on)
            .await
            .expect("it goes on");
    }

    #[tokio::test]
    async fn children_of_an_exited_program_are_not_waited_for() {
        let delivered = Answer::Delivered("exit code 0".to_owned());
        // The child keeps standard error open, and with `<&3` also standard input.
        assert_eq!(ran("sleep 20 & exit 0").await, delivered);
        assert_eq!(ran("exec 3<&0; sleep 20 <&3 & exit 0").await, delivered);
        assert_eq!(
            ran("sleep 20 & echo no way >&2; exit 3").await,
            Answer::failed("exit code 3: no way")
        );
    }
}
