//! Converts configured requests to those of the load engine.

use super::plan::redactions;
use crate::config::{BodySpec, DATA_SIZE_MAX, DataSpec, RequestSpec, ServiceSpec, Table};
use crate::probe::http::conditions::conditions;
use crate::probe::http::load_target::LoadTarget;
use crate::yaml::{Redactions, read_regular};
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use hyper::body::Bytes;
use slod_load::{Request, Rows, Sequence, Template, Templated};
use std::sync::Arc;

/// All requests of a service: those of its `load`, or the single one. An error says why they cannot be sent.
pub fn sequences(service: &ServiceSpec, load_target: &LoadTarget) -> Result<Vec<Sequence>, String> {
    let base = load_target.request()?;
    let configured = service.load.as_ref().map(|load| load.sequences.as_slice());
    let configured = configured.unwrap_or_default();
    if configured.is_empty() {
        let steps = vec![with_readable_body(base)];
        return Ok(vec![Sequence { steps, weight: 1 }]);
    }
    let redactions = redactions(service, load_target);
    let sequences = configured.iter().map(|sequence| {
        let steps = sequence.steps.iter();
        let steps = steps.map(|step| request(step, &base, &redactions));
        Ok(Sequence {
            weight: sequence.weight,
            steps: steps.collect::<Result<_, String>>()?,
        })
    });
    sequences.collect()
}

/// Converts one request and adds the common headers.
fn request(spec: &RequestSpec, base: &Request, redactions: &Redactions) -> Result<Request, String> {
    let invalid = |what: &str| format!("{}: invalid {what}", spec.name);
    let uri = spec.target.templated(|text| text.parse().ok());
    let mut headers = base.headers.clone();
    headers.remove(CONTENT_LENGTH);
    let templated_headers = set_headers(spec, &mut headers).ok_or_else(|| invalid("header"))?;
    let mut names = headers
        .keys()
        .chain(templated_headers.iter().map(|(name, _)| name));
    let has_own = names.any(|name| name == AUTHORIZATION);
    let captures = spec.captures.iter();
    let captures = captures.map(|one| one.capture.clone()).collect();
    let body = match &spec.body {
        BodySpec::Empty => Some(Templated::Fixed(Bytes::new())),
        BodySpec::File(bytes) => Some(Templated::Fixed(bytes.clone())),
        BodySpec::Json(text) | BodySpec::Text(text) => text.templated(|text| Some(text.into())),
    };
    let body = body.ok_or_else(|| invalid("body"))?;
    let takes_body = [Method::POST, Method::PUT, Method::PATCH].contains(&spec.method);
    if takes_body && matches!(&body, Templated::Fixed(body) if body.is_empty()) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(with_readable_body(Request {
        name: spec.name.clone(),
        think: spec.think,
        method: spec.method.clone(),
        uri: uri.ok_or_else(|| invalid("path"))?,
        credentials: base.credentials.clone().filter(|_| !has_own),
        headers,
        templated_headers,
        body,
        statuses: spec.expect.status.clone(),
        conditions: conditions(&spec.expect, redactions),
        captures,
        watch: None,
    }))
}

/// Requests an uncompressed body if it is inspected, because the engine does not decompress.
fn with_readable_body(mut request: Request) -> Request {
    if request.needs_body() {
        let identity = HeaderValue::from_static("identity");
        request.headers.insert(ACCEPT_ENCODING, identity);
    }
    request
}

/// Sets the headers of a request, overriding the common ones. Returns those that are rendered for each
/// request; `None` if one is invalid.
fn set_headers(spec: &RequestSpec, headers: &mut HeaderMap) -> Option<Vec<(HeaderName, Template)>> {
    if matches!(spec.body, BodySpec::Json(_)) {
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json);
    }
    let mut made = Vec::new();
    for (name, value) in &spec.headers {
        match value.templated(|text| HeaderValue::try_from(text).ok())? {
            Templated::Fixed(mut value) => {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
            Templated::Template(template) => {
                headers.remove(name);
                made.push((name.clone(), template));
            }
        }
    }
    Some(made)
}

/// Reads the rows of the data file, which may have changed since the config was loaded.
pub fn rows(data: &DataSpec) -> Result<Arc<Rows>, String> {
    let path = data.path.display();
    let bytes = read_regular(&data.path, DATA_SIZE_MAX);
    let bytes = bytes.map_err(|reason| format!("cannot read {path}: {reason}"))?;
    let table = Table::read(&data.path, bytes).map_err(|fault| format!("{path}: {fault}"))?;
    if table.columns != data.columns {
        return Err(format!(
            "{path}: the columns have changed since the config was loaded"
        ));
    }
    let rows = Rows::new(table.rows).ok_or_else(|| format!("{path}: the file has no rows"))?;
    Ok(Arc::new(rows))
}
