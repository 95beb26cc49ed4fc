//! Output of the command line. External text never reaches a terminal unfiltered.

use super::journal;
use crate::text::{escaped_json, printable_lines};
use serde::Serialize;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a write to standard output failed, for example on a full disk.
static IS_LOST: AtomicBool = AtomicBool::new(false);

/// Writes to standard output. Returns whether it is still being read: a reader that exits early, such as
/// `head`, is not an error.
pub fn show(text: &str) -> bool {
    draw(&printable_lines(text))
}

/// Indented JSON. Invisible characters in it, such as those of names, are escaped: [`show`] would replace them.
pub fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    escaped_json(&text).into_owned() + "\n"
}

/// Like [`show`], for text with its own escape sequences. External text in it must be filtered already.
pub fn draw(text: &str) -> bool {
    let mut out = io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = &written
        && error.kind() != io::ErrorKind::BrokenPipe
        && !IS_LOST.swap(true, Ordering::Relaxed)
    {
        print_error(&format!("slod: cannot write to standard output: {error}"));
    }
    written.is_ok()
}

/// Whether output was lost.
pub fn is_lost() -> bool {
    IS_LOST.load(Ordering::Relaxed)
}

/// Writes a line to standard error. A failure cannot be reported and is ignored.
pub fn print_error(text: &str) {
    let mut text = format!("{}\n", printable_lines(text));
    if journal::is_connected() {
        text = journal::with_priority(journal::ERROR, &text);
    }
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}
