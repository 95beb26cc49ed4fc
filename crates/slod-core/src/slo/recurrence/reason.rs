//! Error messages for rules that the rrule crate rejects.

use rrule::{ParseError, RRuleError, ValidationError};

pub(super) fn reason(error: RRuleError) -> String {
    match error {
        RRuleError::ParserError(error) => unreadable(error),
        RRuleError::ValidationError(error) => impossible(error),
        RRuleError::IterError(_) => "the rule is not supported".to_owned(),
    }
}

fn unreadable(error: ParseError) -> String {
    use ParseError as E;
    let invalid = |name: &str, value: String, expected: &str| {
        format!("invalid {name} `{value}`; expected {expected}")
    };
    let numbers = |name: &str, value: String, range: &str| {
        invalid(name, value, &format!("{range}, separated by commas"))
    };
    match error {
        E::InvalidFrequency(value) => {
            let expected = "HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY";
            invalid("FREQ", value, expected)
        }
        E::InvalidWeekday(value) | E::InvalidWeekdayStart(value) => invalid(
            "day of the week",
            value,
            "days such as SU, or 1SU for the first one",
        ),
        E::InvalidInterval(value) => invalid("INTERVAL", value, "a whole number"),
        E::InvalidByHour(value) => numbers("BYHOUR", value, "hours from 0 to 23"),
        E::InvalidByMinute(value) => numbers("BYMINUTE", value, "minutes from 0 to 59"),
        E::InvalidBySecond(value) => numbers("BYSECOND", value, "seconds from 0 to 59"),
        E::InvalidByMonth(value) => numbers("BYMONTH", value, "months from 1 to 12"),
        E::InvalidByMonthDay(value) => numbers("BYMONTHDAY", value, "days from -31 to 31"),
        E::InvalidByYearDay(value) => numbers("BYYEARDAY", value, "days from -366 to 366"),
        E::InvalidByWeekNo(value) => numbers("BYWEEKNO", value, "weeks from -53 to 53"),
        E::InvalidBySetPos(value) => numbers("BYSETPOS", value, "whole numbers"),
        E::MissingProperty(name) => format!("{name} is missing"),
        E::DuplicateProperty(name) => format!("{name} is given twice"),
        E::UnrecognizedParameter(name) | E::UnrecognizedPropertyName(name) => {
            format!("unknown part `{name}`")
        }
        _ => "expected a rule such as FREQ=WEEKLY;BYDAY=SU".to_owned(),
    }
}

fn impossible(error: ValidationError) -> String {
    use ValidationError as E;
    let field = |name: &str| name.replace('_', "");
    match error {
        E::BySetPosWithoutByRule => "BYSETPOS requires another part such as BYDAY".to_owned(),
        E::InvalidFieldValue { field: name, value } => {
            format!("invalid {} `{value}`", field(&name))
        }
        E::InvalidFieldValueRange {
            field: name,
            value,
            start_idx,
            end_idx,
        }
        | E::InvalidFieldValueRangeWithFreq {
            field: name,
            value,
            start_idx,
            end_idx,
            ..
        } => {
            let name = field(&name);
            format!("invalid {name} `{value}`; expected {start_idx} to {end_idx}")
        }
        E::InvalidByRuleAndFrequency { by_rule, freq } => {
            let (name, freq) = (field(&by_rule), freq.to_string().to_uppercase());
            format!("{name} is not valid with FREQ={freq}")
        }
        E::TooBigInterval(interval) => format!("INTERVAL={interval} is too large"),
        _ => "the rule is not supported".to_owned(),
    }
}
