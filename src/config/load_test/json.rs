//! `json`: a JSON body, written as a mapping, a list or a string.

use super::scope::Scope;
use crate::config::sequence::{SpecPart, SpecText};
use crate::yaml::{Node, Reader, Spot, Value};
use serde_json::Value as Json;
use slod_load::Escape;

/// Reads the body; errors are reported.
pub fn read(reader: &Reader<'_>, scope: &Scope<'_>, node: &Node, at: &Spot) -> Option<SpecText> {
    if !matches!(node.value, Value::Text(_)) {
        let mut body = SpecText::default();
        write(reader, scope, node, at, &mut body)?;
        return Some(body);
    }
    let body = scope.text(reader, node, at, escape_after)?;
    let filled = body.filled(|escape| match escape {
        Escape::JsonValue => "0",
        _ => "x",
    });
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&filled) {
        let message = format!(
            "invalid JSON: {}",
            error
                .to_string()
                .split(" at line ")
                .next()
                .unwrap_or_default()
        );
        let help = "expected JSON, or a YAML mapping or list";
        reader.error("invalid-value", at, message, help);
        return None;
    }
    Some(body)
}

/// How a value that follows the given part of a JSON text is escaped.
pub fn escape_after(before: &str) -> Escape {
    let (mut inside, mut escaped) = (false, false);
    for c in before.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = inside,
            '"' => inside = !inside,
            _ => {}
        }
    }
    if inside {
        Escape::JsonText
    } else {
        Escape::JsonValue
    }
}

fn write(
    reader: &Reader<'_>,
    scope: &Scope<'_>,
    node: &Node,
    at: &Spot,
    out: &mut SpecText,
) -> Option<()> {
    match &node.value {
        Value::Null => plain(out, "null"),
        Value::Text(text) if node.is_typed && is_json(text) => plain(out, text),
        Value::Text(_) => text(reader, scope, node, at, out)?,
        Value::List(items) => {
            plain(out, "[");
            for (number, item) in items.iter().enumerate() {
                plain(out, if number > 0 { "," } else { "" });
                let at = Spot::of(item, format!("{}[{number}]", at.path));
                write(reader, scope, item, &at, out)?;
            }
            plain(out, "]");
        }
        Value::Map(entries) => {
            plain(out, "{");
            for (number, (name, value)) in entries.iter().enumerate() {
                plain(out, if number > 0 { "," } else { "" });
                let name_at = Spot::of(name, at.path.clone());
                text(reader, scope, name, &name_at, out)?;
                plain(out, ":");
                let name = name.value.scalar().unwrap_or_default();
                let at = Spot::of(value, at.below(&name));
                write(reader, scope, value, &at, out)?;
            }
            plain(out, "}");
        }
    }
    Some(())
}

/// Writes a quoted string.
fn text(
    reader: &Reader<'_>,
    scope: &Scope<'_>,
    node: &Node,
    at: &Spot,
    out: &mut SpecText,
) -> Option<()> {
    let SpecText(parts) = scope.text(reader, node, at, |_| Escape::JsonText)?;
    plain(out, "\"");
    for part in parts {
        match part {
            SpecPart::Plain(text) => plain(out, &escaped(&text)),
            SpecPart::Variable { name, value } => out.0.push(SpecPart::Variable {
                name,
                value: escaped(&value),
            }),
            value @ SpecPart::Value { .. } => out.0.push(value),
        }
    }
    plain(out, "\"");
    Some(())
}

fn escaped(text: &str) -> String {
    let quoted = Json::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn plain(out: &mut SpecText, text: &str) {
    match out.0.last_mut() {
        Some(SpecPart::Plain(last)) => last.push_str(text),
        _ => out.0.push(SpecPart::Plain(text.to_owned())),
    }
}
