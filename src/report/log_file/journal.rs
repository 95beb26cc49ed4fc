//! Parses the output of `journalctl -o json`.

use serde::Deserialize;

/// The fields of an entry that are read.
#[derive(Deserialize)]
struct Entry {
    /// Microseconds since the Unix epoch.
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    at: String,
    #[serde(rename = "PRIORITY")]
    priority: Option<String>,
    #[serde(rename = "MESSAGE")]
    message: Option<Message>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Text(String),
    /// A message that is not UTF-8.
    Bytes(Vec<u8>),
}

/// Converts an entry to a text line with time, level and message. `None` for other lines.
pub fn line(line: &str) -> Option<String> {
    if !line.starts_with('{') || !line.contains("\"__REALTIME_TIMESTAMP\"") {
        return None;
    }
    let entry: Entry = serde_json::from_str(line).ok()?;
    let at = chrono::DateTime::from_timestamp_micros(entry.at.parse().ok()?)?;
    // Severities of syslog (RFC 5424, section 6.2.1).
    let level = match entry.priority.as_deref() {
        Some("0" | "1" | "2") => "critical: ",
        Some("3") => "error: ",
        Some("4") => "warning: ",
        Some("5" | "6") => "info: ",
        Some("7") => "debug: ",
        _ => "",
    };
    let message = match entry.message {
        Some(Message::Text(text)) => text,
        Some(Message::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        None => String::new(),
    };
    Some(format!("{} {level}{message}", at.format("%FT%T%.3fZ")))
}
