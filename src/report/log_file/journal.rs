//! Lines of `journalctl -o json`.

use serde::Deserialize;

/// What is read of an entry.
#[derive(Deserialize)]
struct Entry {
    /// Microseconds since 1970.
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
    /// What is no text.
    Bytes(Vec<u8>),
}

/// An entry as a line of text: its time, its level and its message. `None` for every other line.
pub fn line(line: &str) -> Option<String> {
    if !line.starts_with('{') || !line.contains("\"__REALTIME_TIMESTAMP\"") {
        return None;
    }
    let entry: Entry = serde_json::from_str(line).ok()?;
    let at = chrono::DateTime::from_timestamp_micros(entry.at.parse().ok()?)?;
    // As in syslog (RFC 5424, section 6.2.1).
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
