//! The demo's table: redrawn in place on a terminal, plain lines elsewhere.

use crate::cli::log::{HeldLog, takes_escapes};
use crate::format::times;
use crate::report::status::Status;
use std::io::{self, Stdout, Write};
use std::time::Duration;
use terminal_size::{Height, Width, terminal_size};

/// Where the size of a terminal is unknown.
const DEFAULT_SIZE: Size = (80, 24);

/// Columns and lines.
type Size = (usize, usize);

pub struct Screen<W: Write> {
    out: W,
    log: HeldLog,
    /// `None` where output is no terminal.
    frame: Option<Frame>,
}

/// What is on the terminal.
#[derive(Default)]
struct Frame {
    size: Size,
    lines: usize,
}

fn size() -> Size {
    let known = terminal_size().map(|(Width(width), Height(height))| (width.into(), height.into()));
    known.unwrap_or(DEFAULT_SIZE)
}

impl Screen<Stdout> {
    pub fn new(log: HeldLog) -> Self {
        Self {
            out: io::stdout(),
            log,
            frame: takes_escapes(&io::stdout()).then(Frame::default),
        }
    }

    /// Draws what is known now.
    pub fn show(&mut self, status: &Status) -> io::Result<()> {
        self.draw(status, size())
    }
}

impl<W: Write> Screen<W> {
    /// The time between two drawings.
    pub const fn pace(&self) -> Duration {
        Duration::from_secs(if self.frame.is_some() { 1 } else { 10 })
    }

    /// Writes text that stays.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn draw(&mut self, status: &Status, size: Size) -> io::Result<()> {
        let Some(frame) = &mut self.frame else {
            let (at, text) = (heading(status), status.to_text());
            return self.print(&format!("{at}\n{text}\n"));
        };
        let log = String::from_utf8_lossy(&self.log.take()).into_owned();
        let bytes = frame.next(&log, &lines(status, size), size);
        self.print(&bytes)
    }
}

impl Frame {
    /// The bytes that replace what was drawn before by log lines that stay and the given lines.
    fn next(&mut self, log: &str, lines: &[String], size: Size) -> String {
        let mut bytes = match self.lines {
            0 => String::new(),
            // The terminal has wrapped old lines anew: nobody knows how many there are now.
            _ if self.size != size => "\x1b[2J\x1b[H".to_owned(),
            drawn => format!("\x1b[{drawn}A\r"),
        };
        let log = log.lines();
        for line in log.chain(lines.iter().map(String::as_str)) {
            bytes.push_str(line);
            bytes.push_str("\x1b[K\n");
        }
        bytes.push_str("\x1b[J");
        *self = Self {
            size,
            lines: lines.len(),
        };
        bytes
    }
}

/// What fits on a terminal of this size: a line that wraps, or more lines than there are, could not
/// be drawn over.
fn lines(status: &Status, (width, height): Size) -> Vec<String> {
    let width = width.saturating_sub(1);
    let text = format!("{}\n\n{}", heading(status), status.to_text_within(width));
    let cut = |line: &str| line.chars().take(width).collect();
    let fitting = text.lines().map(cut);
    fitting.take(height.saturating_sub(1)).collect()
}

fn heading(status: &Status) -> String {
    format!("Simulated services, {}", times::second(status.at) + " UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        Status {
            at: chrono::DateTime::UNIX_EPOCH,
            future_outcomes: 0,
            future_until: None,
            services: Vec::new(),
            alerts: Vec::new(),
        }
    }

    fn screen(frame: Option<Frame>) -> Screen<Vec<u8>> {
        Screen {
            out: Vec::new(),
            log: HeldLog::default(),
            frame,
        }
    }

    fn drawn(screen: &mut Screen<Vec<u8>>, size: Size) -> String {
        screen.out.clear();
        screen.draw(&status(), size).expect("in memory");
        String::from_utf8(screen.out.clone()).expect("text")
    }

    #[test]
    fn elsewhere_there_are_plain_lines() {
        let mut screen = screen(None);
        let text = drawn(&mut screen, DEFAULT_SIZE);
        assert!(
            text.starts_with("Simulated services, 1970-01-01 00:00:00 UTC\nSERVICE"),
            "{text}"
        );
        assert!(!text.contains('\x1b') && !text.contains('\r'), "{text}");
    }

    #[test]
    fn a_terminal_is_drawn_over_and_fits() {
        let mut screen = screen(Some(Frame::default()));
        let first = drawn(&mut screen, (40, 24));
        let lines = first.matches("\x1b[K\n").count();
        assert!(
            !first.contains("\x1b[2J") && first.ends_with("\x1b[J"),
            "{first:?}"
        );
        let again = drawn(&mut screen, (40, 24));
        assert!(again.starts_with(&format!("\x1b[{lines}A\r")), "{again:?}");
        let short = drawn(&mut screen, (12, 4));
        assert!(short.starts_with("\x1b[2J\x1b[H"), "{short:?}");
        let shown: Vec<_> = short["\x1b[2J\x1b[H".len()..].split("\x1b[K\n").collect();
        assert_eq!(shown, ["Simulated s", "", "SERVICE  SL", "\x1b[J"]);
    }

    #[test]
    fn held_log_lines_stay_above_the_table() {
        let mut screen = screen(Some(Frame::default()));
        drawn(&mut screen, DEFAULT_SIZE);
        screen
            .log
            .write_all(b"ERROR disk full\n")
            .expect("in memory");
        let text = drawn(&mut screen, DEFAULT_SIZE);
        assert!(
            text.contains("A\rERROR disk full\x1b[K\nSimulated"),
            "{text:?}"
        );
        assert!(!drawn(&mut screen, DEFAULT_SIZE).contains("disk full"));
    }
}
