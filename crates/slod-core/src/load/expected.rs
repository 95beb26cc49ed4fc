//! Whether a run holds what its service is expected to do.

use super::verdict::{Answer, Statement};
use super::{Figures, LoadWindow, RunRecord};
use std::time::Duration;

/// What a service is expected to hold. Levels are users, or starts per second for the open model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expected {
    /// The highest expected level.
    pub level: Option<f64>,
    pub peak: Option<f64>,
    /// The longest average response time at the expected level.
    pub average: Option<Duration>,
    /// The longest response time up to the peak.
    pub max: Option<Duration>,
}

/// A statement for each response time that is expected.
pub fn held(run: &RunRecord, expected: &Expected) -> Vec<Statement> {
    let average = expected.average.map(|limit| {
        let mean = up_to(run, expected.level).mean();
        statement("average response time", mean, limit, expected.level)
    });
    let max = expected.max.map(|limit| {
        let longest = up_to(run, expected.peak.or(expected.level)).extremes();
        let longest = longest.map(|(_, longest)| longest);
        let level = expected.peak.or(expected.level);
        statement("maximum response time", longest, limit, level)
    });
    average.into_iter().chain(max).collect()
}

fn up_to(run: &RunRecord, level: Option<f64>) -> Figures {
    let inside = |window: &&LoadWindow| level.is_none_or(|level| window.due <= level);
    Figures::of(run.windows.iter().filter(inside))
}

fn statement(
    topic: &'static str,
    found: Option<Duration>,
    limit: Duration,
    level: Option<f64>,
) -> Statement {
    let at = level.map_or_else(String::new, |level| format!(" up to a load of {level}"));
    let (answer, evidence) = match found {
        None => (
            Answer::Unknown,
            format!("there are no responses{at}: run the scenario `baseline`"),
        ),
        Some(found) => {
            let [found, limit] = [found, limit].map(|one| one.as_secs_f64() * 1000.0);
            let is_held = found <= limit;
            let (answer, word) = if is_held {
                (Answer::Good, "within")
            } else {
                (Answer::Bad, "above")
            };
            (answer, format!("{found:.0} ms{at}, {word} {limit:.0} ms"))
        }
    };
    Statement {
        topic,
        answer,
        evidence,
    }
}
