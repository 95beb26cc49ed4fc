//! The `dns` prober. It matches expressions against whole records, whereas slod matches only their data.

use super::context::{Context, ip_version, source_address};
use super::keys::{Keys, text};
use super::tls;
use super::value::{Map, Value};
use crate::import::document::At;

const SECTIONS: &str = "slod checks only the answers";
const ALL_MATCH: &str = "slod cannot require that at least one record does not match";
const VALIDATIONS: [&str; 4] = [
    "fail_if_matches_regexp",
    "fail_if_all_match_regexp",
    "fail_if_not_matches_regexp",
    "fail_if_none_matches_regexp",
];

pub(super) fn read(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let Some(name) = keys.filled("query_name")? else {
        return Err(keys
            .at
            .fault("`query_name` is missing", "the name to query"));
    };
    let record_type = keys
        .filled("query_type")?
        .unwrap_or_else(|| "ANY".to_owned());
    let mut probe = Map::of([
        ("name", Value::plain(&name)),
        ("type", Value::plain(&record_type)),
    ]);
    if let Some(class) = keys.filled("query_class")? {
        probe.set("class", Value::plain(&class));
    }
    transport(keys, &mut probe)?;
    if keys.boolean("recursion_desired")? == Some(false) {
        probe.set("recursion", Value::Bool(false));
    }
    probe.set_map("expect", expect(keys, &record_type, of)?);
    ip_version(keys, &mut probe)?;
    source_address(keys);
    for name in ["validate_authority_rrs", "validate_additional_rrs"] {
        keys.left_out(name, SECTIONS);
    }
    keys.rest();
    Ok(probe)
}

fn transport(keys: &Keys<'_>, probe: &mut Map) -> Result<(), String> {
    let (transport, tls) = (keys.filled("transport_protocol")?, tls::read(keys)?);
    let is_tls = keys.is_true("dns_over_tls")?;
    if is_tls {
        probe.set("transport", Value::plain("tls"));
        probe.set_map("tls", tls);
    } else if let Some(transport) = transport {
        probe.set(
            "transport",
            Value::plain(transport.trim_end_matches(['4', '6'])),
        );
    }
    if !is_tls {
        keys.left_out("tls_config", "it requires `dns_over_tls: true`");
    }
    Ok(())
}

fn expect(keys: &Keys<'_>, record_type: &str, of: &Context<'_>) -> Result<Map, String> {
    let mut expect = Map::default();
    let codes = keys.texts("valid_rcodes")?;
    if !codes.is_empty() {
        expect.set("rcode", Value::plain_list(&codes));
    }
    // The exporter accepts an answer without records, unless one must match an expression.
    expect.set("min_answers", Value::Number(0));
    let Some(keys) = keys.keys("validate_answer_rrs")? else {
        return Ok(expect);
    };
    let [not, all, each, none] = VALIDATIONS;
    let read = |name| -> Result<Vec<String>, String> {
        let found = keys.items(name)?.into_iter();
        let data = found.map(|at| Ok(of_data(at, &text(at)?, record_type, of)));
        let data: Vec<Option<String>> = data.collect::<Result<_, String>>()?;
        Ok(data.into_iter().flatten().collect())
    };
    let (not, each, some) = (read(not)?, read(each)?, read(none)?);
    keys.left_out(all, ALL_MATCH);
    if !each.is_empty() || !some.is_empty() {
        expect.set("min_answers", Value::Number(1));
    }
    for (own, list) in [
        ("answers_not", not),
        ("answers_each", each),
        ("answers", any(some)),
    ] {
        if !list.is_empty() {
            expect.set(own, Value::plain_list(&list));
        }
    }
    keys.rest();
    Ok(expect)
}

/// Joins expressions of which one must match a record into one expression.
fn any(all: Vec<String>) -> Vec<String> {
    if all.len() < 2 {
        return all;
    }
    let parts: Vec<String> = all.iter().map(|one| format!("(?:{one})")).collect();
    vec![parts.join("|")]
}

/// Converts an expression for whole records to one for the data of records of the queried type.
fn of_data(at: At<'_>, regex: &str, record_type: &str, of: &Context<'_>) -> Option<String> {
    let regex = regex.replace("\\t", "\t");
    let (data, difference) = if let Some(data) = data_part(&regex, record_type) {
        let left_out = "its part for the name, TTL, class and type is left out";
        (format!("^{data}"), left_out)
    } else if regex.starts_with('^') || regex.contains('\t') {
        at.remark("the expression is left out: it concerns the name, TTL, class or type of a record, and slod matches only the data");
        return None;
    } else {
        let whole =
            "the exporter matches the whole record, including its name, TTL, class and type";
        (regex, whole)
    };
    at.remark(format!(
        "the expression is matched against the data of records of the queried type: {difference}"
    ));
    of.expression(at, &data)
}

/// The part of an expression that follows the type of a record: the field after the class, or the queried type
/// itself, or the fourth field between tabs.
fn data_part<'r>(regex: &'r str, record_type: &str) -> Option<&'r str> {
    let mut rest = regex;
    let mut is_type = false;
    while let Some((field, after)) = split_space(rest) {
        let word = field.trim_start_matches(['^', '.', '*']);
        if is_type || word == record_type {
            return Some(after);
        }
        is_type = matches!(word, "IN" | "CH");
        rest = after;
    }
    regex.splitn(5, '\t').nth(4)
}

/// Splits an expression at its first whitespace, repeated or not.
fn split_space(regex: &str) -> Option<(&str, &str)> {
    let found = ["\t", "\\s", "[[:space:]]"].into_iter();
    let (start, space) = found
        .filter_map(|space| Some((regex.find(space)?, space)))
        .min()?;
    let after = &regex[start + space.len()..];
    Some((
        &regex[..start],
        after.strip_prefix(['+', '*']).unwrap_or(after),
    ))
}

#[cfg(test)]
mod tests {
    use super::data_part;

    #[test]
    fn data_follows_the_type_however_whitespace_is_written() {
        for (regex, data) in [
            ("example.org.\t300\tIN\tA\t192.0.2.1", Some("192.0.2.1")),
            ("example.org.\t.*\tIN\t.*\t192.0.2.1", Some("192.0.2.1")),
            (".*\t.*\t.*\t.*\t192.0.2.1", Some("192.0.2.1")),
            (r"example\.org\.\s+\d+\s+IN\s+A\s+192\.", Some(r"192\.")),
            (
                r"^a\..*[[:space:]]IN[[:space:]]+A[[:space:]]+.*$",
                Some(".*$"),
            ),
            (r"\sIN\sA\s", Some("")),
            (r"IN\s+(A|AAAA)\s+", Some("")),
            (".*A\t192.0.2.1", Some("192.0.2.1")),
            (r"192\.0\.2\.1", None),
            (r"10\s+mail", None),
        ] {
            assert_eq!(data_part(regex, "A"), data, "{regex}");
        }
    }
}
