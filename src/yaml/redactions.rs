//! Secret values, and their replacements in texts.

mod search;

use super::secret::{Secret, names_a_secret};
use crate::text::printable;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use search::Search;
use std::borrow::Cow;
use std::collections::BTreeMap;
use url::Url;

/// Shorter values are not redacted: words such as `ok` and `8080` occur everywhere.
const LENGTH_MIN: usize = 4;
/// Shorter parts of a URL are redacted only if their names indicate a secret. Shorter values are redacted
/// only as whole words, because parts of other words are unrelated to them.
const TOKEN_MIN: usize = 16;

/// All characters that are percent-encoded in URLs: all but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Values that are never shown, each with its replacement.
#[derive(Clone, Debug, Default)]
pub struct Redactions(BTreeMap<Secret, String>);

impl Redactions {
    /// Adds a value, including its forms in JSON and in URLs. For a URL, also adds the parts that may be
    /// tokens, because servers repeat the path in their errors.
    pub fn add(&mut self, value: &str, shown: &str) {
        self.add_forms(value, shown);
        let Ok(address) = Url::parse(value) else {
            return;
        };
        let segments = address.path_segments().into_iter().flatten();
        // Servers may repeat the path decoded.
        let decoded = |part| percent_decode_str(part).decode_utf8_lossy();
        let segments = segments.flat_map(|part| [Cow::Borrowed(part), decoded(part)]);
        let segments = segments.map(|part| (part, false));
        let values = address.query_pairs();
        let values = values.map(|(name, value)| (value, is_secret_parameter(&name)));
        let parts = segments.chain(values).chain(login(&address));
        let parts = parts.chain(basic(&address));
        for (part, is_secret) in parts {
            if is_secret || part.len() >= TOKEN_MIN {
                self.add_forms(&part, shown);
            }
        }
    }

    fn add_forms(&mut self, value: &str, shown: &str) {
        let quoted = serde_json::Value::from(value).to_string();
        let forms = [
            value.to_owned(),
            quoted[1..quoted.len() - 1].to_owned(),
            utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
            utf8_percent_encode(value, RESERVED).to_string(),
            value.replace(' ', "%20"),
            // The forms in which messages quote it.
            value.escape_debug().to_string(),
            printable(value).into_owned(),
        ];
        let forms = forms.into_iter().chain(in_address(value));
        for form in forms.filter(|form| form.len() >= LENGTH_MIN) {
            let shown = || shown.to_owned();
            self.0.entry(Secret::new(form)).or_insert_with(shown);
        }
    }

    /// Adds the values of `others`.
    pub fn extend(&mut self, others: &Self) {
        let others = others.0.iter();
        let others = others.map(|(secret, shown)| (secret.clone(), shown.clone()));
        self.0.extend(others);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces all values in a text, including the beginning of one before a truncation (`…`) or a mask
    /// (`***`). At each position, the longest one is replaced.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let values = self.0.iter();
        let values = values.map(|(secret, shown)| (shown, Search::new(secret.reveal(), text)));
        let mut values: Vec<_> = values.collect();
        let (mut clean, mut from) = (String::new(), 0);
        loop {
            let found = values.iter_mut();
            let found = found.filter_map(|(shown, search)| Some((search.next(from)?, &**shown)));
            let first = found.min_by_key(|(place, _)| (place.at, usize::MAX - place.length));
            let Some((place, shown)) = first else {
                break;
            };
            clean.push_str(&text[from..place.at]);
            clean.push_str(shown);
            from = place.at + place.length;
        }
        if from == 0 {
            return Cow::Borrowed(text);
        }
        clean.push_str(&text[from..]);
        Cow::Owned(clean)
    }

    /// Same as [`Self::clean`], for an owned text.
    pub fn cleaned(&self, text: String) -> String {
        if let Cow::Owned(clean) = self.clean(&text) {
            return clean;
        }
        text
    }
}

/// Whether a query parameter is secret. `code` is the key of an Azure function.
fn is_secret_parameter(name: &str) -> bool {
    names_a_secret(name) || name.eq_ignore_ascii_case("code")
}

/// The secret part of a URL's user info: the password, or the user if there is none, as with tokens.
fn login(address: &Url) -> Option<(Cow<'_, str>, bool)> {
    let password = address.password().filter(|password| !password.is_empty());
    let secret = password.unwrap_or(address.username());
    (!secret.is_empty()).then(|| (percent_decode_str(secret).decode_utf8_lossy(), true))
}

/// The user and the password of a URL in the form of `Authorization: Basic`, which servers repeat as well.
fn basic(address: &Url) -> Option<(Cow<'_, str>, bool)> {
    login(address)?;
    let plain = |part| percent_decode_str(part).decode_utf8_lossy();
    let password = address.password().unwrap_or_default();
    let both = format!("{}:{}", plain(address.username()), plain(password));
    Some((BASE64.encode(both).into(), true))
}

/// The forms of a value as part of a path and of a query.
fn in_address(value: &str) -> Vec<String> {
    let Ok(mut address) = Url::parse("http://h/") else {
        return Vec::new();
    };
    address.set_path(value);
    address.set_query(Some(value));
    let path = address.path().trim_start_matches('/').to_owned();
    let query = address.query().map(str::to_owned);
    query.into_iter().chain([path]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_clean(redactions: &Redactions, texts: &[(&str, &str)]) {
        for (text, shown) in texts {
            assert_eq!(redactions.clean(text), *shown);
        }
    }

    #[test]
    fn a_value_is_not_shown_in_any_form() {
        let mut redactions = Redactions::default();
        redactions.add("hunter2-\"long\" one", "${TOKEN}");
        redactions.add("hunt", "<short>");
        redactions.add("ok", "<word>");
        let texts = [
            ("ok, nothing", "ok, nothing"),
            ("a hunter2-\"long\" one b", "a ${TOKEN} b"),
            (r#"{"a":"hunter2-\"long\" one"}"#, r#"{"a":"${TOKEN}"}"#),
            ("/x/hunter2%2D%22long%22%20one/y", "/x/${TOKEN}/y"),
            ("/x/hunter2-%22long%22%20one/y", "/x/${TOKEN}/y"),
            ("cut: hunter2-\"lo\u{2026}", "cut: ${TOKEN}\u{2026}"),
            ("hunting hunt, ahunt", "hunting <short>, ahunt"),
            (
                "q=%3Dhunt&a_hunt\\nhunt",
                "q=%3D<short>&a_<short>\\n<short>",
            ),
            ("a shunt", "a shunt"),
            ("cut: `hu\u{2026}`, hu", "cut: `<short>\u{2026}`, hu"),
            ("h\u{2026}", "h\u{2026}"),
            ("hunter2-\\\"long\\\" one", "${TOKEN}"),
        ];
        assert_clean(&redactions, &texts);
        assert!(!format!("{redactions:?}").contains("hunt"));
    }

    #[test]
    fn values_that_follow_each_other_are_hidden() {
        let mut redactions = Redactions::default();
        redactions.add("sk-abcdefgh1234567890wxyz", "<key>");
        redactions.add("hunt", "<word>");
        let texts = [
            ("sk-abcdefgh1234567890wxyzhunt", "<key><word>"),
            ("sk-abcdefgh1234567890wxyzhu\u{2026}", "<key><word>\u{2026}"),
            ("sk-abcdefgh1234567890wxyzsk-abcdefgh***", "<key><key>***"),
            ("sk-abcdefgh1234567890wxyzhunter", "<key>hunter"),
        ];
        assert_clean(&redactions, &texts);
    }

    #[test]
    fn a_long_text_takes_linear_time() {
        let mut redactions = Redactions::default();
        redactions.add("sk-abcdefgh1234567890/wxyz", "<secret>");
        let repeated = "sk-ab***".repeat(100_000);
        let text = format!("{repeated} sk%2Dabcdefgh1234567890%2Fwxyz sk-abcdefgh1234567890/wxyz");
        let shown = format!("{} <secret> <secret>", "<secret>***".repeat(100_000));
        assert!(redactions.clean(&text) == shown);
    }

    #[test]
    fn a_token_of_a_url_is_hidden_without_its_url() {
        let mut redactions = Redactions::default();
        let address = "https://hooks.test/services/T000/SECRETTOKEN12345?key=abcdefgh%2D12345678";
        redactions.add(address, "<secret>");
        redactions.add("https://hooks.test/123456%3aABCDEF-1234567/x", "<secret>");
        let texts = [
            (address, "<secret>"),
            (
                "Cannot POST /services/T000/SECRETTOKEN12345",
                "Cannot POST /services/T000/<secret>",
            ),
            ("no key abcdefgh-12345678", "no key <secret>"),
            ("/services/web", "/services/web"),
            ("no bot 123456:ABCDEF-1234567", "no bot <secret>"),
        ];
        assert_clean(&redactions, &texts);
    }

    #[test]
    fn a_short_secret_in_a_url_is_recognized_by_its_name() {
        let mut redactions = Redactions::default();
        redactions.add(
            "https://me:pass1@h.test/x?token=abcd&id=1234&key=abc",
            "<secret>",
        );
        let texts = [
            ("bad token abcd, id 1234", "bad token <secret>, id 1234"),
            ("pass1 of x", "<secret> of x"),
            (
                "Authorization: Basic bWU6cGFzczE=",
                "Authorization: Basic <secret>",
            ),
            ("see https://docs.test/y", "see https://docs.test/y"),
            ("see https://", "see https://"),
            ("see https:/\u{2026}", "see https:/\u{2026}"),
            ("see https://\u{2026}", "see https://\u{2026}"),
            ("to https://me\u{2026}", "to <secret>\u{2026}"),
            ("to https://me:pass1@h.te\u{2026}", "to <secret>\u{2026}"),
        ];
        assert_clean(&redactions, &texts);
    }

    #[test]
    fn an_ordinary_word_in_a_url_is_shown() {
        let mut redactions = Redactions::default();
        redactions.add(
            "https://alerts:pw12@h.test/x?keyboard=connect&author=refused&passive=true&signal=http&pwd=poll",
            "<secret>",
        );
        let texts = [
            (
                "cannot connect: connection refused: http true",
                "cannot connect: connection refused: http true",
            ),
            ("polling alerts", "polling alerts"),
            ("poll, pw12!", "<secret>, <secret>!"),
        ];
        assert_clean(&redactions, &texts);
        let mut token = Redactions::default();
        token.add("https://glsa_1234@h.test/x", "<secret>");
        assert_eq!(token.clean("no glsa_1234"), "no <secret>");
    }

    #[test]
    fn the_beginning_of_a_masked_secret_is_not_shown() {
        let mut redactions = Redactions::default();
        redactions.add("sk-abcdefgh1234567890wxyz", "<secret>");
        redactions.add("expected-key", "<secret>");
        let texts = [
            (
                "Incorrect API key provided: sk-abcdefgh********wxyz.",
                "Incorrect API key provided: <secret>********wxyz.",
            ),
            ("key sk-a***\u{2026}", "key <secret>***\u{2026}"),
            ("**expected** values", "**expected** values"),
            ("the key is ***", "the key is ***"),
        ];
        assert_clean(&redactions, &texts);
    }

    #[test]
    fn a_word_with_the_beginning_of_a_secret_is_shown() {
        let mut redactions = Redactions::default();
        redactions.add("connection-pool-1", "<secret>");
        redactions.add("expected-key", "<secret>");
        let texts = [
            (
                "connecting: connection refused",
                "connecting: connection refused",
            ),
            ("status 200, expected 404", "status 200, expected 404"),
            (
                "connection refused, connection-p\u{2026}",
                "connection refused, <secret>\u{2026}",
            ),
            ("the pool: connection", "the pool: connection"),
            ("`connection` is expected", "`connection` is expected"),
            ("\"expected\", not this", "\"expected\", not this"),
            ("waiting for connection...", "waiting for connection..."),
            ("got \"expected-\u{2026}\"", "got \"<secret>\u{2026}\""),
            ("no connection-pool-1 here", "no <secret> here"),
        ];
        assert_clean(&redactions, &texts);
    }
}
