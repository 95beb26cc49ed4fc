//! Output that is redrawn in place on a terminal, and written as plain text elsewhere.

use super::log::{BufferedLog, takes_escapes};
use crate::format::width::cut;
use std::io::{self, IsTerminal, Stdout, Write};
use terminal_size::{Height, Width, terminal_size};

/// Used if the size of the terminal is unknown.
const DEFAULT_SIZE: Size = (80, 24);

/// Columns and lines.
pub type Size = (usize, usize);

pub struct Screen<W: Write> {
    out: W,
    log: BufferedLog,
    /// `None` if the output is not a terminal.
    frame: Option<Frame>,
}

/// What is currently on the terminal.
#[derive(Default)]
struct Frame {
    size: Size,
    lines: usize,
}

/// Whether output is a terminal that can be drawn on.
pub fn is_drawn() -> bool {
    takes_escapes(&io::stdout())
}

/// Whether log lines would disturb the drawing, because both go to a terminal.
pub fn holds_log() -> bool {
    is_drawn() && io::stderr().is_terminal()
}

/// The size of the terminal.
pub fn size() -> Size {
    let known = terminal_size();
    let known = known.map(|(Width(width), Height(height))| (width.into(), height.into()));
    known.unwrap_or(DEFAULT_SIZE)
}

impl Screen<Stdout> {
    pub fn new(log: BufferedLog) -> Self {
        Self::of(io::stdout(), log, is_drawn())
    }

    /// Draws lines that fit the size in place, or writes the plain text.
    pub fn show(
        &mut self,
        lines: impl FnOnce(Size) -> Vec<String>,
        plain: impl FnOnce() -> String,
    ) -> io::Result<()> {
        self.draw(size(), lines, plain)
    }
}

impl<W: Write> Screen<W> {
    fn of(out: W, log: BufferedLog, takes_escapes: bool) -> Self {
        Self {
            out,
            log,
            frame: takes_escapes.then(Frame::default),
        }
    }

    /// Whether it draws in place.
    pub const fn is_terminal(&self) -> bool {
        self.frame.is_some()
    }

    /// Writes text that is not redrawn.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn draw(
        &mut self,
        size: Size,
        lines: impl FnOnce(Size) -> Vec<String>,
        plain: impl FnOnce() -> String,
    ) -> io::Result<()> {
        let Some(frame) = &mut self.frame else {
            return self.print(&plain());
        };
        let log = String::from_utf8_lossy(&self.log.take()).into_owned();
        let bytes = frame.next(&log, &lines(size), size);
        self.print(&bytes)
    }
}

impl Frame {
    /// Returns the bytes that replace the previous drawing with permanent log lines and the given lines.
    fn next(&mut self, log: &str, lines: &[String], size: Size) -> String {
        let mut bytes = match self.lines {
            0 => String::new(),
            // The terminal has rewrapped the old lines, so their number is unknown.
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

/// Truncates a text to the screen, because wrapped or additional lines could not be redrawn. The last line
/// then states how many are missing.
pub fn fitting(text: &str, (width, height): Size) -> Vec<String> {
    let (width, room) = (width.saturating_sub(1), height.saturating_sub(1));
    let fit = |line: &str| cut(line, width).to_owned();
    let all = text.lines().count();
    if all <= room {
        return text.lines().map(fit).collect();
    }
    let shown = room.saturating_sub(1);
    let missing = format!("({} more lines; enlarge the terminal)", all - shown);
    let missing = (room > 0).then(|| fit(&missing));
    text.lines().take(shown).map(fit).chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(screen: &mut Screen<Vec<u8>>, size: Size) -> String {
        screen.out.clear();
        let lines = |size| fitting("a table\n\nSERVICE  SLO", size);
        let shown = screen.draw(size, lines, || "plain\n".to_owned());
        shown.expect("in memory");
        String::from_utf8(screen.out.clone()).expect("text")
    }

    #[test]
    fn elsewhere_there_are_plain_lines() {
        let mut screen = Screen::of(Vec::new(), BufferedLog::default(), false);
        assert_eq!(show(&mut screen, DEFAULT_SIZE), "plain\n");
    }

    #[test]
    fn a_terminal_is_drawn_over_and_fits() {
        let mut screen = Screen::of(Vec::new(), BufferedLog::default(), true);
        let first = show(&mut screen, (40, 24));
        let lines = first.matches("\x1b[K\n").count();
        assert!(
            !first.contains("\x1b[2J") && first.ends_with("\x1b[J"),
            "{first:?}"
        );
        let again = show(&mut screen, (40, 24));
        assert!(again.starts_with(&format!("\x1b[{lines}A\r")), "{again:?}");
        let short = show(&mut screen, (8, 4));
        assert!(short.starts_with("\x1b[2J\x1b[H"), "{short:?}");
        let shown: Vec<_> = short["\x1b[2J\x1b[H".len()..].split("\x1b[K\n").collect();
        assert_eq!(shown, ["a table", "", "SERVICE", "\x1b[J"]);
    }

    #[test]
    fn missing_lines_are_counted() {
        let text = "検索\nb\nc\nd\n";
        assert_eq!(fitting(text, (80, 5)), ["検索", "b", "c", "d"]);
        let missing = "(3 more lines; enlarge the terminal)";
        assert_eq!(fitting(text, (80, 3)), ["検索", missing]);
        assert_eq!(fitting(text, (4, 3)), ["検", "(3 "]);
        assert_eq!(fitting(text, (4, 1)), [""; 0]);
    }

    #[test]
    fn held_log_lines_stay_above_the_table() {
        let mut log = BufferedLog::default();
        let mut screen = Screen::of(Vec::new(), log.clone(), true);
        show(&mut screen, DEFAULT_SIZE);
        log.write_all(b"ERROR disk full\n").expect("in memory");
        let text = show(&mut screen, DEFAULT_SIZE);
        assert!(
            text.contains("A\rERROR disk full\x1b[K\na table"),
            "{text:?}"
        );
        assert!(!show(&mut screen, DEFAULT_SIZE).contains("disk full"));
    }
}
