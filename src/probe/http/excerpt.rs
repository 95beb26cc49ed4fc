//! What a body that is not as expected says, for messages. Pure.

use super::headers::mentions_secret;
use super::text::Text;
use crate::text::{CUT, beginning, printable};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use hyper::body::Bytes;

/// Maximum number of characters of a body that are shown.
const SHOWN_MAX: usize = 80;
/// How many bytes of a body are used: enough for the title of most pages.
pub const USED: usize = 4 << 10;
/// Minimum lengths of words that may be secrets: with a digit, and without.
const SECRET_MIN: (usize, usize) = (4, 8);

/// Describes a body by its beginning or, if it is a page, by its title. `None` if it has no text, or repeats
/// a word of `sent` that may be a secret.
pub fn excerpt(headers: &HeaderMap, body: &[u8], sent: &[Bytes]) -> Option<String> {
    let content_type = headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let used = whole_characters(&body[..body.len().min(USED)]);
    let text = Text::new(used, content_type);
    if text.unknown_charset.is_some() {
        return None;
    }
    let text = text.as_str();
    let (is_page, is_whole) = (is_page(text), used.len() == body.len());
    let mut shown = line(if is_page { title(text)? } else { text });
    if shown.is_empty() || shown.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    if !is_page {
        if is_whole {
            shown += line_end(text);
        } else {
            shown.push(CUT);
        }
    }
    if sent.iter().any(|sent| is_repeated(sent, &shown)) {
        return None;
    }
    let shown = beginning(&shown, SHOWN_MAX);
    let words = match shown.ends_with(CUT) {
        _ if is_page => "the page is titled",
        true => "the body begins with",
        false => "the body is",
    };
    Some(format!("{words} `{shown}`"))
}

/// Like [`excerpt`], for a response that is not an error: it may be the secret that the request asked for.
pub fn careful_excerpt(headers: &HeaderMap, body: &[u8], sent: &[Bytes]) -> Option<String> {
    excerpt(headers, body, sent).filter(|shown| !mentions_secret(&shown.to_ascii_lowercase()))
}

/// Without an incomplete character at the end of UTF-8.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(fault) if fault.error_len().is_none() => &bytes[..fault.valid_up_to()],
        _ => bytes,
    }
}

/// The text in one line. Spaces within a line are kept, because they may be part of a secret that is redacted.
fn line(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    printable(&lines.join(" ")).into_owned()
}

/// A line break at the end, which a `$` in an expression does not match.
fn line_end(text: &str) -> &'static str {
    if text.ends_with("\r\n") {
        "\\r\\n"
    } else if text.ends_with('\n') {
        "\\n"
    } else {
        ""
    }
}

fn is_page(text: &str) -> bool {
    let text = text.trim_start();
    ["<!doctype html", "<html"].iter().any(|tag| {
        let start = text.get(..tag.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(tag))
    })
}

fn title(page: &str) -> Option<&str> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(&page[start..end])
}

/// Whether a text repeats a word of what was sent that may be a secret.
fn is_repeated(sent: &[u8], shown: &str) -> bool {
    let (with_digit, least) = SECRET_MIN;
    let is_secret = |word: &&str| {
        word.len() >= least
            || word.len() >= with_digit && word.contains(|c: char| c.is_ascii_digit())
    };
    let shown = shown.to_lowercase();
    let sent = String::from_utf8_lossy(sent).to_lowercase();
    let mut words = sent.split(|c: char| !c.is_alphanumeric()).filter(is_secret);
    words.any(|word| shown.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Option<String> {
        excerpt(&HeaderMap::new(), body.as_bytes(), &[])
    }

    #[test]
    fn a_body_is_described_by_its_beginning_or_its_title() {
        let long = format!("error: {}", "x".repeat(200));
        let cut = format!("the body begins with `error: {}\u{2026}`", "x".repeat(73));
        let page = "<!DOCTYPE html>\n<HTML><head><title lang=en>\n502 Bad Gateway</title>";
        for (body, wanted) in [
            ("ok", "the body is `ok`"),
            ("ok\n", "the body is `ok\\n`"),
            ("ok\r\n", "the body is `ok\\r\\n`"),
            (
                "{\n  \"error\": \"no database\"\n}",
                "the body is `{ \"error\": \"no database\" }`",
            ),
            (&long, &cut),
            (page, "the page is titled `502 Bad Gateway`"),
        ] {
            assert_eq!(of(body).as_deref(), Some(wanted));
        }
        let huge = format!("{}\u{fc}", "y".repeat(USED - 1));
        assert!(of(&huge).is_some_and(|shown| shown.ends_with("y\u{2026}`")));
        for nothing in [
            "",
            " \n",
            "\0\u{1}\u{2}",
            "<html><body>no title",
            "a\u{fffd}b",
        ] {
            assert_eq!(of(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn what_was_sent_and_what_may_be_a_secret_are_not_shown() {
        let nothing = HeaderMap::new();
        let echo = b"no user Hunter2 here";
        let sent = |text| [Bytes::from_static(text)];
        assert_eq!(
            excerpt(&nothing, echo, &sent(b"{\"pin\":\"hunter2\"}")),
            None
        );
        assert!(excerpt(&nothing, echo, &sent(b"{\"user\":2,\"here\":\"no\"}")).is_some());
        let token = br#"{"access_token":"abc"}"#;
        assert!(excerpt(&nothing, token, &[]).is_some());
        assert_eq!(careful_excerpt(&nothing, token, &[]), None);
    }
}
