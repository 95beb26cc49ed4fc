//! Entries that are JSON: of `journalctl -o json`, of Docker, and of loggers such as Pino, zap, logrus and
//! structlog, also after a prefix with the time as in Kubernetes.

use super::level::Level;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Maximum number of entries within entries.
const DEPTH_MAX: usize = 3;

/// Keys by meaning, in lower case and in the order of precedence.
const TIMES: [&str; 9] = [
    "__realtime_timestamp",
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "@t",
    "t",
    "datetime",
    "date",
];
const LEVELS: [&str; 8] = [
    "priority",
    "level",
    "levelname",
    "severity",
    "loglevel",
    "log.level",
    "lvl",
    "@l",
];
const MESSAGES: [&str; 8] = [
    "message",
    "msg",
    "event",
    "log",
    "short_message",
    "@m",
    "@mt",
    "body",
];
/// Keys whose values explain the message.
const REASONS: [&str; 5] = ["error", "err", "exception", "reason", "exc_info"];

/// An entry in text form.
struct Entry {
    time: Option<String>,
    /// The level and the message.
    text: String,
}

/// Converts an entry to a text line with time, level and message. `None` for other lines.
pub fn line(line: &str) -> Option<String> {
    let (prefix, json) = line.split_at(line.find('{')?);
    let Entry { time, text } = entry(json, 0)?;
    Some(match time {
        Some(time) => format!("{time} {text}"),
        None => format!("{prefix}{text}"),
    })
}

fn entry(json: &str, depth: usize) -> Option<Entry> {
    let is_object = json.starts_with('{') && json.ends_with('}');
    if !is_object || depth > DEPTH_MAX {
        return None;
    }
    let fields: Map<String, Value> = serde_json::from_str(json).ok()?;
    let find = |names: &[&str], read: fn(&Value) -> Option<String>| {
        let mut each = names.iter();
        each.find_map(|name| read(value(&fields, name)?))
    };
    let level = find(&LEVELS, level);
    let message = find(&MESSAGES, text);
    if message.is_none() && level.is_none() {
        return None;
    }
    let time = find(&TIMES, moment);
    let message = message.unwrap_or_default();
    let message = message.trim_end();
    // Docker and journald contain lines of the service.
    if let Some(inner) = entry(message, depth + 1) {
        return Some(Entry {
            time: inner.time.or(time),
            text: inner.text,
        });
    }
    let mut text = level.map_or_else(String::new, |level| format!("{level}: "));
    text.push_str(message);
    for name in REASONS {
        if let Some(reason) = find(&[name], self::text) {
            text.extend([": ", &reason]);
        }
    }
    Some(Entry { time, text })
}

fn value<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut all = fields.iter();
    all.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
}

/// A text, or that of an object such as `{"type":"Error","message":"refused"}`; `None` if it is empty.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(parts) => self::value(parts, "message")?.as_str()?.to_owned(),
        Value::Array(bytes) => of_bytes(bytes)?,
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// A message of the journal that is not UTF-8.
fn of_bytes(bytes: &[Value]) -> Option<String> {
    let bytes = bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok());
    let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The name of a level.
fn level(value: &Value) -> Option<String> {
    let level = match value {
        Value::Number(number) => Level::numbered(number.as_u64()?),
        Value::String(name) => {
            let numbered = || Some(Level::numbered(name.parse().ok()?));
            Level::named(name).or_else(numbered)?
        }
        _ => return None,
    };
    Some(level.name().to_owned())
}

/// A timestamp as text: as it is written, or from the seconds, milliseconds, microseconds or nanoseconds since
/// 1970, which are distinguished by their magnitude.
fn moment(value: &Value) -> Option<String> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => match text.parse() {
            Ok(number) => number,
            Err(_) => return Some(text.clone()),
        },
        _ => return None,
    };
    let milliseconds = match number {
        // Durations may have the same name.
        ..1e9 => return None,
        1e9..1e11 => number * 1e3,
        1e11..1e14 => number,
        1e14..1e17 => number / 1e3,
        _ => number / 1e6,
    };
    #[expect(clippy::cast_possible_truncation, reason = "rounding is intended")]
    let at: DateTime<Utc> = DateTime::from_timestamp_millis(milliseconds.round() as i64)?;
    Some(at.format("%FT%T%.3fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-09-21T14:13:20.250Z";

    #[test]
    fn entries_of_common_loggers_become_lines() {
        for (json, expected) in [
            // Pino, and zap with its defaults.
            (
                "{\"level\":50,\"time\":1790000000250,\"pid\":1,\"msg\":\"refused\"}",
                "2026-09-21T14:13:20.250Z error: refused",
            ),
            (
                "{\"level\":\"error\",\"ts\":1790000000.25,\"caller\":\"x.go:1\",\"msg\":\"down\",\"error\":\"timeout\"}",
                "2026-09-21T14:13:20.250Z error: down: timeout",
            ),
            // logrus sorts its keys.
            (
                "{\"level\":\"warning\",\"msg\":\"slow\",\"time\":\"2026-09-21T16:13:20.250+02:00\"}",
                "2026-09-21T16:13:20.250+02:00 warning: slow",
            ),
            (
                "{\"log\":\"ERROR x\\n\",\"stream\":\"stderr\",\"time\":\"2026-09-21T14:13:20.250000001Z\"}",
                "2026-09-21T14:13:20.250000001Z ERROR x",
            ),
            (
                "{\"log\":\"{\\\"level\\\":30,\\\"time\\\":1790000000250,\\\"msg\\\":\\\"no error\\\"}\\n\",\"time\":\"x\"}",
                "2026-09-21T14:13:20.250Z info: no error",
            ),
            (
                "{\"log\":\"{\\\"level\\\":\\\"warn\\\",\\\"msg\\\":\\\"x\\\",\\\"time\\\":0.25}\",\"time\":\"2026-09-21T14:13:20Z\"}",
                "2026-09-21T14:13:20Z warning: x",
            ),
            (
                "{\"Timestamp\":\"2026-09-21T14:13:20.250Z\",\"LogLevel\":\"Error\",\"Message\":\"x\",\"State\":{\"error\":1}}",
                "2026-09-21T14:13:20.250Z error: x",
            ),
            // The runtime of Kubernetes, and Docker Compose.
            (
                "2026-09-21T14:13:20.250Z stderr F {\"level\":\"error\",\"msg\":\"x\"}",
                "2026-09-21T14:13:20.250Z stderr F error: x",
            ),
            (
                "web-1  | {\"level\":\"info\",\"ts\":1790000000250000000,\"msg\":\"x\"}",
                "2026-09-21T14:13:20.250Z info: x",
            ),
        ] {
            assert_eq!(line(json).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn other_lines_are_kept() {
        let deep = format!("{}{}", "{\"msg\":".repeat(200), "}".repeat(200));
        for text in [
            format!("{TIME} got {{}}"),
            format!("{TIME} body {{\"a\":1}}"),
            format!("{TIME} {{\"level\":\"error\""),
            deep,
            String::new(),
        ] {
            assert_eq!(line(&text), None, "{text}");
        }
    }
}
