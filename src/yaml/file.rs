//! Values that stand in files of their own.

use super::secret::Secret;
use super::section::Section;
use crate::diagnostic::Severity;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The largest file that a config may point to.
const FILE_LIMIT: u64 = 1 << 20;

impl Section<'_> {
    /// The contents of the file that `name` points to.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name)?;
        self.reader().note_file(&path);
        match read_regular(&path, FILE_LIMIT) {
            Ok(bytes) => {
                self.reader().note_outside(&bytes);
                Some(bytes)
            }
            Err(reason) => {
                self.error(
                    "unreadable-file",
                    name,
                    format!("cannot read {}: {reason}", path.display()),
                    "check the path and its permissions (relative paths start at the config file's folder)",
                );
                None
            }
        }
    }

    /// A secret, written here (or as `${ENV}`), or in the file that `NAME_file` points to, whose
    /// final line break does not count.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        let text = self.text_or_file(name)?;
        self.reader().redact(&text, "<secret>");
        Some(Secret::new(text))
    }

    /// The text of a secret, or of what is one in part, which the caller redacts.
    pub fn text_or_file(&self, name: &str) -> Option<String> {
        let file_key = format!("{name}_file");
        if !self.has(&file_key) {
            return self.inline(name);
        }
        if self.has(name) {
            self.error(
                "conflict",
                &file_key,
                format!("both `{name}` and `{file_key}` are given"),
                "keep one of them",
            );
        }
        let bytes = self.file(&file_key)?;
        let Ok(text) = String::from_utf8(bytes) else {
            self.error(
                "unreadable-file",
                &file_key,
                "the file is not UTF-8 text",
                "store the secret as plain text",
            );
            return None;
        };
        self.warn_if_world_readable(&file_key);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            // As a file is for a moment while `echo secret > FILE` writes it.
            self.error(
                "unreadable-file",
                &file_key,
                "the file is empty",
                "store the secret in it",
            );
            return None;
        }
        Some(text.to_owned())
    }

    /// A text of the document; takes note of a secret among those that stands there.
    fn inline(&self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if self.takes_secret(name) {
            self.reader().note_secret(&self.spot_of(name));
        }
        Some(text)
    }

    /// Reports a file that every user of the machine can read.
    pub fn warn_if_world_readable(&self, name: &str) {
        let Some(path) = self.path(name).filter(|path| world_readable(path)) else {
            return;
        };
        self.reader().report(
            Severity::Warning,
            "secret-file-readable",
            &self.spot_of(name),
            format!("every user of this machine can read {}", path.display()),
            Some(format!("fix: chmod o-r {}", path.display())),
        );
    }
}

/// Opens a file for reading that must be a regular one: a fifo or a device could block or never
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
        "a folder"
    } else if kind.is_fifo() {
        "a fifo"
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
