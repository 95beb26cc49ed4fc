//! Values that stand in files of their own.

use super::form::{SecretMap, SecretText};
use super::key::{Declared, Key};
use super::reader::Spot;
use super::scalar::{FilePath, Text};
use super::secret::Secret;
use super::section::Section;
use super::tree::Value;
use crate::diagnostic::Severity;
use std::path::{Path, PathBuf};

/// The largest file that a config may point to.
const FILE_LIMIT: u64 = 1 << 20;

impl Section<'_> {
    /// The contents of the file that a key points to.
    pub fn file(&self, key: &Key<FilePath>) -> Option<Vec<u8>> {
        let path = self.path(key)?;
        self.read_file(&path, &self.spot_of(key))
    }

    fn read_file(&self, path: &Path, at: &Spot) -> Option<Vec<u8>> {
        let reader = self.reader();
        reader.note_file(path);
        match read_limited(path) {
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
        let Some((path, at)) = self.secret_file(key)? else {
            return self.secret_text(key).map(Secret::new);
        };
        let bytes = self.read_file(&path, &at)?;
        let reader = self.reader();
        let Ok(text) = String::from_utf8(bytes) else {
            let message = "the file is not UTF-8 text";
            let help = "store the secret as plain text";
            reader.error("unreadable-file", &at, message, help);
            return None;
        };
        if world_readable(&path) {
            self.warn_of_readable(&path, &at);
        }
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            // As a file is for a moment while `echo secret > FILE` writes it.
            let help = "write the secret into it";
            reader.error("unreadable-file", &at, "the file is empty", help);
            return None;
        }
        Some(Secret::new(text))
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
                let text = self.scalar(&Text, value, &at)?;
                Some((name, Secret::new(text), at))
            })
            .collect()
    }

    /// Bytes that may be secret: a text, or the contents of a file as they are.
    pub fn secret_bytes(&self, key: &Key<SecretText>) -> Option<Vec<u8>> {
        match self.secret_file(key)? {
            Some((path, at)) => self.read_file(&path, &at),
            None => self.secret_text(key).map(String::into_bytes),
        }
    }

    /// The file that `NAME_file` points to, and where that stands. `None` where it is invalid.
    #[expect(clippy::option_option, reason = "invalid, absent, or there")]
    fn secret_file(&self, key: &Key<SecretText>) -> Option<Option<(PathBuf, Spot)>> {
        let name = key.file_name().unwrap_or_default();
        let Some(node) = self.node(&name) else {
            return Some(None);
        };
        let at = self.inner(&name, node);
        if self.node(key.name).is_some() {
            let message = format!("both `{}` and `{name}` are given", key.name);
            self.reader()
                .error("conflict", &at, message, "remove one of them");
        }
        let path = self.scalar(&FilePath, node, &at)?;
        Some(Some((self.reader().resolve(&path), at)))
    }

    fn secret_text(&self, key: &Key<SecretText>) -> Option<String> {
        let node = self.node(key.name)?;
        self.scalar(&Text, node, &self.inner(key.name, node))
    }

    fn warn_of_readable(&self, path: &Path, at: &Spot) {
        self.reader().report(
            Severity::Warning,
            "secret-file-readable",
            at,
            format!("all users of this machine can read {}", path.display()),
            Some("fix: chmod o-r".to_owned()),
        );
    }
}

/// Reads a regular file of at most [`FILE_LIMIT`] bytes; a fifo or a device could block or never end.
fn read_limited(path: &Path) -> Result<Vec<u8>, String> {
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if about.len() > FILE_LIMIT {
        return Err(format!("it is larger than {FILE_LIMIT} bytes"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}

#[cfg(unix)]
fn world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn world_readable(_: &Path) -> bool {
    false
}
