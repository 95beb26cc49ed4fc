//! The outbox: notices to be delivered, alerts that receivers were notified of, and the result of
//! each message.

mod history;
mod known;
mod message;
mod moved;
mod removed;
mod waiting;
mod withheld;

pub use history::Sent;
pub use known::KnownGroup;
pub use message::{Batch, MessageFilter};
pub use moved::Moved;
pub use removed::Ended;
pub use waiting::{NewDelivery, OUTBOX_MAX, Pending};
pub(super) use waiting::{insert, with_other_recipients};

use crate::alert::Notice;
use crate::outcome::Timestamp;
use rusqlite::Row;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Maximum number of notices in a message.
const BATCH_MAX: i64 = 2000;

fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    row.get::<_, String>(0).map(|text| parse(&text))
}

fn write(notice: &Notice) -> String {
    json!({
        "labels": notice.labels,
        "annotations": notice.annotations,
        "from": notice.from.0,
        "to": notice.to.map(|to| to.0),
    })
    .to_string()
}

/// Parses a stored notice; fields that cannot be read get default values.
fn parse(text: &str) -> Notice {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let map = |name: &str| {
        let entries = value[name].as_object().into_iter().flatten();
        let texts = entries.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.into())));
        texts.collect()
    };
    Notice {
        labels: map("labels"),
        annotations: map("annotations"),
        from: Timestamp(value["from"].as_i64().unwrap_or_default()),
        to: value["to"].as_i64().map(Timestamp),
    }
}

/// Groups as a JSON array for a statement.
fn names(groups: &BTreeSet<String>) -> String {
    json!(groups).to_string()
}

#[cfg(test)]
mod tests;
