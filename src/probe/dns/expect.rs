//! The expected answer. Pure.

use super::reply::{Reply, rcode_name};
use crate::format::numbers::plural;
use crate::outcome::Cause;
use crate::probe::check::Check;
use crate::probe::pattern::display_pattern;
use crate::probe::quoted::quoted;
use hickory_proto::op::ResponseCode;
use regex::Regex;

/// Maximum number of records quoted in a message.
const SHOWN_MAX: usize = 3;

#[derive(Debug, Default)]
pub struct Expect {
    pub rcodes: Vec<ResponseCode>,
    /// Minimum number of records in an answer without an error.
    pub min_answers: usize,
    /// Each must match at least one record.
    pub answers: Vec<Regex>,
    /// All must match every record.
    pub answers_each: Vec<Regex>,
    /// None may match any record.
    pub answers_not: Vec<Regex>,
    pub authoritative: Option<bool>,
    pub authenticated: Option<bool>,
}

impl Expect {
    /// Slow: see [`crate::probe::evaluate`].
    pub fn check(&self, reply: &Reply) -> Vec<Check> {
        let mut checks = vec![self.check_rcode(reply)];
        checks.extend(self.check_flags(reply));
        if reply.rcode == ResponseCode::NoError {
            checks.extend(self.check_count(reply));
        }
        checks.extend(self.check_records(reply));
        checks
    }

    fn check_rcode(&self, reply: &Reply) -> Check {
        let wanted: Vec<String> = self.rcodes.iter().map(|code| rcode_name(*code)).collect();
        let seen = rcode_name(reply.rcode);
        let text = format!("{seen}, expected {}", wanted.join(", "));
        let holds = self.rcodes.contains(&reply.rcode);
        Check::new(holds, Cause::Status, explained(text, holds, reply))
    }

    fn check_flags(&self, reply: &Reply) -> impl Iterator<Item = Check> {
        let flags = [
            (
                "authoritative (AA)",
                self.authoritative,
                reply.authoritative,
            ),
            (
                "authenticated (AD)",
                self.authenticated,
                reply.authenticated,
            ),
        ];
        flags.into_iter().filter_map(|(flag, wanted, is_set)| {
            let wanted = wanted?;
            let seen = if is_set { "is" } else { "is not" };
            let expected = if wanted { "it to be" } else { "it not to be" };
            let text = format!("the answer {seen} {flag}, expected {expected}");
            Some(Check::new(is_set == wanted, Cause::Header, text))
        })
    }

    fn check_count(&self, reply: &Reply) -> Option<Check> {
        let (min, count) = (self.min_answers, reply.records.len());
        (min > 0).then(|| {
            let records = plural(count as u64, "record");
            let text = format!("{records} of the type, expected at least {min}");
            let holds = count >= min;
            Check::new(holds, Cause::Answer, explained(text, holds, reply))
        })
    }

    fn check_records<'a>(&'a self, reply: &'a Reply) -> impl Iterator<Item = Check> + 'a {
        let records = &reply.records;
        let some = self.answers.iter().map(|regex| {
            let found = records.iter().any(|record| regex.is_match(record));
            let regex = display_pattern(regex.as_str());
            let text = if found {
                format!("a record matches {regex}")
            } else {
                let text = format!("no record matches {regex}: {}", quoted_all(records));
                explained(text, false, reply)
            };
            Check::new(found, Cause::Answer, text)
        });
        let each = self.answers_each.iter().map(|regex| {
            let other = records.iter().find(|record| !regex.is_match(record));
            let regex = display_pattern(regex.as_str());
            let text = match other {
                None => format!("every record matches {regex}"),
                Some(one) => format!("{} does not match {regex}", quoted(one.as_bytes())),
            };
            Check::new(other.is_none(), Cause::Answer, text)
        });
        let none = self.answers_not.iter().map(|regex| {
            let found = records.iter().find(|record| regex.is_match(record));
            let regex = display_pattern(regex.as_str());
            let text = match found {
                None => format!("no record matches {regex}"),
                Some(one) => {
                    let one = quoted(one.as_bytes());
                    format!("{one} matches {regex}, which it must not match")
                }
            };
            Check::new(found.is_none(), Cause::Answer, text)
        });
        some.chain(each).chain(none)
    }
}

/// Appends the possible reasons to an expectation that is not met.
fn explained(text: String, holds: bool, reply: &Reply) -> String {
    if holds { text } else { text + &reply.remarks() }
}

fn quoted_all(records: &[String]) -> String {
    if records.is_empty() {
        return "there are no records".to_owned();
    }
    let first = records.iter().take(SHOWN_MAX);
    let first: Vec<String> = first.map(|record| quoted(record.as_bytes())).collect();
    let more = if records.len() > SHOWN_MAX {
        ", \u{2026}"
    } else {
        ""
    };
    format!("{}{more}", first.join(", "))
}
