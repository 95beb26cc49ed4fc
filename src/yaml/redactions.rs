//! Secret values, and what is shown where they turn up in a text.

use super::secret::{Secret, names_a_secret};
use crate::text::{CUT, printable};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::borrow::Cow;
use std::collections::BTreeMap;
use url::Url;

/// Shorter values are words such as `ok` and `8080`: they would turn up everywhere.
const LENGTH_MIN: usize = 4;
/// Parts of an address that are shorter are words, unless their names say that they are secret. Values that
/// are shorter are hidden only as whole words of a text: parts of other words have nothing to do with them.
const TOKEN_MIN: usize = 16;
/// Where a text is cut, so many characters of a secret's beginning are enough; of an address, so many
/// behind its scheme.
const BEGINNING_MIN: usize = 2;
/// What stands for the middle of a secret where somebody else masked it: `sk-abcd********wxyz`.
const MASK: &str = "***";

/// All but the unreserved characters of RFC 3986, as values in addresses are written.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Values that are never shown, each with what is shown instead.
#[derive(Clone, Debug, Default)]
pub struct Redactions(BTreeMap<Secret, String>);

impl Redactions {
    /// Adds a value, also as it is written in JSON and in an address. Of an address, also the parts that
    /// may be tokens: servers repeat the path in their errors.
    pub fn add(&mut self, value: &str, shown: &str) {
        self.add_forms(value, shown);
        let Ok(address) = Url::parse(value) else {
            return;
        };
        let segments = address.path_segments().into_iter().flatten();
        let segments = segments.map(|part| (Cow::Borrowed(part), false));
        let values = address.query_pairs();
        let values = values.map(|(name, value)| (value, is_secret_parameter(&name)));
        let parts = segments.chain(values).chain(login(&address));
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
            // As messages quote it.
            value.escape_debug().to_string(),
            printable(value).into_owned(),
        ];
        let forms = forms.into_iter().chain(in_address(value));
        for form in forms.filter(|form| form.len() >= LENGTH_MIN) {
            let shown = || shown.to_owned();
            self.0.entry(Secret::new(form)).or_insert_with(shown);
        }
    }

    /// Adds the values of others.
    pub fn extend(&mut self, others: &Self) {
        let others = others.0.iter();
        let others = others.map(|(secret, shown)| (secret.clone(), shown.clone()));
        self.0.extend(others);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text without any of the values, and without the beginning of one where the text is cut, which
    /// `…` shows, or masked, which `***` shows.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut shown = String::new();
        let mut rest = text;
        while let Some((at, length, instead)) = self.first_in(rest) {
            shown.push_str(&rest[..at]);
            shown.push_str(instead);
            rest = &rest[at + length..];
        }
        if shown.is_empty() && rest.len() == text.len() {
            return Cow::Borrowed(text);
        }
        shown.push_str(rest);
        Cow::Owned(shown)
    }

    /// The same for a text of one's own.
    pub fn cleaned(&self, text: String) -> String {
        if let Cow::Owned(clean) = self.clean(&text) {
            return clean;
        }
        text
    }

    /// The first value in a text, the longest where several begin: place, length and what is shown.
    fn first_in(&self, text: &str) -> Option<(usize, usize, &str)> {
        let found = self.0.iter().filter_map(|(secret, shown)| {
            let secret = secret.reveal();
            let whole = whole(secret, text).map(|at| (at, secret.len()));
            let places = whole.into_iter().chain(before_cut(secret, text));
            let (at, length) = places.min_by_key(|(at, length)| (*at, usize::MAX - length))?;
            Some((at, length, shown.as_str()))
        });
        found.min_by_key(|(at, length, _)| (*at, usize::MAX - length))
    }
}

/// Where a text has a secret, which is a whole word of it if it is short.
fn whole(secret: &str, text: &str) -> Option<usize> {
    let mut places = text.match_indices(secret).map(|(at, _)| at);
    places.find(|at| {
        let after = &text[at + secret.len()..];
        begins_word(secret, &text[..*at]) && !(is_short(secret) && runs_on(secret, after))
    })
}

/// Where the beginning of a secret ends at a cut of a text or at a mask, and how many bytes it is.
fn before_cut(secret: &str, text: &str) -> Option<(usize, usize)> {
    let scheme = secret.find("://").map_or(0, |at| at + "://".len());
    let ends = || {
        let ends = secret[scheme..].char_indices();
        ends.map(|(at, c)| scheme + at + c.len_utf8())
            .skip(BEGINNING_MIN - 1)
    };
    let longest_at = |cut: usize| {
        let longest = ends()
            .take_while(|end| *end <= cut)
            .filter(|end| text[..cut].ends_with(&secret[..*end]))
            .filter(|end| begins_word(secret, &text[..cut - end]))
            .last();
        longest.map(|length| (cut - length, length))
    };
    let cut = text.match_indices(CUT).find_map(|(cut, _)| longest_at(cut));
    let mut masks = text.match_indices(MASK);
    let masked = masks.find_map(|(mask, _)| longest_at(mask));
    cut.into_iter().chain(masked).min()
}

fn is_short(secret: &str) -> bool {
    secret.len() < TOKEN_MIN
}

/// Whether a secret may begin behind a text: a short one not within a word.
fn begins_word(secret: &str, before: &str) -> bool {
    let is_inner = secret.starts_with(|c: char| c.is_ascii_alphanumeric())
        && before.ends_with(|c: char| c.is_ascii_alphanumeric());
    !(is_short(secret) && is_inner) || ends_escaped(before)
}

/// Whether a word goes on behind its end.
fn runs_on(word: &str, after: &str) -> bool {
    word.ends_with(|c: char| c.is_ascii_alphanumeric())
        && after.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Whether the last letters of a text stand for another character: `%3D`, `\n`, `\u003d`.
fn ends_escaped(text: &str) -> bool {
    let escaped = |lead: &str, length: usize| {
        let from = text.len().checked_sub(length);
        let digits = from.and_then(|from| text.get(from..)?.strip_prefix(lead));
        digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let letter = text.strip_suffix(['n', 'r', 't', 'b', 'f']);
    escaped("%", 3)
        || escaped("\\x", 4)
        || escaped("\\u", 6)
        || letter.is_some_and(|before| before.ends_with('\\'))
}

/// `code` is that of a function of Azure.
fn is_secret_parameter(name: &str) -> bool {
    names_a_secret(name) || name.eq_ignore_ascii_case("code")
}

/// What of an address's login is secret: the password, or the user where there is none, as tokens are sent.
fn login(address: &Url) -> Option<(Cow<'_, str>, bool)> {
    let password = address.password().filter(|password| !password.is_empty());
    let secret = password.unwrap_or(address.username());
    (!secret.is_empty()).then(|| (percent_decode_str(secret).decode_utf8_lossy(), true))
}

/// A value as it becomes a part of a path and of a query.
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

    #[test]
    fn a_value_is_not_shown_in_any_form() {
        let mut redactions = Redactions::default();
        redactions.add("hunter2-\"long\" one", "${TOKEN}");
        redactions.add("hunt", "<short>");
        redactions.add("ok", "<word>");
        for (text, shown) in [
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
        ] {
            assert_eq!(redactions.clean(text), shown);
        }
        assert!(!format!("{redactions:?}").contains("hunt"));
    }

    #[test]
    fn a_token_of_an_address_is_not_shown_without_the_address() {
        let mut redactions = Redactions::default();
        let address = "https://hooks.test/services/T000/SECRETTOKEN12345?key=abcdefgh%2D12345678";
        redactions.add(address, "<secret>");
        for (text, shown) in [
            (address, "<secret>"),
            (
                "Cannot POST /services/T000/SECRETTOKEN12345",
                "Cannot POST /services/T000/<secret>",
            ),
            ("no key abcdefgh-12345678", "no key <secret>"),
            ("/services/web", "/services/web"),
        ] {
            assert_eq!(redactions.clean(text), shown);
        }
    }

    #[test]
    fn a_short_secret_of_an_address_is_known_by_its_name() {
        let mut redactions = Redactions::default();
        redactions.add(
            "https://me:pass1@h.test/x?token=abcd&id=1234&key=abc",
            "<secret>",
        );
        for (text, shown) in [
            ("bad token abcd, id 1234", "bad token <secret>, id 1234"),
            ("pass1 of x", "<secret> of x"),
            ("see https://docs.test/y", "see https://docs.test/y"),
            ("see https://", "see https://"),
            ("see https:/\u{2026}", "see https:/\u{2026}"),
            ("see https://\u{2026}", "see https://\u{2026}"),
            ("to https://me\u{2026}", "to <secret>\u{2026}"),
            ("to https://me:pass1@h.te\u{2026}", "to <secret>\u{2026}"),
        ] {
            assert_eq!(redactions.clean(text), shown);
        }
    }

    #[test]
    fn an_ordinary_word_of_an_address_is_shown() {
        let mut redactions = Redactions::default();
        redactions.add(
            "https://alerts:pw12@h.test/x?keyboard=connect&author=refused&passive=true&signal=http&pwd=poll",
            "<secret>",
        );
        for (text, shown) in [
            (
                "cannot connect: connection refused: http true",
                "cannot connect: connection refused: http true",
            ),
            ("polling alerts", "polling alerts"),
            ("poll, pw12!", "<secret>, <secret>!"),
        ] {
            assert_eq!(redactions.clean(text), shown);
        }
        let mut token = Redactions::default();
        token.add("https://glsa_1234@h.test/x", "<secret>");
        assert_eq!(token.clean("no glsa_1234"), "no <secret>");
    }

    #[test]
    fn the_beginning_of_a_masked_secret_is_not_shown() {
        let mut redactions = Redactions::default();
        redactions.add("sk-abcdefgh1234567890wxyz", "<secret>");
        redactions.add("expected-key", "<secret>");
        for (text, shown) in [
            (
                "Incorrect API key provided: sk-abcdefgh********wxyz.",
                "Incorrect API key provided: <secret>********wxyz.",
            ),
            ("key sk-a***\u{2026}", "key <secret>***\u{2026}"),
            ("**expected** values", "**expected** values"),
            ("the key is ***", "the key is ***"),
        ] {
            assert_eq!(redactions.clean(text), shown);
        }
    }

    #[test]
    fn a_word_that_begins_as_a_secret_is_shown() {
        let mut redactions = Redactions::default();
        redactions.add("connection-pool-1", "<secret>");
        redactions.add("expected-key", "<secret>");
        for (text, shown) in [
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
        ] {
            assert_eq!(redactions.clean(text), shown);
        }
    }
}
