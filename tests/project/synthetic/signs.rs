//! Synthetic warning signs.

use super::AT;
use slod::signal::{Finding, Findings, INDICATORS, Indicator, Presence, SignalKind, kinds};

/// Signs of `concierge`, one for each state.
pub fn findings() -> Findings {
    use Presence::{Active, Clear, Unknown};
    let all = [
        (
            &kinds::LATENCY_RISING,
            "",
            Active,
            "p95 rose 34% in 2 h, from 412 ms to 552 ms, and is still rising; traffic is flat",
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
                evidence: evidence.into(),
                chart: "".into(),
            }
        };
    Findings {
        at: AT,
        all: all.map(finding).into(),
        indicators: indicators(),
    }
}

/// The health indicators of `concierge`, one for each result.
fn indicators() -> Vec<Indicator> {
    let answers = [
        (Some(false), "p95 rose 34% in 2 h"),
        (Some(true), "36 of 41,200 failed (0.09%)"),
        (
            Some(true),
            "42% of the processors at the peak of the last 2 h",
        ),
        (Some(false), "worker grows by 96 MiB/h"),
        (None, "the metrics show no database pool"),
        (Some(true), "no timeout in the last 10 min"),
    ];
    let all = INDICATORS.into_iter().zip(answers);
    let indicator = |(kind, (holds, evidence)): (_, (_, &str))| Indicator {
        kind,
        service: "concierge".into(),
        holds,
        evidence: evidence.into(),
    };
    all.map(indicator).collect()
}
