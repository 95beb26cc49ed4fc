//! Reads the windows of an objective.

use super::keys::objective as key;
use super::keys::window::WrittenWindow;
use crate::slo::Window;
use crate::slo::calendar::Calendar;
use crate::yaml::Section;
use chrono_tz::Tz;

/// The window that alerts use, and the additional ones.
pub(super) fn read(section: &Section<'_>) -> Option<(Window, Vec<Window>)> {
    let zone = section.get(&key::TIMEZONE);
    let window = section.get(&key::WINDOW);
    let further = section.all(&key::FURTHER_WINDOWS);
    let (zone, window) = (zone?, window?);
    let further: Vec<_> = further
        .into_iter()
        .map(|window| placed(window, zone))
        .collect();
    let window = placed(window, zone);
    check(section, window, &further);
    Some((window, further))
}

fn placed(window: WrittenWindow, zone: Tz) -> Window {
    match window {
        WrittenWindow::Length(length) => Window::rolling(length),
        WrittenWindow::Period(period) => Window {
            length: period.nominal(),
            calendar: Some(Calendar { period, zone }),
        },
    }
}

/// Reports a time zone without a calendar window, and duplicate windows.
fn check(section: &Section<'_>, window: Window, further: &[Window]) {
    let all = || further.iter().chain([&window]);
    if section.has(&key::TIMEZONE) && all().all(|window| window.calendar.is_none()) {
        section.error(
            "conflict",
            &key::TIMEZONE,
            "`timezone` is valid only for a calendar window",
            "remove it, or set `window` to week, month, quarter or year",
        );
    }
    let is_twice = |one: &&Window| all().filter(|other| other == one).count() > 1;
    if let Some(twice) = further.iter().find(is_twice) {
        let message = format!("duplicate window {}", twice.name());
        let help = "remove one of them";
        section.error("conflict", &key::FURTHER_WINDOWS, message, help);
    }
}
