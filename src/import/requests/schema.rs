//! Example values of an `OpenAPI` document: its own examples, and values that its schemas allow.

mod number;

use super::RequestsError;
use super::document::At;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Maximum length of a chain of references.
const HOPS_MAX: usize = 16;
/// Maximum nesting of an example; a schema may contain itself.
const DEPTH_MAX: usize = 12;
/// Maximum nesting for optional properties.
const OPTIONAL_DEPTH_MAX: usize = 6;
/// Maximum number of values in all examples of a document, which may repeat a schema very often.
const VALUES_MAX: usize = 200_000;
/// Maximum number of values in what operations refer to and inherit, counted for each operation. All operations
/// of a document can refer to one large part of it.
const REPEATED_MAX: usize = 2_000_000;
const ITEMS_MAX: usize = 10;
const LENGTH_MAX: usize = 256;

pub struct Examples<'d> {
    root: At<'d>,
    values: Cell<usize>,
    repeated: Cell<usize>,
}

impl<'d> Examples<'d> {
    pub fn new(root: &At<'d>) -> Self {
        Self {
            root: root.clone(),
            values: Cell::new(0),
            repeated: Cell::new(0),
        }
    }

    /// Follows `$ref` to the value that it refers to.
    pub fn resolve(&self, at: &At<'d>) -> Result<At<'d>, RequestsError> {
        let mut at = at.clone();
        for _ in 0..HOPS_MAX {
            let Some(reference) = at.get("$ref") else {
                return Ok(at);
            };
            self.repeat(&reference)?;
            let pointer = reference.text()?.strip_prefix('#');
            let pointer = pointer.ok_or_else(|| {
                reference.fault("expected a reference within the document: bundle its files first")
            })?;
            let target = self.root.pointer(pointer);
            at = target.ok_or_else(|| {
                reference.fault("refers to a value that does not exist in the document")
            })?;
        }
        Err(at.fault("refers to itself"))
    }

    /// Follows `$ref` to a part of which all members are read, by every operation that refers to it.
    pub fn resolve_shared(&self, at: &At<'d>) -> Result<At<'d>, RequestsError> {
        let target = self.resolve(at)?;
        if !std::ptr::eq(target.value, at.value) {
            self.repeat(&target)?;
        }
        Ok(target)
    }

    /// The example of a media type or parameter, or else a value that its schema allows.
    pub fn of(&self, at: &At<'d>) -> Result<Option<Value>, RequestsError> {
        if let Some(given) = self.given(at)? {
            return Ok(Some(given));
        }
        at.get("schema")
            .map(|schema| self.value(&schema, &mut Vec::new()))
            .transpose()
    }

    /// The example value that the document defines for a media type or parameter.
    pub fn given(&self, at: &At<'d>) -> Result<Option<Value>, RequestsError> {
        if let Some(example) = at.get("example") {
            return self.copy(&example).map(Some);
        }
        let examples = at
            .get("examples")
            .filter(|examples| examples.value.is_object());
        let examples = examples.map_or(Ok(Vec::new()), |examples| examples.entries())?;
        for (_, example) in examples {
            if let Some(value) = self.resolve(&example)?.get("value") {
                return self.copy(&value).map(Some);
            }
        }
        let Some(schema) = at.get("schema") else {
            return Ok(None);
        };
        let schema = self.resolve(&schema)?;
        if let Some(value) = fixed(&schema) {
            return self.copy(&value).map(Some);
        }
        // A list of the example of its items.
        let Some(items) = schema.get("items") else {
            return Ok(None);
        };
        let item = fixed(&self.resolve(&items)?).map(|value| self.copy(&value));
        Ok(item.transpose()?.map(|value| Value::Array(vec![value])))
    }

    /// A value that a schema allows, according to its common keywords. `open` are the enclosing
    /// schemas.
    fn value(&self, schema: &At<'d>, open: &mut Vec<&'d Value>) -> Result<Value, RequestsError> {
        let schema = self.resolve(schema)?;
        self.count(&schema, 1)?;
        if let Some(value) = fixed(&schema) {
            return self.copy(&value);
        }
        if open.len() >= DEPTH_MAX {
            return Ok(Value::Null);
        }
        open.push(schema.value);
        let value = self.of_kind(&schema, open);
        open.pop();
        value
    }

    fn of_kind(&self, schema: &At<'d>, open: &mut Vec<&'d Value>) -> Result<Value, RequestsError> {
        for name in ["oneOf", "anyOf"] {
            let choices = schema.items_of(name)?;
            self.count(schema, choices.len())?;
            if let Some(first) = choices.iter().find(|one| !is_null(one)) {
                return self.value(first, open);
            }
        }
        match kind(schema) {
            "object" => self.object(schema, open).map(Value::Object),
            "array" => self.array(schema, open),
            "integer" => Ok(number::integer(schema)),
            "number" => Ok(number::number(schema)),
            "boolean" => Ok(Value::Bool(true)),
            "string" => Ok(Value::from(string(schema))),
            _ => Ok(Value::Null),
        }
    }

    fn array(&self, schema: &At<'d>, open: &mut Vec<&'d Value>) -> Result<Value, RequestsError> {
        let tuple = schema.items_of("prefixItems")?;
        if !tuple.is_empty() {
            let items = tuple.iter().map(|item| self.value(item, open));
            return items.collect::<Result<_, _>>().map(Value::Array);
        }
        let items = schema.get("items");
        let items = items.map(|items| self.resolve(&items)).transpose()?;
        let shortest = count(schema, "minItems").unwrap_or(0);
        let item = match items {
            Some(items) if shortest > 0 || !is_open(&items, open) => self.value(&items, open)?,
            _ if shortest > 0 => Value::Null,
            _ => return Ok(Value::Array(Vec::new())),
        };
        let items = vec![item; shortest.clamp(1, ITEMS_MAX)];
        self.count(schema, items.iter().map(size).sum())?;
        Ok(Value::Array(items))
    }

    /// All properties that a client may write, from all subschemas.
    fn object(
        &self,
        schema: &At<'d>,
        open: &mut Vec<&'d Value>,
    ) -> Result<Map<String, Value>, RequestsError> {
        let mut members = Map::new();
        for part in schema.items_of("allOf")? {
            if let Value::Object(part) = self.value(&part, open)? {
                members.extend(part);
            }
        }
        let required = schema.items_of("required")?;
        let required: BTreeSet<&str> = required
            .iter()
            .filter_map(|name| name.value.as_str())
            .collect();
        let properties = schema.get("properties");
        let properties = properties.map_or(Ok(Vec::new()), |all| all.entries())?;
        self.count(schema, required.len() + properties.len())?;
        for (name, property) in properties {
            let resolved = self.resolve(&property)?;
            let ends = open.len() > OPTIONAL_DEPTH_MAX || is_open(&resolved, open);
            let is_needed = required.contains(name) || !ends;
            if !resolved.is("readOnly") && is_needed {
                members.insert(name.to_owned(), self.value(&resolved, open)?);
            }
        }
        Ok(members)
    }

    /// Counts a part of the document that is read again.
    pub fn repeat(&self, at: &At<'_>) -> Result<(), RequestsError> {
        let repeated = self.repeated.get();
        if repeated > REPEATED_MAX {
            return Err(at.fault("the parts that operations share have more than 2,000,000 values"));
        }
        self.repeated.set(repeated.saturating_add(size(at.value)));
        Ok(())
    }

    fn copy(&self, at: &At<'d>) -> Result<Value, RequestsError> {
        self.count(at, size(at.value))?;
        Ok(at.value.clone())
    }

    fn count(&self, at: &At<'d>, values: usize) -> Result<(), RequestsError> {
        let total = self.values.get().saturating_add(values);
        self.values.set(total);
        if total > VALUES_MAX {
            return Err(at.fault("the examples up to here have more than 200,000 values"));
        }
        Ok(())
    }
}

/// The number of values that it consists of.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        Value::String(text) => text.len() / 64,
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Whether a schema is one of the enclosing schemas.
fn is_open(schema: &At<'_>, open: &[&Value]) -> bool {
    open.iter().any(|outer| std::ptr::eq(*outer, schema.value))
}

/// A value that the schema itself defines.
fn fixed<'d>(schema: &At<'d>) -> Option<At<'d>> {
    let first = |name: &str| schema.get(name)?.items().ok()?.next();
    let one = |name: &str| schema.get(name);
    one("const")
        .or_else(|| one("example"))
        .or_else(|| first("examples"))
        .or_else(|| one("default"))
        .or_else(|| first("enum"))
}

/// Its type; the first other than `null` if there are several.
fn kind<'d>(schema: &At<'d>) -> &'d str {
    let kind = match schema.value.get("type") {
        Some(Value::String(kind)) => Some(kind.as_str()),
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null")
        }
        _ => None,
    };
    let has = |name: &str| schema.get(name).is_some();
    match kind {
        Some(kind) => kind,
        None if has("properties") || has("allOf") => "object",
        None if has("items") || has("prefixItems") => "array",
        None => "",
    }
}

fn is_null(schema: &At<'_>) -> bool {
    schema.value.get("type").and_then(Value::as_str) == Some("null")
}

fn count(schema: &At<'_>, name: &str) -> Option<usize> {
    usize::try_from(schema.get(name)?.value.as_u64()?).ok()
}

fn string(schema: &At<'_>) -> String {
    let format = schema.get("format").and_then(|format| format.text().ok());
    let text = match format.unwrap_or_default() {
        "date" => "2026-01-01",
        "date-time" => "2026-01-01T00:00:00Z",
        "time" => "00:00:00Z",
        "duration" => "PT1M",
        "email" => "user@example.com",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "uri" | "url" => "https://example.com/",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "byte" => "dGV4dA==",
        _ => "text",
    };
    let shortest = count(schema, "minLength").unwrap_or(0);
    let longest = count(schema, "maxLength").unwrap_or(LENGTH_MAX);
    let length = shortest.max(text.len()).min(LENGTH_MAX).min(longest);
    text.chars().cycle().take(length).collect()
}
