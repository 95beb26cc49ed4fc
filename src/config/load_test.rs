//! Reads the load that services are expected to bear, and load scenarios.

use super::keys::{self, load as key, service};
use super::model::LoadSpec;
use super::name::Names;
use crate::load::{Model, Scenario, Stage};
use crate::probe::http::driven::Driven;
use crate::units::{Rate, show_duration};
use crate::yaml::Section;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A longer run is no test any more.
const LONGEST: Duration = Duration::from_secs(86_400);
/// Requests per second of a scenario at most.
const RATE_MAX: f64 = 100_000.0;

/// The service's `load`, if it is configured and free of faults.
pub(super) fn read(parent: &Section<'_>) -> Option<LoadSpec> {
    let section = parent.section(&service::LOAD)?;
    let driven = if section.has(&key::URL) {
        Some(Driven::read(&section, &key::URL)?)
    } else {
        None
    };
    let per_second = |rate: Rate| rate.per_second();
    let rate = section.get(&key::RATE_RANGE);
    Some(LoadSpec {
        driven,
        users: section.get(&key::USERS),
        peak_users: section.get(&key::PEAK_USERS),
        rate: rate.map(|range: RangeInclusive<Rate>| {
            let (low, high) = range.into_inner();
            per_second(low)..=per_second(high)
        }),
        peak_rate: section.get(&key::PEAK_RATE).map(per_second),
        average: section.get(&key::AVERAGE),
        max: section.get(&key::MAX),
        timeout: section.get(&key::TIMEOUT)?,
    })
}

/// All of `scenarios` that are free of faults.
pub(super) fn scenarios(root: &Section<'_>) -> Vec<Scenario> {
    let mut names = Names::of("scenario");
    root.sections(&keys::SCENARIOS)
        .filter_map(|section| {
            let name = names.take(&section, &key::NAME);
            scenario(&section, name?)
        })
        .collect()
}

fn scenario(section: &Section<'_>, name: String) -> Option<Scenario> {
    let (users, rate) = (
        section.has(&key::USER_STAGES),
        section.has(&key::RATE_STAGES),
    );
    if users == rate {
        let message = if users {
            "`users` and `rate` are mutually exclusive"
        } else {
            "the scenario has neither `users` nor `rate`"
        };
        let help = "add `users: [ { to: 10, for: 5m } ]`, or `rate: [ { to: 100/s, for: 5m } ]`";
        let reader = section.reader();
        reader.error(
            if users { "conflict" } else { "missing-key" },
            section.spot(),
            message,
            help,
        );
        return None;
    }
    let (model, stages) = if users {
        let think = section.get(&key::THINK)?;
        (Model::Closed { think }, user_stages(section)?)
    } else {
        let poisson = section.get(&key::ARRIVALS)?;
        (Model::Open { poisson }, rate_stages(section)?)
    };
    let scenario = Scenario {
        name,
        purpose: section.get(&key::PURPOSE).unwrap_or_default(),
        model,
        stages,
    };
    check(section, &scenario).then_some(scenario)
}

fn user_stages(section: &Section<'_>) -> Option<Vec<Stage>> {
    let each = section.sections(&key::USER_STAGES).map(|stage| {
        let to = stage.get(&key::TO_USERS).map(f64::from)?;
        let from = stage.get(&key::FROM_USERS).map_or(to, f64::from);
        self::stage(&stage, from, to)
    });
    each.collect()
}

fn rate_stages(section: &Section<'_>) -> Option<Vec<Stage>> {
    let each = section.sections(&key::RATE_STAGES).map(|stage| {
        let to = stage.get(&key::TO_RATE)?.per_second();
        let from = stage.get(&key::FROM_RATE).map_or(to, Rate::per_second);
        self::stage(&stage, from, to)
    });
    each.collect()
}

fn stage(section: &Section<'_>, from: f64, to: f64) -> Option<Stage> {
    Some(Stage {
        name: section.get(&key::STAGE_NAME).unwrap_or_default(),
        from,
        to,
        length: section.get(&key::FOR)?,
    })
}

/// Whether a scenario has stages and stays within the ceilings, which is reported.
fn check(section: &Section<'_>, scenario: &Scenario) -> bool {
    let fault = if scenario.stages.is_empty() {
        Some((
            "the scenario has no stages".to_owned(),
            "add one".to_owned(),
        ))
    } else if scenario.length() > LONGEST {
        let length = show_duration(scenario.length());
        let help = format!("expected at most {}", show_duration(LONGEST));
        Some((format!("the stages take {length} together"), help))
    } else if scenario.peak() > RATE_MAX {
        let help = format!("expected at most {RATE_MAX}/s");
        Some(("the rate is too high".to_owned(), help))
    } else {
        None
    };
    match fault {
        Some((message, help)) => {
            let reader = section.reader();
            reader.error("out-of-range", section.spot(), message, help);
            false
        }
        None => true,
    }
}
