//! Starts a program with a message.

use super::send::{ANSWER_MAX, Answer, shown};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

/// How long a program that ended may still be read: its last words may be on their way.
const PIPES_OPEN_FOR: Duration = Duration::from_millis(500);

/// Ends with the future: a program that takes too long is killed.
pub(super) async fn run(program: &str, arguments: &[String], key: &str, input: &[u8]) -> Answer {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("SLOD_KEY", key)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Answer::failed(format!("cannot start the program: {error}")),
    };
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program need not read all of it.
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
            // What it started may go on and hold its pipes.
            status = child.wait() => {
                let _ = timeout(PIPES_OPEN_FOR, &mut talk).await;
                status
            }
            _ = &mut talk => child.wait().await,
        }
    };
    match status {
        Ok(status) if status.success() => Answer::Delivered("exit code 0".to_owned()),
        Ok(status) => {
            let output = shown(&output);
            let code = status.code().map_or_else(
                || "ended by a signal of the system".to_owned(),
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

    /// What is made of a program of the shell; it ends in time, whatever it leaves behind.
    async fn ran(script: &str) -> Answer {
        let arguments = ["-c".to_owned(), script.to_owned()];
        let input = vec![b'x'; 1 << 20];
        let running = run("/bin/sh", &arguments, "key", &input);
        timeout(Duration::from_secs(10), running)
            .await
            .expect("it does not wait for what the program left behind")
    }

    #[tokio::test]
    async fn a_program_that_ended_is_not_waited_for_because_of_what_it_started() {
        let delivered = Answer::Delivered("exit code 0".to_owned());
        // The child holds the standard error, and with `<&3` the standard input as well.
        assert_eq!(ran("sleep 20 & exit 0").await, delivered);
        assert_eq!(ran("exec 3<&0; sleep 20 <&3 & exit 0").await, delivered);
        assert_eq!(
            ran("sleep 20 & echo no way >&2; exit 3").await,
            Answer::failed("exit code 3: no way")
        );
    }
}
