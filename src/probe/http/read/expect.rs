//! Reads the expected response.

use crate::diagnostic::Severity;
use crate::probe::http::expect::Expect;
use crate::probe::http::json::JsonCondition;
use crate::probe::http::keys;
use crate::probe::http::request::is_redirect;
use crate::probe::pattern::{self, Pattern, bytes_regex};
use crate::yaml::{Key, List, Map, Section, Text, shown_name};
use http::{HeaderName, Method};
use regex::bytes::Regex;

/// Reads `expect` of a section.
pub fn read_expect(section: &Section<'_>) -> Option<Expect> {
    let expect = section.section_or_empty(&keys::EXPECT)?;
    Some(Expect {
        status: expect.all(&keys::EXPECT_STATUS),
        headers: read_patterns(&expect, &keys::EXPECT_HEADERS),
        headers_not: read_patterns(&expect, &keys::EXPECT_HEADERS_NOT),
        body: read_bodies(&expect, &keys::EXPECT_BODY),
        body_not: read_bodies(&expect, &keys::EXPECT_BODY_NOT),
        json: read_json(&expect),
        json_not: expect.all(&keys::EXPECT_JSON_NOT),
    })
}

/// Reads the conditions on JSON at `json` of `expect`.
pub fn read_json(expect: &Section<'_>) -> Vec<JsonCondition> {
    let mut json = Vec::new();
    for (query, wanted, at) in expect.map(&keys::EXPECT_JSON) {
        match JsonCondition::new(&query, &wanted) {
            Ok(condition) => json.push(condition),
            Err(fault) => expect.reader().error(
                "invalid-value",
                &at,
                fault,
                "such as `\"$.status\": ok` or `\"$.queue\": \"< 100\"`",
            ),
        }
    }
    json
}

/// Reads the expressions for the body at a key of `expect`. Warns of one that matches every text, so that it checks
/// nothing, or rejects every response.
pub fn read_bodies(expect: &Section<'_>, key: &Key<List<Pattern<Regex>>>) -> Vec<Regex> {
    let expressions = expect.all(key);
    let any_text: [&[u8]; 2] = [b"", b"\x01\n\x01"];
    let is_futile = |one: &Regex| any_text.iter().all(|text| one.is_match(text));
    if expressions.iter().any(is_futile) {
        let help = "write a part of the body, or `^$` for an empty body";
        expect.reader().report(
            Severity::Warning,
            "matches-every-body",
            &expect.spot_of(key),
            "an expression matches every body".to_owned(),
            Some(help.to_owned()),
        );
    }
    expressions
}

/// Reads the expressions for headers at a key of `expect`.
fn read_patterns(expect: &Section<'_>, key: &Key<Map<Text>>) -> Vec<(HeaderName, Regex)> {
    let mut headers = Vec::new();
    for (name, wanted, at) in expect.map(key) {
        match (HeaderName::try_from(&name), bytes_regex(&wanted)) {
            (Ok(name), Some(wanted)) => headers.push((name, wanted)),
            _ => expect.reader().error(
                "invalid-value",
                &at,
                format!(
                    "`{}` is not a valid header name, or its value is not {}",
                    shown_name(&name),
                    pattern::expected(&wanted)
                ),
                "such as `Content-Type: ^application/json`",
            ),
        }
    }
    headers
}

/// Rejects checks of the body of a response that has none.
pub fn refuse_checks_of_no_body(section: &Section<'_>, method: &Method, expect: &Expect) {
    if !expect.wants_body() {
        return;
    }
    let never = |status: u16| status < 200 || [204, 205, 304].contains(&status);
    if *method == Method::HEAD {
        section.error(
            "conflict",
            &keys::METHOD,
            "a response to HEAD has no body, but `expect` checks it",
            "use GET, or check only the status and headers",
        );
    } else if !expect.status.is_empty() && expect.status.iter().cloned().flatten().all(never) {
        section.error(
            "conflict",
            &keys::EXPECT,
            "a response with the expected `status` has no body, but `expect` checks it",
            "check only the status and headers",
        );
    }
}

/// Warns if only redirects are expected although they are followed: the status of the last answer counts.
pub(super) fn warn_of_followed_redirects(section: &Section<'_>, expect: &Expect) {
    let mut statuses = expect.status.iter().cloned().flatten();
    if expect.status.is_empty() || !statuses.all(is_redirect) {
        return;
    }
    section.reader().report(
        Severity::Warning,
        "redirect-followed",
        &section.spot_of(&keys::EXPECT),
        "the expected `status` is a redirect, but redirects are followed".to_owned(),
        Some("add `follow_redirects: false` to check the redirect itself".to_owned()),
    );
}
