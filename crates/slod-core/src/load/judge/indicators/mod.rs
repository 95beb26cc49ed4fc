//! The health indicators and warning signs of a load test, as in the load-test checklist. [`Answer::Good`]
//! means yes for an indicator, and no for a warning sign.

mod client;
mod system;

use super::advice::{self, Advice};
use crate::load::observed::{at_highest_load, length};
use crate::load::verdict::{Answer, Statement};
use crate::load::{RunRecord, Usable};

/// Both lists for a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Indicators {
    pub healthy: Vec<Statement>,
    pub warnings: Vec<Statement>,
}

const CPU_HEALTHY: f64 = 0.7;
const CPU_HIGH: f64 = 0.8;

/// An answer and its evidence.
type Judgement = (Answer, String);

/// Evaluates each row for a run.
pub fn indicators(run: &RunRecord) -> Indicators {
    let usable = &Usable::of(run);
    let memory = system::memory(usable);
    let pool = system::pool(run);
    let (peak, _) = system::cpu(run, &at_highest_load(run), CPU_HEALTHY);
    let (whole, on_whole) = system::cpu(run, &[(0.0, length(run))], CPU_HIGH);
    let row = |topic, (answer, evidence): Judgement| Statement::new(topic, answer, evidence);
    let sign = |topic, (answer, evidence): Judgement, advice: Option<Advice>| Statement {
        advice: advice.filter(|_| answer == Answer::Bad),
        ..Statement::new(topic, answer, evidence)
    };
    Indicators {
        healthy: vec![
            row(
                "Response times stay consistent under load",
                client::consistent(usable),
            ),
            row("Error rate remains below 0.1%", client::errors(usable)),
            row("CPU usage < 70% at peak", peak),
            row("Memory usage stable (no growth)", memory.clone()),
            row(
                "Database connections properly pooled",
                system::pooled(usable, &pool),
            ),
            row("No connection timeouts", client::timeouts(usable)),
        ],
        warnings: vec![
            sign(
                "Response times increasing over time",
                client::slower(usable),
                Some(advice::DRIFT),
            ),
            sign(
                "Error rate climbing",
                client::climbing(usable),
                Some(advice::ERRORS),
            ),
            sign("Memory usage growing", memory, Some(advice::LEAK)),
            sign(
                "Database connection pool exhausted",
                pool,
                Some(advice::POOL),
            ),
            sign("High CPU usage (> 80%)", whole, on_whole),
            sign(
                "Circuit breakers frequently open",
                system::breakers(run),
                Some(advice::BREAKER),
            ),
        ],
    }
}

fn unknown(evidence: impl Into<String>) -> Judgement {
    (Answer::Unknown, evidence.into())
}

fn found(is_good: bool, evidence: String) -> Judgement {
    let answer = if is_good { Answer::Good } else { Answer::Bad };
    (answer, evidence)
}

/// Whether the planned load is constant.
fn is_constant(run: &RunRecord) -> bool {
    let stages = run.scenario.stages.iter();
    let levels = stages.flat_map(|stage| [stage.from, stage.to]);
    let (low, high) = levels.fold((f64::INFINITY, 0.0_f64), |(low, high), level| {
        (low.min(level), high.max(level))
    });
    high - low <= f64::EPSILON
}
