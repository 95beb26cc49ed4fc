//! Expectations of JSON, results of other load tools, logs of services, texts of messages, data of load runs, and
//! secrets in texts.

use super::Run;
use chrono::Utc;
use slod::config::Table;
use slod::import::Tool;
use slod::outcome::Timestamp;
use slod::probe::http::JsonTotal;
use slod::probe::http::json::JsonCondition;
use slod::receiver::Template;
use slod::report::log_file::summarize;
use slod::yaml::Redactions;
use std::path::Path;
use std::time::Duration;

const START: Timestamp = Timestamp(1_790_000_000_000);

/// A query, a condition and a document, a line each.
pub fn expectations() -> Run {
    Box::new(|data| {
        let text = String::from_utf8_lossy(data);
        let mut lines = text.splitn(3, '\n');
        let mut line = || lines.next().unwrap_or_default();
        let (query, wanted, document) = (line(), line(), line());
        let document = serde_json::from_str(document).unwrap_or_default();
        if let Ok(condition) = JsonCondition::new(query, wanted) {
            let _ = condition.check(&document);
        }
        if let Ok(total) = JsonTotal::parse(query) {
            total.of(&document);
        }
    })
}

/// The first byte is the tool.
pub fn imports() -> Run {
    Box::new(|data| {
        let Some((tool, rest)) = data.split_first() else {
            return;
        };
        let tool = Tool::ALL[usize::from(*tool) % Tool::ALL.len()];
        if let Err(error) = tool.read(rest, "a", START) {
            error.to_string();
        }
    })
}

pub fn logs() -> Run {
    let span = (START, START.after(Duration::from_mins(10)));
    Box::new(move |data| {
        let summary = summarize(data, span, Duration::from_secs(1), Utc);
        summary.expect("bytes are readable").to_text();
    })
}

/// A text that is valid is rendered for several messages as it is read.
pub fn templates() -> Run {
    Box::new(|data| {
        if let Err(error) = Template::parse(&String::from_utf8_lossy(data)) {
            assert!(!error.message.is_empty() && !error.help.is_empty());
        }
    })
}

/// The first line is a secret, and the rest a text that may repeat it.
pub fn redactions() -> Run {
    const SHOWN: &str = "<secret>";
    Box::new(|data| {
        let text = String::from_utf8_lossy(data);
        let (secret, text) = text.split_once('\n').unwrap_or_default();
        let mut redactions = Redactions::default();
        redactions.add(secret, SHOWN);
        let clean = redactions.clean(text);
        // A short one is hidden as a whole word only.
        let is_token = secret.len() >= 16 && !secret.contains(['<', '>']);
        assert!(!(is_token && clean.contains(secret)), "{clean}");
    })
}

/// The first byte is the format of a data file.
pub fn data_files() -> Run {
    Box::new(|data| {
        let Some((first, rest)) = data.split_first() else {
            return;
        };
        let name = ["a.csv", "a.jsonl"][usize::from(first % 2)];
        if let Ok(table) = Table::read(Path::new(name), rest.to_vec()) {
            let columns = table.columns.len();
            assert!(table.rows.iter().all(|row| row.len() == columns));
        }
    })
}
