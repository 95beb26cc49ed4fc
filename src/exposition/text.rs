//! The two Prometheus text formats.

use super::family::MetricKind;
use super::labels::{Labels, escape};
use super::sink::{Head, Sink};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Size of the chunks in bytes that are passed on, so that a page of tens of megabytes is never in
/// memory as a whole.
const PIECE: usize = 64 * 1024;

/// The formats that Prometheus supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl TextFormat {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes a page as text, chunk by chunk.
#[derive(Debug)]
pub struct TextSink<W> {
    format: TextFormat,
    /// The name of the current family.
    family: String,
    piece: String,
    out: W,
    /// The first error of the output; later text is dropped.
    failed: Option<io::Error>,
}

impl<W: Write> TextSink<W> {
    pub fn new(format: TextFormat, out: W) -> Self {
        Self {
            format,
            family: String::new(),
            piece: String::with_capacity(PIECE),
            out,
            failed: None,
        }
    }

    /// Completes the page and returns the output.
    pub fn finish(mut self) -> io::Result<W> {
        if self.format == TextFormat::OpenMetrics {
            self.piece.push_str("# EOF\n");
        }
        self.hand_on(0);
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.out),
        }
    }

    /// Passes the chunk on if it is longer than `room`.
    fn hand_on(&mut self, room: usize) {
        if self.piece.len() > room {
            if self.failed.is_none() {
                self.failed = self.out.write_all(self.piece.as_bytes()).err();
            }
            self.piece.clear();
        }
    }

    fn start(&mut self, suffix: &str, labels: &Labels) {
        self.hand_on(PIECE);
        self.piece.push_str(&self.family);
        self.piece.push_str(suffix);
        if labels.is_empty() {
            self.piece.push(' ');
        } else {
            self.piece.push('{');
            self.piece.push_str(labels.text());
            self.piece.push_str("} ");
        }
    }
}

impl<W: Write> Sink for TextSink<W> {
    fn family(&mut self, head: &Head<'_>) {
        self.hand_on(PIECE);
        let open = self.format == TextFormat::OpenMetrics;
        // In OpenMetrics, the name of a counter family lacks the suffix of its samples.
        let name = match head.name.strip_suffix("_total") {
            Some(short) if open && head.kind == MetricKind::Counter => short,
            _ => head.name,
        };
        write!(self.piece, "# HELP {name} ").unwrap_or_default();
        escape(&mut self.piece, head.help, open);
        write!(self.piece, "\n# TYPE {name} {}\n", head.kind.label()).unwrap_or_default();
        let unit = head.known_unit();
        if open && !unit.is_empty() {
            writeln!(self.piece, "# UNIT {name} {unit}").unwrap_or_default();
        }
        head.name.clone_into(&mut self.family);
    }

    fn number(&mut self, suffix: &str, labels: &Labels, value: f64) {
        if value.is_finite() {
            self.start(suffix, labels);
            push_number(&mut self.piece, value);
            self.piece.push('\n');
        }
    }

    fn whole(&mut self, suffix: &str, labels: &Labels, value: u64) {
        self.start(suffix, labels);
        self.piece.push_str(itoa::Buffer::new().format(value));
        self.piece.push('\n');
    }

    fn is_closed(&self) -> bool {
        self.failed.is_some()
    }
}

/// Writes integers without a decimal point, which all parsers accept and people prefer.
fn push_number(out: &mut String, value: f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        out.push_str(itoa::Buffer::new().format(value as i64));
    } else {
        out.push_str(ryu::Buffer::new().format_finite(value));
    }
}
