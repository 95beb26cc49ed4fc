//! Output of a running tool: results go to the follower, everything else to the log.

use super::tool_log::ToolLog;
use crate::cli::child::LoadCommand;
use crate::import::Follower;
use parking_lot::{Mutex, MutexGuard};
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Longer lines are truncated.
const LINE_MAX: u64 = 1 << 20;

/// Reads both streams on threads of their own, until no process has them open for writing.
pub struct ToolOutput {
    shared: Shared,
    /// Each thread holds a sender that never sends: the channel closes when all threads have ended.
    reading: mpsc::Receiver<Infallible>,
}

#[derive(Clone)]
struct Shared {
    follower: Arc<Mutex<Follower>>,
    log: Arc<Mutex<ToolLog>>,
    /// When the last result line was read.
    result_at: Arc<Mutex<Option<Instant>>>,
}

impl ToolOutput {
    pub fn read(command: &mut LoadCommand, follower: Follower, log: ToolLog) -> io::Result<Self> {
        let shared = Shared {
            follower: Arc::new(Mutex::new(follower)),
            log: Arc::new(Mutex::new(log)),
            result_at: Arc::default(),
        };
        let (is_read, reading) = mpsc::channel(1);
        let (results, log) = command.output();
        if let Some(output) = results {
            let shared = shared.clone();
            let take = move |line: &str| shared.result(line);
            reader(output.into_owned_fd()?, take, is_read.clone())?;
        }
        if let Some(output) = log {
            let shared = shared.clone();
            let take = move |line: &str| shared.log.lock().add(line);
            reader(output.into_owned_fd()?, take, is_read)?;
        }
        Ok(Self { shared, reading })
    }

    /// Waits until all writers have closed the output and all of it is read.
    pub async fn closed(&mut self) {
        self.reading.recv().await;
    }

    /// Whether results were read within this time before now.
    pub fn had_results_within(&self, time: Duration) -> bool {
        self.shared
            .result_at
            .lock()
            .is_some_and(|at| at.elapsed() < time)
    }

    pub fn follower(&self) -> MutexGuard<'_, Follower> {
        self.shared.follower.lock()
    }

    pub fn log(&self) -> MutexGuard<'_, ToolLog> {
        self.shared.log.lock()
    }
}

impl Shared {
    fn result(&self, line: &str) {
        if self.follower.lock().line(line) {
            *self.result_at.lock() = Some(Instant::now());
        } else {
            self.log.lock().add(line);
        }
    }
}

fn reader(
    output: OwnedFd,
    take: impl Fn(&str) + Send + 'static,
    is_read: mpsc::Sender<Infallible>,
) -> io::Result<()> {
    let mut input = BufReader::new(File::from(output));
    let read = move || {
        let mut line = Vec::new();
        // A stream that cannot be read has ended.
        while (&mut input)
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            take(&String::from_utf8_lossy(&line));
            line.clear();
        }
        drop(is_read);
    };
    let thread = thread::Builder::new().name("tool-output".to_owned());
    thread.spawn(read).map(drop)
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
        let (is_read, mut reading) = mpsc::channel(1);
        let take = move |line: &str| seen.lock().push(line.len());
        reader(output.into(), take, is_read).expect("a thread");
        let long = usize::try_from(LINE_MAX).expect("small") + 2;
        input.write_all(&vec![b'x'; long]).expect("read");
        input.write_all(b"\nend\n").expect("read");
        drop(input);
        assert!(reading.blocking_recv().is_none());
        assert_eq!(*lengths.lock(), [long - 2, 3, 4]);
    }
}
