//! Values that stand in files of their own.

use super::form::{Scalar, SecretMap, SecretText};
use super::key::{Declared, Key};
use super::reader::Spot;
use super::scalar::FilePath;
use super::secret::Secret;
use super::section::Section;
use super::tree::Value;
use crate::diagnostic::Severity;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The largest file that a config may point to.
const FILE_LIMIT: u64 = 1 << 20;

/// A text without the byte order mark that editors on Windows put before it.
pub fn without_mark(mut text: Vec<u8>) -> Vec<u8> {
    if text.starts_with("\u{feff}".as_bytes()) {
        text.drain(.."\u{feff}".len());
    }
    text
}

impl Section<'_> {
    /// The text of the file that a key points to.
    pub fn file(&self, key: &Key<FilePath>) -> Option<Vec<u8>> {
        let bytes = self.file_up_to(key, FILE_LIMIT)?;
        Some(without_mark(bytes))
    }

    /// The bytes of a file that has at most so many.
    pub fn file_up_to(&self, key: &Key<FilePath>, limit: u64) -> Option<Vec<u8>> {
        let path = self.path(key)?;
        self.read_up_to(&path, &self.spot_of(key), limit)
    }

    fn read_file(&self, path: &Path, at: &Spot) -> Option<Vec<u8>> {
        self.read_up_to(path, at, FILE_LIMIT)
    }

    fn read_up_to(&self, path: &Path, at: &Spot, limit: u64) -> Option<Vec<u8>> {
        let reader = self.reader();
        reader.note_file(path);
        match read_regular(path, limit) {
            Ok(bytes) => {
                reader.note_outside(&bytes);
                Some(bytes)
            }
            Err(reason) => {
                let message = format!("cannot read {}: {reason}", path.display());
                let help = "check the path and its permissions (relative paths are relative to the config file's directory)";
                reader.error("unreadable-file", at, message, help);
                None
            }
        }
    }

    /// A secret, written here (or as `${ENV}`), or in the file that `NAME_file` points to, whose
    /// final line break does not count.
    pub fn secret(&self, key: &Key<SecretText>) -> Option<Secret> {
        let secret = if let Some((path, at)) = self.other_file(key)? {
            Secret::new(self.read_text(&path, &at)?)
        } else {
            let secret = self.get(key)?;
            self.reader().note_secret(&self.spot_of(key));
            secret
        };
        self.reader().redact(secret.reveal(), "<secret>");
        Some(secret)
    }

    /// A value, written here or in the file that `NAME_file` points to. What is a secret of it is
    /// for the caller to redact.
    pub fn value_or_file<F: Scalar>(&self, key: &Key<F>) -> Option<F::Value> {
        let Some((path, at)) = self.other_file(key)? else {
            return self.get(key);
        };
        let value = key.form.parse(&self.read_text(&path, &at)?);
        if value.is_none() {
            let help = format!("expected {}", key.form.expected(""));
            let message = "the content of the file is invalid";
            self.reader().error("invalid-value", &at, message, help);
        }
        value
    }

    /// The text of a file, without its final line break.
    fn read_text(&self, path: &Path, at: &Spot) -> Option<String> {
        let bytes = without_mark(self.read_file(path, at)?);
        let reader = self.reader();
        let Ok(text) = String::from_utf8(bytes) else {
            let message = "the file is not UTF-8 text";
            let help = "store the value as plain text";
            reader.error("unreadable-file", at, message, help);
            return None;
        };
        self.warn_if_world_readable(path, at);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            // As a file is for a moment while `echo secret > FILE` writes it.
            let help = "write the value into it";
            reader.error("unreadable-file", at, "the file is empty", help);
            return None;
        }
        Some(text.to_owned())
    }

    /// The secrets of a mapping of any names, each with its spot. Errors never quote a value.
    pub fn secrets(&self, key: &Key<SecretMap>) -> Vec<(String, Secret, Spot)> {
        let Some(node) = self.node(key.name) else {
            return Vec::new();
        };
        let Value::Map(entries) = &node.value else {
            let message = format!("`{}` is not a mapping", key.name);
            let help = format!("expected {}", key.form.expected);
            self.error("invalid-value", key, message, help);
            return Vec::new();
        };
        let spot = self.spot_of(key);
        entries
            .iter()
            .filter_map(|(name, value)| {
                let name = name.value.scalar().unwrap_or_default();
                let at = Spot::of(value, spot.below(&name));
                let text = self.scalar(&super::Text, value, &at)?;
                self.reader().note_secret(&at);
                Some((name, Secret::new(text), at))
            })
            .collect()
    }

    /// Bytes that may be secret: a text, or the contents of a file as they are.
    pub fn secret_bytes(&self, key: &Key<SecretText>) -> Option<Vec<u8>> {
        match self.other_file(key)? {
            Some((path, at)) => self.read_file(&path, &at),
            None => self.get(key).map(|text| text.reveal().into()),
        }
    }

    /// The file that `NAME_file` points to, and where that stands. `None` where it is invalid.
    #[expect(clippy::option_option, reason = "invalid, absent, or there")]
    fn other_file(&self, key: &dyn Declared) -> Option<Option<(PathBuf, Spot)>> {
        let name = key.file_name().unwrap_or_default();
        let Some(node) = self.node(&name) else {
            return Some(None);
        };
        let at = self.inner(&name, node);
        if self.node(key.name()).is_some() {
            let message = format!("both `{}` and `{name}` are given", key.name());
            self.reader()
                .error("conflict", &at, message, "remove one of them");
        }
        let path = self.scalar(&FilePath, node, &at)?;
        Some(Some((self.reader().resolve(&path), at)))
    }

    /// Reports the private key of a file that every user of the machine can read.
    pub fn warn_of_readable(&self, key: &Key<FilePath>) {
        if let Some(path) = self.path(key) {
            self.warn_if_world_readable(&path, &self.spot_of(key));
        }
    }

    fn warn_if_world_readable(&self, path: &Path, at: &Spot) {
        if !world_readable(path) {
            return;
        }
        let path = path.display();
        self.reader().report(
            Severity::Warning,
            "secret-file-readable",
            at,
            format!("all users of this machine can read {path}"),
            Some(format!("fix: chmod o-r {path}")),
        );
    }
}

/// Opens a file for reading that must be a regular one: a FIFO or a device could block or never
/// end. Opening does not wait, and what was opened is looked at, since a path may change meanwhile.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.read(true);
    let file = options
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let about = file.metadata()?;
    if about.is_file() {
        return Ok(file);
    }
    let kind = what(about.file_type());
    Err(io::Error::other(format!(
        "it is {kind}, not a regular file"
    )))
}

/// Reads a regular file of at most `limit` bytes; `FileTooLarge` if there are more.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?
        .take(limit + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let reason = format!("it is larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

fn what(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else {
        "something else"
    }
}

/// Whether every user of the machine can read a file.
pub fn world_readable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o004 != 0)
}
