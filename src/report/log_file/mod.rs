//! Summary of a service's log file: errors and other notable lines in a time span.

mod access;
mod kind;
mod level;
mod lines;
mod moment;
mod structured;
mod trace;

pub use kind::LogKind;

use crate::format::numbers::plural;
use crate::format::times;
use crate::outcome::{Timestamp, millis};
use crate::text::printable;
use crate::units::show_duration;
use access::Response;
use chrono::TimeZone;
use lines::next_line;
use moment::Times;
use serde::Serialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::fmt::Write as _;
use std::io::{self, BufRead};
use std::time::Duration;

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
    /// The earliest and the latest time in the log.
    #[serde(skip)]
    pub times: Option<(Timestamp, Timestamp)>,
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
    /// What the log is about if no line is from the time of the run.
    pub fn elsewhere(&self) -> Option<String> {
        let (first, last) = self
            .times
            .filter(|_| self.outside + self.without_time == self.lines)?;
        Some(format!(
            "no line is from the time of the run: the log is from {} to {} UTC; times without a zone are those of the variable TZ, or of this machine",
            times::second(first.to_utc()),
            times::second(last.to_utc())
        ))
    }

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
        if let Some(elsewhere) = self.elsewhere() {
            writeln!(out, "    {elsewhere}").unwrap_or_default();
        } else if self.kinds.is_empty() && self.without_time < self.lines {
            out.push_str("    nothing notable\n");
        }
        for one in &self.kinds {
            let (most, at) = one.worst(self.width);
            let (title, count, seconds) = (one.kind.title(), one.count, at.as_secs());
            let width = show_duration(self.width);
            writeln!(
                out,
                "    {title}: {count}, at most {most} in {width} (at {seconds} s after the start)"
            )
            .unwrap_or_default();
            for (message, count) in &one.messages {
                writeln!(out, "      {count} x {message}").unwrap_or_default();
            }
        }
        out
    }
}

/// Reads a log to its end. `span` is divided into windows of `width`. Times without a zone are in `zone`.
pub fn summarize(
    mut input: impl BufRead,
    span: (Timestamp, Timestamp),
    width: Duration,
    zone: impl TimeZone,
) -> io::Result<LogSummary> {
    let times = Times { span, zone };
    let mut counts = LineCounts::new(span, width);
    let (mut lines, mut without_time, mut outside) = (0, 0, 0);
    let mut seen: Option<(Timestamp, Timestamp)> = None;
    let mut entry: Option<Entry> = None;
    while let Some(line) = next_line(&mut input)? {
        lines += 1;
        let line = structured::line(&line).unwrap_or(line);
        let own = times.of(&line);
        if let Some(at) = own {
            let (first, last) = seen.unwrap_or((at, at));
            seen = Some((first.min(at), last.max(at)));
        }
        // Lines without a time have that of the line before.
        let Some(at) = own.or(entry.as_ref().map(|entry| entry.at)) else {
            without_time += 1;
            continue;
        };
        let is_inside = counts.covers(at);
        outside += u64::from(!is_inside);
        let is_trace = own.is_none() && trace::continues(&line);
        if let Some(entry) = entry.as_mut().filter(|_| is_trace) {
            entry.extend(&line, &times);
        } else if let Some(whole) = entry.replace(Entry::new(at, &line, &times)) {
            counts.add(whole);
        }
    }
    if let Some(last) = entry {
        counts.add(last);
    }
    Ok(LogSummary {
        width,
        lines,
        without_time,
        outside,
        times: seen,
        kinds: counts.kinds(),
    })
}

/// A line, with the stack trace after it.
struct Entry {
    at: Timestamp,
    /// The kind that says most, and the message of its line.
    kind: Option<(LogKind, String)>,
}

impl Entry {
    fn new<Z: TimeZone>(at: Timestamp, line: &str, times: &Times<Z>) -> Self {
        let kind = LogKind::of(line).map(|kind| (kind, message(line, times)));
        Self { at, kind }
    }

    /// Adds a line of its stack trace.
    fn extend<Z: TimeZone>(&mut self, line: &str, times: &Times<Z>) {
        let kind = LogKind::of(line).filter(|_| !trace::is_frame(line));
        if let Some(kind) = kind
            && self.kind.as_ref().is_none_or(|(known, _)| kind < *known)
        {
            self.kind = Some((kind, message(line, times)));
        }
    }
}

/// Counts the lines of a span.
struct LineCounts {
    span: (Timestamp, Timestamp),
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
            span,
            width,
            windows: LogKind::ALL.map(|_| vec![0; windows]),
            messages: HashMap::new(),
        }
    }

    /// Whether a time is in the span. Times without a fraction are the start of their second.
    fn covers(&self, at: Timestamp) -> bool {
        let (from, to) = self.span;
        let from = from.0 - from.0.rem_euclid(1000);
        let is_first_second = at.0 == from;
        (at >= self.span.0 || is_first_second) && at < to
    }

    fn add(&mut self, Entry { at, kind }: Entry) {
        let Some((kind, message)) = kind.filter(|_| self.covers(at)) else {
            return;
        };
        let place = LogKind::ALL.iter().position(|one| *one == kind);
        let place = place.unwrap_or(0);
        let width = millis(self.width);
        let window = (at.0 - self.span.0.0).max(0) / width.max(1);
        let window = usize::try_from(window).unwrap_or(usize::MAX);
        if let Some(count) = self.windows[place].get_mut(window) {
            *count += 1;
        }
        let is_full = self.messages.len() >= MESSAGES_MAX;
        match self.messages.entry((place, message)) {
            Occupied(mut count) => *count.get_mut() += 1,
            Vacant(new) if !is_full => {
                new.insert(1);
            }
            Vacant(_) => {}
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

/// The message of a line without its time, and with its numbers replaced, so that similar messages are equal.
fn message<Z: TimeZone>(line: &str, times: &Times<Z>) -> String {
    let (mut out, line) = match Response::of(line) {
        Some(Response { request, status }) => (format!("{status} "), request),
        None => (String::new(), times.after(line)),
    };
    let mut in_number = false;
    for c in line.chars().take(4 * SHOWN_MAX) {
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
