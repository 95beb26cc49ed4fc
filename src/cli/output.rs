//! What the command line shows: nothing from elsewhere reaches a terminal unfiltered.

use crate::text::printable_lines;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether standard output could not be written, as on a full disk.
static IS_LOST: AtomicBool = AtomicBool::new(false);

/// Writes to standard output. Returns whether it is still read: a reader that goes away early,
/// such as `head`, is not an error.
pub fn show(text: &str) -> bool {
    draw(&printable_lines(text))
}

/// The same for text with escape sequences of its own. What it shows from elsewhere must be filtered.
pub fn draw(text: &str) -> bool {
    let mut out = io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = &written
        && error.kind() != io::ErrorKind::BrokenPipe
        && !IS_LOST.swap(true, Ordering::Relaxed)
    {
        complain(&format!("slod: cannot write to standard output: {error}"));
    }
    written.is_ok()
}

/// Whether something that was to be shown is lost.
pub fn is_lost() -> bool {
    IS_LOST.load(Ordering::Relaxed)
}

/// Writes a line to standard error, where nobody is left to report a failure to.
pub fn complain(text: &str) {
    let text = printable_lines(text);
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}
