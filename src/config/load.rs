//! Loads a config from text, and reports all errors at once.

use super::keys::ROOT;
use super::lint;
use super::model::{Config, Inputs};
use super::read;
use crate::diagnostic::{Diagnostic, Place, Severity, Source};
use crate::probe::KINDS;
use crate::yaml::{
    self, Keys, Outline, Reader, SIZE_LIMIT, Value, mask, read_regular, world_readable,
};
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use thiserror::Error;

/// The result of loading a config.
#[derive(Debug)]
pub struct Loaded {
    /// `None` if a diagnostic is an error.
    pub config: Option<Config>,
    /// In document order, without secrets.
    pub diagnostics: Vec<Diagnostic>,
    /// The text to quote in diagnostics, without secrets; empty if there are no diagnostics.
    pub shown: Source,
}

/// Why a config file cannot be read as text.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("the config {0} does not exist (create one with `slod init`, or set --config)")]
    Missing(PathBuf),
    #[error("cannot read the config {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("the config {0} is a directory (expected a file, such as slod.yaml)")]
    Folder(PathBuf),
    #[error("the config {0} is too large (expected at most 4 MiB)")]
    TooLarge(PathBuf),
    #[error("the config {path} is not UTF-8 text (first invalid byte in line {line})")]
    NotText { path: PathBuf, line: usize },
}

impl Config {
    /// Parses and checks a config. Relative paths are resolved against `base`; `env` looks up
    /// `${NAME}`.
    pub fn load(source: &Source, base: &Path, env: &dyn Fn(&str) -> Option<String>) -> Loaded {
        let without_config = |fault| Loaded {
            config: None,
            diagnostics: vec![fault],
            shown: mask::unreadable(source, &names()),
        };
        let document = match yaml::parse(source) {
            Ok(document) if document.value == Value::Null => return without_config(empty()),
            Ok(document) => document,
            Err(syntax) => return without_config(*syntax),
        };
        let outline = Outline::of(ROOT, &kinds_with_keys());
        let reader = Reader::new(source, base, env).with_outline(outline);
        let config = check(&reader, &document, source);
        warn_of_readable_config(&reader, source);
        let shown = if reader.has_findings() {
            mask::document(source, &document, &reader)
        } else {
            Source::default()
        };
        let mut diagnostics = reader.finish();
        for diagnostic in &mut diagnostics {
            diagnostic.message = mask::credentials(&diagnostic.message);
        }
        Loaded {
            config,
            diagnostics,
            shown,
        }
    }
}

/// Reads a config without variables, whose paths are relative to the current folder. The error has all
/// findings.
impl FromStr for Config {
    type Err = Vec<Diagnostic>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let source = Source::new("", text);
        let loaded = Self::load(&source, Path::new(""), &|_| None);
        loaded.config.ok_or(loaded.diagnostics)
    }
}

fn kinds_with_keys() -> Vec<(&'static str, Keys)> {
    KINDS.iter().map(|kind| (kind.name, kind.keys)).collect()
}

/// The names of all keys of a config.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    mask::add_names(ROOT, &mut names);
    for kind in KINDS {
        names.insert(kind.name.to_owned());
        mask::add_names(kind.keys, &mut names);
    }
    names
}

fn check(reader: &Reader<'_>, document: &yaml::Node, source: &Source) -> Option<Config> {
    let draft = read::document(reader, document)?;
    if reader.has_errors() {
        return None;
    }
    // Lints need the whole config, so they run only if all of it is valid.
    lint::run(&draft);
    if reader.has_errors() {
        return None;
    }
    let inputs = Inputs {
        source: source.clone(),
        files: reader.files(),
        warnings: BTreeSet::new(),
    };
    Some(draft.into_config(inputs))
}

/// Warns if all users of the machine can read a config file that contains a secret. The name of a
/// source that was read from a file is the file's path.
pub fn warn_of_readable_config(reader: &Reader<'_>, source: &Source) {
    let Some(at) = reader.inline_secret() else {
        return;
    };
    if world_readable(Path::new(&source.name)) {
        let (name, code) = (&source.name, "secret-file-readable");
        let message = format!("all users of this machine can read {name}, which contains a secret");
        let help = format!("fix: chmod o-r {name}, or store the secret in a separate file");
        reader.report(Severity::Warning, code, &at, message, Some(help));
    }
}

fn empty() -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "empty-config",
        place: Some(Place {
            line: 1,
            column: 1,
            len: 1,
        }),
        path: String::new(),
        message: "the config is empty".to_owned(),
        help: Some("a minimal config: services: [{ name: web, probes: [{ name: home, http: { url: \"http://127.0.0.1:8000/\" } }] }]".to_owned()),
    }
}

/// Reads a config file as text, without parsing it.
pub fn read_file(path: &Path) -> Result<Source, FileError> {
    let failed = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    if path.is_dir() {
        return Err(FileError::Folder(path.to_owned()));
    }
    let bytes = read_regular(path, SIZE_LIMIT as u64).map_err(|error| match error {
        error if error.kind() == io::ErrorKind::FileTooLarge => {
            FileError::TooLarge(path.to_owned())
        }
        error if error.kind() == io::ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        error => failed(error),
    })?;
    text(path, bytes)
}

/// Reads a config from a stream such as standard input, up to the size limit.
pub fn read_stream(name: &str, from: impl Read) -> Result<Source, FileError> {
    let path = Path::new(name);
    let mut bytes = Vec::new();
    let read = from.take(SIZE_LIMIT as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|source| FileError::Read {
        path: path.to_owned(),
        source,
    })?;
    if bytes.len() > SIZE_LIMIT {
        return Err(FileError::TooLarge(path.to_owned()));
    }
    text(path, bytes)
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<Source, FileError> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        FileError::NotText {
            path: path.to_owned(),
            line,
        }
    })?;
    Ok(Source::new(
        path.display().to_string(),
        text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned(),
    ))
}
