//! Examples of failures: the first one of each cause, and the first resource that this machine lacked.

use crate::template::Values;
use slod_core::outcome::Cause;
use slod_core::text::{CUT, beginning};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Maximum number of characters shown of a response.
const SHOWN_MAX: usize = 60;

/// Removes secrets from a text that may contain these values of a request, which came from a data file or
/// an earlier response.
pub type Clean = dyn Fn(String, &[&str]) -> String + Send + Sync;

/// Filled by all threads of a run. For a cause that is already known, nothing is formatted or locked.
#[derive(Default)]
pub struct Examples {
    /// A bit for each cause, by its code.
    known: AtomicU64,
    all: Mutex<Vec<(Cause, String)>>,
    lack: OnceLock<String>,
    clean: Option<Box<Clean>>,
}

impl Examples {
    /// Applies `clean` to texts that may contain external data.
    pub fn cleaned_by(clean: impl Fn(String, &[&str]) -> String + Send + Sync + 'static) -> Self {
        Self {
            clean: Some(Box::new(clean)),
            ..Self::default()
        }
    }

    /// Records the first failure of a cause with a text that may contain external data, and the first line
    /// of what the server sent. Both may repeat values of the request.
    pub fn record_untrusted(
        &self,
        cause: Cause,
        values: Values<'_>,
        quote: Option<&[u8]>,
        words: impl FnOnce() -> String,
    ) {
        self.record(cause, || {
            let clean = |text: String| match &self.clean {
                Some(clean) => clean(text, &values.all()),
                None => text,
            };
            let quote = quote.map(|bytes| first_line(bytes, clean));
            let quote = quote.map_or_else(String::new, |line| format!("; it begins with {line}"));
            clean(words()) + &quote
        });
    }

    /// Records the first failure of a cause, with a text of slod's own.
    pub fn record(&self, cause: Cause, words: impl FnOnce() -> String) {
        let bit = 1 << (cause.code() % 64);
        if self.known.load(Ordering::Relaxed) & bit != 0
            || self.known.fetch_or(bit, Ordering::Relaxed) & bit != 0
        {
            return;
        }
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((cause, words()));
    }

    /// Records the first resource that this machine lacked for a start.
    pub fn record_lack(&self, words: impl FnOnce() -> String) {
        self.lack.get_or_init(|| match &self.clean {
            Some(clean) => clean(words(), &[]),
            None => words(),
        });
    }

    /// The first resource that this machine lacked, if any.
    pub fn lack(&self) -> Option<String> {
        self.lack.get().cloned()
    }

    /// All examples, in the order of the codes of their causes.
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

/// The first line of an invalid response: `"SSH-2.0-OpenSSH_9.2"`. It is truncated after cleaning, because
/// the beginning of a secret would not be recognized.
fn first_line(bytes: &[u8], clean: impl Fn(String) -> String) -> String {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let line = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let is_whole = lines.next().is_some();
    let line = if is_whole {
        clean(line.into_owned())
    } else {
        // Its end may not have arrived.
        let line = clean(format!("{line}{CUT}"));
        line.strip_suffix(CUT).unwrap_or(&line).to_owned()
    };
    format!("{:?}", beginning(line.trim_end(), SHOWN_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_of_each_cause_is_kept() {
        let examples = Examples::default();
        for (cause, words) in [
            (Cause::Status, "status 503"),
            (Cause::Reset, "connection reset by peer"),
            (Cause::Status, "status 500"),
        ] {
            examples.record(cause, || words.to_owned());
        }
        let expected = [
            (Cause::Reset, "connection reset by peer".to_owned()),
            (Cause::Status, "status 503".to_owned()),
        ];
        assert_eq!(examples.list(), expected);
    }

    #[test]
    fn external_texts_are_cleaned_of_request_values() {
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
        let line = [&[b'x'; SHOWN_MAX - 4][..], b"token-1 of row-7\r\n"].concat();
        examples.record_untrusted(Cause::Protocol, values, Some(&line), words);
        let shown = format!(
            "GET /-?q=-; it begins with \"{}- of\u{2026}\"",
            "x".repeat(SHOWN_MAX - 4)
        );
        assert_eq!(examples.list(), [(Cause::Protocol, shown)]);
    }

    #[test]
    fn a_line_is_short_and_printable() {
        let first_line = |bytes: &[u8]| super::first_line(bytes, |text| text);
        assert_eq!(first_line(b"SSH-2.0-x\r\nsecret"), "\"SSH-2.0-x\"");
        assert_eq!(
            first_line(b"\x15\x03\x01\x00"),
            "\"\\u{15}\\u{3}\\u{1}\\0\""
        );
        let cut = format!("\"{}\u{2026}\"", "a".repeat(SHOWN_MAX));
        assert_eq!(first_line(&[b'a'; 1000]), cut);
        assert_eq!(first_line(b""), "\"\"");
    }
}
