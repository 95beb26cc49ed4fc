//! Values that are read from separate files.

use super::form::{Scalar, SecretMap, SecretText};
use super::key::{Declared, Key};
use super::name::shown_name;
use super::reader::{Spot, without_final_line_break};
use super::scalar::FilePath;
use super::secret::Secret;
use super::section::Section;
use super::tree::Value;
use crate::diagnostic::Severity;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Maximum size in bytes of a file that a config refers to.
const FILE_LIMIT: u64 = 1 << 20;

/// Removes the byte order mark that editors on Windows write.
pub fn without_mark(mut text: Vec<u8>) -> Vec<u8> {
    if text.starts_with("\u{feff}".as_bytes()) {
        text.drain(.."\u{feff}".len());
    }
    text
}

impl Section<'_> {
    /// The contents of the file that a key refers to, without a byte order mark.
    pub fn file(&self, key: &Key<FilePath>) -> Option<Vec<u8>> {
        let bytes = self.file_up_to(key, FILE_LIMIT)?;
        Some(without_mark(bytes))
    }

    /// The contents of the file that a key refers to, up to `limit` bytes.
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

    /// A secret, from the config (possibly `${ENV}`) or from the file that `NAME_file` refers to,
    /// without the file's final line break.
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

    /// A value, from the config or from the file that `NAME_file` refers to. The caller redacts secret
    /// parts of it.
    pub fn value_or_file<F: Scalar>(&self, key: &Key<F>) -> Option<F::Value> {
        let Some((path, at)) = self.other_file(key)? else {
            return self.get(key);
        };
        let value = key.form.parse(&self.read_text(&path, &at)?);
        if value.is_none() {
            let help = format!("expected {}", key.form.expected(""));
            let message = "the contents of the file are invalid";
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
        let text = without_final_line_break(&text);
        if text.is_empty() {
            // A file is briefly empty while `echo secret > FILE` runs.
            let help = "write the value to the file";
            reader.error("unreadable-file", at, "the file is empty", help);
            return None;
        }
        Some(text.to_owned())
    }

    /// The secrets of a map, each with its name and position. Errors never quote a value.
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
                let at = Spot::of(value, spot.below(&shown_name(&name)));
                let text = self.scalar(&super::Text, value, &at)?;
                self.reader().note_secret(&at);
                Some((name, Secret::new(text), at))
            })
            .collect()
    }

    /// Bytes that may be secret: a string, or the unchanged contents of a file.
    pub fn secret_bytes(&self, key: &Key<SecretText>) -> Option<Vec<u8>> {
        match self.other_file(key)? {
            Some((path, at)) => self.read_file(&path, &at),
            None => self.get(key).map(|text| text.reveal().into()),
        }
    }

    /// The file that `NAME_file` refers to, and the position of that key. `None` if it is invalid.
    #[expect(clippy::option_option, reason = "invalid, absent, or present")]
    fn other_file(&self, key: &dyn Declared) -> Option<Option<(PathBuf, Spot)>> {
        let name = key.file_name().unwrap_or_default();
        let Some(node) = self.node(&name) else {
            return Some(None);
        };
        let at = self.inner(&name, node);
        if self.node(key.name()).is_some() {
            let message = format!("`{}` and `{name}` are mutually exclusive", key.name());
            self.reader()
                .error("conflict", &at, message, "remove one of them");
        }
        let path = self.scalar(&FilePath, node, &at)?;
        Some(Some((self.reader().resolve(&path), at)))
    }

    /// Warns if all users of the machine can read the file of a private key.
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

/// Opens a regular file for reading; a FIFO or a device could block or never end. Opening does not
/// block, and the open file is checked instead of the path, which may change in between.
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
    Err(io::Error::other(format!("not a regular file, but {kind}")))
}

/// Reads a regular file of at most `limit` bytes; `FileTooLarge` if it is larger.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?
        .take(limit + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let reason = format!("larger than {limit} bytes");
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

/// Whether all users of the machine can read a file.
pub fn world_readable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o004 != 0)
}
