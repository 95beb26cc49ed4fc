//! The expectations of a request as conditions of the load engine.

use super::body::known_codings;
use super::expect::Expect;
use super::json::JsonCondition;
use crate::outcome::Cause;
use crate::probe::pattern::display_pattern;
use crate::text::beginning;
use crate::yaml::Redactions;
use http::{HeaderMap, HeaderName};
use regex::bytes::Regex;
use slod_load::{Conditions, Unmet};
use std::sync::Arc;

/// Maximum number of characters of a name.
const NAME_MAX: usize = 100;

#[derive(Debug)]
struct LoadConditions {
    expect: Arc<Expect>,
    names: Vec<String>,
}

/// Everything that is expected but the status; `None` if this is nothing. The names contain none of the
/// redacted values.
pub fn conditions(expect: &Arc<Expect>, redactions: &Redactions) -> Option<Arc<dyn Conditions>> {
    let shown = |name: String| {
        let name = redactions.cleaned(name);
        beginning(&name, NAME_MAX).into_owned()
    };
    let names: Vec<String> = names(expect).into_iter().map(shown).collect();
    let expect = expect.clone();
    expect
        .checks_content()
        .then(|| Arc::new(LoadConditions { expect, names }) as Arc<dyn Conditions>)
}

/// The names of all conditions, in the order in which they are checked.
pub fn names(expect: &Expect) -> Vec<String> {
    let header = |sign: &'static str| {
        move |(name, regex): &(HeaderName, Regex)| {
            format!("header {name} {sign} {}", display_pattern(regex.as_str()))
        }
    };
    let body = |sign: &'static str| {
        move |regex: &Regex| format!("body {sign} {}", display_pattern(regex.as_str()))
    };
    let headers = expect.headers.iter().map(header("~"));
    let headers = headers.chain(expect.headers_not.iter().map(header("!~")));
    let bodies = expect.body.iter().map(body("~"));
    let bodies = bodies.chain(expect.body_not.iter().map(body("!~")));
    let json = expect.json.iter().map(JsonCondition::name);
    let absent = expect.json_not.iter();
    let json = json.chain(absent.map(|one| format!("no {}", one.query)));
    headers.chain(bodies).chain(json).collect()
}

impl Conditions for LoadConditions {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn need_body(&self) -> bool {
        self.expect.wants_body()
    }

    fn unmet(&self, headers: &HeaderMap, body: &[u8]) -> Option<Unmet> {
        let expect = &self.expect;
        if expect.wants_body() && !known_codings(headers).is_empty() {
            let codings = known_codings(headers).join(", ");
            return Some(Unmet {
                number: expect.headers.len() + expect.headers_not.len(),
                cause: Cause::Body,
                words: format!(
                    "the body is compressed ({codings}), although the request has `Accept-Encoding: identity`: under load, slod decompresses no bodies"
                ),
            });
        }
        let checks = expect.check_content(headers, body).into_iter();
        checks.enumerate().find_map(|(number, check)| {
            Some(Unmet {
                number,
                cause: check.failed?,
                words: check.text,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::http::json::{JsonAbsence, JsonCondition};
    use crate::probe::pattern::bytes_regex;
    use http::HeaderValue;
    use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

    fn all() -> Arc<dyn Conditions> {
        let regex = |text| bytes_regex(text).expect("valid");
        let expect = Expect {
            headers: vec![(CONTENT_TYPE, regex("json"))],
            body: vec![regex("ok")],
            body_not: vec![regex("secret-1")],
            json: vec![
                JsonCondition::new("$.status", "ok").expect("valid"),
                JsonCondition::new("$.n", ">= 3").expect("valid"),
            ],
            json_not: vec![JsonAbsence::new("$.error").expect("valid")],
            ..Expect::default()
        };
        let mut redactions = Redactions::default();
        redactions.add("secret-1", "<secret>");
        conditions(&Arc::new(expect), &redactions).expect("some")
    }

    #[test]
    fn the_first_unmet_condition_is_found_by_its_name() {
        let all = all();
        assert!(all.need_body());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let unmet = |headers: &HeaderMap, body: &[u8]| {
            let unmet = all.unmet(headers, body)?;
            Some((all.names()[unmet.number].clone(), unmet.cause))
        };
        for (body, expected) in [
            (&br#"{"status":"ok","n":3}"#[..], None),
            (b"{}", Some("body ~ /ok/")),
            (br#""ok secret-1""#, Some("body !~ /<secret>/")),
            (b"ok", Some("$.status == ok")),
            (br#"{"status":"ok","n":2}"#, Some("$.n >= 3")),
            (br#"{"status":"ok","n":3,"error":"x"}"#, Some("no $.error")),
        ] {
            let found = unmet(&headers, body);
            assert_eq!(found, expected.map(|name| (name.to_owned(), Cause::Body)));
        }
        let (name, cause) = unmet(&HeaderMap::new(), b"").expect("no type");
        assert_eq!(
            (&*name, cause),
            ("header content-type ~ /json/", Cause::Header)
        );
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let words = all.unmet(&headers, b"\x1f\x8b").expect("compressed").words;
        assert!(
            words.starts_with("the body is compressed (gzip)"),
            "{words}"
        );
    }

    #[test]
    fn a_status_alone_is_no_condition() {
        let expect = Expect {
            status: vec![200..=299],
            ..Expect::default()
        };
        assert!(conditions(&Arc::new(expect), &Redactions::default()).is_none());
    }
}
