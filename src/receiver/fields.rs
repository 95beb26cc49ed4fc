//! The fields that templates can use.

use super::Message;
use super::message::summary;
use crate::alert::Notice;
use crate::format::times;
use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The fields of a message.
pub(super) const FIELDS: [&str; 15] = [
    "summary",
    "description",
    "chart",
    "status",
    "firing",
    "resolved",
    "alertname",
    "service",
    "severity",
    "page_url",
    "runbook_url",
    "list",
    "label",
    "annotation",
    "alerts",
];

/// The fields of each item in `alerts`.
pub(super) const ALERT_FIELDS: [&str; 14] = [
    "summary",
    "description",
    "chart",
    "status",
    "alertname",
    "service",
    "severity",
    "page_url",
    "runbook_url",
    "label",
    "annotation",
    "starts_at",
    "ends_at",
    "duration",
];

/// Whether a field name in a template is valid: `label.NAME` is valid for any name.
pub(super) fn is_known(name: &str) -> bool {
    match name.split_once('.') {
        None => FIELDS.contains(&name),
        Some((root, rest)) => ["label", "annotation"].contains(&root) && !rest.contains('.'),
    }
}

/// The fields of a message for a template. Each is computed once, when it is first used.
pub(super) fn of(message: &Message) -> Value {
    Value::from_object(MessageFields {
        message: message.clone(),
        values: [const { OnceLock::new() }; FIELDS.len()],
    })
}

#[derive(Debug)]
struct MessageFields {
    message: Message,
    /// In the order of [`FIELDS`].
    values: [OnceLock<Value>; FIELDS.len()],
}

impl Object for MessageFields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let number = FIELDS.iter().position(|field| *field == name)?;
        let value = self.values[number].get_or_init(|| field(&self.message, name));
        Some(value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&FIELDS)
    }
}

fn field(message: &Message, name: &str) -> Value {
    let firing = message.firing().count();
    match name {
        "status" => message.status_word().into(),
        "firing" => firing.into(),
        "resolved" => (message.notices.len() - firing).into(),
        "summary" => message.summary().into(),
        "list" => message.list().into(),
        "label" => texts(common(message, |notice| &notice.labels)),
        "annotation" => texts(common(message, |notice| &notice.annotations)),
        "alerts" => {
            let alerts = message.notices.iter();
            alerts.map(|notice| alert(notice, message)).collect()
        }
        "alertname" | "service" | "severity" => {
            let value = message.common(|one| one.label(name));
            value.unwrap_or_default().into()
        }
        // The others are annotations.
        _ => {
            let value = message.common(|one| one.annotations.get(name).map(String::as_str));
            value.unwrap_or_default().into()
        }
    }
}

/// The labels or annotations that all alerts of a message share.
pub(super) fn common(
    message: &Message,
    of: impl for<'n> Fn(&'n Notice) -> &'n BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let Some((first, others)) = message.notices.split_first() else {
        return BTreeMap::new();
    };
    let mut common = of(first).clone();
    common.retain(|name, value| others.iter().all(|one| of(one).get(name) == Some(&*value)));
    common
}

fn alert(notice: &Notice, message: &Message) -> Value {
    let label = |name: &str| Value::from(notice.label(name).unwrap_or_default());
    let annotation = |name: &str| {
        let text = notice.annotations.get(name).map(String::as_str);
        Value::from(text.unwrap_or_default())
    };
    let until = notice.to.unwrap_or(message.at);
    let duration = until.0.saturating_sub(notice.from.0).max(0) / 1000;
    let ends_at = notice.to.map(|to| times::machine(to.to_utc()));
    let status = if notice.is_resolved() {
        "resolved"
    } else {
        "firing"
    };
    let value = |name: &str| match name {
        "summary" => summary(notice).into(),
        "status" => status.into(),
        "alertname" | "service" | "severity" => label(name),
        "label" => texts(notice.labels.clone()),
        "annotation" => texts(notice.annotations.clone()),
        "starts_at" => times::machine(notice.from.to_utc()).into(),
        "ends_at" => ends_at.clone().unwrap_or_default().into(),
        "duration" => times::length(duration as f64).into(),
        _ => annotation(name),
    };
    Value::from_pairs(ALERT_FIELDS.map(|name| (name, value(name))))
}

fn texts(texts: BTreeMap<String, String>) -> Value {
    Value::from_object(Texts(texts))
}

/// Labels or annotations. A missing one is an empty text, since alerts often differ in their
/// labels.
#[derive(Debug)]
struct Texts(BTreeMap<String, String>);

impl Object for Texts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let text = self.0.get(key.as_str()?).map(String::as_str);
        Some(text.unwrap_or_default().into())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names: Vec<Value> = self.0.keys().map(|name| name.as_str().into()).collect();
        Enumerator::Values(names)
    }
}
