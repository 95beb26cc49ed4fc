//! The knee: the number of users above which additional users only increase waiting times.

use super::levels::{Level, different, each_for, levels};
use crate::load::verdict::{Answer, Statement};
use crate::load::{Model, Usable};

/// If the knee is above this share of the highest number of users, throughput grew with the users.
const GREW: f64 = 0.9;
/// Throughput is compared between numbers of users that differ by at least this factor.
const APART: f64 = 1.2;
/// Maximum growth of a throughput that stays the same, as a factor.
const STAYS: f64 = 1.1;
/// Maximum growth of a throughput that stays the same, as a power of the number of users, at the confidence of
/// [`DEVIATION`]. Responses to users that wait for them vary less than a Poisson process.
const POWER_MAX: f64 = 0.5;
/// 95% confidence, one-sided.
const DEVIATION: f64 = 1.64;
/// Numbers of users up to this multiple of the lowest count as the lowest.
const ABOUT: f64 = 1.1;

/// Finds the knee; only for the closed model with rising numbers of users.
///
/// Uses the asymptotic bounds of Denning and Buzen (1978), ACM Comput. Surv. 10(3): throughput grows as
/// `N / (R0 + Z)` up to its limit `X`; the bounds meet at `N* = (R0 + Z) X`, with the response time `R0` at the
/// lowest load and the think time `Z`. Failed requests do not count as throughput.
pub(in crate::load) fn knee(usable: &Usable<'_>) -> Option<Statement> {
    let Model::Closed { .. } = usable.run.scenario.model else {
        return None;
    };
    let mut levels = levels(usable);
    levels.own.sort_by(|a, b| a.users.total_cmp(&b.users));
    let (answer, evidence) = match &levels.own[..] {
        own @ [lowest, .., highest] if different(own) > 1 => found(own, *lowest, *highest),
        _ => (Answer::Unknown, too_short(usable)),
    };
    let evidence = evidence + levels.without();
    Some(Statement::new("knee", answer, evidence))
}

fn too_short(usable: &Usable<'_>) -> String {
    format!(
        "needs successful responses for two different numbers of users{}, such as from a longer run of `stress`",
        each_for(usable)
    )
}

/// The levels must be sorted by users.
fn found(levels: &[Level], lowest: Level, highest: Level) -> (Answer, String) {
    let limit = levels.iter().map(|one| one.rate).fold(0.0, f64::max);
    let low = levels
        .iter()
        .filter(|one| one.users <= ABOUT * lowest.users);
    let round = low.map(|one| one.round).fold(f64::INFINITY, f64::min);
    let (knee, peak) = (round * limit, highest.users);
    if knee >= GREW * peak {
        let evidence =
            format!("no knee up to {peak:.0} users: throughput grew with them, to {limit:.1}/s");
        return (Answer::Good, evidence);
    }
    let is_below = knee <= ABOUT * lowest.users;
    let beyond = levels.iter().filter(|one| is_below || one.users >= knee);
    if !beyond.into_iter().any(|one| stays(*one, highest)) {
        let evidence = format!(
            "throughput grew less than the number of users, to {limit:.1}/s with up to {peak:.0} users, and it is unknown whether it stays there: needs more responses for different numbers of users above {knee:.0}, such as from a longer run of `stress`"
        );
        return (Answer::Unknown, evidence);
    }
    let at = if is_below {
        format!("at {:.0} users or fewer", lowest.users)
    } else {
        format!("at about {knee:.0} users")
    };
    let then = if highest.rate < GREW * limit {
        format!(
            "throughput falls beyond, from {limit:.1}/s to {:.1}/s with {peak:.0} users",
            highest.rate
        )
    } else {
        format!("throughput stays at {limit:.1}/s beyond, up to {peak:.0} users")
    };
    (Answer::Good, format!("{at}: {then}"))
}

/// Whether throughput does not grow from one level to a higher one.
fn stays(one: Level, higher: Level) -> bool {
    let (users, growth) = (higher.users / one.users, higher.rate / one.rate);
    let deviation = (1.0 / one.responses + 1.0 / higher.responses).sqrt();
    let power = (growth.ln() + DEVIATION * deviation) / users.ln();
    users >= APART && growth <= STAYS && power <= POWER_MAX
}
