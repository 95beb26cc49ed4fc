//! Postman collections v2.1.

mod body;
mod scripts;
mod variables;

use super::collector::{Collector, Draft};
use super::document::At;
use super::multipart::{self, BOUNDARY};
use super::text::{encode_value, reference};
use super::{RequestsError, SkipReason};
use std::ops::RangeInclusive;
use variables::Variables;

/// Maximum number of path variables that are considered; real paths have fewer segments.
const PATH_VARIABLES_MAX: usize = 100;

/// What requests inherit from their folders.
#[derive(Clone)]
struct Context<'a> {
    variables: Variables,
    auth: Option<At<'a>>,
}

pub(super) fn read(root: &At<'_>, collector: &mut Collector) -> Result<(), RequestsError> {
    let info = root.need("info")?;
    let schema = info.need("schema")?;
    if !schema.text()?.contains("/v2.1") {
        return Err(schema.fault("expected a Postman collection v2.1: export it in this format"));
    }
    let context = Context {
        variables: Variables::default(),
        auth: None,
    };
    folder(root, &context, collector)?;
    for name in context.variables.dynamic() {
        let what = format!(
            "`{{{{{name}}}}}` has a new value in each request in Postman, but a single one as a variable: use a column of `data`"
        );
        collector.remark(String::new(), what);
    }
    if let Some(what) = scripts::remark(root) {
        collector.remark(String::new(), what);
    }
    Ok(())
}

/// Reads the collection, a folder or a request. The nesting is limited by that of the document.
fn folder(
    at: &At<'_>,
    outer: &Context<'_>,
    collector: &mut Collector,
) -> Result<(), RequestsError> {
    let mut context = outer.clone();
    context.variables.add(at)?;
    context.auth = at.get("auth").or(context.auth);
    if let Some(request) = at.get("request") {
        return one(at, &request, &context, collector);
    }
    for item in at.need("item")?.items()? {
        let read = folder(&item, &context, collector);
        collector.take(read)?;
    }
    Ok(())
}

fn one(
    item: &At<'_>,
    request: &At<'_>,
    context: &Context<'_>,
    collector: &mut Collector,
) -> Result<(), RequestsError> {
    let variables = &context.variables;
    let mut draft = Draft {
        method: "GET".to_owned(),
        statuses: statuses(item)?,
        ..Draft::default()
    };
    // A request may consist of its address only.
    if request.value.is_string() {
        draft.address = variables.fill(request)?;
        return collector.add(request, draft);
    }
    if let Some(method) = request.get("method") {
        method.text()?.clone_into(&mut draft.method);
    }
    draft.address = address(&request.need("url")?, variables)?;
    draft.headers = headers(request, variables)?;
    if let Some(data) = request.get("body").filter(|body| !body.is("disabled")) {
        match body::read(&data, variables)? {
            body::Body::Text { media_type, text } => {
                let is_type =
                    |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
                if !text.is_empty() && !draft.headers.iter().any(is_type) {
                    draft.headers.push(("content-type".to_owned(), media_type));
                }
                draft.body = Some(text);
            }
            body::Body::Form(text) => {
                multipart::announce(&mut draft.headers, BOUNDARY);
                draft.body = Some(text);
            }
            body::Body::Upload => {
                collector.leave_out(SkipReason::Upload);
                return Ok(());
            }
        }
    }
    if let Some(auth) = request.get("auth").or_else(|| context.auth.clone()) {
        authenticate(&auth, variables, &mut draft)?;
    }
    collector.add(request, draft)
}

fn address(url: &At<'_>, variables: &Variables) -> Result<String, RequestsError> {
    if url.value.is_string() {
        return variables.fill(url);
    }
    let address = match url.get("raw") {
        Some(raw) => variables.fill(&raw)?,
        None => composed(url, variables)?,
    };
    // `:name` in the path refers to a variable of the URL.
    let mut parameters = Vec::new();
    for parameter in url.items_of("variable")?.iter().take(PATH_VARIABLES_MAX) {
        let name = parameter.get("key").or_else(|| parameter.get("id"));
        let Some(name) = name else { continue };
        let name = name.text()?;
        let value = variables.value(name, parameter)?;
        let value = if value.is_empty() {
            reference(name)
        } else {
            value
        };
        parameters.push((name, encode_value(&value)));
    }
    let path_end = address.find(['?', '#']).unwrap_or(address.len());
    let (path, query) = address.split_at(path_end);
    let fill = |segment: &str| {
        let Some(name) = segment.strip_prefix(':').filter(|name| !name.is_empty()) else {
            return segment.to_owned();
        };
        let known = parameters.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| reference(name), |(_, value)| value.clone())
    };
    let segments: Vec<String> = path.split('/').map(fill).collect();
    Ok(segments.join("/") + query)
}

/// Joins the parts of an address.
fn composed(url: &At<'_>, variables: &Variables) -> Result<String, RequestsError> {
    let joined = |name: &str, separator: &str| match url.get(name) {
        None => Ok(String::new()),
        Some(list) if list.value.is_array() => {
            let parts: Result<Vec<String>, RequestsError> = list
                .items()?
                .map(|part| match part.get("value") {
                    Some(value) => variables.fill(&value),
                    None => variables.fill(&part),
                })
                .collect();
            Ok(parts?.join(separator))
        }
        Some(text) => variables.fill(&text),
    };
    let protocol = joined("protocol", "")?;
    let protocol = if protocol.is_empty() {
        "http"
    } else {
        &protocol
    };
    let mut address = format!("{protocol}://{}", joined("host", ".")?);
    if url.get("port").is_some() {
        address = format!("{address}:{}", joined("port", "")?);
    }
    address = format!("{address}/{}", joined("path", "/")?.trim_start_matches('/'));
    let mut pairs = Vec::new();
    for pair in url
        .items_of("query")?
        .iter()
        .filter(|pair| !pair.is("disabled"))
    {
        pairs.push(body::pair(pair, variables)?);
    }
    if !pairs.is_empty() {
        address = format!("{address}?{}", pairs.join("&"));
    }
    Ok(address)
}

fn headers(
    request: &At<'_>,
    variables: &Variables,
) -> Result<Vec<(String, String)>, RequestsError> {
    let Some(all) = request.get("header") else {
        return Ok(Vec::new());
    };
    if all.value.is_string() {
        let text = variables.fill(&all)?;
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        return Ok(lines
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect());
    }
    let mut headers = Vec::new();
    for header in all.items()?.filter(|header| !header.is("disabled")) {
        let name = variables.fill(&header.need("key")?)?;
        let value = header
            .get("value")
            .map_or(Ok(String::new()), |value| variables.fill(&value))?;
        // Editors leave an empty row.
        if !name.is_empty() {
            headers.push((name, value));
        }
    }
    Ok(headers)
}

/// Adds the credentials, always as a reference.
fn authenticate(
    auth: &At<'_>,
    variables: &Variables,
    draft: &mut Draft,
) -> Result<(), RequestsError> {
    let kind = auth.need("type")?.text()?;
    if kind == "noauth" {
        return Ok(());
    }
    if kind != "apikey" {
        draft.credentials = Some(auth.value.to_string());
        return Ok(());
    }
    let (mut name, mut is_query) = ("X-Api-Key".to_owned(), false);
    for setting in auth.items_of("apikey")? {
        let value = setting.get("value");
        match (setting.text_of("key")?, value) {
            ("key", Some(value)) => name = variables.fill(&value)?,
            ("in", Some(value)) => is_query = value.text()? == "query",
            _ => {}
        }
    }
    if is_query {
        super::target::add_query(&mut draft.address, &name, &reference(&name));
    } else {
        let value = reference(&name);
        draft.headers.push((name, value));
    }
    Ok(())
}

/// The statuses that the tests of a request expect, or else the success statuses of its saved
/// answers.
fn statuses(item: &At<'_>) -> Result<Vec<RangeInclusive<u16>>, RequestsError> {
    let mut found = Vec::new();
    for event in item.items_of("event")? {
        let script = event.get("script").and_then(|script| script.get("exec"));
        let Some(script) = script.filter(|_| event.text_of("listen") == Ok("test")) else {
            continue;
        };
        if script.value.is_string() {
            found.extend(expected(script.text()?));
        } else {
            for line in script.items()? {
                found.extend(expected(line.text()?));
            }
        }
    }
    if found.is_empty() {
        let codes = item.items_of("response")?;
        let codes = codes.iter().filter_map(|response| response.get("code"));
        let codes = codes.filter_map(|code| u16::try_from(code.value.as_u64()?).ok());
        found = codes.filter(|code| (200..400).contains(code)).collect();
    }
    found.sort_unstable();
    found.dedup();
    Ok(found.into_iter().map(|code| code..=code).collect())
}

/// The statuses of `pm.response.to.have.status(201)`.
fn expected(script: &str) -> impl Iterator<Item = u16> {
    let calls = script.split("to.have.status(").skip(1);
    let number = |call: &str| call.split(')').next()?.trim().parse().ok();
    calls
        .filter_map(number)
        .filter(|code| (200..600).contains(code))
}
