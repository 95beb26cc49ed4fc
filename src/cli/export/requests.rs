//! Converts configured requests to those of a script, without secrets.

use super::Variables;
use super::checks::checks;
use crate::cli::load::plan::redactions;
use crate::config::{
    BodySpec, CaptureSpec, RequestSpec, ServiceSpec, SpecPart, SpecText, WrittenSource,
};
use crate::export::{
    ScriptCapture, ScriptPart, ScriptRequest, ScriptSequence, ScriptSource, ScriptText,
};
use crate::import::requests::{TextPart, hide_body, hide_target};
use crate::probe::http::load_target::{LoadTarget, is_secret_header};
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName};
use slod_load::{Request, Templated};

/// The configured body may be a secret.
const BODY: &str = "LOAD_BODY";

/// Converts all requests of a service; an error says what a script cannot express.
pub fn scripted(
    service: &ServiceSpec,
    load_target: &LoadTarget,
    variables: &mut Variables,
) -> Result<Vec<ScriptSequence>, String> {
    if load_target.needs_token() {
        return Err(
            "scripts do not support `oauth2`: add `load` to the service, with a token as `bearer`"
                .to_owned(),
        );
    }
    let base = load_target.request()?;
    let redactions = redactions(service, load_target);
    let common = common(&base.headers, variables)?;
    let configured = service.load.as_ref().map(|load| load.sequences.as_slice());
    let configured = configured.unwrap_or_default();
    if configured.is_empty() {
        let checks = checks(load_target.expect(), &redactions)?;
        let steps = vec![ScriptRequest {
            checks,
            ..single(base, common, variables)?
        }];
        return Ok(vec![ScriptSequence { weight: 1, steps }]);
    }
    let mut number = 0;
    let mut of = |spec: &RequestSpec| {
        number += 1;
        let fault = |fault| format!("{}: {fault}", spec.name);
        let checks = checks(&spec.expect, &redactions).map_err(fault)?;
        let request = request(spec, &common, number, variables).map_err(fault)?;
        Ok(ScriptRequest { checks, ..request })
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

/// The request of the probe, for a service whose `load` has none.
fn single(
    base: Request,
    mut headers: Vec<(String, ScriptText)>,
    variables: &mut Variables,
) -> Result<ScriptRequest, String> {
    if base.needs_body() {
        request_readable_body(&mut headers);
    }
    let body = match &base.body {
        Templated::Fixed(body) if body.is_empty() => None,
        Templated::Fixed(body) => Some(variables.secret(BODY, body)?),
        Templated::Template(_) => Some(ScriptText::environment(BODY)),
    };
    let path = match &base.uri {
        Templated::Fixed(uri) => uri.to_string(),
        Templated::Template(_) => String::new(),
    };
    Ok(ScriptRequest {
        name: base.name,
        think: None,
        method: base.method.to_string(),
        path: ScriptText::plain(path),
        headers,
        body,
        statuses: base.statuses,
        checks: Vec::new(),
        captures: Vec::new(),
    })
}

/// The headers common to all requests.
fn common(
    headers: &HeaderMap,
    variables: &mut Variables,
) -> Result<Vec<(String, ScriptText)>, String> {
    let sent = headers
        .iter()
        .filter(|(name, _)| *name != HOST && *name != CONTENT_LENGTH);
    let headers = sent.map(|(name, value)| {
        let shown = if value.is_sensitive() {
            variables.secret(&variable(name), value.as_bytes())?
        } else {
            ScriptText::plain(String::from_utf8_lossy(value.as_bytes()))
        };
        Ok((name.to_string(), shown))
    });
    headers.collect()
}

fn request(
    spec: &RequestSpec,
    common: &[(String, ScriptText)],
    number: usize,
    variables: &mut Variables,
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
            let value = value.filled(|_| "");
            set(name, variables.secret(&variable(name), value.as_bytes())?);
        } else {
            set(name, text(value, variables)?);
        }
    }
    let body = body(spec, &format!("{BODY}_{number}"), variables)?;
    let mut captures = spec.captures.iter();
    if spec.expect.wants_body() || captures.any(|one| one.written.is_of_body()) {
        request_readable_body(&mut headers);
    }
    let path = if variables.has_values() {
        text(&spec.target, variables)?
    } else {
        replaced(&spec.target, |target| hide_target("", target), variables)?
    };
    let captures = spec.captures.iter().map(capture);
    Ok(ScriptRequest {
        name: spec.name.clone(),
        think: spec.think,
        method: spec.method.to_string(),
        path,
        headers,
        body,
        statuses: spec.expect.status.clone(),
        checks: Vec::new(),
        captures: captures.collect::<Result<_, String>>()?,
    })
}

/// Requests an uncompressed body, as slod's own engine does.
fn request_readable_body(headers: &mut Vec<(String, ScriptText)>) {
    headers.retain(|(known, _)| known != ACCEPT_ENCODING.as_str());
    let identity = ScriptText::plain("identity");
    headers.push((ACCEPT_ENCODING.to_string(), identity));
}

/// The body, or the variable `name` that holds it.
fn body(
    spec: &RequestSpec,
    name: &str,
    variables: &mut Variables,
) -> Result<Option<ScriptText>, String> {
    Ok(Some(match &spec.body {
        BodySpec::Empty => return Ok(None),
        BodySpec::Json(body) => hidden("application/json", body, name, variables)?,
        BodySpec::Text(body) if body.has_references() => {
            let mut headers = spec.headers.iter();
            let media_type = headers.find(|(name, _)| *name == CONTENT_TYPE);
            let media_type = media_type.map(|(_, value)| value.filled(|_| ""));
            hidden(&media_type.unwrap_or_default(), body, name, variables)?
        }
        BodySpec::Text(body) => variables.secret(name, body.filled(|_| "").as_bytes())?,
        BodySpec::File(body) => variables.secret(name, body)?,
    }))
}

fn capture(spec: &CaptureSpec) -> Result<ScriptCapture, String> {
    Ok(ScriptCapture {
        name: spec.capture.name.clone(),
        from: match &spec.written {
            WrittenSource::Json(query) => ScriptSource::json(query)?,
            WrittenSource::Header(name, part) => ScriptSource::header(name, part.as_deref())?,
            WrittenSource::Cookie(name) => ScriptSource::Cookie(name.clone()),
            WrittenSource::Regex(expression) => ScriptSource::regex(expression)?,
        },
    })
}

fn text(text: &SpecText, variables: &mut Variables) -> Result<ScriptText, String> {
    let mut parts = Vec::new();
    for one in &text.0 {
        parts.extend(part(one, variables)?.0);
    }
    Ok(ScriptText(parts))
}

fn part(part: &SpecPart, variables: &mut Variables) -> Result<ScriptText, String> {
    Ok(match part {
        SpecPart::Plain(text) => ScriptText::plain(text),
        SpecPart::Variable { name, value } => variables.secret(name, value.as_bytes())?,
        SpecPart::Value { name, escape, .. } => {
            let (of, name) = name.split_once('.').unwrap_or(("captured", name));
            ScriptText(vec![ScriptPart::Value {
                of: of.to_owned(),
                name: name.to_owned(),
                escape: *escape,
            }])
        }
    })
}

/// Replaces the secrets of a body with variables: the whole body if variables keep their values, otherwise
/// the fields with secret names.
fn hidden(
    media_type: &str,
    body: &SpecText,
    name: &str,
    variables: &mut Variables,
) -> Result<ScriptText, String> {
    if variables.has_values() {
        let mut all = Vec::new();
        for one in &body.0 {
            let text = match one {
                SpecPart::Plain(text) => variables.secret(name, text.as_bytes())?,
                other => part(other, variables)?,
            };
            all.extend(text.0);
        }
        return Ok(ScriptText(all));
    }
    replaced(body, |marked| hide_body(media_type, marked), variables)
}

/// Replaces what `hide` treats as secrets with variables.
fn replaced(
    text: &SpecText,
    hide: impl Fn(&str) -> String,
    variables: &mut Variables,
) -> Result<ScriptText, String> {
    let (mut all, mut marked) = (Vec::new(), String::new());
    for (place, part) in text.0.iter().enumerate() {
        match part {
            SpecPart::Plain(text) => marked.push_str(text),
            SpecPart::Variable { .. } | SpecPart::Value { .. } => {
                marked.push_str(&TextPart::mark(&place.to_string()));
            }
        }
    }
    for one in TextPart::parts(&hide(&marked)) {
        let written = match one {
            TextPart::Plain(text) => ScriptText::plain(text),
            TextPart::Name(name) => {
                let place = name.parse::<usize>().ok();
                match place.and_then(|place| text.0.get(place)) {
                    Some(known) => part(known, variables)?,
                    None => ScriptText::environment(name),
                }
            }
        };
        all.extend(written.0);
    }
    Ok(ScriptText(all))
}

/// `Authorization` becomes `AUTHORIZATION`.
fn variable(header: &HeaderName) -> String {
    let name = header.as_str().to_ascii_uppercase();
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn secrets_in_addresses_are_variables() {
        let text = "services:
  - name: web
    probes: [ { name: p, http: { url: 'http://127.0.0.1:1/' } } ]
    load:
      url: http://127.0.0.1:1
      requests: [ { path: '/chat?mode=short&api_key=querysecret' } ]
"
        .to_owned();
        let config: Config = text.parse().expect("valid");
        let service = &config.services[0];
        let load = service.load.as_ref().expect("given");
        let load_target = load.target.as_ref().expect("given");
        let sequences =
            scripted(service, load_target, &mut Variables::names_only()).expect("written");
        let path = format!("{:?}", sequences[0].steps[0].path);
        assert!(!path.contains("querysecret"), "{path}");
        for part in ["/chat?mode=short&api_key=", "LOAD_API_KEY"] {
            assert!(path.contains(part), "{path}");
        }
    }
}
