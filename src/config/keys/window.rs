//! The form of a window.

use crate::slo::calendar::Period;
use crate::units::{self, DAY, HOUR};
use crate::yaml::{Form, OutOfRange, Scalar, Span};
use std::time::Duration;

/// A length such as `30d`, or a period of the calendar.
#[derive(Clone, Copy, Debug)]
pub struct WindowForm;

#[derive(Clone, Copy, Debug)]
pub enum WrittenWindow {
    Length(Duration),
    Period(Period),
}

/// Burn rates look back for at least five minutes; an hour holds twelve of those.
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

    fn check(&self, written: &WrittenWindow) -> Result<(), OutOfRange> {
        match written {
            WrittenWindow::Length(length) => LENGTH.check(length),
            WrittenWindow::Period(_) => Ok(()),
        }
    }
}
