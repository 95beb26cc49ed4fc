//! Converts `expect` to checks of a script.

use crate::export::{ScriptCheck, ScriptTest};
use crate::probe::http::Expect;
use crate::probe::http::conditions::names;
use crate::yaml::Redactions;

/// Converts everything that is expected but the status; an error says what a script cannot express.
pub fn checks(expect: &Expect, redactions: &Redactions) -> Result<Vec<ScriptCheck>, String> {
    let checks = names(expect).into_iter().zip(tests(expect)?);
    let checks = checks.map(|(name, test)| {
        if redactions.clean(&name) == name {
            return Ok(ScriptCheck { name, test });
        }
        let shown = redactions.clean(&name);
        Err(format!(
            "`expect` contains a secret, which a script must not contain: {shown}"
        ))
    });
    checks.collect()
}

/// In the order of their names.
fn tests(expect: &Expect) -> Result<Vec<ScriptTest>, String> {
    let headers = expect.headers.iter().map(|one| (one, true));
    let headers = headers.chain(expect.headers_not.iter().map(|one| (one, false)));
    let headers = headers.map(|((name, regex), is_wanted)| {
        ScriptTest::header(name.as_str(), regex.as_str(), is_wanted)
    });
    let bodies = expect.body.iter().map(|one| (one, true));
    let bodies = bodies.chain(expect.body_not.iter().map(|one| (one, false)));
    let bodies = bodies.map(|(regex, is_wanted)| ScriptTest::body(regex.as_str(), is_wanted));
    let json = expect.json.iter().map(|one| {
        let (operator, operand) = one.comparison();
        ScriptTest::json(&one.query, operator, operand)
    });
    let absent = expect.json_not.iter();
    let absent = absent.map(|one| ScriptTest::no_json(&one.query));
    headers.chain(bodies).chain(json).chain(absent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::http::json::JsonAbsence;
    use crate::probe::pattern::bytes_regex;

    #[test]
    fn what_a_script_cannot_express_is_an_error() {
        let mut redactions = Redactions::default();
        redactions.add("secret-1", "<secret>");
        let regex = |text| bytes_regex(text).expect("valid");
        let of = |expect: &Expect| checks(expect, &redactions);
        let body = |text| Expect {
            body: vec![regex(text)],
            ..Expect::default()
        };
        assert_eq!(of(&body("ok")).expect("written")[0].name, "body ~ /ok/");
        let fault = of(&body("secret-1")).expect_err("a secret");
        assert!(fault.ends_with("contain: body ~ /<secret>/"), "{fault}");
        assert!(of(&body("(?i)ok")).is_err());
        let filtered = Expect {
            json_not: vec![JsonAbsence::new("$.checks[?@.ok == false]").expect("valid")],
            ..Expect::default()
        };
        assert!(of(&filtered).is_err());
    }
}
