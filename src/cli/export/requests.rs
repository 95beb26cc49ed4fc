//! From the configured requests to those of a script, without secrets.

use crate::config::{
    BodySpec, CaptureKind, CaptureSpec, RequestSpec, ServiceSpec, SpecPart, SpecText,
};
use crate::export::{
    ScriptCapture, ScriptPart, ScriptRequest, ScriptSequence, ScriptSource, ScriptText,
};
use crate::import::requests::{Marked, hide_body};
use crate::probe::http::driven::{Driven, is_secret_header};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName};
use slod_load::Made;

/// What a config sends as a body may be a secret.
const BODY: &str = "LOAD_BODY";

/// All requests of a service; an error says what a script cannot express.
pub fn scripted(service: &ServiceSpec, driven: &Driven) -> Result<Vec<ScriptSequence>, String> {
    let base = driven.request()?;
    let common = common(&base.headers);
    let configured = service.load.as_ref().map(|load| load.sequences.as_slice());
    let configured = configured.unwrap_or_default();
    if configured.is_empty() {
        let has_body = !matches!(&base.body, Made::Fixed(body) if body.is_empty());
        let path = match &base.uri {
            Made::Fixed(uri) => uri.to_string(),
            Made::Template(_) => String::new(),
        };
        let single = ScriptRequest {
            name: base.name,
            think: None,
            method: base.method.to_string(),
            path: ScriptText::plain(path),
            headers: common,
            body: has_body.then(|| ScriptText::environment(BODY)),
            statuses: base.statuses,
            captures: Vec::new(),
        };
        let steps = vec![single];
        return Ok(vec![ScriptSequence { weight: 1, steps }]);
    }
    let mut number = 0;
    let mut of = |spec: &RequestSpec| {
        number += 1;
        request(spec, &common, number).map_err(|fault| format!("{}: {fault}", spec.name))
    };
    let sequences = configured.iter().map(|sequence| {
        let steps: Result<Vec<_>, String> = sequence.steps.iter().map(&mut of).collect();
        Ok(ScriptSequence {
            weight: sequence.weight,
            steps: steps?,
        })
    });
    sequences.collect()
}

/// The headers of all requests.
fn common(headers: &HeaderMap) -> Vec<(String, ScriptText)> {
    let sent = headers
        .iter()
        .filter(|(name, _)| *name != HOST && *name != CONTENT_LENGTH);
    let headers = sent.map(|(name, value)| {
        let shown = if value.is_sensitive() {
            ScriptText::environment(variable(name))
        } else {
            ScriptText::plain(String::from_utf8_lossy(value.as_bytes()))
        };
        (name.to_string(), shown)
    });
    headers.collect()
}

fn request(
    spec: &RequestSpec,
    common: &[(String, ScriptText)],
    number: usize,
) -> Result<ScriptRequest, String> {
    let mut headers = common.to_vec();
    let mut set = |name: &HeaderName, value: ScriptText| {
        headers.retain(|(known, _)| known != name.as_str());
        headers.push((name.to_string(), value));
    };
    if matches!(spec.body, BodySpec::Json(_)) {
        set(&CONTENT_TYPE, ScriptText::plain("application/json"));
    }
    for (name, value) in &spec.headers {
        let is_hidden = is_secret_header(name) && !value.has_references();
        let is_whole = matches!(value.0.as_slice(), [SpecPart::Variable { .. }]);
        if is_hidden && !is_whole {
            set(name, ScriptText::environment(variable(name)));
        } else {
            set(name, text(value));
        }
    }
    let media_type = spec.headers.iter().find(|(name, _)| *name == CONTENT_TYPE);
    let media_type = media_type.map(|(_, value)| value.filled(|_| ""));
    let body = match &spec.body {
        BodySpec::Empty => None,
        BodySpec::Json(body) => Some(hidden("application/json", body)),
        BodySpec::Text(body) if body.has_references() => {
            Some(hidden(&media_type.unwrap_or_default(), body))
        }
        BodySpec::Text(_) | BodySpec::File(_) => {
            Some(ScriptText::environment(format!("{BODY}_{number}")))
        }
    };
    let captures = spec.captures.iter().map(capture);
    Ok(ScriptRequest {
        name: spec.name.clone(),
        think: spec.think,
        method: spec.method.to_string(),
        path: text(&spec.target),
        headers,
        body,
        statuses: spec.statuses.clone(),
        captures: captures.collect::<Result<_, String>>()?,
    })
}

fn capture(spec: &CaptureSpec) -> Result<ScriptCapture, String> {
    let written = &spec.written;
    Ok(ScriptCapture {
        name: spec.capture.name.clone(),
        from: match spec.kind {
            CaptureKind::Json => ScriptSource::json(written)?,
            CaptureKind::Header => ScriptSource::Header(written.to_ascii_lowercase()),
            CaptureKind::Regex => ScriptSource::regex(written)?,
        },
    })
}

fn text(text: &SpecText) -> ScriptText {
    ScriptText(text.0.iter().map(part).collect())
}

fn part(part: &SpecPart) -> ScriptPart {
    match part {
        SpecPart::Plain(text) => ScriptPart::Plain(text.clone()),
        SpecPart::Variable { name, .. } => ScriptPart::Environment(name.clone()),
        SpecPart::Value { name, escape, .. } => {
            let (of, name) = name.split_once('.').unwrap_or(("captured", name));
            ScriptPart::Value {
                of: of.to_owned(),
                name: name.to_owned(),
                escape: *escape,
            }
        }
    }
}

/// A body whose secrets, by their names, are variables.
fn hidden(media_type: &str, body: &SpecText) -> ScriptText {
    let mut marked = String::new();
    for (place, part) in body.0.iter().enumerate() {
        match part {
            SpecPart::Plain(text) => marked.push_str(text),
            SpecPart::Variable { .. } | SpecPart::Value { .. } => {
                marked.push_str(&Marked::mark(&place.to_string()));
            }
        }
    }
    let parts = Marked::parts(&hide_body(media_type, &marked));
    let parts = parts.into_iter().map(|one| match one {
        Marked::Plain(text) => ScriptPart::Plain(text),
        Marked::Name(name) => {
            let place = name.parse::<usize>().ok();
            let known = place.and_then(|place| body.0.get(place));
            known.map_or(ScriptPart::Environment(name), part)
        }
    });
    ScriptText(parts.collect())
}

/// `Authorization` becomes `AUTHORIZATION`.
fn variable(header: &HeaderName) -> String {
    let name = header.as_str().to_ascii_uppercase();
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}
