//! The universal scalability law, fitted to a run with rising numbers of users.

use super::levels::{different, each_for, levels};
use crate::format::rounded;
use crate::load::verdict::{Answer, Statement};
use crate::load::{Model, Usable};
use crate::stats::scalability::{MIN_LEVELS, Scalability};

/// Maximum average error of a fit that describes the throughput.
const ERROR_MAX: f64 = 0.15;
/// Maximum error at the highest level of a fit that can be extrapolated beyond it. A fit to the levels up
/// to [`LOWER`] of the highest must meet it, too: a limit such as a number of workers is reached suddenly,
/// and lower levels do not show it.
const HIGHEST_ERROR_MAX: f64 = 0.05;
const LOWER: f64 = 0.8;
/// The ceiling of a law is stated if the throughput reaches this share of it at the end of the extrapolated
/// range.
const CEILING_SHARE: f64 = 0.5;
/// How far the law is extrapolated, as a multiple of the highest level.
const BEYOND: f64 = 2.0;

/// Only for the closed model, whose users wait for their responses.
pub(in crate::load) fn statement(usable: &Usable<'_>) -> Option<Statement> {
    let Model::Closed { .. } = usable.run.scenario.model else {
        return None;
    };
    let levels = levels(usable);
    let own = levels.own.iter();
    let points: Vec<(f64, f64)> = own.map(|one| (one.users, one.rate)).collect();
    let (answer, evidence) = match Scalability::fit(&points) {
        None => (
            Answer::Unknown,
            format!(
                "needs successful responses for {MIN_LEVELS} different numbers of users{}; this run has {}",
                each_for(usable),
                different(&levels.own)
            ),
        ),
        Some(law) => match misfit(&law, &points) {
            Some(misfit) => (Answer::Unknown, misfit),
            None => (Answer::Good, described(&law, &points)),
        },
    };
    let evidence = evidence + levels.without();
    Some(Statement::new("scalability", answer, evidence))
}

/// The highest number of users, and the throughput there.
fn highest(points: &[(f64, f64)]) -> (f64, f64) {
    let higher = |most: (f64, f64), one: &(f64, f64)| if one.0 > most.0 { *one } else { most };
    points.iter().fold((0.0, 0.0), higher)
}

fn average_error(law: &Scalability) -> String {
    format!("off by {} on average", rounded(law.error, 1))
}

/// Why the law does not describe these levels; `None` if it does.
fn misfit(law: &Scalability, points: &[(f64, f64)]) -> Option<String> {
    if law.error > ERROR_MAX {
        return Some(format!(
            "the universal scalability law does not describe the throughput ({}): needs longer stages, or a load below the breaking point",
            average_error(law)
        ));
    }
    let (highest, reached) = highest(points);
    let lower = points.iter().filter(|(users, _)| *users <= LOWER * highest);
    let lower = Scalability::fit(&lower.copied().collect::<Vec<_>>());
    let off = |law: &Scalability| (law.throughput(highest) / reached - 1.0).abs();
    let off = lower.iter().map(off).fold(off(law), f64::max);
    let is_beyond = law.peak().is_none_or(|peak| peak > highest);
    (is_beyond && off > HIGHEST_ERROR_MAX).then(|| {
        format!(
            "the universal scalability law cannot be extrapolated beyond {highest:.0} users: fitted to fewer users, it is off by {} there; needs longer stages, or more users",
            rounded(off, 1)
        )
    })
}

fn described(law: &Scalability, points: &[(f64, f64)]) -> String {
    let (highest, _) = highest(points);
    let limit = BEYOND * highest;
    let peak = match law.peak() {
        Some(peak) if peak <= highest => {
            format!(
                "highest at {peak:.0} users with {:.1}/s",
                law.throughput(peak)
            )
        }
        Some(peak) if peak <= limit => format!(
            "highest at {peak:.0} users with {:.1}/s, which this run did not reach",
            law.throughput(peak)
        ),
        _ => format!("rising up to {highest:.0} users, with no limit up to {limit:.0}"),
    };
    let ceiling = match (law.peak(), law.ceiling()) {
        // A ceiling further away is outside the range in which the law may be used.
        (None, Some(ceiling)) if law.throughput(limit) >= CEILING_SHARE * ceiling => {
            format!(", at most {ceiling:.1}/s")
        }
        _ => String::new(),
    };
    format!(
        "according to the universal scalability law, throughput is {peak}{ceiling}; {:.2}/s for one user, contention {:.2}%, coherency {:.4}%; {} over {} levels up to {highest:.0} users, not valid beyond {limit:.0}",
        law.lambda,
        law.sigma * 100.0,
        law.kappa * 100.0,
        average_error(law),
        points.len()
    )
}
