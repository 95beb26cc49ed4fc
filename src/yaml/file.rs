//! Values that stand in files of their own.

use super::secret::Secret;
use super::section::Section;
use crate::diagnostic::Severity;
use std::path::Path;

/// The largest file that a config may point to.
const FILE_LIMIT: u64 = 1 << 20;

impl Section<'_> {
    /// The contents of the file that `name` points to.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name)?;
        self.reader().note_file(&path);
        match read_limited(&path) {
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
        let file_key = format!("{name}_file");
        if !self.has(&file_key) {
            return self.text(name).map(Secret::new);
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
        Some(Secret::new(text))
    }

    fn warn_if_world_readable(&self, name: &str) {
        let Some(path) = self.path(name).filter(|path| world_readable(path)) else {
            return;
        };
        self.reader().report(
            Severity::Warning,
            "secret-file-readable",
            &self.spot_of(name),
            format!("every user of this machine can read {}", path.display()),
            Some("take the right away with: chmod o-r".to_owned()),
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
