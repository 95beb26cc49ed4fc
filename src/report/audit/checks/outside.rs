//! Checks based on the responses of the probed addresses and their latency.

use super::{check, no_metrics};
use crate::format::numbers;
use crate::probe::http::is_health_check;
use crate::report::audit::facts::{AddressFacts, AnswerFacts, Facts, RunFacts};
use crate::report::audit::{Answer, Check};
use crate::report::load_run::with_retry_after;
use crate::units::show_duration;
use std::time::Duration;

/// Minimum body size in bytes that benefits from compression.
const WORTH_COMPRESSING: u64 = 1024;
/// Median latency above which a response without AI is slow.
const SLOW: Duration = Duration::from_millis(500);
/// Maximum 95th percentile of a health check's latency.
const HEALTH_QUICK: Duration = Duration::from_millis(100);
/// Maximum body size of a health check's response, in bytes.
const HEALTH_SMALL: u64 = 16 << 10;
/// Minimum hit ratio of a useful cache.
const HITS_LOW: f64 = 0.5;
/// Minimum number of lookups for a meaningful hit ratio.
const LOOKUPS_MIN: f64 = 100.0;

pub fn caching(facts: &Facts) -> Check {
    let row = "Response caching implemented";
    let lookups = facts
        .cache
        .filter(|(hits, misses)| hits + misses >= LOOKUPS_MIN);
    if let Some((hits, misses)) = lookups {
        let ratio = hits / (hits + misses);
        let evidence = format!(
            "{} of {} cache lookups in the last {} were hits",
            numbers::percent(ratio),
            (hits + misses).round(),
            show_duration(facts.span)
        );
        return if ratio < HITS_LOW {
            check(
                row,
                Answer::No,
                format!("{evidence}: the cache is not effective"),
            )
        } else {
            check(row, Answer::Yes, evidence)
        };
    }
    let mut answers = successes(facts).filter(|(address, _)| !is_health_check(&address.url));
    match answers.find(|(_, answer)| is_cacheable(answer)) {
        Some((address, _)) => check(
            row,
            Answer::Yes,
            format!("clients may cache the response of {}", address.url),
        ),
        None => check(
            row,
            Answer::Unknown,
            format!(
                "{}, and {}",
                match facts.unanswered() {
                    Some(fault) => fault,
                    None => "no response allows clients to cache it".to_owned(),
                },
                match facts.cache {
                    Some(_) => "its cache had too few lookups".to_owned(),
                    None => no_metrics(facts, "a cache of the service"),
                }
            ),
        ),
    }
}

/// Whether the response may be cached, for a time or with revalidation (RFC 9111).
fn is_cacheable(answer: &AnswerFacts) -> bool {
    let control = answer.cache_control.as_deref().unwrap_or_default();
    let control = control.to_ascii_lowercase();
    let directives = control.split(',').map(str::trim);
    if directives.clone().any(|one| one == "no-store") {
        return false;
    }
    let age = |one: &str| {
        let (name, seconds) = one.split_once('=')?;
        let is_age = matches!(name.trim(), "max-age" | "s-maxage");
        is_age.then(|| seconds.trim().parse::<u64>().unwrap_or(0))
    };
    let ages: Vec<u64> = directives.filter_map(age).collect();
    let lasts = if ages.is_empty() {
        // An age takes precedence.
        answer.expires_later
    } else {
        ages.iter().any(|age| *age > 0)
    };
    answer.has_validator || lasts
}

pub fn compression(facts: &Facts) -> Check {
    let row = "Static file compression enabled";
    let worth = |answer: &AnswerFacts| {
        let kind = answer.content_type.as_deref().unwrap_or_default();
        let is_text = ["text/", "json", "javascript", "xml"]
            .iter()
            .any(|word| kind.contains(word));
        answer.asked_compressed && answer.length >= WORTH_COMPRESSING && is_text
    };
    let mut large = successes(facts)
        .filter(|(_, answer)| worth(answer))
        .peekable();
    if large.peek().is_none() {
        let without = || {
            format!(
                "no probed address answers with text of at least {WORTH_COMPRESSING} bytes to a request that accepts compression: add a probe of a static file"
            )
        };
        let evidence = facts.unanswered().unwrap_or_else(without);
        return check(row, Answer::Unknown, evidence);
    }
    let mut seen = Vec::new();
    for (address, answer) in large {
        let encoding = answer.content_encoding.as_deref();
        let Some(encoding) = encoding.filter(|one| !one.eq_ignore_ascii_case("identity")) else {
            let evidence = format!("{} sends {} bytes uncompressed", address.url, answer.length);
            return check(row, Answer::No, evidence);
        };
        seen.push(format!("{} is sent as {encoding}", address.url));
    }
    check(row, Answer::Yes, seen.join("; "))
}

pub fn queries(facts: &Facts) -> Check {
    let row = "Database queries optimized with indexes";
    let measured = facts.addresses.iter();
    let measured = measured.filter_map(|one| Some((&one.url, one.p50?)));
    let slow = measured.clone().filter(|(_, p50)| *p50 > SLOW);
    let slow: Vec<String> = slow
        .map(|(url, p50)| format!("{url} ({} at the median)", numbers::latency(p50)))
        .collect();
    let what = "look at the database's slow queries (pg_stat_statements, slow_query_log)";
    let evidence = match (measured.count(), slow.len()) {
        (0, _) => format!(
            "not visible from outside, and too few attempts of the last hour are stored to find slow addresses: {what}"
        ),
        (count, 0) => format!(
            "not visible from outside; none of the {count} probed addresses is slow. To be sure, {what}"
        ),
        _ => format!(
            "not visible from outside; slow addresses: {}; {what}",
            slow.join(", ")
        ),
    };
    check(row, Answer::Unknown, evidence)
}

pub fn rate_limit(facts: &Facts) -> Check {
    let row = "Rate limiting tuned";
    let refusing = answers(facts).find(|(_, answer)| answer.status == 429);
    let limited = facts.run.as_ref().filter(|run| run.rejected > 0);
    match (refusing, limited) {
        (
            Some((
                address,
                AnswerFacts {
                    retry_after: Some(wait),
                    ..
                },
            )),
            _,
        ) => check(
            row,
            Answer::Yes,
            format!(
                "{} limits the rate with status 429 and `Retry-After: {wait}`",
                address.url
            ),
        ),
        (Some((address, _)), _) => check(
            row,
            Answer::No,
            format!(
                "{} limits the rate with status 429 without `Retry-After`, so clients do not know when to retry",
                address.url
            ),
        ),
        (None, Some(run)) => limited_by(run, row),
        (None, None) if facts.refused > 0 => check(
            row,
            Answer::Unknown,
            format!(
                "{} attempts in the last {} were rejected with status 429; the current ones are not",
                facts.refused,
                show_duration(facts.span)
            ),
        ),
        (None, None) => {
            let evidence = facts.unanswered().unwrap_or_else(|| not_rejected(facts));
            check(row, Answer::Unknown, evidence)
        }
    }
}

/// Up to which load no request was rejected.
fn not_rejected(facts: &Facts) -> String {
    match &facts.run {
        Some(RunFacts { id, scenario, rate, .. }) => format!(
            "no request was rejected with status 429 at up to {rate:.1}/s (run {id}, {scenario}): a higher load may reach a limit"
        ),
        None => "no request was rejected at the rate of the probes: `slod load` shows what happens above the limit".to_owned(),
    }
}

/// What a load run shows about a rate limit.
fn limited_by(run: &RunFacts, row: &'static str) -> Check {
    let RunFacts {
        id,
        scenario,
        requests,
        rejected,
        retry_after,
        ..
    } = run;
    let evidence = format!(
        "{} of {} requests of run {id} ({scenario}) were rejected with status 429",
        numbers::count(*rejected),
        numbers::count(*requests)
    );
    match retry_after {
        None => check(
            row,
            Answer::Unknown,
            format!("{evidence}; its load generator did not read `Retry-After`"),
        ),
        Some(retry_after) => {
            let evidence = format!("{evidence}, {}", with_retry_after(*rejected, *retry_after));
            if retry_after.count >= *rejected {
                return check(row, Answer::Yes, evidence);
            }
            let evidence = format!("{evidence}: clients do not know when to retry");
            check(row, Answer::No, evidence)
        }
    }
}

/// The worst answer of all health checks.
pub fn health(facts: &Facts) -> Check {
    let row = "Health checks optimized";
    let checks = facts
        .addresses
        .iter()
        .filter(|one| is_health_check(&one.url));
    let mut found: Vec<(Answer, String)> = checks.map(of_health).collect();
    let order = |answer: Answer| match answer {
        Answer::No => 0,
        Answer::Unknown => 1,
        Answer::Yes => 2,
    };
    found.sort_by_key(|(answer, _)| order(*answer));
    match found.into_iter().next() {
        Some((answer, evidence)) => check(row, answer, evidence),
        None => check(
            row,
            Answer::Unknown,
            "no probe requests an address such as /health: add one",
        ),
    }
}

fn of_health(address: &AddressFacts) -> (Answer, String) {
    let url = &address.url;
    match (&address.answer, address.p95) {
        (Err(reason), _) => (Answer::No, format!("{url} does not answer: {reason}")),
        (Ok(answer), _) if !is_success(answer) => (
            Answer::No,
            format!("{url} answers with status {}", answer.status),
        ),
        (Ok(answer), _) if answer.length > HEALTH_SMALL => {
            let length = answer.length;
            let evidence =
                format!("{url} answers with {length} bytes; a health status needs fewer");
            (Answer::No, evidence)
        }
        (Ok(_), Some(p95)) => {
            let took = numbers::latency(p95);
            let evidence = format!("{url} takes {took} at the 95th percentile of the last hour");
            if p95 <= HEALTH_QUICK {
                return (Answer::Yes, evidence);
            }
            let quick = numbers::latency(HEALTH_QUICK);
            let evidence = format!("{evidence}: it should answer from cached state within {quick}");
            (Answer::No, evidence)
        }
        (Ok(_), None) => {
            let evidence = format!(
                "{url} answers; too few attempts of the last hour are stored for a 95th percentile"
            );
            (Answer::Unknown, evidence)
        }
    }
}

fn answers(facts: &Facts) -> impl Iterator<Item = (&AddressFacts, &AnswerFacts)> {
    let each = facts.addresses.iter();
    each.filter_map(|address| Some((address, address.answer.as_ref().ok()?)))
}

fn is_success(answer: &AnswerFacts) -> bool {
    (200..300).contains(&answer.status)
}

fn successes(facts: &Facts) -> impl Iterator<Item = (&AddressFacts, &AnswerFacts)> {
    answers(facts).filter(|(_, answer)| is_success(answer))
}
