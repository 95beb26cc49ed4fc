//! The form of a window.

use crate::diagnostic::nearest;
use crate::slo::calendar::Period;
use crate::units::{self, DAY, HOUR};
use crate::yaml::{Form, OutOfRange, Scalar, Span};
use std::time::Duration;

/// A duration such as `30d`, or a calendar period.
#[derive(Clone, Copy, Debug)]
pub struct WindowForm;

#[derive(Clone, Copy, Debug)]
pub enum WrittenWindow {
    Length(Duration),
    Period(Period),
}

/// Burn rates cover at least five minutes, a twelfth of the minimum.
const LENGTH: Span = Span::within(HOUR, Duration::from_secs(400 * DAY.as_secs()));

impl Form for WindowForm {
    fn describe(&self) -> String {
        let periods = Period::ALL.map(|period| format!("`{}`", period.name()));
        format!("{}, or {}", LENGTH.describe(), periods.join(", "))
    }
}

impl Scalar for WindowForm {
    type Value = WrittenWindow;

    fn expected(&self, _: &str) -> String {
        let periods = Period::ALL.map(Period::name).join(", ");
        format!("a window such as 7d, or one of {periods}")
    }

    fn parse(&self, text: &str) -> Option<WrittenWindow> {
        let mut periods = Period::ALL.into_iter();
        let period = periods.find(|period| period.name() == text);
        let length = || units::duration(text).map(WrittenWindow::Length);
        period.map(WrittenWindow::Period).or_else(length)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        if let Some(days) = months_or_years(written) {
            return days;
        }
        let near = nearest(written, Period::ALL.map(Period::name));
        match near {
            Some(period) => vec![period.to_owned()],
            None => LENGTH.likely(written),
        }
    }

    fn check(&self, written: &WrittenWindow) -> Result<(), OutOfRange> {
        match written {
            WrittenWindow::Length(length) => LENGTH.check(length),
            WrittenWindow::Period(_) => Ok(()),
        }
    }
}

/// Suggests `30d` and `month` for `1 month`, `1mo` and `1M`, which are not units; likewise for years.
fn months_or_years(written: &str) -> Option<Vec<String>> {
    let written = written.trim();
    let digits = written.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = written.split_at(digits);
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    let (days, period) = match unit.trim() {
        "M" | "mo" | "mon" | "month" | "months" => (30, Period::Month),
        "y" | "Y" | "yr" | "year" | "years" => (365, Period::Year),
        _ => return None,
    };
    let mut meant = vec![format!("{}d", count.checked_mul(days)?)];
    if count == 1 {
        meant.push(period.name().to_owned());
    }
    Some(meant)
}
