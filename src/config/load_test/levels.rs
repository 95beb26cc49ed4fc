//! Checks that the numbers of a `load` do not contradict each other.

use crate::config::keys::load as key;
use crate::config::model::LoadSpec;
use crate::units::show_duration;
use crate::yaml::{Declared, Section};

/// Reports numbers that no run could meet, or that no run could miss.
pub fn check(section: &Section<'_>, load: &LoadSpec) {
    let conflict = |key: &dyn Declared, message: String, help: &str| {
        section.error("conflict", key, message, help);
    };
    let users = load.users.as_ref().map(|users| *users.end());
    if let (Some(expected), Some(peak)) = (users, load.peak_users)
        && peak < expected
    {
        let message = format!("`peak_users` is {peak}, but `users` expects up to {expected}");
        let help = "the peak is at least the expected load";
        conflict(&key::PEAK_USERS, message, help);
    }
    let rate = load.rate.as_ref().map(|rate| *rate.end());
    if let (Some(expected), Some(peak)) = (rate, load.peak_rate)
        && peak < expected
    {
        let message = "`peak_rate` is below the `rate` that is expected".to_owned();
        let help = "the peak is at least the expected load";
        conflict(&key::PEAK_RATE, message, help);
    }
    let rates: [(&dyn Declared, _); 2] =
        [(&key::RATE_RANGE, rate), (&key::PEAK_RATE, load.peak_rate)];
    for (key, rate) in rates {
        if rate.is_some_and(|rate| rate > key::RATE_MAX) {
            let message = format!("`{}` is too high", key.name());
            let help = format!("expected at most {}/s", key::RATE_MAX);
            section.error("out-of-range", key, message, help);
        }
    }
    check_times(load, conflict);
}

fn check_times(load: &LoadSpec, conflict: impl Fn(&dyn Declared, String, &str)) {
    let average = load.average.as_ref().map(|range| *range.end());
    if let (Some(average), Some(max)) = (average, load.max)
        && average > max
    {
        let (average, max) = (show_duration(average), show_duration(max));
        let message = format!("`average` is up to {average}, but `max` is {max}");
        conflict(
            &key::AVERAGE,
            message,
            "the maximum is at least the average",
        );
    }
    let limits: [(&dyn Declared, _); 2] = [(&key::AVERAGE, average), (&key::MAX, load.max)];
    for (key, limit) in limits {
        let Some(limit) = limit.filter(|limit| *limit > load.timeout) else {
            continue;
        };
        let (limit, timeout) = (show_duration(limit), show_duration(load.timeout));
        let message = format!(
            "`{}` of {limit} cannot be exceeded: a request fails after the `timeout` of {timeout}",
            key.name()
        );
        conflict(key, message, "raise `timeout`");
    }
}
