//! The target of a request of `load`: `path`, or the whole `url`.

use super::scope::Scope;
use crate::config::keys::load_requests as key;
use crate::config::sequence::{SpecPart, SpecText};
use crate::import::requests::NOT_IN_TARGET;
use crate::probe::dial::web_address;
use crate::yaml::{Section, Spot};
use http::uri::PathAndQuery;
use percent_encoding::utf8_percent_encode;
use slod_load::Escape;
use url::{Position, Url};

/// The server of all requests, set by the first one that names it.
#[derive(Debug)]
pub struct Server {
    pub url: Option<Url>,
}

/// Reads the path and query of a request; errors are reported.
pub fn read(section: &Section<'_>, scope: &Scope<'_>, server: &mut Server) -> Option<SpecText> {
    let (path, url) = (section.node_of(&key::PATH), section.node_of(&key::URL));
    let (key, node) = match (path, url) {
        (Some(path), None) => (&key::PATH, path),
        (None, Some(url)) => (&key::URL, url),
        (Some(_), Some(_)) => {
            let message = "`path` and `url` are mutually exclusive";
            section.error("conflict", &key::URL, message, "remove one of them");
            return None;
        }
        (None, None) => {
            let help = "add `path`, such as `path: /chat`, or `url`";
            let reader = section.reader();
            reader.error("missing-key", section.spot(), "`path` is missing", help);
            return None;
        }
    };
    let at = section.spot_of(key);
    let escape = |before: &str| match before {
        "" => Escape::Target,
        _ => Escape::Percent,
    };
    let mut text = scope.text(section.reader(), node, &at, escape)?;
    if key.name == key::URL.name {
        text = behind_server(section, &at, text, server)?;
    }
    let target = encoded(text);
    let filled = target.filled(|escape| match escape {
        Escape::Target => "/x",
        _ => "x",
    });
    if !filled.starts_with('/') || filled.parse::<PathAndQuery>().is_err() {
        let message = format!("`{}` is not a valid path", target.shown());
        let help = "expected a path that starts with `/`, such as /chats?limit=10";
        section.error("invalid-value", key, message, help);
        return None;
    }
    Some(target)
}

/// Removes scheme, host and port, which must be those of the other requests.
fn behind_server(
    section: &Section<'_>,
    at: &Spot,
    text: SpecText,
    server: &mut Server,
) -> Option<SpecText> {
    let reader = section.reader();
    let filled = text.filled(|_| "\u{fdd0}");
    let start = filled.find("://").map_or(0, |scheme| scheme + 3);
    let end = filled[start..].find(['/', '?', '#']);
    let end = end.map_or(filled.len(), |end| start + end);
    let url = web_address(&filled[..end], &["http", "https"]).filter(|url| {
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        !has_credentials && !filled[..end].contains('\u{fdd0}')
    });
    let Some(url) = url else {
        let message = "the URL does not start with a valid scheme and host";
        let help = "expected a URL such as http://127.0.0.1:8000/chat, without credentials";
        reader.error("invalid-value", at, message, help);
        return None;
    };
    match &server.url {
        Some(known) if known.origin() != url.origin() => {
            let known = &known[..Position::BeforePath];
            let message = format!(
                "the server is {}, but other requests go to {known}",
                &url[..Position::BeforePath]
            );
            let help = "all requests of `load` must go to the same server: add a service for the other one";
            reader.error("conflict", at, message, help);
            return None;
        }
        Some(_) => {}
        None => server.url = Some(url),
    }
    Some(without(text, end, &filled))
}

/// Removes the first `cut` bytes of the text.
fn without(text: SpecText, mut cut: usize, filled: &str) -> SpecText {
    let mut parts = Vec::new();
    if !filled[cut..].starts_with('/') {
        parts.push(SpecPart::Plain("/".to_owned()));
    }
    for part in text.0 {
        match part {
            SpecPart::Plain(text) => {
                let here = cut.min(text.len());
                cut -= here;
                parts.push(SpecPart::Plain(text[here..].to_owned()));
            }
            SpecPart::Variable { name, value } => {
                let here = cut.min(value.len());
                cut -= here;
                let value = value[here..].to_owned();
                // A partial value of the variable gets its own name.
                let name = if here > 0 {
                    format!("{name}_PATH")
                } else {
                    name
                };
                if !value.is_empty() {
                    parts.push(SpecPart::Variable { name, value });
                }
            }
            value @ SpecPart::Value { .. } => parts.push(value),
        }
    }
    SpecText(parts)
}

fn encoded(text: SpecText) -> SpecText {
    let encode = |text: &str| utf8_percent_encode(text, NOT_IN_TARGET).to_string();
    let parts = text.0.into_iter().map(|part| match part {
        SpecPart::Plain(text) => SpecPart::Plain(encode(&text)),
        SpecPart::Variable { name, value } => SpecPart::Variable {
            name,
            value: encode(&value),
        },
        value @ SpecPart::Value { .. } => value,
    });
    SpecText(parts.collect())
}
