//! The number of users from which on more of them only wait longer.

use super::super::usable::Chunk;
use super::super::verdict::{Answer, Statement};
use super::super::{Model, Usable};
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(10);
/// Windows whose mean stands for the highest throughput.
const HIGHEST: usize = 3;
/// With a knee above this share of the users that were reached, the service may not have been saturated.
const SATURATED: f64 = 0.9;

/// For rising numbers of users only, which wait for their responses.
///
/// The asymptotic bounds of Denning and Buzen (1978), ACM Comput. Surv. 10(3): throughput grows as
/// `N / (R0 + Z)` up to its limit `X`; both meet at `N* = (R0 + Z) X`, with the response time `R0`
/// at the lowest load and the think time `Z`. Requests that fail are no throughput.
pub(in super::super) fn knee(usable: &Usable<'_>) -> Option<Statement> {
    let Model::Closed { think } = usable.run.scenario.model else {
        return None;
    };
    let chunks = usable.chunks(WINDOW);
    let lowest = chunks
        .iter()
        .filter_map(|chunk| Some((chunk.active(), chunk.figures().mean()?)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let rate = |chunk: &Chunk<'_>| (chunk.figures().good_rate(), chunk.active());
    let mut highest: Vec<(f64, f64)> = chunks.iter().map(rate).collect();
    highest.sort_by(|a, b| b.0.total_cmp(&a.0));
    highest.truncate(HIGHEST);
    let (Some((_, quickest)), HIGHEST) = (lowest, highest.len()) else {
        return Some(statement(
            Answer::Unknown,
            format!("needs {HIGHEST} windows of 10 s with responses"),
        ));
    };
    let limit = highest.iter().map(|one| one.0).sum::<f64>() / HIGHEST as f64;
    if limit <= 0.0 {
        let evidence = "needs responses that are good".to_owned();
        return Some(statement(Answer::Unknown, evidence));
    }
    let knee = (quickest + think).as_secs_f64() * limit;
    let mut users: Vec<f64> = chunks.iter().map(Chunk::active).collect();
    users.sort_by(|a, b| b.total_cmp(a));
    let peak = users[0];
    // Where throughput is highest with the most users, it may still have grown within these windows.
    let most = &users[..HIGHEST];
    let reached = if highest.iter().all(|one| one.1 >= most[HIGHEST - 1]) {
        most.iter().sum::<f64>() / HIGHEST as f64
    } else {
        peak
    };
    Some(statement(
        Answer::Good,
        if knee < SATURATED * reached {
            format!("at about {knee:.0} users: throughput stays at {limit:.1}/s beyond")
        } else {
            format!("no knee up to {peak:.0} users: throughput grew to {limit:.1}/s")
        },
    ))
}

fn statement(answer: Answer, evidence: String) -> Statement {
    Statement::new("knee", answer, evidence)
}
