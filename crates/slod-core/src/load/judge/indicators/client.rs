//! Client-side indicators: response times, errors, timeouts.

use super::system::risen;
use super::{Judgement, found, is_constant, unknown};
use crate::format::{count, rounded};
use crate::load::judge::needs::Needs;
use crate::load::judge::{ERRORS_UNKNOWN, breaking, soak};
use crate::load::usable::Chunk;
use crate::load::verdict::{Answer, Statement};
use crate::load::{Figures, LoadWindow, OBSERVED, Usable};
use crate::outcome::Cause;
use crate::stats::normal::Z_95;
use crate::stats::proportion::{Share, wilson};

const ERRORS_MAX: f64 = 0.001;
/// Minimum number of requests for showing that less than 0.1% fail.
const REQUESTS_MIN: u64 = 1000;
/// The significance level of too many failed requests.
const LEVEL: f64 = 0.001;
/// Maximum ratio of the p95 at the highest load to that at the lowest load.
const CONSISTENT: f64 = 1.5;

fn ms(time: std::time::Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

/// Compares p95 at the highest load with p95 at the lowest before it, or over time if the load is constant.
pub fn consistent(usable: &Usable<'_>) -> Judgement {
    let levels = usable.loaded().map(|one| one.due).filter(|due| *due > 0.0);
    let (lowest, highest) = levels.fold((f64::INFINITY, 0.0_f64), |(low, high), due| {
        (low.min(due), high.max(due))
    });
    // The last window of a long run may be merged with the time after the plan, which has no load.
    let is_planned_constant = usable.run.is_planned() && is_constant(usable.run);
    if is_planned_constant || highest <= CONSISTENT * lowest {
        return slower(usable);
    }
    let loaded = || usable.loaded().filter(|one| one.due > 0.0);
    let is_low =
        |one: &&LoadWindow| one.due <= (CONSISTENT * lowest).max(lowest + 0.1 * (highest - lowest));
    let is_high = |one: &&LoadWindow| one.due >= 0.9 * highest;
    // After the highest load, a service that did not recover is slow at the lowest load as well.
    let mut before = loaded()
        .take_while(|one| !is_high(one))
        .filter(is_low)
        .peekable();
    let low = match before.peek() {
        Some(_) => Figures::of(before),
        None => Figures::of(loaded().filter(is_low)),
    };
    let high = Figures::of(loaded().filter(is_high));
    let (Some(low), Some(high)) = (low.quantile(0.95), high.quantile(0.95)) else {
        return unknown("too few requests for a p95 at the lowest and at the highest load");
    };
    let evidence = format!(
        "p95 {} at the lowest load, {} at the highest",
        ms(low),
        ms(high)
    );
    found(
        high.as_secs_f64() <= CONSISTENT * low.as_secs_f64(),
        evidence,
    )
}

pub fn slower(usable: &Usable<'_>) -> Judgement {
    if !is_constant(usable.run) {
        return unknown(
            "needs a constant load: here, slower responses can be an effect of the load",
        );
    }
    let Statement {
        answer, evidence, ..
    } = soak::degradation(usable);
    (answer, evidence)
}

pub fn climbing(usable: &Usable<'_>) -> Judgement {
    let Statement {
        answer, evidence, ..
    } = soak::errors(usable);
    (answer, evidence)
}

pub fn errors(usable: &Usable<'_>) -> Judgement {
    let all = Figures::of(usable.fair());
    if all.are_errors_unknown() {
        return unknown(ERRORS_UNKNOWN);
    }
    let chunks = usable.chunks(breaking::BREAK_WINDOW);
    // One of many windows has more errors than usual by chance.
    let level = LEVEL / chunks.len().max(1) as f64;
    let worst = chunks
        .iter()
        .map(Chunk::figures)
        .filter(|figures| figures.fail_more_than(ERRORS_MAX, level))
        .max_by_key(|figures| figures.errors);
    let percent = |share: f64| rounded(share, 3);
    let ratio = all.error_ratio().unwrap_or_default();
    let Share { hits, total } = all.failures();
    let counts = format!("{} of {} requests failed", count(hits), count(total));
    if all.fail_more_than(ERRORS_MAX, LEVEL) {
        return (Answer::Bad, format!("{counts}, {}", percent(ratio)));
    }
    if let Some(worst) = worst {
        let Share { hits, total } = worst.failures();
        let evidence = format!(
            "{counts}; in the worst 10 s, {} of {}",
            count(hits),
            count(total)
        );
        return (Answer::Bad, evidence);
    }
    if total < REQUESTS_MIN {
        return unknown(format!("{counts}; needs {REQUESTS_MIN} requests"));
    }
    let (_, most) = wilson(hits, total, Z_95);
    let counts = format!(
        "{counts}, {} (less than {} with 95% confidence)",
        percent(ratio),
        percent(most)
    );
    if ratio < ERRORS_MAX {
        (Answer::Good, counts)
    } else {
        unknown(format!(
            "{counts}: neither below 0.1% nor significantly above it; use a longer run"
        ))
    }
}

/// Timed-out requests of the client, and timed-out connections counted by the service.
pub fn timeouts(usable: &Usable<'_>) -> Judgement {
    let failed = usable.fair().flat_map(|one| &one.failed);
    let timed_out = failed.filter(|(cause, _)| *cause == Cause::Timeout);
    let requests: u64 = timed_out.map(|(_, count)| count).sum();
    let known = risen(usable.run, "slod_service_connection_timeouts_total");
    let has_requests = Figures::of(usable.fair()).completed > 0;
    // The service does not count clients that gave up.
    let is_seen = has_requests && (usable.run.engine != OBSERVED || requests > 0);
    if !is_seen && known.is_none() {
        let why = Needs::Metrics("`connection_timeouts`").lacking(usable.run);
        return unknown(format!("not observed: there are no client requests; {why}"));
    }
    let of_client = is_seen.then(|| format!("{requests} requests timed out"));
    let of_service = known.map_or_else(
        || "the connection timeouts counted by the service are unknown".to_owned(),
        |count| format!("the service counted {count:.0} connection timeouts"),
    );
    let parts: Vec<String> = of_client.into_iter().chain([of_service]).collect();
    found(
        requests == 0 && known.unwrap_or(0.0) < 0.5,
        parts.join("; "),
    )
}
