//! The number of users from which on more of them only wait longer.

use super::super::stats::chunks;
use super::super::verdict::{Answer, Statement};
use super::super::{Figures, LoadWindow, Model, RunRecord};
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(10);
/// Windows whose mean stands for the highest throughput.
const HIGHEST: usize = 3;
/// With a knee above this share of the peak, the service may not have been saturated.
const SATURATED: f64 = 0.9;

/// For rising numbers of users only, which wait for their responses.
///
/// The asymptotic bounds of Denning and Buzen (1978), ACM Comput. Surv. 10(3): throughput grows as
/// `N / (R0 + Z)` up to its limit `X`; both meet at `N* = (R0 + Z) X`, with the response time `R0`
/// at the lowest load and the think time `Z`.
pub(in super::super) fn knee(run: &RunRecord) -> Option<Statement> {
    let Model::Closed { think } = run.scenario.model else {
        return None;
    };
    let chunks = chunks(&run.windows, WINDOW);
    let lowest = chunks
        .iter()
        .filter_map(|windows| Some((users(windows), Figures::of(*windows).mean()?)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let mut rates: Vec<f64> = chunks
        .iter()
        .map(|windows| Figures::of(*windows).rate())
        .collect();
    rates.sort_by(|a, b| b.total_cmp(a));
    rates.truncate(HIGHEST);
    let (Some((_, quickest)), HIGHEST) = (lowest, rates.len()) else {
        return Some(statement(
            Answer::Unknown,
            format!("needs {HIGHEST} windows of 10 s with responses"),
        ));
    };
    let limit = rates.iter().sum::<f64>() / HIGHEST as f64;
    let knee = (quickest + think).as_secs_f64() * limit;
    let peak = chunks
        .iter()
        .map(|windows| users(windows))
        .fold(0.0, f64::max);
    Some(statement(
        Answer::Good,
        if knee < SATURATED * peak {
            format!("at about {knee:.0} users: throughput stays at {limit:.1}/s beyond")
        } else {
            format!("no knee up to {peak:.0} users: throughput grew to {limit:.1}/s")
        },
    ))
}

fn users(windows: &[LoadWindow]) -> f64 {
    windows.iter().map(|one| one.active).sum::<f64>() / windows.len().max(1) as f64
}

fn statement(answer: Answer, evidence: String) -> Statement {
    Statement::new("knee", answer, evidence)
}
