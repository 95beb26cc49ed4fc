//! What the command line shows: nothing from elsewhere reaches a terminal unfiltered.

use crate::text::printable_lines;
use std::io::{self, Write};

/// Writes to standard output. A reader that goes away early, such as `head`, is no fault.
pub fn show(text: &str) {
    let mut out = io::stdout();
    let written = out.write_all(printable_lines(text).as_bytes());
    written.and_then(|()| out.flush()).unwrap_or_default();
}

/// Writes a line to standard error, where nobody is left to report a failure to.
pub fn complain(text: &str) {
    let text = printable_lines(text);
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}
