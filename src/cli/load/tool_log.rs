//! Log of a tool: its last lines for error messages, and all of it in a file if requested.

use super::tool_secrets::ToolSecrets;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Number of last lines that are shown if the tool fails.
const LINES: usize = 5;
/// Maximum length of a line that is shown.
const LINE_MAX: usize = 300;
/// Maximum size of the file, in bytes.
const FILE_MAX: usize = 10 << 20;
pub struct ToolLog {
    last: VecDeque<String>,
    file: Option<File>,
    /// Bytes that may still be written to the file.
    room: usize,
    secrets: ToolSecrets,
}

impl ToolLog {
    pub fn new(path: Option<&Path>, secrets: ToolSecrets) -> io::Result<Self> {
        if let Some(folder) = path.and_then(Path::parent) {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self {
            last: VecDeque::new(),
            file: path.map(File::create).transpose()?,
            room: FILE_MAX,
            secrets,
        })
    }

    pub fn add(&mut self, line: &str) {
        let line = self.secrets.clean(line.trim_end());
        if line.is_empty() {
            return;
        }
        if let Some(file) = self.file.as_mut().filter(|_| self.room > line.len()) {
            self.room -= line.len() + 1;
            // A failure to write the log does not end the run.
            let _ = writeln!(file, "{line}");
        }
        if is_routine(&line) {
            return;
        }
        if self.last.len() >= LINES {
            self.last.pop_front();
        }
        self.last
            .push_back(line.trim_start().chars().take(LINE_MAX).collect());
    }

    /// The last lines as the end of a sentence; empty if there are none.
    pub fn ending(&self) -> String {
        if self.last.is_empty() {
            return String::new();
        }
        let lines: Vec<&str> = self.last.iter().map(String::as_str).collect();
        format!(": {}", lines.join(" | "))
    }
}

/// Whether Locust or k6 logged it as information, which explains no failure.
fn is_routine(line: &str) -> bool {
    line.contains("/INFO/") || line.contains("level=info")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_without_secrets() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out/k6.log");
        let secrets = ToolSecrets::of_values(&["s3cret", "s3cret-long", "abc"]);
        let mut log = ToolLog::new(Some(&path), secrets).expect("created");
        assert_eq!(log.ending(), "");
        for number in 0..9 {
            log.add(&format!(
                "{number} GET /?key=s3cret-long&other=s3cret abc\n"
            ));
        }
        for routine in [
            "[12:03] vm/INFO/locust.runners: Ramping",
            "level=info msg=x",
        ] {
            log.add(routine);
        }
        assert!(
            log.ending()
                .starts_with(": 4 GET /?key=<secret>&other=<secret> abc | 5 ")
        );
        let written = std::fs::read_to_string(&path).expect("written");
        assert_eq!(written.lines().count(), 11);
        assert!(!written.contains("s3cret"));
        for _ in 0..40 {
            log.add(&"x".repeat(1 << 20));
        }
        let length = std::fs::metadata(&path).expect("there").len();
        assert!(length <= FILE_MAX as u64, "{length}");
        assert!(log.ending().len() < 2000);
    }
}
