//! Suggestions for values that cannot be parsed.

use super::form::Scalar;
use super::odd;
use crate::units::likely::question;
use std::collections::BTreeSet;

/// The end of a help text, such as `; did you mean A?`, if a valid value resembles the written one.
pub(super) fn suggestion<F: Scalar>(form: &F, written: &str) -> String {
    let is_valid = |text: &str| {
        let value = form.parse(text);
        value.is_some_and(|value| form.check(&value).is_ok())
    };
    likely(written, &|plain| form.likely(plain), &is_valid)
}

fn likely(
    written: &str,
    find: &dyn Fn(&str) -> Vec<String>,
    is_valid: &dyn Fn(&str) -> bool,
) -> String {
    let plain = odd::plain(written);
    let mut seen = BTreeSet::new();
    let likely = find(&plain).into_iter();
    let likely: Vec<String> = likely
        .filter(|text| is_valid(text) && seen.insert(text.clone()))
        .collect();
    let is_other = plain != written && is_valid(&plain);
    if is_other {
        return question(&[plain]);
    }
    question(&likely)
}
