//! Made-up warning signs.

use super::AT;
use slod::signal::{
    Finding, Findings, INDICATORS, Indicator, IndicatorKind, Presence, SignalKind, kinds,
};

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
        indicators: indicators(),
    }
}

fn indicators() -> Vec<Indicator> {
    let holds = [
        Some(false),
        Some(true),
        Some(true),
        Some(false),
        None,
        Some(true),
    ];
    let indicator = |(kind, holds): (&&'static IndicatorKind, Option<bool>)| Indicator {
        kind,
        service: "concierge".into(),
        holds,
        evidence: match holds {
            Some(_) => "0 of 7200 failed in the last hour".to_owned(),
            None => "the metrics show no database pool".to_owned(),
        },
    };
    INDICATORS.iter().zip(holds).map(indicator).collect()
}
