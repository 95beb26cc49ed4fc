//! Destination and format of log lines.

use super::journal::{self, WithPriority};
use crate::format::numbers::plural;
use crate::text::{escaped_json, printable, printable_lines};
use clap::{Args, ValueEnum};
use parking_lot::Mutex;
use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

#[derive(Debug, Args)]
pub struct LogArgs {
    /// Minimum level to log: error, warn, info, debug, trace, or a filter such as `slod::store=debug` [default: info; error for the demo on a terminal, warn for a run that is drawn on a terminal].
    #[arg(long, global = true, env = "SLOD_LOG_LEVEL")]
    log_level: Option<String>,
    /// Format of the log on standard error.
    #[arg(long, global = true, default_value = "text", env = "SLOD_LOG_FORMAT")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
    Logfmt,
}

/// Whether a stream is a terminal that understands escape sequences.
pub fn takes_escapes(stream: &impl IsTerminal) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !dumb
}

/// Whether a stream is such a terminal, and colors are not disabled.
pub fn takes_color(stream: &impl IsTerminal) -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    takes_escapes(stream) && !no_color
}

/// Log lines that are held back while the same terminal is drawn on.
#[derive(Clone, Debug, Default)]
pub struct BufferedLog(Arc<Mutex<Buffer>>);

#[derive(Debug, Default)]
struct Buffer {
    lines: Vec<u8>,
    dropped: u64,
}

impl BufferedLog {
    /// Maximum number of bytes held back; lines beyond it are dropped.
    const MAX: usize = 64 * 1024;

    /// Returns the lines since the last call, and how many more were dropped.
    pub fn take(&self) -> Vec<u8> {
        let Buffer { mut lines, dropped } = std::mem::take(&mut *self.0.lock());
        if dropped > 0 {
            let dropped = plural(dropped, "log line");
            // Writing to memory cannot fail.
            writeln!(lines, "slod: {dropped} dropped: too many at once").unwrap_or_default();
        }
        lines
    }

    /// Writes the lines to standard error, once nothing is drawn any more.
    pub fn release(&self) {
        // A failure to write standard error cannot be reported.
        io::stderr().write_all(&self.take()).unwrap_or_default();
    }
}

impl Write for BufferedLog {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut buffer = self.0.lock();
        if buffer.lines.len() + lines.len() <= Self::MAX {
            buffer.lines.extend_from_slice(lines);
        } else {
            buffer.dropped += 1;
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Removes or escapes unprintable characters, because the output may be a terminal.
struct Filtered<W>(W, fn(&str) -> Cow<'_, str>);

impl<W: Write> Write for Filtered<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(lines);
        self.0.write_all((self.1)(&text).as_bytes())?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes a field of a text line. Continuation lines of a message are indented, so that they cannot be
/// mistaken for separate log lines.
fn write_field(out: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let text = format!("{value:?}");
    if field.name() == "message" {
        return write!(out, "{}", printable_lines(&text).replace('\n', "\n    "));
    }
    write!(out, "{}={}", field.name(), printable(&text))
}

/// A single word must be a level: as a module name, a misspelled level would disable logging.
fn filter(level: &str) -> Result<EnvFilter, String> {
    let expected =
        "expected error, warn, info, debug, trace or off, or a filter such as `slod::store=debug`";
    let invalid = || format!("--log-level {level}: {expected}");
    let is_word = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric());
    let words = level.split(',').map(str::trim).filter(|part| is_word(part));
    for word in words {
        word.parse::<LevelFilter>().map_err(|_| invalid())?;
    }
    EnvFilter::builder().parse(level).map_err(|_| invalid())
}

impl LogArgs {
    /// Installs the logger for this process: on standard error, or held back starting at a level.
    pub fn init(&self, buffered: Option<(&BufferedLog, &str)>) -> Result<(), String> {
        let default = buffered.map_or("info", |(_, level)| level);
        // An empty environment variable counts as unset.
        let level = self.log_level.as_deref().filter(|level| !level.is_empty());
        let level = level.unwrap_or(default);
        let filter = filter(level)?;
        let color = takes_color(&io::stderr());
        let is_text = matches!(self.log_format, LogFormat::Text);
        let filtered = match self.log_format {
            LogFormat::Json => escaped_json,
            LogFormat::Text | LogFormat::Logfmt => printable_lines,
        };
        let writer = match buffered.map(|(log, _)| log.clone()) {
            // Color escapes are written by the formatter; fields are filtered before.
            Some(log) if is_text => BoxMakeWriter::new(move || log.clone()),
            None if is_text => BoxMakeWriter::new(io::stderr),
            Some(log) => BoxMakeWriter::new(move || Filtered(log.clone(), filtered)),
            None => BoxMakeWriter::new(move || Filtered(io::stderr(), filtered)),
        };
        let writer = if journal::is_connected() {
            BoxMakeWriter::new(WithPriority(writer))
        } else {
            writer
        };
        let text = tracing_subscriber::fmt::layer().with_target(false);
        let layer = match self.log_format {
            LogFormat::Text => text
                .with_ansi(color)
                .fmt_fields(debug_fn(write_field).delimited(" "))
                .with_writer(writer)
                .boxed(),
            LogFormat::Json => text.json().flatten_event(true).with_writer(writer).boxed(),
            LogFormat::Logfmt => tracing_logfmt::builder()
                .with_target(false)
                .layer()
                .with_writer(writer)
                .boxed(),
        };
        tracing_subscriber::registry()
            .with(layer.with_filter(filter))
            .try_init()
            .map_err(|error| format!("cannot set up the log: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_lines_are_counted() {
        let mut log = BufferedLog::default();
        for _ in 0..3 {
            log.write_all(&vec![b'x'; BufferedLog::MAX / 2])
                .expect("in memory");
        }
        log.write_all(&[b'x'; 2]).expect("in memory");
        let text = String::from_utf8(log.take()).expect("text");
        assert!(text.ends_with("xslod: 2 log lines dropped: too many at once\n"));
        assert!(log.take().is_empty());
    }

    #[test]
    fn a_misspelled_level_is_refused() {
        for level in [
            "info",
            "WARN",
            "off",
            "slod::store=debug",
            "warn,slod::web=trace",
            "slod::web",
        ] {
            assert!(filter(level).is_ok(), "{level}");
        }
        for level in ["inof", "warn,debgu", "slod=zzz"] {
            assert!(filter(level).is_err(), "{level}");
        }
    }
}
