//! Writes an exposition page, in either text format, straight into one buffer.

use super::family::{Family, Kind};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write as _;

/// Text is handed to the compressor in pieces of this size: a page of tens of megabytes then
/// never stands in memory as a whole.
const PIECE: usize = 64 * 1024;

/// Media types that Prometheus understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A page that is being written.
#[derive(Debug)]
pub struct Page {
    out: String,
    format: Format,
    /// Takes the text from `out` as it grows.
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl Page {
    pub fn new(format: Format, gzip: bool) -> Self {
        Self {
            out: String::with_capacity(PIECE),
            format,
            // Level 1: three times faster than the default, and a fifth larger.
            gzip: gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
        }
    }

    /// Starts a family: its samples must follow before the next one.
    pub fn family(&mut self, family: &Family) {
        self.head(family.name, family.kind, family.unit, family.help);
    }

    /// The head of a family that is known at run time only.
    pub fn head(&mut self, name: &str, kind: Kind, unit: &str, help: &str) {
        self.hand_over(PIECE);
        let open = self.format == Format::OpenMetrics;
        // OpenMetrics names a counter's family without the suffix of its sample.
        let name = match name.strip_suffix("_total") {
            Some(short) if open && kind == Kind::Counter => short,
            _ => name,
        };
        write!(self.out, "# HELP {name} ").unwrap_or_default();
        escape(&mut self.out, help, open);
        write!(self.out, "\n# TYPE {name} {}\n", kind.word()).unwrap_or_default();
        if open && !unit.is_empty() && name.ends_with(unit) {
            writeln!(self.out, "# UNIT {name} {unit}").unwrap_or_default();
        }
    }

    /// One sample; `labels` is ready text, as `Labels` makes it. What is not finite is unknown
    /// and left out.
    pub fn sample(&mut self, name: &str, suffix: &str, labels: &str, value: f64) {
        if value.is_finite() {
            self.start(name, suffix, labels);
            self.number(value);
            self.out.push('\n');
        }
    }

    /// A whole number, as counters are.
    pub fn count(&mut self, name: &str, suffix: &str, labels: &str, value: u64) {
        self.start(name, suffix, labels);
        self.out.push_str(itoa::Buffer::new().format(value));
        self.out.push('\n');
    }

    /// The buckets, count and sum of a histogram, from counts per bucket (the last one is +Inf).
    pub fn histogram(
        &mut self,
        name: &str,
        labels: &mut Labels,
        bounds: impl Iterator<Item = f64>,
        buckets: &[u64],
        sum: f64,
    ) {
        let mut total = 0;
        let borders = bounds.chain(std::iter::once(f64::INFINITY));
        for (border, bucket) in borders.zip(buckets) {
            total += bucket;
            let mut number = ryu::Buffer::new();
            let le = if border.is_finite() {
                number.format_finite(border)
            } else {
                "+Inf"
            };
            let end = labels.push("le", le);
            self.count(name, "_bucket", labels.text(), total);
            labels.cut(end);
        }
        self.sample(name, "_sum", labels.text(), sum);
        self.count(name, "_count", labels.text(), total);
    }

    /// The finished page, compressed if that was wanted.
    pub fn finish(mut self) -> Vec<u8> {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.hand_over(0);
        match self.gzip {
            // Writing to memory cannot fail.
            Some(gzip) => gzip.finish().unwrap_or_default(),
            None => self.out.into_bytes(),
        }
    }

    /// Gives the text to the compressor once there is more than `room` of it.
    fn hand_over(&mut self, room: usize) {
        if let Some(gzip) = self.gzip.as_mut().filter(|_| self.out.len() > room) {
            gzip.write_all(self.out.as_bytes()).unwrap_or_default();
            self.out.clear();
        }
    }

    fn start(&mut self, name: &str, suffix: &str, labels: &str) {
        self.hand_over(PIECE);
        self.out.push_str(name);
        self.out.push_str(suffix);
        if !labels.is_empty() {
            self.out.push('{');
            self.out.push_str(labels);
            self.out.push('}');
        }
        self.out.push(' ');
    }

    /// Whole numbers without a point, as all readers accept and people prefer.
    fn number(&mut self, value: f64) {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() < EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            self.out.push_str(itoa::Buffer::new().format(value as i64));
        } else {
            self.out.push_str(ryu::Buffer::new().format_finite(value));
        }
    }
}

/// Label pairs as text, reused from sample to sample.
#[derive(Debug, Default)]
pub struct Labels(String);

impl Labels {
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        let mut labels = Self::default();
        for (name, value) in pairs {
            labels.push(name, value);
        }
        labels
    }

    /// Adds a pair; returns where to cut to take it off again.
    pub fn push(&mut self, name: &str, value: &str) -> usize {
        let end = self.0.len();
        if end > 0 {
            self.0.push(',');
        }
        self.0.push_str(name);
        self.0.push_str("=\"");
        escape(&mut self.0, value, true);
        self.0.push('"');
        end
    }

    pub fn cut(&mut self, end: usize) {
        self.0.truncate(end);
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Escapes as both formats want it; help texts of 0.0.4 keep their quotes.
fn escape(out: &mut String, text: &str, quotes: bool) {
    if !text.contains(['\\', '\n', '"']) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}
