//! Made-up warning signs and events.

use super::AT;
use slod::outcome::Timestamp;
use slod::report::health::HealthLevel;
use slod::report::timeline::TimelineEvent;
use slod::signal::{Finding, Findings, Presence, SignalKind, kinds};
use std::time::Duration;

/// Signs of `concierge`, of each presence.
pub fn findings() -> Findings {
    use Presence::{Active, Clear, Unknown};
    let all = [
        (
            &kinds::LATENCY_RISING,
            "",
            Active,
            "p95 rose 34% in 2 h, from 412 ms to 552 ms, and still rises; traffic is flat",
        ),
        (
            &kinds::MEMORY_GROWING,
            "worker",
            Active,
            "grows by 96 MiB/h (90 to 101, 95%), reaches its limit in 7 h",
        ),
        (
            &kinds::POOL_EXHAUSTED,
            "",
            Unknown,
            "the metrics show no database pool",
        ),
        (
            &kinds::ERRORS_CLIMBING,
            "",
            Clear,
            "0.1% failed; a rise by 0.5 points would have been seen",
        ),
        (&kinds::CPU_HIGH, "worker", Clear, "42% in the last minute"),
    ];
    let finding =
        |(kind, subject, presence, evidence): (&'static SignalKind, &str, Presence, &str)| {
            Finding {
                kind,
                service: Some("concierge".into()),
                subject: subject.into(),
                presence,
                evidence: evidence.to_owned(),
            }
        };
    Findings {
        at: AT,
        all: all.map(finding).into(),
    }
}

/// Events of an afternoon, the newest first.
pub fn events() -> Vec<TimelineEvent> {
    let event = |minutes: u64, level, what, text: &str| TimelineEvent {
        at: Timestamp(AT.0).before(Duration::from_secs(minutes * 60)),
        level,
        what,
        text: text.to_owned(),
    };
    let mut all = vec![
        event(
            5,
            HealthLevel::Warn,
            "ticket",
            "memory growing (worker): grows by 96 MiB/h",
        ),
        event(12, HealthLevel::Ok, "up", "health, after 3m20s"),
        event(
            15,
            HealthLevel::Bad,
            "down",
            "health: status: expected 200, got 503",
        ),
        event(40, HealthLevel::Warn, "restarted", "processes of worker"),
        event(
            60,
            HealthLevel::Idle,
            "correction",
            "ends: database upgrade",
        ),
        event(
            90,
            HealthLevel::Idle,
            "correction",
            "begins: database upgrade, by ada",
        ),
    ];
    all.extend((0..20).map(|n| {
        event(
            200 + n * 60,
            HealthLevel::Ok,
            "resolved",
            "errors: error-budget burn (1h/5m), after 12m",
        )
    }));
    all
}
