//! The priority of log lines in systemd's journal, for `journalctl -p warning`. Without it, all lines have the priority
//! `info`. It is a prefix of each line that the journal removes (sd-daemon(3)).

use std::env;
use std::fmt::Write as _;
use std::io::{self, Write};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// The priority of an error (syslog(3)).
pub const ERROR: u8 = 3;
const INFO: u8 = 6;

/// Whether standard error is the stream that systemd connected to the journal.
pub fn is_connected() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else {
        return false;
    };
    rustix::fs::fstat(io::stderr())
        .is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Every line with a priority.
pub fn with_priority(priority: u8, lines: &str) -> String {
    let mut text = String::new();
    for line in lines.split_inclusive('\n') {
        // Writing to memory cannot fail.
        write!(text, "<{priority}>{line}").unwrap_or_default();
    }
    text
}

/// Writers of lines with the priority of their event.
pub struct WithPriority<M>(pub M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for WithPriority<M> {
    type Writer = Prioritized<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Prioritized {
            out: self.0.make_writer(),
            priority: INFO,
        }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Self::Writer {
        Prioritized {
            out: self.0.make_writer_for(about),
            priority: match *about.level() {
                Level::ERROR => ERROR,
                Level::WARN => 4,
                Level::INFO => INFO,
                _ => 7,
            },
        }
    }
}

pub struct Prioritized<W> {
    out: W,
    priority: u8,
}

impl<W: Write> Write for Prioritized<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let text = with_priority(self.priority, &String::from_utf8_lossy(lines));
        self.out.write_all(text.as_bytes())?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
