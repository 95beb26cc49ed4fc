//! The bodies of requests in a collection.

use super::variables::Variables;
use crate::import::requests::RequestsError;
use crate::import::requests::document::At;
use crate::import::requests::multipart::{self, BOUNDARY, Part};
use crate::import::requests::text::encode_value;
use serde_json::Value;

pub enum Body {
    /// The media type is that of the request if it has no `Content-Type`.
    Text { media_type: String, text: String },
    /// A multipart form with the boundary `BOUNDARY`.
    Form(String),
    /// A collection does not contain files.
    Upload,
}

pub fn read(body: &At<'_>, variables: &Variables) -> Result<Body, RequestsError> {
    let mode = body.text_of("mode")?;
    let text = |media_type: &str, text: String| Body::Text {
        media_type: media_type.to_owned(),
        text,
    };
    match mode {
        "" => Ok(text("", String::new())),
        "raw" => raw(body, variables),
        "urlencoded" => {
            let mut pairs = Vec::new();
            for parameter in enabled(body, mode)? {
                pairs.push(pair(&parameter, variables)?);
            }
            Ok(text("application/x-www-form-urlencoded", pairs.join("&")))
        }
        "formdata" => form(&enabled(body, mode)?, variables),
        "graphql" => Ok(text("application/json", graphql(body, variables)?)),
        "file" => Ok(Body::Upload),
        _ => Err(body.fault("expected the mode raw, urlencoded, formdata, graphql or file")),
    }
}

/// `a=b` in a query or form.
pub fn pair(parameter: &At<'_>, variables: &Variables) -> Result<String, RequestsError> {
    let name = match parameter.get("key") {
        Some(name) => variables.fill(&name)?,
        None => String::new(),
    };
    let value = variables.value(&name, parameter)?;
    Ok(format!("{}={}", encode_value(&name), encode_value(&value)))
}

fn enabled<'a>(body: &At<'a>, mode: &str) -> Result<Vec<At<'a>>, RequestsError> {
    let mut all = body.items_of(mode)?;
    all.retain(|one| !one.is("disabled"));
    Ok(all)
}

fn raw(body: &At<'_>, variables: &Variables) -> Result<Body, RequestsError> {
    let raw = body.get("raw");
    let text = raw.map_or(Ok(String::new()), |raw| variables.fill(&raw))?;
    let options = body.get("options").and_then(|options| options.get("raw"));
    let language = options.map_or(Ok(""), |raw| raw.text_of("language"))?;
    let media_type = match language {
        "json" => "application/json",
        "xml" => "application/xml",
        "html" => "text/html",
        "javascript" => "application/javascript",
        _ => "text/plain",
    };
    Ok(Body::Text {
        media_type: media_type.to_owned(),
        text,
    })
}

fn form(parts: &[At<'_>], variables: &Variables) -> Result<Body, RequestsError> {
    let mut fields = Vec::new();
    for part in parts {
        if part.text_of("type")? == "file" {
            return Ok(Body::Upload);
        }
        let name = variables.fill(&part.need("key")?)?;
        let media_type = part.text_of("contentType")?;
        if name.contains(['"', '\r', '\n']) || media_type.contains(['\r', '\n']) {
            return Err(
                part.fault("expected a key and a content type without quotes and line ends")
            );
        }
        let value = variables.value(&name, part)?;
        fields.push((name, value, media_type));
    }
    let fields = fields.iter().map(|(name, value, media_type)| Part {
        name,
        value,
        media_type,
    });
    Ok(Body::Form(
        multipart::write(BOUNDARY, fields).unwrap_or_default(),
    ))
}

fn graphql(body: &At<'_>, variables: &Variables) -> Result<String, RequestsError> {
    let graphql = body.need("graphql")?;
    let query = variables.fill(&graphql.need("query")?)?;
    let values = match graphql.get("variables") {
        Some(values) if values.value.is_string() => variables.fill(&values)?,
        Some(values) => values.value.to_string(),
        None => String::new(),
    };
    let values = if values.trim().is_empty() {
        "{}"
    } else {
        &values
    };
    let operation = match graphql.text_of("operationName")? {
        "" => String::new(),
        name => format!("\"operationName\":{},", Value::from(name)),
    };
    Ok(format!(
        "{{\"query\":{},{operation}\"variables\":{values}}}",
        Value::from(query)
    ))
}
