//! Summary of a service's log file: errors and other notable lines in a time span.

mod journal;
mod kind;
mod moment;

pub use kind::LogKind;

use crate::format::numbers::plural;
use crate::outcome::{Timestamp, millis};
use crate::text::printable;
use crate::units::show_duration;
use serde::Serialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::io::{self, BufRead, Read};
use std::time::Duration;

/// Maximum length of a line in bytes; longer lines are truncated.
const LINE_MAX: u64 = 64 << 10;
/// Maximum number of different messages; further ones only count for their kind.
const MESSAGES_MAX: usize = 2_000;
/// Maximum length of a stored message in characters.
const SHOWN_MAX: usize = 160;
/// Maximum number of messages shown per kind.
const SHOWN: usize = 5;

/// Summary of a log in a time span.
#[derive(Clone, Debug, Serialize)]
pub struct LogSummary {
    /// Width of a window.
    pub width: Duration,
    /// Number of lines read.
    pub lines: u64,
    /// Lines before the first timestamp.
    pub without_time: u64,
    /// Lines outside of the span.
    pub outside: u64,
    pub kinds: Vec<KindSummary>,
}

/// Lines of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct KindSummary {
    pub kind: LogKind,
    pub count: u64,
    /// Lines per window of the span, in order.
    pub windows: Vec<u64>,
    /// The most frequent messages, with numbers replaced, and their counts.
    pub messages: Vec<(String, u64)>,
}

impl KindSummary {
    /// The highest number of lines in a window, and the start of that window.
    pub fn worst(&self, width: Duration) -> (u64, Duration) {
        let most = self.windows.iter().max().copied().unwrap_or_default();
        let at = self.windows.iter().position(|count| *count == most);
        let at = u32::try_from(at.unwrap_or_default()).unwrap_or(u32::MAX);
        (most, width.saturating_mul(at))
    }
}

impl LogSummary {
    /// Renders the summary, with the worst window of each kind.
    pub fn to_text(&self) -> String {
        let mut out = format!(
            "\n  LOG ({}, {} outside of the run)\n",
            plural(self.lines, "line"),
            self.outside
        );
        if self.without_time > 0 {
            let without = plural(self.without_time, "line");
            writeln!(out, "    {without} without a readable time left out").unwrap_or_default();
        }
        if self.kinds.is_empty() && self.without_time < self.lines {
            out.push_str("    nothing notable\n");
        }
        for one in &self.kinds {
            let (most, at) = one.worst(self.width);
            let (title, count, seconds) = (one.kind.title(), one.count, at.as_secs());
            let width = show_duration(self.width);
            writeln!(
                out,
                "    {title}: {count}, at most {most} in {width}, from {seconds} s after the start on"
            )
            .unwrap_or_default();
            for (message, count) in &one.messages {
                writeln!(out, "      {count} x {message}").unwrap_or_default();
            }
        }
        out
    }
}

/// Reads a log to its end. `span` is divided into windows of `width`.
pub fn summarize(
    mut input: impl BufRead,
    span: (Timestamp, Timestamp),
    width: Duration,
) -> io::Result<LogSummary> {
    let (from, to) = span;
    let mut counts = LineCounts::new(span, width);
    let (mut lines, mut without_time, mut outside) = (0, 0, 0);
    let mut at: Option<Timestamp> = None;
    while let Some(line) = next_line(&mut input)? {
        lines += 1;
        let line = journal::line(&line).unwrap_or(line);
        // Lines of a stack trace have the time of the line before.
        at = moment::of(&line, from).or(at);
        match at {
            None => without_time += 1,
            Some(at) if at < from || at >= to => outside += 1,
            Some(at) => counts.add(at, &line),
        }
    }
    Ok(LogSummary {
        width,
        lines,
        without_time,
        outside,
        kinds: counts.kinds(),
    })
}

/// Counts the lines of a span.
struct LineCounts {
    from: Timestamp,
    width: Duration,
    /// Lines per kind and window.
    windows: [Vec<u64>; LogKind::ALL.len()],
    /// Counts by index of the kind and message, at most `MESSAGES_MAX`.
    messages: HashMap<(usize, String), u64>,
}

impl LineCounts {
    fn new(span: (Timestamp, Timestamp), width: Duration) -> Self {
        let windows = windows(span, width);
        Self {
            from: span.0,
            width,
            windows: LogKind::ALL.map(|_| vec![0; windows]),
            messages: HashMap::new(),
        }
    }

    fn add(&mut self, at: Timestamp, line: &str) {
        let Some(kind) = LogKind::of(line) else {
            return;
        };
        let place = LogKind::ALL.iter().position(|one| *one == kind);
        let place = place.unwrap_or(0);
        let width = millis(self.width);
        let window = (at.0 - self.from.0) / width.max(1);
        let window = usize::try_from(window).unwrap_or(usize::MAX);
        if let Some(count) = self.windows[place].get_mut(window) {
            *count += 1;
        }
        let is_full = self.messages.len() >= MESSAGES_MAX;
        match self.messages.entry((place, template(line, self.from))) {
            Entry::Occupied(mut count) => *count.get_mut() += 1,
            Entry::Vacant(new) if !is_full => {
                new.insert(1);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// The kinds that have lines.
    fn kinds(self) -> Vec<KindSummary> {
        let kinds = LogKind::ALL.into_iter().zip(self.windows).enumerate();
        kinds
            .filter(|(_, (_, windows))| windows.iter().any(|count| *count > 0))
            .map(|(place, (kind, windows))| KindSummary {
                kind,
                count: windows.iter().sum(),
                windows,
                messages: most_frequent(&self.messages, place),
            })
            .collect()
    }
}

fn windows((from, to): (Timestamp, Timestamp), width: Duration) -> usize {
    let span = u64::try_from(to.0 - from.0).unwrap_or_default();
    let width = u64::try_from(width.as_millis()).unwrap_or(u64::MAX).max(1);
    usize::try_from(span.div_ceil(width))
        .unwrap_or(0)
        .min(100_000)
}

fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    input.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        skip_line(input)?;
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
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

/// Removes the time of a line and replaces its numbers, so that similar messages are equal.
fn template(line: &str, near: Timestamp) -> String {
    let mut out = String::new();
    let mut in_number = false;
    for c in moment::after(line, near).chars().take(4 * SHOWN_MAX) {
        let is_digit = c.is_ascii_digit();
        if !is_digit {
            out.push(c);
        } else if !in_number {
            out.push('N');
        }
        in_number = is_digit;
    }
    printable(out.trim()).chars().take(SHOWN_MAX).collect()
}

fn most_frequent(messages: &HashMap<(usize, String), u64>, place: usize) -> Vec<(String, u64)> {
    let mut of_kind: Vec<_> = messages
        .iter()
        .filter(|((kind, _), _)| *kind == place)
        .map(|((_, message), count)| (message.clone(), *count))
        .collect();
    of_kind.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    of_kind.truncate(SHOWN);
    of_kind
}

#[cfg(test)]
mod tests;
