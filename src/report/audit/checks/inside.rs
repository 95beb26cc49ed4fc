//! Checks based on metrics, processes and containers of the service.

use super::{check, no_metrics};
use crate::format::numbers;
use crate::report::audit::facts::{ContainerFacts, Facts};
use crate::report::audit::{Answer, Check};
use crate::trend::GrowthVerdict;
use crate::units::{show_duration, whole};

/// Bytes written per request above which logging is probably excessive.
const WRITTEN_MUCH: f64 = 64.0 * 1024.0;
/// Minimum number of requests for an average of bytes per request.
const REQUESTS_MIN: f64 = 100.0;
const MIB: f64 = 1_048_576.0;

pub fn pooling(facts: &Facts) -> Check {
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
            let waiting = if waited > 0.0 {
                format!(", and up to {waited} requests waited for one")
            } else {
                String::new()
            };
            let evidence = format!(
                "up to {} of {max} connections were in use in the last {span}{waiting}: the pool is too small, or connections are held for too long",
                pool.in_use
            );
            check(row, Answer::No, evidence)
        }
        Some(max) => {
            let evidence = format!(
                "up to {} of {max} connections were in use in the last {span}; no request waited",
                pool.in_use
            );
            check(row, Answer::Yes, evidence)
        }
        None => {
            let evidence = format!(
                "up to {} connections were in use in the last {span}, but the metrics do not show the maximum",
                pool.in_use
            );
            check(row, Answer::Unknown, evidence)
        }
    }
}

pub fn breakers(facts: &Facts) -> Check {
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

pub fn logging(facts: &Facts) -> Check {
    let row = "Logging performance reviewed";
    let Some((written, requests)) = facts.written else {
        let evidence = "bytes written per request are not stored: configure `processes` and `metrics` of the service, and run the daemon";
        return check(row, Answer::Unknown, evidence);
    };
    if requests < REQUESTS_MIN {
        let evidence = format!(
            "too few requests for an average of bytes written: {requests:.0} in the last {}, {REQUESTS_MIN} are required",
            show_duration(facts.span)
        );
        return check(row, Answer::Unknown, evidence);
    }
    let each = written / requests;
    let evidence = format!(
        "the processes wrote {} to disks per request in the last {}",
        numbers::bytes(whole(each)),
        show_duration(facts.span)
    );
    if each > WRITTEN_MUCH {
        let evidence = format!(
            "{evidence}, more than {}: look at the log level, unless the service stores what it receives",
            numbers::bytes(whole(WRITTEN_MUCH))
        );
        return check(row, Answer::No, evidence);
    }
    check(row, Answer::Yes, evidence)
}

pub fn leaks(facts: &Facts) -> Check {
    let row = "Memory leaks checked";
    match &facts.memory {
        None => check(
            row,
            Answer::Unknown,
            "no memory of the processes is stored: configure `processes` of the service and run the daemon",
        ),
        Some(GrowthVerdict::Unknown { .. }) => check(
            row,
            Answer::Unknown,
            "too few memory samples since the last restart of the processes",
        ),
        Some(GrowthVerdict::Plateauing(_)) => check(
            row,
            Answer::Unknown,
            "memory grew but is leveling off: it may be warming up; check again later",
        ),
        Some(GrowthVerdict::Steady { smallest_per_hour }) => check(
            row,
            Answer::Yes,
            format!(
                "memory does not grow; a leak of {:.1} MiB per hour would have been detected",
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

pub fn limits(facts: &Facts) -> Check {
    let row = "Resource limits set (Docker)";
    if facts.containers.is_empty() {
        let evidence = if facts.bare_processes > 0 && facts.memory.is_some() {
            "the processes do not run in a container that slod can see"
        } else {
            "no processes are stored: configure `processes` of the service and run the daemon"
        };
        return check(row, Answer::Unknown, evidence);
    }
    let missing: Vec<String> = facts.containers.iter().filter_map(without_limit).collect();
    if missing.is_empty() && facts.bare_processes > 0 {
        let evidence = format!(
            "the containers have limits, but {} other process groups do not run in a container that slod can see",
            facts.bare_processes
        );
        return check(row, Answer::Unknown, evidence);
    }
    if missing.is_empty() {
        let each = facts.containers.iter().map(|one| {
            format!(
                "{}: {} and {} CPUs",
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
        ("CPU", container.cpu_limit),
    ]
    .into_iter()
    .filter(|(_, limit)| limit.is_none())
    .map(|(name, _)| name)
    .collect();
    (!parts.is_empty())
        .then(|| format!("{} has no {} limit", container.process, parts.join(" and ")))
}
