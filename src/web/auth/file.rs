//! The web configuration file, in the format of Prometheus' exporter-toolkit.

use super::keys::{self, FILE};
use super::password::{self, Hash};
use super::tls::{self, ServerTls};
use crate::config::{Config, WebSpec, read_file, warn_of_readable_config};
use crate::diagnostic::{Diagnostic, Severity, Source, nearest};
use crate::yaml::{self, Reader, Section, Stamp, Value, from_environment, mask};
use axum::http::{HeaderName, HeaderValue};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Limited because each user's hash is computed on the first request.
const MAX_USERS: usize = 1000;

/// Content of the file, with defaults for absent keys.
#[derive(Clone, Debug)]
pub struct WebFile {
    pub tls: Option<ServerTls>,
    pub http2: bool,
    /// Headers of every response.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub users: BTreeMap<String, Hash>,
    pub rate_limit: Option<RateLimit>,
}

/// A token bucket: one request per `interval`, with bursts of at most `burst`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub interval: Duration,
    pub burst: u32,
}

impl Default for WebFile {
    fn default() -> Self {
        Self {
            tls: None,
            http2: true,
            headers: Vec::new(),
            users: BTreeMap::new(),
            rate_limit: None,
        }
    }
}

/// Result of loading a file.
#[derive(Debug)]
pub struct LoadedFile {
    /// `None` if there is an error.
    pub file: Option<WebFile>,
    /// Whether the file has no content.
    pub is_empty: bool,
    /// In document order.
    pub diagnostics: Vec<Diagnostic>,
    /// The text without secrets, for rendering the diagnostics.
    pub shown: Source,
    /// The files that it references, each with its stamp from before it was read.
    pub files: BTreeMap<PathBuf, Option<Stamp>>,
}

impl WebFile {
    /// Whether all clients must have a password or a verified certificate.
    pub fn authenticates(&self) -> bool {
        let client_auth = self.tls.as_ref().map(|tls| tls.client_auth);
        let by_certificate = client_auth.is_some_and(|auth| auth.verifies() && auth.is_required());
        !self.users.is_empty() || by_certificate
    }
}

impl LoadedFile {
    /// The errors as rendered by `slod check`.
    pub fn errors(&self) -> String {
        let errors = self.of(Severity::Error);
        self.shown.draw_all(errors, false).trim_end().to_owned()
    }

    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Diagnostic> {
        let found = self.diagnostics.iter();
        found.filter(move |found| found.severity == severity)
    }
}

/// Reads and checks the file and the files that it references.
pub fn load(path: &Path) -> LoadedFile {
    let base = path.parent().unwrap_or(Path::new(""));
    match read_file(path) {
        Ok(source) => parse(&source, base),
        Err(error) => LoadedFile {
            file: None,
            is_empty: false,
            diagnostics: vec![Diagnostic {
                severity: Severity::Error,
                code: "unreadable-file",
                place: None,
                path: String::new(),
                message: error.to_string(),
                help: None,
            }],
            shown: Source::new(path.display().to_string(), ""),
            files: BTreeMap::new(),
        },
    }
}

/// Checks the file that a config references, and the consistency of both.
pub fn check(config: &Config) -> Option<LoadedFile> {
    let Config { listen, web, .. } = config;
    let mut loaded = load(web.config_file.as_deref()?);
    let file = loaded.file.as_ref();
    let unknown = file.map(|file| unknown_users(&file.users, web));
    let is_open = file.is_some_and(|file| !file.authenticates()) && web.tokens.is_empty();
    if is_open && !listen.ip().is_loopback() {
        let can = web.strangers_can();
        loaded.diagnostics.push(Diagnostic {
            severity: Severity::Note,
            code: "open-listen",
            place: None,
            path: String::new(),
            message: format!(
                "there is no authentication: everyone who can reach {listen} can {can}"
            ),
            help: Some("add `basic_auth_users`, or `web.tokens` in the config".to_owned()),
        });
    }
    let warnings = unknown.into_iter().flatten().map(|message| Diagnostic {
        severity: Severity::Warning,
        code: "unknown-name",
        place: None,
        path: String::new(),
        message,
        help: Some("users without a role have the role `write`".to_owned()),
    });
    loaded.diagnostics.extend(warnings);
    Some(loaded)
}

/// Users that have a role but no password: a misspelled name leaves the real user with the role `write`.
pub fn unknown_users(users: &BTreeMap<String, Hash>, web: &WebSpec) -> Vec<String> {
    let names = web.user_roles.iter().map(|(name, _)| name);
    let unknown = names.filter(|name| !users.contains_key(*name));
    let sentence = |name: &String| {
        let near = nearest(name, users.keys().map(String::as_str));
        let hint = near.map(|near| format!("; did you mean `{near}`?"));
        let hint = hint.unwrap_or_default();
        format!("`web.user_roles` has `{name}`, who is not in `basic_auth_users`{hint}")
    };
    unknown.map(sentence).collect()
}

fn parse(source: &Source, base: &Path) -> LoadedFile {
    let (mut file, mut is_empty, mut files) = (None, false, BTreeMap::new());
    let (diagnostics, shown) = match yaml::parse(source) {
        Ok(document) => {
            is_empty = document.value == Value::Null;
            let reader = Reader::new(source, base, &from_environment);
            let root = reader.section(&document, "", FILE);
            file = root.and_then(|root| read(&root));
            warn_of_readable_config(&reader, source);
            files = reader.files();
            file = file.filter(|_| !reader.has_errors());
            let shown = mask::document(source, &document, &reader);
            (reader.finish(), shown)
        }
        Err(syntax) => {
            let mut names = BTreeSet::new();
            mask::add_names(FILE, &mut names);
            (vec![*syntax], mask::unreadable(source, &names))
        }
    };
    LoadedFile {
        file,
        is_empty,
        diagnostics,
        shown,
        files,
    }
}

/// Parses the content; `None` after reporting errors.
fn read(root: &Section<'_>) -> Option<WebFile> {
    let tls = root.section(&keys::TLS);
    let tls = tls.and_then(|section| tls::read(&section));
    let http = root.section_or_empty(&keys::HTTP);
    let (users, rate_limit) = (users(root), rate_limit(root));
    let http = http?;
    let (http2, headers) = (http.get(&keys::HTTP2), headers(&http));
    let http2 = http2?;
    Some(WebFile {
        tls: tls.map(|tls| tls.with_http2(http2)),
        http2,
        headers,
        users,
        rate_limit,
    })
}

fn headers(http: &Section<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let Some(section) = http.section(&keys::HEADERS) else {
        return Vec::new();
    };
    let values = keys::RESPONSE_HEADERS.iter().filter_map(|key| {
        let value = section.get(key)?;
        let name = HeaderName::from_bytes(key.name.as_bytes()).ok()?;
        // An empty value counts as unset, so slod's default applies.
        (!value.is_empty()).then_some((name, value))
    });
    values.collect()
}

fn users(root: &Section<'_>) -> BTreeMap<String, Hash> {
    let written = root.secrets(&keys::USERS);
    if written.len() > MAX_USERS {
        let message = format!("too many users: {}", written.len());
        let help =
            format!("expected at most {MAX_USERS}; use tokens or client certificates for more");
        root.error("out-of-range", &keys::USERS, message, help);
    }
    let mut users = BTreeMap::new();
    for (name, hash, at) in written {
        let reader = root.reader();
        // A colon ends the name in the header, so such a user could never log in.
        if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
            let message = "invalid user name";
            let help = "expected a name without `:` and control characters";
            reader.error("invalid-name", &at, message, help);
            continue;
        }
        let parsed = password::parse(hash.reveal());
        if let Err((fault, help)) = &parsed {
            reader.error("invalid-value", &at, *fault, help.clone());
        }
        let twice = parsed.is_ok_and(|hash| users.insert(name, hash).is_some());
        if twice {
            let message = "duplicate user";
            reader.error("duplicate-key", &at, message, "remove one of them");
        }
    }
    users
}

fn rate_limit(root: &Section<'_>) -> Option<RateLimit> {
    let section = root.section(&keys::RATE_LIMIT)?;
    let (interval, burst) = (section.get(&keys::INTERVAL), section.get(&keys::BURST));
    Some(RateLimit {
        interval: interval.filter(|interval| !interval.is_zero())?,
        burst: burst?,
    })
}

#[cfg(test)]
mod tests;
