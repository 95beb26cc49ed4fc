//! Formats numbers for people, rounded so that they never look better than they are. Messages, pages, reports
//! and the command line use the same forms.

use crate::slo::BudgetingMethod;
use crate::stats::scale::PRECISION;
use crate::units::whole;
use std::time::Duration;

/// Formats a ratio as `99.982%`, rounded down, so that a missed target never looks met. Above 99.999% it
/// has enough digits that one of them is not a nine, so that a target that is met never looks missed.
pub fn percent(ratio: f64) -> String {
    let few = 1.0 - ratio;
    let digits = (3..MOST_DIGITS).find(|digits| few > 10_f64.powi(-2 - digits) - 1e-13);
    let digits = digits.unwrap_or(MOST_DIGITS);
    let scale = 10_f64.powi(digits);
    // The tolerance prevents 0.999 from becoming 99.899% because of its binary representation.
    let floored = ((ratio * 100.0 * scale) + 1e-7).floor() / scale;
    let digits = digits.unsigned_abs() as usize;
    trimmed(format!("{floored:.digits$}"), "%")
}

/// Maximum number of decimal places of a percentage.
const MOST_DIGITS: i32 = 7;

/// A ratio as a percentage, without the rounding error of ratios such as 0.58, of which 100 times the value
/// is not 58.
pub fn percentage(ratio: f64) -> f64 {
    (ratio * 1e8).round() / 1e6
}

/// Formats a configured ratio with all its digits: `99.9%`, `99.9999%`.
pub fn exact_percent(ratio: f64) -> String {
    trimmed(format!("{:.10}", ratio * 100.0), "%")
}

/// Formats a remaining budget ratio, rounded down: `82.1%`, `-20%`.
pub fn share(ratio: f64) -> String {
    tenths((ratio * 1000.0 + NOISE).floor())
}

/// Formats a spent budget ratio, rounded up: `18%`. It is the complement of [`share`], so that a little is
/// not shown as nothing, and a spent budget never looks as if some was left.
pub fn spent(ratio: f64) -> String {
    tenths((ratio * 1000.0 - NOISE).ceil())
}

/// Formats a ratio of failed requests, rounded to the nearest: `0.04%`, `12.35%`, `<0.01%`. A few are not
/// shown as none, and nearly all not as all.
pub fn failed(ratio: f64) -> String {
    let whole = (ratio * 10_000.0).round();
    if whole < 1.0 && ratio > 0.0 {
        return "<0.01%".to_owned();
    }
    if whole >= 10_000.0 && ratio < 1.0 {
        return ">99.99%".to_owned();
    }
    trimmed(format!("{:.2}", (whole + 0.0) / 100.0), "%")
}

/// Formats a share, rounded to the nearest with at most this many decimal places: `9.8%`, `60%`.
pub fn rounded(ratio: f64, digits: usize) -> String {
    // Adding 0.0 turns a negative zero into zero.
    trimmed(format!("{:.digits$}", ratio * 100.0 + 0.0), "%")
}

/// Rounding error of sums of binary fractions, in tenths of a percent. Reports use the same tolerance for
/// overspent budgets.
const NOISE: f64 = 1e-6;

fn tenths(whole: f64) -> String {
    // Adding 0.0 turns a negative zero into zero.
    trimmed(format!("{:.1}", (whole + 0.0) / 10.0), "%")
}

/// Formats a coverage like [`share`], but a little is not shown as nothing: `99.9%`.
pub fn coverage(ratio: f64) -> String {
    if ratio > 0.0 && ratio < 0.001 {
        return "<0.1%".to_owned();
    }
    share(ratio)
}

/// Formats a planned load, users or starts per second: `200`, `57.5`, `0.67`.
pub fn level(level: f64) -> String {
    let scale = if level < 10.0 { 100.0 } else { 10.0 };
    format!("{}", (level * scale).round() / scale)
}

/// Formats the planned load of a stage: `200`, `10 to 57.5`.
pub fn levels(from: f64, to: f64) -> String {
    if (from - to).abs() < f64::EPSILON {
        level(to)
    } else {
        format!("{} to {}", level(from), level(to))
    }
}

/// Formats a burn rate: `14.4x`.
pub fn burn(rate: f64) -> String {
    let digits = if rate < 10.0 { 2 } else { 1 };
    trimmed(format!("{rate:.digits$}"), "x")
}

/// Formats a latency: `230ms`, `1.24s`.
pub fn latency(latency: Duration) -> String {
    let ms = latency.as_secs_f64() * 1000.0;
    match ms {
        _ if ms < 0.1 => format!("{:.1}us", ms * 1000.0),
        _ if ms < 10.0 => format!("{ms:.1}ms"),
        _ if ms < 1000.0 => format!("{ms:.0}ms"),
        _ => format!("{:.2}s", ms / 1000.0),
    }
}

/// Formats a latency in seconds, see [`latency`].
pub fn seconds(seconds: f64) -> String {
    latency(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Formats a latency as `230ms`, or as `>5.00s` from the timeout on, because a failed attempt counts as at
/// least the timeout. Quantiles are only precise to [`PRECISION`].
pub fn latency_or_failed(latency: Duration, timeout: Duration) -> String {
    if latency < timeout.mul_f64(1.0 - PRECISION) {
        return self::latency(latency);
    }
    format!(">{}", self::latency(timeout))
}

/// Formats an age by its largest unit: `12s ago`, `3h ago`.
pub fn age(age: Duration) -> String {
    format!("{} ago", span(age))
}

/// Formats a duration by its largest unit: `12s`, `3h`.
pub fn span(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0..120 => format!("{secs}s"),
        120..7200 => format!("{}m", secs / 60),
        7200..172_800 => format!("{}h", secs / 3600),
        _ => format!("{}d", secs / 86_400),
    }
}

/// Formats a count: `259,200`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Formats a count that was added up as floating-point numbers.
pub fn summed(count: f64) -> String {
    self::count(whole(count.round()))
}

/// Formats a count with its noun: `1 objective`, `2 objectives`.
pub fn plural(count: u64, word: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {word}{s}", self::count(count))
}

/// Formats a number of events: `259,200`, or `12.3` if events may be partly good.
pub fn events(counts: u64, budgeting: BudgetingMethod) -> String {
    let parts = u64::from(budgeting.parts());
    let tenths = counts % parts * 10 / parts;
    let whole = count(counts / parts);
    if tenths == 0 {
        whole
    } else {
        format!("{whole}.{tenths}")
    }
}

/// The largest number written without an exponent.
const IN_DIGITS: f64 = 1e15;

/// Formats any number, with an exponent if it is very large.
pub fn any(value: f64) -> String {
    let digits = value.to_string();
    if digits.len() <= 20 {
        return digits;
    }
    format!("{value:e}")
}

/// Formats `4,320`, or `2.5` for a small number that is not an integer.
pub fn fractional(events: f64) -> String {
    if !(0.0..=IN_DIGITS).contains(&events) {
        return any(events);
    }
    if events < 100.0 && events.fract() >= 0.05 {
        return format!("{events:.1}");
    }
    count(whole(events))
}

/// Formats a size: `512 B`, `3.2 GiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut amount, mut unit) = (bytes as f64, 0);
    // An amount that rounds to 1024 is one of the next unit.
    while amount >= 1023.95 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{amount:.1} {}", UNITS[unit])
    }
}

fn trimmed(number: String, unit: &str) -> String {
    let short = if number.contains('.') {
        number
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    } else {
        number
    };
    short + unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_loads_have_two_decimal_places() {
        assert_eq!(levels(2.0 / 3.0, 2.0 / 3.0), "0.67");
        assert_eq!(levels(10.0, 57.5), "10 to 57.5");
        assert_eq!(levels(0.0, 200.04), "0 to 200");
    }

    #[test]
    fn no_number_is_long() {
        for (value, shown) in [
            (0.0, "0"),
            (101.5, "101.5"),
            (-3.0, "-3"),
            (1e308, "1e308"),
            (1e-320, "1e-320"),
        ] {
            assert_eq!(any(value), shown);
        }
        assert_eq!(fractional(1e300), "1e300");
        assert_eq!(fractional(-5.0), "-5");
        assert_eq!(fractional(1e15), "1,000,000,000,000,000");
    }

    #[test]
    fn a_missed_target_never_looks_met() {
        assert_eq!(percent(0.999), "99.9%");
        assert_eq!(percent(0.998_999_9), "99.899%");
        assert_eq!(percent(0.999_99), "99.999%");
        assert_eq!(percent(0.999_991), "99.9991%");
        assert_eq!(percent(0.999_999), "99.9999%");
        assert_eq!(percent(0.999_996_14), "99.9996%");
        assert_eq!(percent(0.999_999_999_999), "99.9999999%");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.0), "0%");
    }

    #[test]
    fn a_target_has_all_its_digits() {
        for (ratio, shown) in [
            (0.999, "99.9%"),
            (0.5, "50%"),
            (0.99995, "99.995%"),
            (0.999_915, "99.9915%"),
            (0.999_999_999_9, "99.99999999%"),
            (1e-8, "0.000001%"),
        ] {
            assert_eq!(exact_percent(ratio), shown);
        }
    }

    #[test]
    fn spent_and_remaining_budget_add_up() {
        let shown = |left: f64| (spent(1.0 - left), share(left));
        let pair = |spent: &str, left: &str| (spent.to_owned(), left.to_owned());
        assert_eq!(shown(1.0), pair("0%", "100%"));
        assert_eq!(shown(0.999_999), pair("0.1%", "99.9%"));
        assert_eq!(shown(0.000_4), pair("100%", "0%"));
        assert_eq!(shown(0.0), pair("100%", "0%"));
        assert_eq!(shown(1.0 - 0.1 * 3.0 - 0.7), pair("100%", "0%"));
        assert_eq!(shown(-0.000_01), pair("100.1%", "-0.1%"));
        assert_eq!(shown(-1.0 / 3.0), pair("133.4%", "-33.4%"));
        for thousandth in -3000..=1000 {
            let left = f64::from(thousandth) / 1000.0;
            let tenths = |text: &str| text.trim_end_matches('%').parse::<f64>();
            let (spent, left) = shown(left);
            let sum = tenths(&spent).and_then(|spent| Ok(spent + tenths(&left)?));
            assert!(
                (sum.expect("numbers") - 100.0).abs() < 1e-9,
                "{spent} {left}"
            );
        }
    }

    #[test]
    fn shares_burn_rates_latencies_and_ages_are_formatted() {
        assert_eq!(share(-0.2), "-20%");
        assert_eq!(
            [
                0.0,
                136.0 / 343_404.0,
                1e-9,
                0.001,
                1.0 / 3.0,
                0.999_999,
                1.0
            ]
            .map(failed),
            ["0%", "0.04%", "<0.01%", "0.1%", "33.33%", ">99.99%", "100%"]
        );
        assert_eq!(
            [(0.6, 1), (0.0984, 1), (0.000_98, 3), (-0.0, 0), (1.0, 0)]
                .map(|(ratio, digits)| rounded(ratio, digits)),
            ["60%", "9.8%", "0.098%", "0%", "100%"]
        );
        assert_eq!([0.2, 17_269.0].map(summed), ["0", "17,269"]);
        assert_eq!(share(0.9999), "99.9%");
        assert_eq!(
            [0.0, 0.0004, 0.001, 1.0].map(coverage),
            ["0%", "<0.1%", "0.1%", "100%"]
        );
        assert_eq!(
            [0.0, 0.0004, 0.18, 1.2735].map(spent),
            ["0%", "0.1%", "18%", "127.4%"]
        );
        assert_eq!(burn(14.4), "14.4x");
        assert_eq!(burn(0.0), "0x");
        assert_eq!(burn(1000.0), "1000x");
        assert_eq!(latency(Duration::from_nanos(12_900)), "12.9us");
        assert_eq!(latency(Duration::from_micros(4210)), "4.2ms");
        assert_eq!(latency(Duration::from_millis(230)), "230ms");
        assert_eq!(latency(Duration::from_millis(1240)), "1.24s");
        let of_five =
            |millis| latency_or_failed(Duration::from_millis(millis), Duration::from_secs(5));
        assert_eq!([230, 4900].map(of_five), ["230ms", "4.90s"]);
        // The value of the bucket of 5 s, the timeout, and a timeout that was detected late.
        assert_eq!([4970, 5000, 5020].map(of_five), [">5.00s"; 3]);
        assert_eq!(age(Duration::from_secs(7300)), "2h ago");
        let gib = 1024 * 1024 * 1024;
        assert_eq!(
            [512, 1023, 1024, gib - 1, 3 * gib + gib / 5].map(bytes),
            ["512 B", "1023 B", "1.0 KiB", "1.0 GiB", "3.2 GiB"]
        );
        let parts = [0, 999_999, 1_000_000, 1_234_100_000];
        let shown = parts.map(|counts| events(counts, BudgetingMethod::RatioTimeslices));
        assert_eq!(shown, ["0", "0.9", "1", "1,234.1"]);
        assert_eq!(
            [0, 999, 1000, 259_200, 1_000_000].map(count),
            ["0", "999", "1,000", "259,200", "1,000,000"]
        );
    }
}
