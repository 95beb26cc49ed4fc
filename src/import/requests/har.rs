//! HAR 1.2: recordings of browsers and proxies.

use super::captures::{Captures, Recorded};
use super::collector::{Collector, Draft};
use super::document::At;
use super::multipart::{self, BOUNDARY, Part, boundary, has_file, is_multipart};
use super::text::encode_value;
use super::{RequestsError, Shape, SkipReason};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, FixedOffset, TimeDelta};
use std::collections::BTreeSet;
use std::time::Duration;

/// Maximum think time; longer pauses are shortened.
const THINK_MAX: TimeDelta = TimeDelta::minutes(10);

pub(super) fn read(root: &At<'_>, collector: &mut Collector) -> Result<(), RequestsError> {
    let mut earlier = Earlier::default();
    for entry in root.need("log")?.need("entries")?.items()? {
        let read = one(&entry, &mut earlier, collector);
        collector.take(read)?;
    }
    Ok(())
}

/// The steps so far.
#[derive(Default)]
struct Earlier {
    /// When the last one ended.
    ended: Option<Moment>,
    /// Server and name of the cookies that they set.
    cookies: BTreeSet<(String, String)>,
    captures: Captures,
}

impl Earlier {
    /// The recorded cookies that no step sets. Each user gets and sends others.
    fn without_own(&self, server: &str, cookies: &str) -> String {
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
        let is_own = |pair: &str| self.cookies.contains(&(server.to_owned(), name(pair)));
        let pairs = cookies.split(';').map(str::trim);
        pairs
            .filter(|pair| !is_own(pair))
            .collect::<Vec<_>>()
            .join("; ")
    }

    fn set_cookies(&mut self, server: &str, entry: &At<'_>) -> Result<(), RequestsError> {
        if let Some(response) = entry.get("response") {
            for cookie in response.items_of("cookies")? {
                let name = cookie.text_of("name")?.to_owned();
                self.cookies.insert((server.to_owned(), name));
            }
        }
        Ok(())
    }
}

fn one(
    entry: &At<'_>,
    earlier: &mut Earlier,
    collector: &mut Collector,
) -> Result<(), RequestsError> {
    let request = entry.need("request")?;
    let is_steps = collector.shape() == Shape::Steps;
    if is_steps && is_asset(entry, &request)? {
        collector.leave_out(SkipReason::Asset);
        return Ok(());
    }
    let span = is_steps.then(|| span(entry)).transpose()?.flatten();
    let think = span
        .zip(earlier.ended)
        .map(|((from, _), ended)| think(from - ended));
    if let Some((_, to)) = span {
        earlier.ended = earlier.ended.max(Some(to));
    }
    let address = request.need("url")?.text()?;
    let server = address.split('/').nth(2).unwrap_or_default();
    let mut draft = Draft {
        think,
        method: request.need("method")?.text()?.to_owned(),
        address: address.to_owned(),
        statuses: statuses(entry),
        ..Draft::default()
    };
    for header in request.items_of("headers")? {
        let (name, mut value) = (
            header.need("name")?.text()?,
            header.text_of("value")?.to_owned(),
        );
        if name.eq_ignore_ascii_case("cookie") {
            value = earlier.without_own(server, &value);
            if value.is_empty() {
                continue;
            }
        }
        draft.headers.push((name.to_owned(), value));
    }
    if let Some(data) = request.get("postData") {
        if is_upload(&data)? {
            collector.leave_out(SkipReason::Upload);
            return Ok(());
        }
        body(&data, &mut draft)?;
    }
    if !is_steps {
        return collector.add(&request, draft);
    }
    earlier.set_cookies(server, entry)?;
    for (step, capture) in earlier.captures.replace(&mut draft) {
        collector.capture(step, capture);
    }
    let step = collector.count();
    collector.add(&request, draft)?;
    if let Some(response) = entry.get("response").filter(|_| collector.count() > step) {
        earlier.captures.add(step, &recorded(&response)?);
    }
    Ok(())
}

fn recorded<'a>(response: &At<'a>) -> Result<Recorded<'a>, RequestsError> {
    let headers = response.items_of("headers")?;
    let headers = headers
        .iter()
        .map(|one| Ok((one.text_of("name")?, one.text_of("value")?)));
    // Nothing of a binary body is captured.
    let body = response
        .get("content")
        .and_then(|content| text(&content).ok());
    let cookies = response.items_of("cookies")?;
    let cookies = cookies
        .iter()
        .map(|one| Ok((one.text_of("name")?, one.text_of("value")?)));
    Ok(Recorded {
        headers: headers.collect::<Result<_, RequestsError>>()?,
        cookies: cookies.collect::<Result<_, RequestsError>>()?,
        body: body.unwrap_or_default(),
    })
}

type Moment = DateTime<FixedOffset>;

/// When an entry began and ended, if it is recorded.
fn span(entry: &At<'_>) -> Result<Option<(Moment, Moment)>, RequestsError> {
    let began = Moment::parse_from_rfc3339(entry.text_of("startedDateTime")?).ok();
    let took = entry.get("time").and_then(|time| time.value.as_f64());
    let took = took.map(|ms| Duration::try_from_secs_f64(ms / 1000.0));
    let took = took.and_then(|took| TimeDelta::from_std(took.ok()?).ok());
    Ok(began.and_then(|began| Some((began, began.checked_add_signed(took.unwrap_or_default())?))))
}

/// The pause between requests; zero if they were recorded in parallel.
fn think(pause: TimeDelta) -> Duration {
    let pause = pause.clamp(TimeDelta::zero(), THINK_MAX);
    Duration::from_millis(pause.num_milliseconds().unsigned_abs())
}

/// Whether a request is for an asset, by the content type of its answer or else by the suffix of
/// its path.
fn is_asset(entry: &At<'_>, request: &At<'_>) -> Result<bool, RequestsError> {
    let content = entry
        .get("response")
        .and_then(|response| response.get("content"));
    let media_type = content.map(|content| content.text_of("mimeType").map(str::to_lowercase));
    let media_type = media_type.transpose()?.unwrap_or_default();
    let kinds = ["image/", "font/", "audio/", "video/", "text/css"];
    let is_known = kinds.iter().any(|kind| media_type.starts_with(kind))
        || ["javascript", "ecmascript", "font", "wasm"]
            .iter()
            .any(|part| media_type.contains(part));
    let url = request.need("url")?.text()?;
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ends = [
        ".css", ".js", ".mjs", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp", ".woff",
        ".woff2", ".ttf",
    ];
    let is_named = ends.iter().any(|end| path.to_lowercase().ends_with(end));
    Ok(is_known || media_type.is_empty() && is_named)
}

/// The recorded status as the expected one. A server error is not expected, nor is `304`, since the
/// cache headers that caused it are not sent again.
fn statuses(entry: &At<'_>) -> Vec<std::ops::RangeInclusive<u16>> {
    let status = entry
        .get("response")
        .and_then(|response| response.get("status"));
    let status = status.and_then(|status| status.value.as_u64());
    match status.and_then(|status| u16::try_from(status).ok()) {
        Some(304) => vec![200..=200],
        Some(status @ 200..=499) => vec![status..=status],
        _ => Vec::new(),
    }
}

/// The content of uploaded files is not part of a recording.
fn is_upload(data: &At<'_>) -> Result<bool, RequestsError> {
    let mut params = data.items_of("params")?.into_iter();
    let is_form = is_multipart(data.text_of("mimeType")?);
    Ok(params.any(|param| param.get("fileName").is_some())
        || is_form && has_file(data.text_of("text")?))
}

fn body(data: &At<'_>, draft: &mut Draft) -> Result<(), RequestsError> {
    let media_type = data.text_of("mimeType")?;
    let text = text(data)?;
    // The text is decoded.
    draft
        .headers
        .retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    // A form may be recorded only by its parameters.
    let params = data.items_of("params")?;
    if text.is_empty() && is_multipart(media_type) && !params.is_empty() {
        draft.body = Some(multipart(data, &params, media_type, draft)?);
        return Ok(());
    }
    let is_content_type = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
    if !media_type.is_empty() && !draft.headers.iter().any(is_content_type) {
        let header = ("content-type".to_owned(), media_type.to_owned());
        draft.headers.push(header);
    }
    draft.body = Some(if text.is_empty() {
        form(&params)?
    } else {
        text
    });
    Ok(())
}

/// The recorded text. Recorders replace bytes that are not text.
fn text(data: &At<'_>) -> Result<String, RequestsError> {
    let binary = || data.fault("the body is binary, and its bytes are not in the recording");
    let text = data.text_of("text")?;
    let text = if data.text_of("encoding")? == "base64" {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| binary())?;
        String::from_utf8(bytes).map_err(|_| binary())?
    } else {
        text.to_owned()
    };
    if text.contains('\u{fffd}') {
        return Err(binary());
    }
    Ok(text)
}

/// Encodes the parameters of a form as a body.
fn form(params: &[At<'_>]) -> Result<String, RequestsError> {
    let pair = |param: &At<'_>| {
        let (name, value) = (param.text_of("name")?, param.text_of("value")?);
        Ok(format!("{}={}", encode_value(name), encode_value(value)))
    };
    let pairs: Result<Vec<String>, RequestsError> = params.iter().map(pair).collect();
    Ok(pairs?.join("&"))
}

/// Encodes the parameters of a multipart form as a body.
fn multipart(
    data: &At<'_>,
    params: &[At<'_>],
    media_type: &str,
    draft: &mut Draft,
) -> Result<String, RequestsError> {
    let parts = params.iter().map(|param| {
        Ok(Part {
            name: param.text_of("name")?,
            value: param.text_of("value")?,
            media_type: param.text_of("contentType")?,
        })
    });
    let parts: Vec<Part<'_>> = parts.collect::<Result<_, RequestsError>>()?;
    let mut types = draft
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let sent = types.next().and_then(|(_, value)| boundary(value));
    let used = sent.or(boundary(media_type)).unwrap_or(BOUNDARY).to_owned();
    let body = multipart::write(&used, parts).ok_or_else(|| {
        data.fault("expected names and types of parameters without quotes and line ends")
    })?;
    multipart::announce(&mut draft.headers, &used);
    Ok(body)
}
