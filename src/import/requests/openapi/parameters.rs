//! Writes the parameters of an operation into its path, query, headers and cookies.

use crate::import::requests::RequestsError;
use crate::import::requests::document::At;
use crate::import::requests::multipart::{self, BOUNDARY, Part};
use crate::import::requests::schema::Examples;
use crate::import::requests::text::{encode_value, reference};
use serde_json::{Map, Value};

const COUNT_MAX: usize = 200;

/// A parameter with its location (`in`), name and value.
struct Parameter {
    place: String,
    name: String,
    value: Value,
    /// Whether each item of a list becomes a separate parameter.
    is_exploded: bool,
    /// Whether each member of an object becomes a parameter such as `filter[age]`.
    is_deep: bool,
    is_required: bool,
}

pub struct Parameters(Vec<Parameter>);

impl Parameters {
    /// Reads the parameters of the path and of the operation, which override them. Optional ones
    /// are omitted.
    pub fn read(levels: &[&At<'_>], examples: &Examples<'_>) -> Result<Self, RequestsError> {
        let mut all = Self(Vec::new());
        for level in levels {
            let parameters = level.items_of("parameters")?;
            if parameters.len() > COUNT_MAX {
                return Err(level.fault("expected at most 200 parameters"));
            }
            for parameter in parameters {
                let parameter = examples.resolve_shared(&parameter)?;
                let place = parameter.need("in")?.text()?.to_owned();
                let name = parameter.need("name")?.text()?.to_owned();
                all.remove(&place, &name);
                let style = parameter.text_of("style")?;
                let is_form = style == "form" || style.is_empty() && place == "query";
                let explode = parameter.get("explode").and_then(|it| it.value.as_bool());
                // The user must provide a value that the document does not contain.
                let given = parameter_value(&parameter, examples)?;
                all.0.push(Parameter {
                    is_required: parameter.is("required") || place == "path",
                    is_deep: style == "deepObject",
                    is_exploded: is_form && explode.unwrap_or(true),
                    value: given.unwrap_or_else(|| Value::from(reference(&name))),
                    place,
                    name,
                });
            }
        }
        all.0.retain(|parameter| parameter.is_required);
        Ok(all)
    }

    pub fn add(&mut self, place: &str, name: &str, value: String) {
        self.remove(place, name);
        self.0.push(Parameter {
            place: place.to_owned(),
            name: name.to_owned(),
            value: Value::from(value),
            is_exploded: false,
            is_deep: false,
            is_required: true,
        });
    }

    fn remove(&mut self, place: &str, name: &str) {
        self.0.retain(|one| one.place != place || one.name != name);
    }

    /// The path with its parameters, and the query. Undeclared names in the path become references.
    pub fn target(&self, path: &str) -> String {
        let (mut target, mut rest) = (String::new(), path);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                break;
            };
            let known = self.at("path").find(|one| one.name == name);
            let value = known.map_or_else(|| reference(name), |one| joined(&one.value));
            target.push_str(before);
            target.push_str(&encode_value(&value));
            rest = after;
        }
        target.push_str(rest);
        let pairs: Vec<String> = self
            .at("query")
            .flat_map(|one| match &one.value {
                Value::Object(members) if one.is_deep => deep(&one.name, members),
                value => pairs(&one.name, value, one.is_exploded),
            })
            .collect();
        if !pairs.is_empty() {
            target.push('?');
            target.push_str(&pairs.join("&"));
        }
        target
    }

    /// `Accept`, `Content-Type` and `Authorization` are not parameters according to the standard.
    pub fn into_headers(self) -> Vec<(String, String)> {
        let cookies: Vec<String> = self
            .at("cookie")
            .map(|one| format!("{}={}", one.name, joined(&one.value)))
            .collect();
        let header = |one: &Parameter| (one.name.clone(), joined(&one.value));
        let mut headers: Vec<(String, String)> = self.at("header").map(header).collect();
        if !cookies.is_empty() {
            headers.push(("cookie".to_owned(), cookies.join("; ")));
        }
        headers
    }

    fn at(&self, place: &str) -> impl Iterator<Item = &Parameter> {
        self.0.iter().filter(move |one| one.place == place)
    }
}

/// The value in the document; the value of `content` is JSON.
fn parameter_value(
    parameter: &At<'_>,
    examples: &Examples<'_>,
) -> Result<Option<Value>, RequestsError> {
    let given = examples.given(parameter)?;
    let content = parameter.get("content").filter(|_| given.is_none());
    let Some(content) = content else {
        return Ok(given);
    };
    let media = content.entries()?.into_iter().next();
    let value = media.map_or(Ok(None), |(_, media)| examples.given(&media))?;
    Ok(value.map(|value| Value::from(value.to_string())))
}

/// Encodes a form: `a=1&b=2`.
pub fn form(value: &Value) -> String {
    let members = value.as_object().into_iter().flatten();
    let pairs: Vec<String> = members
        .flat_map(|(name, value)| pairs(name, value, true))
        .collect();
    pairs.join("&")
}

/// Encodes a multipart form. Objects are JSON, as the standard says.
pub fn parts(members: &Map<String, Value>) -> String {
    let texts: Vec<String> = members.values().map(joined).collect();
    let fields = members
        .iter()
        .zip(&texts)
        .map(|((name, value), text)| Part {
            name,
            value: text,
            media_type: if value.is_object() {
                "application/json"
            } else {
                ""
            },
        });
    multipart::write(BOUNDARY, fields).unwrap_or_default()
}

fn deep(name: &str, members: &Map<String, Value>) -> Vec<String> {
    let member = |(key, value)| pairs(&format!("{name}[{key}]"), value, true);
    members.iter().flat_map(member).collect()
}

fn pairs(name: &str, value: &Value, is_exploded: bool) -> Vec<String> {
    let pair = |name: &str, value: &Value| {
        format!("{}={}", encode_value(name), encode_value(&joined(value)))
    };
    match value {
        Value::Array(items) if is_exploded => items.iter().map(|item| pair(name, item)).collect(),
        Value::Object(members) if is_exploded => members
            .iter()
            .map(|(name, value)| pair(name, value))
            .collect(),
        value => vec![pair(name, value)],
    }
}

/// Joins the items of a list with commas.
fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(joined).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}
