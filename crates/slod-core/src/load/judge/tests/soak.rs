use super::*;
use crate::load::indicators;

const MIB: f64 = 1_048_576.0;
const TWO_HOURS: (u64, u64) = (10, 7200);

/// A soak of two hours with a constant load.
fn soak(observed: Vec<ObservedSeries>) -> RunRecord {
    let scenario = builtin("soak", 1.0).expect("built in");
    let windows = (0..7200).map(|second| window(second, 0, 50.0, &[20.0; 5], 0));
    RunRecord {
        requests: Vec::new(),
        observed,
        ..run(scenario, windows.collect())
    }
}

fn memory(value: impl FnMut(f64) -> f64) -> ObservedSeries {
    let key = r#"slod_process_anonymous_memory_bytes{service="rag",process="app"}"#;
    gauge(key, TWO_HOURS, value)
}

#[test]
fn a_leak_has_a_rate_an_interval_and_the_time_to_the_limit() {
    let mut noise = noise(1, 0.5);
    let leak = memory(|second| (200.0 + 20.0 * second / 3600.0 + noise()) * MIB);
    let of = |name: &str, mib: f64| {
        let key = format!(r#"slod_container_memory_{name}_bytes{{service="rag",process="app"}}"#);
        gauge(&key, TWO_HOURS, move |_| mib * MIB)
    };
    let found = one(
        &soak(vec![leak, of("limit", 512.0), of("working_set", 312.0)]),
        "memory growth",
    );
    assert_eq!(found.answer, Answer::Bad, "{}", found.evidence);
    let pace: f64 = found.evidence.split(' ').nth(8).unwrap().parse().unwrap();
    assert!((pace - 20.0).abs() < 1.0, "{}", found.evidence);
    says(
        &found.evidence,
        "…; it would reach the container's limit of 512 MiB in 9.9 h…",
    );
    assert_eq!(
        found.advice.map(|one| one.row),
        Some("Memory leaks checked")
    );
}

#[test]
fn memory_that_warms_up_steps_or_fluctuates_is_not_a_leak() {
    for seed in 0..20 {
        for correlation in [0.0, 0.9] {
            let mut noise = noise(seed, correlation);
            let flat = soak(vec![memory(|_| (200.0 + 3.0 * noise()) * MIB)]);
            let found = one(&flat, "memory growth");
            assert_eq!(found.answer, Answer::Good, "{seed}: {}", found.evidence);
        }
        let mut wobble = noise(seed, 0.0);
        let warm = memory(|second| (200.0 - 60.0 * (-second / 900.0).exp() + wobble()) * MIB);
        let found = one(&soak(vec![warm]), "memory growth");
        assert_eq!(found.answer, Answer::Good, "{seed}: {}", found.evidence);
        let mut wobble = noise(seed, 0.0);
        let step = memory(|second| {
            let level = if second < 4000.0 { 200.0 } else { 240.0 };
            (level + wobble()) * MIB
        });
        let found = one(&soak(vec![step]), "memory growth");
        assert_eq!(found.answer, Answer::Good, "{seed}: {}", found.evidence);
    }
}

#[test]
fn unobserved_resources_state_what_they_need() {
    let found = all(&soak(Vec::new()));
    let unknown: Vec<&str> = found
        .iter()
        .filter(|one| one.answer == Answer::Unknown)
        .map(|one| one.topic)
        .collect();
    assert_eq!(unknown, ["growth not observed", "resources"]);
    assert_eq!(
        one(&soak(Vec::new()), "growth not observed").evidence,
        "memory growth, open files growth, thread growth (needs `processes` of the service); connection growth, pool growth, queue growth (needs `metrics` of the service)"
    );
    let scrape = |is_read: f64| {
        let key = r#"slod_scrape_success{service="rag"}"#;
        let run = soak(vec![gauge(key, (600, 7200), move |_| is_read)]);
        one(&run, "growth not observed").evidence
    };
    assert!(
        scrape(1.0).ends_with("connection growth (the `metrics` of the service have no `active_connections`); pool growth (the `metrics` of the service have no `db_pool_in_use`); queue growth (the `metrics` of the service have no `queue_depth`)"),
        "{}",
        scrape(1.0)
    );
    assert!(
        scrape(0.0).ends_with("queue growth (the `metrics` of the service could not be read)"),
        "{}",
        scrape(0.0)
    );
    let few = gauge(
        r#"slod_process_threads{service="rag",process="app"}"#,
        (600, 7200),
        |_| 9.0,
    );
    let found = one(&soak(vec![few]), "thread growth");
    assert_eq!(found.answer, Answer::Unknown, "{}", found.evidence);
}

/// Counts: files and threads that grow by 20 per hour, connections and a pool by 6.
#[test]
fn resources_that_are_never_released_grow() {
    let labels = r#"{service="rag",process="app"}"#;
    let service = r#"{service="rag"}"#;
    for (topic, family, labels, per_hour) in [
        ("open files growth", "slod_process_open_fds", labels, 20.0),
        ("thread growth", "slod_process_threads", labels, 20.0),
        (
            "connection growth",
            "slod_service_active_connections",
            service,
            20.0,
        ),
        ("pool growth", "slod_service_db_pool_in_use", service, 6.0),
        ("queue growth", "slod_service_queue_depth", service, 20.0),
    ] {
        for seed in 0..5 {
            let key = format!("{family}{labels}");
            let mut noise = noise(seed, 0.0);
            let grows = gauge(&key, TWO_HOURS, |second| {
                (12.0 + per_hour * second / 3600.0 + noise()).round()
            });
            let found = one(&soak(vec![grows]), topic);
            assert_eq!(found.answer, Answer::Bad, "{topic}: {}", found.evidence);
            assert!(found.advice.is_some());
            for correlation in [0.0, 0.9] {
                let mut noise = super::noise(seed, correlation);
                let flat = gauge(&key, TWO_HOURS, |_| (12.0 + 2.0 * noise()).round().max(0.0));
                let found = one(&soak(vec![flat]), topic);
                assert_eq!(found.answer, Answer::Good, "{topic}: {}", found.evidence);
            }
        }
    }
}

#[test]
fn a_pool_that_leaks_is_not_properly_pooled_although_it_is_not_full() {
    let pool = |family: &str, per_second: f64, from: f64| {
        let key = format!(r#"slod_service_db_pool_{family}{{service="rag"}}"#);
        gauge(&key, TWO_HOURS, move |second| {
            (from + per_second * second).floor()
        })
    };
    for (per_second, answer) in [(6.0 / 3600.0, Answer::Bad), (0.0, Answer::Good)] {
        let found = indicators(&soak(vec![
            pool("in_use", per_second, 2.0),
            pool("max", 0.0, 20.0),
        ]));
        let (pooled, exhausted) = (&found.healthy[4], &found.warnings[3]);
        assert_eq!(pooled.answer, answer, "{pooled:?}");
        assert_eq!(exhausted.answer, Answer::Good, "{exhausted:?}");
    }
}

#[test]
fn growth_explained_by_the_load_is_not_a_leak() {
    let mut run = soak(vec![memory(|second| {
        (200.0 + 20.0 * second / 3600.0) * MIB
    })]);
    for window in &mut run.windows {
        let more = window.start.as_secs() / 1200;
        *window = super::window(
            window.start.as_secs(),
            0,
            50.0,
            &vec![20.0; 5 + more as usize],
            0,
        );
    }
    let found = one(&run, "memory growth");
    states(&found, Answer::Unknown, "…so does the load");
}

#[test]
fn growing_errors_are_detected_and_a_steady_share_is_not() {
    let of = |failed: &dyn Fn(u64) -> u64| {
        let mut run = soak(Vec::new());
        for window in &mut run.windows {
            let second = window.start.as_secs();
            *window = super::window(second, 0, 50.0, &[20.0; 20], failed(second));
        }
        one(&run, "error growth")
    };
    let grows = of(&|second| {
        u64::from(second % 7200 > 7200 - second / 8 || second % 37 == 0 && second > 3600)
    });
    assert_eq!(grows.answer, Answer::Bad, "{}", grows.evidence);
    let steady = of(&|second| u64::from(second * 7919 % 1009 < 10));
    states(&steady, Answer::Good, "…would have been detected…");
}

#[test]
fn a_resource_rarely_full_in_many_samples_is_fine() {
    let now_and_then = |at: f64| if at % 200.0 < 5.0 { 1.0 } else { 0.5 };
    let key = r#"slod_service_db_pool_usage_ratio{service="rag"}"#;
    let run = soak(vec![gauge(key, (5, 7200), now_and_then)]);
    let pool = one(&run, "connection pool");
    assert_eq!(pool.answer, Answer::Good, "{}", pool.evidence);
    let words = "used to at most 100%, in 37 of 1,441 samples and never for long";
    assert!(pool.evidence.contains(words), "{}", pool.evidence);
}

/// Windows whose p95 varies widely hide a rise.
#[test]
fn an_unsteady_p95_does_not_prove_the_absence_of_a_rise() {
    let of = |spread: f64| {
        let mut noise = super::noise(3, 0.0);
        let mut slower = 1.0;
        let mut run = soak(Vec::new());
        for window in &mut run.windows {
            let second = window.start.as_secs();
            if second % 300 == 0 {
                slower = (spread * noise()).exp();
            }
            *window = super::window(second, 0, 50.0, &[20.0 * slower; 20], 0);
        }
        one(&run, "degradation")
    };
    let steady = of(0.02);
    assert_eq!(steady.answer, Answer::Good, "{}", steady.evidence);
    let unsteady = of(1.0);
    states(&unsteady, Answer::Unknown, "no rise was detected, but…");
}
