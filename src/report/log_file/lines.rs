//! Reads bounded lines of text.

use std::io::{self, BufRead, Read};

/// Maximum length of a line in bytes; longer lines are truncated.
const LINE_MAX: u64 = 64 << 10;

/// The next line without its end; `None` after the last one.
pub fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    input.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        skip_line(input)?;
    }
    let line = String::from_utf8_lossy(&line);
    Ok(Some(without_colors(line.trim_end())))
}

/// Removes the escape sequences of terminals, such as `ESC [ 31 m`.
fn without_colors(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        out.push_str(end.and_then(|end| part.get(end + 1..)).unwrap_or_default());
    }
    out
}

/// Skips the rest of a truncated line.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let part = input.fill_buf()?;
        let (used, ends) = match part.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (part.len(), part.is_empty()),
        };
        input.consume(used);
        if ends {
            return Ok(());
        }
    }
}
