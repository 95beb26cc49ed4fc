//! What the first failure of each cause was.

use crate::template::Values;
use slod_core::outcome::Cause;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Characters of an answer that are shown.
const SHOWN_MAX: usize = 60;

/// Makes a text fit to be shown, in which these values of a request may be: they came from a data file or an
/// earlier answer, and may be secrets.
pub type Clean = dyn Fn(String, &[&str]) -> String + Send + Sync;

/// Filled by all threads of a run. Of a cause that is known already, nothing is written or locked.
#[derive(Default)]
pub struct Examples {
    /// A bit for each cause, by its code.
    known: AtomicU64,
    all: Mutex<Vec<(Cause, String)>>,
    clean: Option<Box<Clean>>,
}

impl Examples {
    /// Without what `clean` takes out of words that may come from others.
    pub fn cleaned_by(clean: impl Fn(String, &[&str]) -> String + Send + Sync + 'static) -> Self {
        Self {
            clean: Some(Box::new(clean)),
            ..Self::default()
        }
    }

    /// Keeps the first failure of a cause in words that may quote what the server sent, which may repeat
    /// the values of the request.
    pub fn keep_foreign(&self, cause: Cause, values: Values<'_>, words: impl FnOnce() -> String) {
        self.keep(cause, || match &self.clean {
            Some(clean) => clean(words(), &values.all()),
            None => words(),
        });
    }

    /// Keeps the first failure of a cause, in words of our own.
    pub fn keep(&self, cause: Cause, words: impl FnOnce() -> String) {
        let bit = 1 << (cause.code() % 64);
        if self.known.load(Ordering::Relaxed) & bit != 0
            || self.known.fetch_or(bit, Ordering::Relaxed) & bit != 0
        {
            return;
        }
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((cause, words()));
    }

    /// In the order of the causes' codes.
    pub fn list(&self) -> Vec<(Cause, String)> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = all.clone();
        list.sort_by_key(|(cause, _)| cause.code());
        list
    }
}

impl fmt::Debug for Examples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

/// The first line of an answer that is none: `"SSH-2.0-OpenSSH_9.2"`.
pub fn first_line(bytes: &[u8]) -> String {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let shown: String = line.trim_end().chars().take(SHOWN_MAX).collect();
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_cause_is_kept() {
        let examples = Examples::default();
        for (cause, words) in [
            (Cause::Status, "status 503"),
            (Cause::Reset, "connection reset by peer"),
            (Cause::Status, "status 500"),
        ] {
            examples.keep(cause, || words.to_owned());
        }
        let expected = [
            (Cause::Reset, "connection reset by peer".to_owned()),
            (Cause::Status, "status 503".to_owned()),
        ];
        assert_eq!(examples.list(), expected);
    }

    #[test]
    fn foreign_words_are_cleaned_of_the_values_of_their_request() {
        let examples = Examples::cleaned_by(|words, values| {
            let clean = |words: String, value: &&str| words.replace(value, "-");
            values.iter().fold(words, clean)
        });
        let row = ["row-7".into()];
        let values = Values {
            captured: &[None, Some("token-1".to_owned())],
            row: Some(&row),
        };
        let words = || "GET /token-1?q=row-7".to_owned();
        examples.keep_foreign(Cause::Protocol, values, words);
        assert_eq!(
            examples.list(),
            [(Cause::Protocol, "GET /-?q=-".to_owned())]
        );
    }

    #[test]
    fn a_line_is_short_and_printable() {
        assert_eq!(first_line(b"SSH-2.0-x\r\nsecret"), "\"SSH-2.0-x\"");
        assert_eq!(
            first_line(b"\x15\x03\x01\x00"),
            "\"\\u{15}\\u{3}\\u{1}\\0\""
        );
        assert_eq!(first_line(&[b'a'; 1000]).len(), SHOWN_MAX + 2);
        assert_eq!(first_line(b""), "\"\"");
    }
}
