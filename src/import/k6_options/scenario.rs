//! Converts a scenario: its executor becomes stages of users or of a rate.

use super::span;
use crate::units::show_duration;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// Maximum number of characters of a name in a config.
const NAME_MAX: usize = 100;
/// Bounds of a stage's duration in a config.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(24);
const STAGES_MAX: usize = 100;
const USERS_MAX: f64 = 10_000.0;
/// Maximum rate of a run, per second.
const RATE_MAX: f64 = 100_000.0;
/// Lowest rate in a config, per second: one a day.
const RATE_MIN: f64 = 1.0 / 86_400.0;

/// A scenario of a config.
#[derive(Debug)]
pub(super) struct Load {
    pub name: String,
    unit: Unit,
    stages: Vec<Stage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Users,
    PerSecond,
}

#[derive(Clone, Copy, Debug)]
struct Stage {
    from: f64,
    to: f64,
    length: Duration,
}

impl Load {
    /// Converts a scenario. Returns an error message if a config cannot have it.
    pub fn read(name: &str, scenario: &Value, remarks: &mut Vec<String>) -> Result<Self, String> {
        // Only names that k6 accepts, since they are also written into a comment.
        let is_known = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if name.is_empty() || !name.chars().all(is_known) {
            return Err("its name is not valid in k6".to_owned());
        }
        if name.len() > NAME_MAX {
            return Err(format!("its name has more than {NAME_MAX} characters"));
        }
        let (unit, stages) = stages(name, scenario, remarks)?;
        let load = Self {
            name: name.to_owned(),
            unit,
            stages,
        };
        load.check()?;
        remark(name, scenario, remarks);
        Ok(load)
    }

    fn check(&self) -> Result<(), String> {
        let levels = || self.stages.iter().flat_map(|one| [one.from, one.to]);
        if self.stages.is_empty() || levels().all(|level| level <= 0.0) {
            return Err("it makes no load".to_owned());
        }
        if self.stages.len() > STAGES_MAX {
            return Err(format!("it has more than {STAGES_MAX} stages"));
        }
        if levels().any(|level| level < 0.0) {
            return Err("it has a negative level".to_owned());
        }
        if self.unit == Unit::Users && levels().any(|level| level.fract() > 0.0) {
            return Err("its users are not whole numbers".to_owned());
        }
        if self.unit == Unit::Users && levels().any(|level| level > USERS_MAX) {
            return Err(format!("it has more than {USERS_MAX} users"));
        }
        if self.unit == Unit::PerSecond && levels().any(|level| level > RATE_MAX) {
            return Err(format!("its rate is above {RATE_MAX} per second"));
        }
        let odd = self
            .stages
            .iter()
            .find(|one| !(SHORTEST..=LONGEST).contains(&one.length));
        odd.map_or(Ok(()), |odd| {
            Err(format!(
                "a stage of {} is not between 1s and 1d",
                show_duration(odd.length)
            ))
        })
    }

    pub fn write(&self, thresholds: &[&str], yaml: &mut String) {
        let key = match self.unit {
            Unit::Users => "users",
            Unit::PerSecond => "rate",
        };
        // Writing to a text cannot fail.
        writeln!(yaml, "  - name: {}", json!(self.name)).unwrap_or_default();
        if self.unit == Unit::Users {
            yaml.push_str("    think: 1s # as long as the script sleeps\n");
        }
        writeln!(yaml, "    {key}:").unwrap_or_default();
        for Stage { from, to, length } in &self.stages {
            let (from, to, length) = (self.level(*from), self.level(*to), show_duration(*length));
            writeln!(yaml, "      - {{ from: {from}, to: {to}, for: {length} }}")
                .unwrap_or_default();
        }
        if !thresholds.is_empty() {
            yaml.push_str("    thresholds:\n");
        }
        for threshold in thresholds {
            writeln!(yaml, "      - {}", json!(threshold)).unwrap_or_default();
        }
    }

    fn level(&self, level: f64) -> String {
        match self.unit {
            Unit::Users => format!("{level}"),
            Unit::PerSecond if level < RATE_MIN => "1/d".to_owned(),
            Unit::PerSecond => format!("{level}/s"),
        }
    }
}

/// Converts the executor of a scenario.
fn stages(
    name: &str,
    scenario: &Value,
    remarks: &mut Vec<String>,
) -> Result<(Unit, Vec<Stage>), String> {
    let executor = scenario
        .get("executor")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let value = |key: &str, default: f64| number(scenario, key).unwrap_or(default);
    match executor {
        "constant-vus" => Ok((Unit::Users, vec![constant(scenario, value("vus", 1.0))?])),
        "externally-controlled" => {
            remarks.push(format!(
                "scenario {name}: its number of users cannot be changed during a run in slod"
            ));
            Ok((Unit::Users, vec![constant(scenario, value("vus", 0.0))?]))
        }
        "ramping-vus" => {
            let stages = ramps(scenario, value("startVUs", 1.0), 1.0)?;
            Ok((Unit::Users, stages))
        }
        "constant-arrival-rate" => {
            let rate = value("rate", 1.0) / time_unit(scenario)?;
            Ok((Unit::PerSecond, vec![constant(scenario, rate)?]))
        }
        "ramping-arrival-rate" => {
            let stages = ramps(scenario, value("startRate", 0.0), time_unit(scenario)?)?;
            Ok((Unit::PerSecond, stages))
        }
        "shared-iterations" | "per-vu-iterations" => Err(format!(
            "{executor} ends after a number of iterations, whereas stages in slod end after a duration"
        )),
        other => Err(format!("unknown executor {other}")),
    }
}

fn number(scenario: &Value, key: &str) -> Option<f64> {
    scenario.get(key)?.as_f64()
}

fn length(of: &Value) -> Result<Duration, String> {
    let text = of
        .get("duration")
        .and_then(Value::as_str)
        .unwrap_or_default();
    span::read(text).ok_or_else(|| format!("its duration is {text:?}"))
}

fn constant(scenario: &Value, level: f64) -> Result<Stage, String> {
    Ok(Stage {
        from: level,
        to: level,
        length: length(scenario)?,
    })
}

/// The period of a rate in seconds.
fn time_unit(scenario: &Value) -> Result<f64, String> {
    let text = scenario
        .get("timeUnit")
        .and_then(Value::as_str)
        .unwrap_or("1s");
    let unit = span::read(text).filter(|unit| !unit.is_zero());
    let unit = unit.ok_or_else(|| format!("its timeUnit is {text:?}"))?;
    Ok(unit.as_secs_f64())
}

/// Each stage starts at the level where the previous one ended; a stage with a duration of zero is
/// a jump.
fn ramps(scenario: &Value, start: f64, unit: f64) -> Result<Vec<Stage>, String> {
    let mut stages = Vec::new();
    let mut level = start / unit;
    for stage in scenario
        .get("stages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let to = number(stage, "target").unwrap_or(0.0) / unit;
        let length = length(stage)?;
        if !length.is_zero() {
            stages.push(Stage {
                from: level,
                to,
                length,
            });
        }
        level = to;
    }
    Ok(stages)
}

/// Adds remarks on the parts of a scenario without an equivalent.
fn remark(name: &str, scenario: &Value, remarks: &mut Vec<String>) {
    let of = |key: &str| scenario.get(key).filter(|value| !super::is_unset(value));
    let mut add = |what: String| remarks.push(format!("scenario {name}: {what}"));
    if let Some(exec) = of("exec").and_then(Value::as_str) {
        add(format!("it runs the function {exec}"));
    }
    if let Some(start) = of("startTime")
        .and_then(Value::as_str)
        .filter(|start| *start != "0s")
    {
        add(format!("it starts after {start}"));
    }
    for key in ["env", "tags", "gracefulStop", "gracefulRampDown"] {
        if of(key).is_some() {
            add(format!("{key} is left out"));
        }
    }
    // Rate executors have both.
    if let Some(first) = of("preAllocatedVUs") {
        let most = of("maxVUs").unwrap_or(first);
        add(format!(
            "at most {most} users; slod drops starts at its own limit of requests in flight"
        ));
    }
}
