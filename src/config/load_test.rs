//! Reads the expected load of services, and load scenarios.

mod address;
mod captures;
mod json;
mod levels;
mod requests;
mod scope;

use super::keys::{self, load as key, service};
use super::model::{LoadSpec, ScenarioSpec};
use super::name::Names;
use crate::load::{Model, Scenario, Stage};
use crate::probe::http::keys::{BODY, EXPECT_STATUS, METHOD};
use crate::probe::http::load_target::{LoadTarget, OPTIONS};
use crate::probe::http::read::read_url;
use crate::units::{Rate, show_duration};
use crate::yaml::{Declared, Section};
use address::Server;
use std::time::Duration;

/// Maximum duration of a scenario.
const LONGEST: Duration = Duration::from_hours(24);

/// Reads the service's `load`; `None` if it is absent or invalid. Errors are reported.
pub(super) fn read(parent: &Section<'_>) -> Option<LoadSpec> {
    let section = parent.section(&service::LOAD)?;
    let node = parent.node_of(&service::LOAD)?;
    let data = requests::data(&section);
    check_alone(&section);
    check_data(&section);
    let read = section.reader().traced(node, || {
        let url = section
            .has(&key::URL)
            .then(|| read_url(&section, &key::URL));
        let mut server = Server { url: url.flatten() };
        let sequences = requests::read(&section, data.as_ref(), &mut server);
        (
            LoadTarget::read(&section, server.url.clone()),
            sequences,
            server,
        )
    });
    let (load_target, sequences, server) = read.value;
    let load_target = load_target.map(|load_target| load_target.redacted(read.redactions.clone()));
    let has_url = server.url.is_some() || section.has(&key::URL);
    if !has_url {
        check_options(&section);
    }
    let (users, peak_users) = (section.get(&key::USERS), section.get(&key::PEAK_USERS));
    let rate = section.get(&key::RATE_RANGE).map(|range| {
        let (low, high) = range.into_inner();
        low.per_second()..=high.per_second()
    });
    let peak_rate = section.get(&key::PEAK_RATE).map(Rate::per_second);
    let (average, max) = (section.get(&key::AVERAGE), section.get(&key::MAX));
    let timeout = section.get(&key::TIMEOUT);
    let cookies = section.get(&key::COOKIES);
    let load = LoadSpec {
        target: if has_url { Some(load_target?) } else { None },
        users,
        peak_users,
        rate,
        peak_rate,
        average,
        max,
        timeout: timeout?,
        sequences,
        data,
        cookies: cookies?,
        redactions: read.redactions,
    };
    levels::check(&section, &load);
    Some(load)
}

/// Reports keys of a single request next to `requests`.
fn check_alone(section: &Section<'_>) {
    let single: [&dyn Declared; 3] = [&METHOD, &BODY, &EXPECT_STATUS];
    let single = single.into_iter().find(|key| section.has(*key));
    if let Some(single) = single.filter(|_| section.has(&key::REQUESTS)) {
        let message = format!("`{}` and `requests` are mutually exclusive", single.name());
        let help = "move it into a request";
        section.error("conflict", single, message, help);
    }
}

/// Reports a data file without requests.
fn check_data(section: &Section<'_>) {
    if section.has(&key::DATA) && !section.has(&key::REQUESTS) {
        let message = "`data` requires `requests`, which use its values";
        let help = "add `requests`, or remove `data`";
        section.error("conflict", &key::DATA, message, help);
    }
}

/// Reports an option of the requests to `url` in a section without it.
fn check_options(section: &Section<'_>) {
    if let Some(alone) = OPTIONS.iter().find(|key| section.has(**key)) {
        let message = format!("`{}` requires `url`", alone.name());
        let help = "add `url`; without it, load runs send the request of the first `http` probe";
        section.error("missing-key", *alone, message, help);
    }
}

/// Reads the valid scenarios; errors in the others are reported.
pub(super) fn scenarios(root: &Section<'_>) -> Vec<ScenarioSpec> {
    let mut names = Names::of("scenario");
    root.sections(&keys::SCENARIOS)
        .filter_map(|section| {
            let name = names.take(&section, &key::NAME);
            scenario(&section, name)
        })
        .collect()
}

fn scenario(section: &Section<'_>, name: Option<String>) -> Option<ScenarioSpec> {
    let (users, rate) = (user_stages(section), rate_stages(section));
    let (think, poisson) = (section.get(&key::THINK), section.get(&key::ARRIVALS));
    let purpose = section.get(&key::PURPOSE);
    let thresholds = section.all(&key::THRESHOLDS);
    let has_users = section.has(&key::USER_STAGES);
    if has_users == section.has(&key::RATE_STAGES) {
        let (code, message) = if has_users {
            ("conflict", "`users` and `rate` are mutually exclusive")
        } else {
            ("missing-key", "the scenario has neither `users` nor `rate`")
        };
        let help = "add `users: [ { to: 10, for: 5m } ]`, or `rate: [ { to: 100/s, for: 5m } ]`";
        let reader = section.reader();
        reader.error(code, section.spot(), message, help);
        return None;
    }
    let (other, of): (&dyn Declared, _) = if has_users {
        (&key::ARRIVALS, "rate")
    } else {
        (&key::THINK, "users")
    };
    if section.has(other) {
        let message = format!("`{}` is valid only for `{of}`", other.name());
        section.error("conflict", other, message, "remove it");
    }
    let (model, stages) = if has_users {
        (Model::Closed { think: think? }, users?)
    } else {
        (Model::Open { poisson: poisson? }, rate?)
    };
    let stages = stages.into_iter().enumerate().map(numbered);
    let scenario = Scenario {
        name: name?,
        purpose: purpose?,
        model,
        stages: stages.collect(),
    };
    check(section, &scenario).then_some(ScenarioSpec {
        scenario,
        thresholds,
    })
}

/// Names a stage without a name by its number.
fn numbered((index, stage): (usize, Stage)) -> Stage {
    if stage.name.is_empty() {
        let name = (index + 1).to_string();
        return Stage { name, ..stage };
    }
    stage
}

fn user_stages(section: &Section<'_>) -> Option<Vec<Stage>> {
    let each = section.sections(&key::USER_STAGES).map(|stage| {
        let (from, to) = (stage.get(&key::FROM_USERS), stage.get(&key::TO_USERS));
        self::stage(&stage, from.map(f64::from), to.map(f64::from))
    });
    each.collect::<Vec<_>>().into_iter().collect()
}

fn rate_stages(section: &Section<'_>) -> Option<Vec<Stage>> {
    let each = section.sections(&key::RATE_STAGES).map(|stage| {
        let (from, to) = (stage.get(&key::FROM_RATE), stage.get(&key::TO_RATE));
        self::stage(&stage, from.map(Rate::per_second), to.map(Rate::per_second))
    });
    each.collect::<Vec<_>>().into_iter().collect()
}

fn stage(section: &Section<'_>, from: Option<f64>, to: Option<f64>) -> Option<Stage> {
    let (name, length) = (section.get(&key::STAGE_NAME), section.get(&key::FOR));
    let to = to?;
    Some(Stage::new(
        name.unwrap_or_default(),
        from.unwrap_or(to),
        to,
        length?,
    ))
}

/// Checks that a scenario has stages and stays within the limits; reports it if not.
fn check(section: &Section<'_>, scenario: &Scenario) -> bool {
    let fault = if scenario.stages.is_empty() {
        Some((
            "the scenario has no stages".to_owned(),
            "add at least one".to_owned(),
        ))
    } else if scenario.length() > LONGEST {
        let length = show_duration(scenario.length());
        let help = format!("expected at most {}", show_duration(LONGEST));
        Some((format!("the stages take {length} in total"), help))
    } else if scenario.peak() <= 0.0 {
        let help = "expected a stage with more than 0, such as `{ to: 10, for: 5m }`";
        Some(("the scenario makes no load".to_owned(), help.to_owned()))
    } else if scenario.peak() > key::RATE_MAX {
        let help = format!("expected at most {}/s", key::RATE_MAX);
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
