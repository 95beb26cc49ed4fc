//! Imports the expectations of the `http` prober.

use super::context::Context;
use super::keys::Keys;
use super::value::{Map, Value};
use crate::import::document::At;

const CEL: &str = "slod does not support CEL: use `expect.json`, such as `\"$.status\": ok`";

pub(super) fn read(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let mut expect = Map::default();
    let status = keys.texts("valid_status_codes")?;
    if !status.is_empty() {
        expect.set("status", Value::plain_list(&status));
    }
    headers(keys, of, &mut expect)?;
    for (name, own) in [
        ("fail_if_body_not_matches_regexp", "body"),
        ("fail_if_body_matches_regexp", "body_not"),
    ] {
        let all = of.expressions(&keys.items(name)?)?;
        if !all.is_empty() {
            expect.set(own, Value::plain_list(&all));
        }
    }
    for name in [
        "fail_if_body_json_matches_cel",
        "fail_if_body_json_not_matches_cel",
    ] {
        keys.left_out(name, CEL);
    }
    Ok(expect)
}

fn headers(keys: &Keys<'_>, of: &Context<'_>, expect: &mut Map) -> Result<(), String> {
    let mut headers = Map::default();
    for at in keys.items("fail_if_header_not_matches")? {
        let (name, regex, may_be_missing) = header(at)?;
        let why = if may_be_missing {
            "slod's `expect.headers` requires the header, without an `allow_missing` option"
        } else if headers.has_header(&name) {
            "slod supports one expression for each header"
        } else {
            if let Some(regex) = of.expression(at, &regex) {
                headers.set(name, Value::plain(&regex));
            }
            continue;
        };
        at.remark(format!(
            "`fail_if_header_not_matches` for `{name:.60}` is left out: {why}"
        ));
    }
    let mut unwanted = Map::default();
    for at in keys.items("fail_if_header_matches")? {
        let (name, regex, may_be_missing) = header(at)?;
        if unwanted.has_header(&name) {
            at.remark(format!(
                "`fail_if_header_matches` for `{name:.60}` is left out: slod supports one expression for each header"
            ));
            continue;
        }
        let Some(regex) = of.expression(at, &regex) else {
            continue;
        };
        if !may_be_missing && !headers.has_header(&name) {
            // Any value, but one.
            headers.set(name.clone(), Value::plain(""));
        }
        unwanted.set(name, Value::plain(&regex));
    }
    expect.set_map("headers", headers);
    expect.set_map("headers_not", unwanted);
    Ok(())
}

/// The name, the expression, and whether the header may be missing.
fn header(at: At<'_>) -> Result<(String, String, bool), String> {
    let keys = Keys::of(at)?;
    let (name, regex) = (keys.filled("header")?, keys.text("regexp")?);
    let may_be_missing = keys.is_true("allow_missing")?;
    keys.rest();
    let (Some(name), Some(regex)) = (name, regex) else {
        return Err(at.fault(
            "`header` or `regexp` is missing",
            "`header: NAME` and `regexp: EXPRESSION`",
        ));
    };
    Ok((name, regex, may_be_missing))
}
