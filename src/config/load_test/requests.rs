//! Reads the requests of `load`, single ones and sequences, with the values that they insert.

use super::address::{self, Server};
use super::captures;
use super::json::{self, escape_after};
use super::scope::Scope;
use crate::config::data::{SIZE_MAX, Table};
use crate::config::keys::load::{DATA, REQUESTS};
use crate::config::keys::load_requests as key;
use crate::config::sequence::{
    BodySpec, CaptureSpec, DataSpec, RequestSpec, SequenceSpec, SpecText,
};
use crate::probe::http::keys::{EXPECT, HEADERS, METHOD};
use crate::probe::http::load_target::is_secret_header;
use crate::probe::http::read::{read_expect, refuse_checks_of_no_body};
use crate::probe::http::sent::is_host;
use crate::yaml::{Declared, Section, shown_name};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue};
use hyper::body::Bytes;
use slod_load::{Capture, Escape};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of characters of a name.
const NAME_MAX: usize = 100;

/// Reads the data file of a `load`; errors are reported.
pub fn data(load: &Section<'_>) -> Option<DataSpec> {
    let path = load.has(&DATA).then(|| load.path(&DATA))??;
    let bytes = load.file_up_to(&DATA, SIZE_MAX)?;
    match Table::read(&path, bytes) {
        Ok(Table { columns, .. }) => Some(DataSpec { path, columns }),
        Err(fault) => {
            let message = format!("invalid data file {}: {fault}", path.display());
            let help = "expected CSV with a header, or JSON lines with one object per line";
            load.error("invalid-value", &DATA, message, help);
            None
        }
    }
}

/// Reads the requests of a `load`, which go to a single server; errors are reported.
pub fn read(load: &Section<'_>, data: Option<&DataSpec>, server: &mut Server) -> Vec<SequenceSpec> {
    let mut reading = Reading {
        scope: Scope {
            captured: Vec::new(),
            columns: data.map(|data| data.columns.as_slice()),
            has_data: load.has(&DATA),
        },
        server,
        names: BTreeSet::new(),
    };
    let sections = load.sections(&REQUESTS);
    sections
        .filter_map(|section| reading.sequence(&section))
        .collect()
}

struct Reading<'a> {
    scope: Scope<'a>,
    server: &'a mut Server,
    names: BTreeSet<String>,
}

impl Reading<'_> {
    fn sequence(&mut self, section: &Section<'_>) -> Option<SequenceSpec> {
        self.scope.captured.clear();
        let weight = section.get(&key::WEIGHT);
        if !section.has(&key::STEPS) {
            let step = self.request(section, None, None);
            return Some(SequenceSpec {
                weight: weight?,
                steps: vec![step?],
            });
        }
        let own: [&dyn Declared; 7] = [
            &METHOD,
            &key::PATH,
            &key::URL,
            &HEADERS,
            &key::JSON,
            &key::BODY,
            &EXPECT,
        ];
        let name = section.get(&key::NAME);
        if let Some(own) = own.iter().find(|key| section.has(**key)) {
            let message = format!("`{}` and `steps` are mutually exclusive", own.name());
            let help = "move it into a step";
            section.error("conflict", *own, message, help);
        }
        let sections: Vec<_> = section.sections(&key::STEPS).collect();
        if sections.is_empty() {
            let help = "expected at least one request, such as `{ path: /login }`";
            section.error("empty-list", &key::STEPS, "`steps` is empty", help);
        }
        let steps: Vec<_> = sections
            .iter()
            .map(|step| self.request(step, name.as_deref(), step.get(&key::THINK)))
            .collect();
        if let Some(first) = sections.first().filter(|first| first.has(&key::THINK)) {
            let message = "`think` is invalid for the first step";
            let help = "remove it; the time before the first step is the `think` of the scenario";
            first.error("conflict", &key::THINK, message, help);
        }
        Some(SequenceSpec {
            weight: weight?,
            steps: steps
                .into_iter()
                .collect::<Option<Vec<_>>>()
                .filter(|all| !all.is_empty())?,
        })
    }

    /// Reads one request. Later requests can use the values it captures.
    fn request(
        &mut self,
        section: &Section<'_>,
        sequence: Option<&str>,
        think: Option<Duration>,
    ) -> Option<RequestSpec> {
        let written = section.get(&key::NAME);
        let target = address::read(section, &self.scope, self.server);
        let method = section.get(&METHOD);
        let headers = self.headers(section);
        let body = self.body(section, headers.as_deref().unwrap_or_default());
        let expect = read_expect(section);
        if let (Some(method), Some(expect)) = (&method, &expect) {
            refuse_checks_of_no_body(section, method, expect);
        }
        let captures = self.captures(section);
        let made = target.as_ref().zip(method.as_ref());
        let made = made.map(|(target, method)| format!("{method} {}", path(target)));
        let made = made.unwrap_or_default();
        let name = self.name(section, sequence, written.as_deref(), &made);
        let (target, method) = (target?, method?);
        Some(RequestSpec {
            name: name?,
            think,
            method,
            target,
            headers: headers?,
            body: body?,
            expect: Arc::new(expect?),
            captures: captures?,
        })
    }

    /// The configured name, prefixed with that of the sequence, or a derived name that differs from all
    /// earlier ones.
    fn name(
        &mut self,
        section: &Section<'_>,
        sequence: Option<&str>,
        written: Option<&str>,
        made: &str,
    ) -> Option<String> {
        let own = written.unwrap_or(made);
        let name = sequence.map_or_else(|| own.to_owned(), |before| format!("{before}: {own}"));
        if written.is_some() {
            let fault = if own.trim().is_empty() || own.chars().any(char::is_control) {
                Some((
                    "invalid-name",
                    "a name can contain only visible characters".to_owned(),
                ))
            } else if self.names.contains(&name) {
                Some(("duplicate-name", format!("duplicate request `{name}`")))
            } else {
                None
            };
            if let Some((code, message)) = fault {
                let help = "expected a unique name on one line";
                section.error(code, &key::NAME, message, help);
                return None;
            }
        }
        let short: String = name.chars().take(NAME_MAX).collect();
        let mut name = short.clone();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{short} ({number})");
        }
        Some(name)
    }

    fn headers(&self, section: &Section<'_>) -> Option<Vec<(HeaderName, SpecText)>> {
        let mut headers: Vec<(HeaderName, SpecText)> = Vec::new();
        let (reader, mut faultless) = (section.reader(), true);
        for (name, node, at) in section.entries_of(&HEADERS) {
            let Some(value) = self.scope.text(reader, node, &at, |_| Escape::AsIs) else {
                faultless = false;
                continue;
            };
            let filled = value.filled(|_| "x");
            let fault = match (HeaderName::try_from(&name), HeaderValue::try_from(&filled)) {
                (Err(_), _) => Some(format!(
                    "`{}` is not a valid header name",
                    shown_name(&name)
                )),
                (_, Err(_)) => Some(format!(
                    "the value of `{}` is not a valid header value",
                    shown_name(&name)
                )),
                (Ok(name), Ok(_)) if headers.iter().any(|(known, _)| *known == name) => {
                    Some(format!("duplicate header `{name}` (case does not matter)"))
                }
                (Ok(HOST), Ok(host)) if !value.has_references() && !is_host(host.as_bytes()) => {
                    Some("the value of `host` is neither a host nor a host and port".to_owned())
                }
                (Ok(name), Ok(_)) => {
                    if is_secret_header(&name) && !value.has_references() {
                        reader.redact(&filled, "<secret>");
                        reader.note_secret(&at);
                    }
                    headers.push((name, value));
                    None
                }
            };
            if let Some(message) = fault {
                let help =
                    "expected a name of letters, digits and dashes, with a value on one line";
                reader.error("invalid-value", &at, message, help);
                faultless = false;
            }
        }
        faultless.then_some(headers)
    }

    fn body(&self, section: &Section<'_>, headers: &[(HeaderName, SpecText)]) -> Option<BodySpec> {
        let reader = section.reader();
        if section.has(&key::JSON) && section.has(&key::BODY) {
            let message = "`json` and `body` are mutually exclusive";
            section.error("conflict", &key::JSON, message, "remove one of them");
            return None;
        }
        if let Some(node) = section.node_of(&key::JSON) {
            let at = section.spot_of(&key::JSON);
            return json::read(reader, &self.scope, node, &at).map(BodySpec::Json);
        }
        if let Some(node) = section.node_of(&key::BODY) {
            let at = section.spot_of(&key::BODY);
            let first = node.value.scalar().unwrap_or_default();
            let escape = escape(headers, &first);
            return self
                .scope
                .text(reader, node, &at, escape)
                .map(BodySpec::Text);
        }
        if section.has(&key::BODY) {
            let bytes = section.secret_bytes(&key::BODY)?;
            return Some(BodySpec::File(Bytes::from(bytes)));
        }
        Some(BodySpec::Empty)
    }

    fn captures(&mut self, section: &Section<'_>) -> Option<Vec<CaptureSpec>> {
        // A single request has no later steps.
        if !section.names().any(|name| name == key::CAPTURE.name) {
            return Some(Vec::new());
        }
        let sections = section.sections(&key::CAPTURE);
        let all: Vec<_> = sections.map(|section| self.capture(&section)).collect();
        all.into_iter().collect()
    }

    fn capture(&mut self, section: &Section<'_>) -> Option<CaptureSpec> {
        let name = section.get(&key::CAPTURE_NAME);
        // Later requests can refer to the name even if the rest is invalid.
        let name = name.and_then(|name| self.captured(section, name));
        let (written, from) = captures::read(section)?;
        let name = name?;
        Some(CaptureSpec {
            capture: Capture { name, from },
            written,
        })
    }

    /// Reads the name of a captured value, which later requests can use.
    fn captured(&mut self, section: &Section<'_>, name: String) -> Option<String> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(is_word) {
            let help = "expected letters, digits, `_` and `-`";
            let message = format!(
                "`{}` is not a valid name for a captured value",
                shown_name(&name)
            );
            section.error("invalid-name", &key::CAPTURE_NAME, message, help);
            return None;
        }
        let is_new = !self.scope.captured.contains(&name);
        // Values are referred to by index, so an invalid one keeps its place.
        self.scope.captured.push(name.clone());
        if !is_new {
            let message = format!("`{name}` is captured twice in the sequence");
            let help = "rename one of them";
            section.error("duplicate-name", &key::CAPTURE_NAME, message, help);
            return None;
        }
        Some(name)
    }
}

/// The part of a target before its query, as written in the config.
fn path(target: &SpecText) -> String {
    let shown = target.shown();
    shown.split('?').next().unwrap_or_default().to_owned()
}

/// How the values of a body are escaped.
fn escape(headers: &[(HeaderName, SpecText)], body: &str) -> fn(&str) -> Escape {
    let media_type = headers.iter().find(|(name, _)| *name == CONTENT_TYPE);
    let media_type = media_type.map(|(_, value)| value.filled(|_| "").to_ascii_lowercase());
    match media_type {
        Some(media_type) if media_type.contains("json") => escape_after,
        Some(media_type) if media_type.contains("x-www-form-urlencoded") => |_| Escape::Percent,
        None if body.trim_start().starts_with(['{', '[']) => escape_after,
        _ => |_| Escape::AsIs,
    }
}
