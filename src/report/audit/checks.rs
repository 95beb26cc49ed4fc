//! One function for each row of the checklist.

use super::facts::{AddressFacts, AnswerFacts, ContainerFacts, Facts};
use super::{Answer, Check};
use crate::format::numbers;
use crate::trend::GrowthVerdict;
use crate::units::{show_duration, whole};
use std::time::Duration;

/// In the order of the checklist.
pub const ALL: [fn(&Facts) -> Check; 10] = [
    pooling,
    caching,
    compression,
    queries,
    breakers,
    rate_limit,
    health,
    logging,
    leaks,
    limits,
];

/// Smaller bodies do not become faster by compression.
const WORTH_COMPRESSING: u64 = 1024;
/// A median longer than this is slow for an answer that needs no AI.
const SLOW: Duration = Duration::from_millis(500);
/// What a health check may take, at the 95th percentile.
const HEALTH_QUICK: Duration = Duration::from_millis(100);
/// A body that a health check should not exceed.
const HEALTH_SMALL: u64 = 16 << 10;
/// A request that writes more than this logs too much, or stores something.
const WRITTEN_MUCH: f64 = 64.0 * 1024.0;
const MIB: f64 = 1_048_576.0;
/// A cache that finds less often hardly helps.
const HITS_LOW: f64 = 0.5;

fn check(row: &'static str, answer: Answer, evidence: impl Into<String>) -> Check {
    let evidence = evidence.into();
    Check {
        row,
        answer,
        evidence,
    }
}

/// What is missing where no metric says it.
fn no_metrics(facts: &Facts, what: &str) -> String {
    if facts.has_metrics {
        format!("the service's metrics do not show {what}")
    } else {
        format!("`metrics` is not configured for the service, so {what} is not known")
    }
}

fn pooling(facts: &Facts) -> Check {
    let row = "Database connection pooling configured";
    let Some(pool) = &facts.pool else {
        return check(
            row,
            Answer::Unknown,
            no_metrics(facts, "the connection pool"),
        );
    };
    let span = show_duration(facts.span);
    let waited = pool.waiting.unwrap_or_default();
    match pool.max {
        Some(max) if pool.in_use >= max || waited > 0.0 => {
            let evidence = format!(
                "of {max} connections up to {} were in use in the last {span}, and up to {waited} requests waited for one: the pool is too small, or connections are held for too long",
                pool.in_use
            );
            check(row, Answer::No, evidence)
        }
        Some(max) => {
            let evidence = format!(
                "of {max} connections up to {} were in use in the last {span}; nobody waited",
                pool.in_use
            );
            check(row, Answer::Yes, evidence)
        }
        None => {
            let evidence = format!(
                "up to {} connections were in use in the last {span}, but the metrics do not show how many there may be",
                pool.in_use
            );
            check(row, Answer::Unknown, evidence)
        }
    }
}

fn caching(facts: &Facts) -> Check {
    let row = "Response caching implemented";
    if let Some((hits, misses)) = facts.cache.filter(|(hits, misses)| hits + misses > 0.0) {
        let ratio = hits / (hits + misses);
        let evidence = format!(
            "{} of {} cache lookups in the last {} found something",
            numbers::percent(ratio),
            (hits + misses).round(),
            show_duration(facts.span)
        );
        let answer = if ratio < HITS_LOW {
            Answer::No
        } else {
            Answer::Yes
        };
        return check(row, answer, evidence);
    }
    let cached = |answer: &AnswerFacts| {
        let control = answer.cache_control.as_deref().unwrap_or_default();
        let lasts = control.contains("max-age") && !control.contains("max-age=0");
        lasts || answer.has_validator
    };
    let found = answers(facts).find(|(_, answer)| cached(answer));
    match found {
        Some((address, _)) => check(
            row,
            Answer::Yes,
            format!("clients may cache the answer of {}", address.url),
        ),
        None => check(
            row,
            Answer::Unknown,
            format!(
                "no answer allows clients to cache it, and {}",
                no_metrics(facts, "a cache of the service")
            ),
        ),
    }
}

fn compression(facts: &Facts) -> Check {
    let row = "Static file compression enabled";
    let worth = |answer: &AnswerFacts| {
        let kind = answer.content_type.as_deref().unwrap_or("text/plain");
        let is_text = ["text/", "json", "javascript", "xml"]
            .iter()
            .any(|word| kind.contains(word));
        answer.asked_compressed && answer.length >= WORTH_COMPRESSING && is_text
    };
    let mut large = answers(facts)
        .filter(|(_, answer)| worth(answer))
        .peekable();
    if large.peek().is_none() {
        let evidence = format!(
            "no probed address answers with text of at least {WORTH_COMPRESSING} bytes to a request that accepts compression: add a probe of a static file"
        );
        return check(row, Answer::Unknown, evidence);
    }
    let mut seen = Vec::new();
    for (address, answer) in large {
        let Some(encoding) = &answer.content_encoding else {
            let evidence = format!("{} sends {} bytes uncompressed", address.url, answer.length);
            return check(row, Answer::No, evidence);
        };
        seen.push(format!("{} is sent as {encoding}", address.url));
    }
    check(row, Answer::Yes, seen.join("; "))
}

fn queries(facts: &Facts) -> Check {
    let row = "Database queries optimized with indexes";
    let slow = |address: &&AddressFacts| address.p50.is_some_and(|p50| p50 > SLOW);
    let named: Vec<String> = facts
        .addresses
        .iter()
        .filter(slow)
        .map(|one| format!("{} ({} at the median)", one.url, known(one.p50)))
        .collect();
    let what = "look at the database's slow queries (pg_stat_statements, slow_query_log)";
    let evidence = if named.is_empty() {
        format!("not visible from outside; no probed address is slow. To be sure, {what}")
    } else {
        format!(
            "not visible from outside; slow are {}: {what}",
            named.join(", ")
        )
    };
    check(row, Answer::Unknown, evidence)
}

fn breakers(facts: &Facts) -> Check {
    let row = "Circuit breakers configured";
    if !facts.has_breaker {
        return check(row, Answer::Unknown, no_metrics(facts, "circuit breakers"));
    }
    let evidence = match facts.breaker_trips {
        Some(trips) => format!(
            "the metrics show circuit breakers; they opened {} times in the last {}",
            trips.round(),
            show_duration(facts.span)
        ),
        None => "the metrics show circuit breakers".to_owned(),
    };
    check(row, Answer::Yes, evidence)
}

fn rate_limit(facts: &Facts) -> Check {
    let row = "Rate limiting tuned";
    let refusing = answers(facts).find(|(_, answer)| answer.status == 429);
    match refusing {
        Some((
            address,
            AnswerFacts {
                retry_after: Some(wait),
                ..
            },
        )) => check(
            row,
            Answer::Yes,
            format!(
                "{} refuses with status 429 and `Retry-After: {wait}`",
                address.url
            ),
        ),
        Some((address, _)) => check(
            row,
            Answer::No,
            format!(
                "{} refuses with status 429 without `Retry-After`, so that clients do not know when to come back",
                address.url
            ),
        ),
        None if facts.refused > 0 => check(
            row,
            Answer::Unknown,
            format!(
                "{} attempts of the last {} were refused with status 429; none is now",
                facts.refused,
                show_duration(facts.span)
            ),
        ),
        None => check(
            row,
            Answer::Unknown,
            "nothing was refused at the rate of the probes: `slod load` shows what happens above the limit",
        ),
    }
}

fn health(facts: &Facts) -> Check {
    let row = "Health checks optimized";
    let is_health = |address: &&AddressFacts| {
        let path = address.url.to_ascii_lowercase();
        ["health", "ready", "live", "ping", "status"]
            .iter()
            .any(|word| path.contains(word))
    };
    let mut checks = facts.addresses.iter().filter(is_health);
    let Some(address) = checks.next() else {
        let evidence = "no probe asks an address such as /health: add one";
        return check(row, Answer::Unknown, evidence);
    };
    let url = &address.url;
    match (&address.answer, address.p95) {
        (Err(reason), _) => check(row, Answer::No, format!("{url} does not answer: {reason}")),
        (Ok(answer), _) if answer.length > HEALTH_SMALL => {
            let evidence = format!(
                "{url} answers with {} bytes; a status needs less",
                answer.length
            );
            check(row, Answer::No, evidence)
        }
        (Ok(_), Some(p95)) if p95 > HEALTH_QUICK => {
            let evidence = format!(
                "{url} takes {} at the 95th percentile of the last hour: it should answer within {} from what is known",
                numbers::latency(p95),
                numbers::latency(HEALTH_QUICK)
            );
            check(row, Answer::No, evidence)
        }
        (Ok(_), Some(p95)) => {
            let evidence = format!(
                "{url} takes {} at the 95th percentile of the last hour",
                numbers::latency(p95)
            );
            check(row, Answer::Yes, evidence)
        }
        (Ok(_), None) => {
            let evidence = format!(
                "{url} answers; too few attempts of the last hour are stored for a 95th percentile"
            );
            check(row, Answer::Unknown, evidence)
        }
    }
}

fn logging(facts: &Facts) -> Check {
    let row = "Logging performance reviewed";
    let Some((written, requests)) = facts.written.filter(|(_, requests)| *requests >= 100.0) else {
        let evidence = "bytes written per request are not known: configure `processes` and `metrics` of the service";
        return check(row, Answer::Unknown, evidence);
    };
    let each = written / requests;
    let evidence = format!(
        "the processes wrote {} to disks per request in the last {}",
        numbers::bytes(whole(each)),
        show_duration(facts.span)
    );
    let answer = if each > WRITTEN_MUCH {
        Answer::No
    } else {
        Answer::Yes
    };
    check(row, answer, evidence)
}

fn leaks(facts: &Facts) -> Check {
    let row = "Memory leaks checked";
    match &facts.memory {
        None => check(
            row,
            Answer::Unknown,
            "the memory of the processes is not known: configure `processes` of the service",
        ),
        Some(GrowthVerdict::Unknown { .. }) => check(
            row,
            Answer::Unknown,
            "too little of the processes' memory is known since their last restart",
        ),
        Some(GrowthVerdict::Plateauing(_)) => check(
            row,
            Answer::Unknown,
            "memory grew and flattens: it may be warming up; look again later",
        ),
        Some(GrowthVerdict::Steady { smallest_per_hour }) => check(
            row,
            Answer::Yes,
            format!(
                "memory does not grow; a leak of {:.1} MiB per hour would have been found",
                smallest_per_hour / MIB
            ),
        ),
        Some(GrowthVerdict::Growing(growth)) => check(
            row,
            Answer::No,
            format!(
                "memory grows by {:.1} MiB per hour ({:.1} to {:.1})",
                growth.per_hour / MIB,
                growth.low / MIB,
                growth.high / MIB
            ),
        ),
    }
}

fn limits(facts: &Facts) -> Check {
    let row = "Resource limits set (Docker)";
    if facts.containers.is_empty() {
        let evidence = if facts.bare_processes > 0 {
            "the processes run in no container that slod can see"
        } else {
            "no processes are known: configure `processes` of the service"
        };
        return check(row, Answer::Unknown, evidence);
    }
    let missing: Vec<String> = facts.containers.iter().filter_map(without_limit).collect();
    if missing.is_empty() {
        let each = facts.containers.iter().map(|one| {
            format!(
                "{}: {} and {} processors",
                one.process,
                one.memory_limit
                    .map_or_else(String::new, |limit| numbers::bytes(whole(limit))),
                one.cpu_limit.unwrap_or_default()
            )
        });
        return check(row, Answer::Yes, each.collect::<Vec<_>>().join("; "));
    }
    check(row, Answer::No, missing.join("; "))
}

fn without_limit(container: &ContainerFacts) -> Option<String> {
    let parts: Vec<&str> = [
        ("memory", container.memory_limit),
        ("processors", container.cpu_limit),
    ]
    .into_iter()
    .filter(|(_, limit)| limit.is_none())
    .map(|(name, _)| name)
    .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "{} has no limit of {}",
            container.process,
            parts.join(" and ")
        )
    })
}

fn answers(facts: &Facts) -> impl Iterator<Item = (&AddressFacts, &AnswerFacts)> {
    let each = facts.addresses.iter();
    each.filter_map(|address| Some((address, address.answer.as_ref().ok()?)))
}

fn known(time: Option<Duration>) -> String {
    time.map_or_else(|| "unknown".to_owned(), numbers::latency)
}
