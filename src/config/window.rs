//! Reads the windows of an objective.

use super::keys::objective as key;
use super::keys::window::WrittenWindow;
use crate::slo::Window;
use crate::slo::calendar::Calendar;
use crate::units::Tz;
use crate::yaml::Section;

/// The window that alerts use, and the additional ones.
pub(super) fn read(section: &Section<'_>) -> Option<(Window, Vec<Window>)> {
    let zone = section.get(&key::TIMEZONE);
    let window = section.get(&key::WINDOW);
    let additional = section.all(&key::ADDITIONAL_WINDOWS);
    let (zone, window) = (zone?, window?);
    let additional = additional.into_iter();
    let additional: Vec<_> = additional.map(|window| in_zone(window, zone)).collect();
    let window = in_zone(window, zone);
    check(section, window, &additional);
    Some((window, additional))
}

fn in_zone(window: WrittenWindow, zone: Tz) -> Window {
    match window {
        WrittenWindow::Length(length) => Window::rolling(length),
        WrittenWindow::Period(period) => Window {
            length: period.nominal(),
            calendar: Some(Calendar { period, zone }),
        },
    }
}

/// Reports a time zone without a calendar window, and duplicate windows.
fn check(section: &Section<'_>, window: Window, additional: &[Window]) {
    let all = || additional.iter().chain([&window]);
    if section.has(&key::TIMEZONE) && all().all(|window| window.calendar.is_none()) {
        section.error(
            "conflict",
            &key::TIMEZONE,
            "`timezone` is valid only for a calendar window",
            "remove it, or set `window` to week, month, quarter or year",
        );
    }
    let is_twice = |one: &&Window| all().filter(|other| other == one).count() > 1;
    if let Some(twice) = additional.iter().find(is_twice) {
        let message = format!("duplicate window {}", twice.name());
        let help = "remove one of them";
        section.error("conflict", &key::ADDITIONAL_WINDOWS, message, help);
    }
}
