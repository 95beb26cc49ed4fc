use super::*;
use crate::load::indicators;

const FIVE_MINUTES: (u64, u64) = (5, 300);
const MIB: f64 = 1_048_576.0;

/// The built-in spike from 90 to 150 s.
fn spike(observed: Vec<ObservedSeries>) -> RunRecord {
    let scenario = builtin("spike", 1.0).expect("built in");
    let windows = (0..300).map(|second| {
        let at = Duration::from_secs(second);
        let (stage, due) = scenario.at(at).expect("inside");
        window(second, stage, due, &vec![50.0; due as usize], 0)
    });
    let windows = windows.collect();
    RunRecord {
        requests: Vec::new(),
        observed,
        ..run(scenario, windows)
    }
}

/// A value before the spike, one during it, and the time at which the first one returns.
fn filled(key: &str, calm: f64, high: f64, back: f64) -> ObservedSeries {
    gauge(key, FIVE_MINUTES, move |second| {
        if (92.0..back).contains(&second) {
            high
        } else {
            calm
        }
    })
}

#[test]
fn each_filled_resource_returns_to_normal_or_stays_full() {
    let process = r#"{service="rag",process="app"}"#;
    let service = r#"{service="rag"}"#;
    for (topic, key, calm, high) in [
        (
            "memory after the spike",
            format!("slod_process_resident_memory_bytes{process}"),
            225.0 * MIB,
            310.0 * MIB,
        ),
        (
            "circuit breakers after the spike",
            format!("slod_service_circuit_breaker_open{service}"),
            0.0,
            1.0,
        ),
        (
            "connection pool after the spike",
            format!("slod_service_db_pool_in_use{service}"),
            3.0,
            20.0,
        ),
        (
            "queue after the spike",
            format!("slod_service_queue_depth{service}"),
            1.0,
            80.0,
        ),
    ] {
        let found = one(&spike(vec![filled(&key, calm, high, 185.0)]), topic);
        states(&found, Answer::Good, "…within 35 s after the spike…");
        let found = one(&spike(vec![filled(&key, calm, high, 999.0)]), topic);
        assert_eq!(found.answer, Answer::Bad, "{}", found.evidence);
        assert!(found.advice.is_some());
        let found = one(&spike(vec![filled(&key, calm, calm, 999.0)]), topic);
        assert_eq!(found.answer, Answer::Good, "{}", found.evidence);
    }
    let found = one(&spike(Vec::new()), "not observed after the spike");
    states(
        &found,
        Answer::Unknown,
        "memory (needs `processes` of the service); circuit breakers, connection pool, queue (needs `metrics` of the service)",
    );
    let key = format!("slod_process_resident_memory_bytes{process}");
    let found = one(
        &spike(vec![filled(&key, 225.0 * MIB, 310.0 * MIB, 999.0)]),
        "memory after the spike",
    );
    assert_eq!(
        found.evidence,
        "the memory of app of rag was still 310 MiB at the end, 150 s after the spike, 38% above the level before the spike (225 MiB)"
    );
}

/// Connections that are never returned.
#[test]
fn a_service_that_stays_slow_after_a_spike_is_neither_consistent_nor_still_working() {
    let slow = |observed| {
        let mut slow = spike(observed);
        for one in slow.windows.iter_mut().skip(90) {
            let latencies = vec![5000.0; one.due as usize];
            *one = window(one.start.as_secs(), one.stage, one.due, &latencies, 0);
        }
        slow
    };
    let consistent = &indicators(&slow(Vec::new())).healthy[0];
    states(
        consistent,
        Answer::Bad,
        "p95 50 ms at the lowest load, 5000 ms at the highest",
    );
    let key = r#"slod_service_db_pool_in_use{service="rag"}"#;
    for (back, has_advice) in [(150.0, true), (999.0, false)] {
        let recovery = one(&slow(vec![filled(key, 3.0, 20.0, back)]), "recovery");
        assert_eq!(recovery.answer, Answer::Bad);
        assert_eq!(recovery.advice.is_some(), has_advice);
    }
}

#[test]
fn noise_is_not_an_effect_of_a_spike() {
    for seed in 0..20 {
        for correlation in [0.0, 0.9] {
            let mut memory = noise(seed, correlation);
            let mut queue = noise(seed + 50, correlation);
            let run = spike(vec![
                gauge(
                    r#"slod_process_resident_memory_bytes{service="rag",process="app"}"#,
                    FIVE_MINUTES,
                    |_| (200.0 + 4.0 * memory()) * MIB,
                ),
                gauge(
                    r#"slod_service_queue_depth{service="rag"}"#,
                    FIVE_MINUTES,
                    |_| (2.0 + queue()).round().max(0.0),
                ),
            ]);
            for topic in ["memory after the spike", "queue after the spike"] {
                let found = one(&run, topic);
                assert_eq!(found.answer, Answer::Good, "{seed}: {}", found.evidence);
            }
        }
    }
}
