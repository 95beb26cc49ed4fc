use super::*;
use crate::outcome::Cause;

const TEN_MINUTES: (u64, u64) = (5, 600);
/// The second in which responses become slow: at 105 users.
const BREAKS: f64 = 300.0;

/// The built-in stress run, whose responses become slow halfway through.
fn stress(observed: Vec<ObservedSeries>) -> RunRecord {
    stress_of(
        observed,
        |second| if second < BREAKS { 50.0 } else { 2000.0 },
    )
}

fn stress_of(observed: Vec<ObservedSeries>, latency: impl Fn(f64) -> f64) -> RunRecord {
    let scenario = builtin("stress", 1.0).expect("built in");
    let windows = (0..600).map(|second| {
        let users = 10.0 + 190.0 * second as f64 / 600.0;
        let latency = latency(second as f64);
        let rate = users / (1.0 + latency / 1000.0);
        window(second, 0, users, &vec![latency; rate as usize], 0)
    });
    let windows: Vec<LoadWindow> = windows.collect();
    RunRecord {
        requests: Vec::new(),
        observed,
        ..run(scenario, windows)
    }
}

/// The pool metrics of rag, full from a given second on.
fn pool(full_from: f64) -> Vec<ObservedSeries> {
    let key = |name: &str| format!(r#"slod_service_db_pool_{name}{{service="rag"}}"#);
    let is_full = move |second: f64| second >= full_from;
    vec![
        gauge(&key("in_use"), TEN_MINUTES, move |second| {
            if is_full(second) {
                20.0
            } else {
                (second / 30.0).round()
            }
        }),
        gauge(&key("max"), TEN_MINUTES, |_| 20.0),
        gauge(&key("waiting"), TEN_MINUTES, move |second| {
            if is_full(second) { 14.0 } else { 0.0 }
        }),
    ]
}

fn host_cpu(value: impl FnMut(f64) -> f64) -> ObservedSeries {
    gauge("slod_host_cpu_usage_ratio", TEN_MINUTES, value)
}

#[test]
fn the_full_pool_is_listed_first_with_its_numbers() {
    let mut observed = pool(288.0);
    observed.push(host_cpu(|second| 0.2 + second / 1500.0));
    let found = one(&stress(observed), "bottleneck");
    states(
        &found,
        Answer::Bad,
        "the connection pool of rag was full (20 of 20, 14 waiting) 10 s before p95 exceeded its objective",
    );
    assert_eq!(
        found.advice.map(|one| one.row),
        Some("Database connection pooling configured")
    );
}

#[test]
fn the_first_full_resource_leads_and_unusual_ones_follow() {
    let mut observed = pool(290.0);
    observed.push(host_cpu(|second| if second >= 250.0 { 0.97 } else { 0.4 }));
    let key = r#"slod_service_queue_depth{service="rag"}"#;
    observed.push(gauge(key, TEN_MINUTES, |second| {
        if second >= 200.0 { second - 190.0 } else { 1.0 }
    }));
    let found = one(&stress(observed), "bottleneck").evidence;
    let places = [
        "the CPU of the host was at 97% (by unknown programs: needs `processes` of the service) 50 s",
        "2. the connection pool",
        "3. the queue of rag grew to",
    ];
    let places: Vec<Option<usize>> = places.iter().map(|one| found.find(one)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{found}"
    );
    assert!(found.contains("(1 before)"), "{found}");
}

/// The response time of the AI provider: 1 s, and another one from a given second on.
fn ai(slow_from: f64, slow: f64) -> [ObservedSeries; 2] {
    let total = move |second: f64| second + (slow - 1.0) * (second - slow_from).max(0.0);
    let family = "slod_service_llm_request_duration_seconds";
    let of = |part: &str| format!(r#"{family}_{part}{{service="rag"}}"#);
    [
        counter(&of("sum"), TEN_MINUTES, total),
        counter(&of("count"), TEN_MINUTES, |second| second),
    ]
}

/// Requests that wait for a slow provider hold their connections: the pool is full because of the provider.
#[test]
fn a_provider_that_became_slow_before_the_pool_was_full_leads() {
    let found = |slow_from: f64, slow: f64| {
        let observed = pool(288.0).into_iter().chain(ai(slow_from, slow));
        one(&stress(observed.collect()), "bottleneck")
    };
    let is_provider = |found: &Statement| {
        let (provider, pool) = (
            "the response time of the AI provider",
            "the connection pool",
        );
        let places = [provider, pool].map(|words| found.evidence.find(words).expect("listed"));
        places[0] < places[1]
    };
    let earlier = found(200.0, 4.0);
    states(
        &earlier,
        Answer::Bad,
        "the response time of the AI provider of rag rose to 4000 ms (1000 ms before) …",
    );
    assert!(is_provider(&earlier), "{}", earlier.evidence);
    let later = found(294.0, 4.0);
    assert!(!is_provider(&later), "{}", later.evidence);
    // A little slower does not fill a pool.
    let little = found(200.0, 1.3);
    assert!(!is_provider(&little), "{}", little.evidence);
}

#[test]
fn without_a_change_there_is_no_bottleneck() {
    for seed in 0..20 {
        for correlation in [0.0, 0.9] {
            let mut noise = noise(seed, correlation);
            let mut queue = super::noise(seed + 100, correlation);
            let observed = vec![
                host_cpu(|_| (0.5 + 0.1 * noise()).clamp(0.0, 1.0)),
                gauge(
                    r#"slod_service_queue_depth{service="rag"}"#,
                    TEN_MINUTES,
                    |_| (2.0 + queue()).round().max(0.0),
                ),
            ];
            let found = one(&stress(observed), "bottleneck");
            assert_eq!(found.answer, Answer::Unknown, "{seed}: {}", found.evidence);
            says(&found.evidence, "no observed resource…");
        }
    }
    // Full only after the break: an effect of it.
    let found = one(&stress(pool(400.0)), "bottleneck");
    assert_eq!(found.answer, Answer::Unknown, "{}", found.evidence);
    let short = host_cpu(|second| {
        if (40.0..60.0).contains(&second) {
            1.0
        } else {
            0.3
        }
    });
    let found = one(&stress(vec![short]), "bottleneck");
    assert_eq!(found.answer, Answer::Unknown, "{}", found.evidence);
    assert_eq!(
        one(&stress(Vec::new()), "bottleneck").answer,
        Answer::Unknown
    );
}

#[test]
fn each_resource_that_is_full_at_the_highest_load_is_bad() {
    let late = |level: f64| move |second: f64| if second >= 500.0 { level } else { 0.1 };
    let rate = |per_second: f64| move |second: f64| (second - 500.0).max(0.0) * per_second;
    let process = |name: &str| format!(r#"slod_{name}{{service="rag",process="app"}}"#);
    let service = |name: &str| format!(r#"slod_service_{name}{{service="rag"}}"#);
    let full = |key: String, level| vec![gauge(&key, TEN_MINUTES, late(level))];
    let rising = |key: &str, per_second| vec![counter(key, TEN_MINUTES, rate(per_second))];
    let cpu = process("container_cpu_usage_max_ratio");
    let throttled = process("container_cpu_throttled_periods_total");
    let periods = process("container_cpu_periods_total");
    let periods = counter(&periods, TEN_MINUTES, |second| 10.0 * second);
    let memory = process("container_memory_working_set_max_ratio");
    let kills = process("container_oom_kills_total");
    let kills = counter(&kills, TEN_MINUTES, |second| f64::from(second > 580.0));
    let files = process("process_open_fds_max_ratio");
    let tokens = r#"slod_llm_rate_limit_remaining_ratio{service="rag",probe="ai",model="m"}"#;
    let tokens = gauge(
        tokens,
        TEN_MINUTES,
        |second| {
            if second >= 500.0 { 0.0 } else { 0.9 }
        },
    );
    let disk = r#"slod_host_disk_io_time_seconds_total{device="sda"}"#;
    let cases = [
        ("cpu", full(cpu, 0.99)),
        ("cpu", [rising(&throttled, 4.0), vec![periods]].concat()),
        ("memory", full(memory, 0.97)),
        ("memory", vec![kills]),
        (
            "circuit breakers",
            full(service("circuit_breaker_open"), 1.0),
        ),
        ("open files", full(files, 0.95)),
        ("ai provider", vec![tokens]),
        (
            "ai provider",
            rising(&service("llm_rate_limit_hits_total"), 0.2),
        ),
        (
            "network",
            rising(&service("connection_timeouts_total"), 0.1),
        ),
        ("disk", rising(disk, 0.99)),
    ];
    for (topic, observed) in cases {
        let run = stress_of(observed, |_| 50.0);
        let found = one(&run, topic);
        assert_eq!(found.answer, Answer::Bad, "{topic}: {}", found.evidence);
        assert!(found.advice.is_some(), "{topic}");
        assert_eq!(one(&run, "breaking point").answer, Answer::Good);
    }
}

#[test]
fn a_single_thread_is_full_at_one_of_four_processors() {
    let mode = |mode: &str, rate: f64| {
        counter(
            &format!(r#"slod_host_cpu_seconds_total{{mode="{mode}"}}"#),
            TEN_MINUTES,
            move |second| rate * second,
        )
    };
    let of = |most: f64| {
        let key = r#"slod_process_cpu_usage_max_ratio{service="rag",process="app"}"#;
        let process = gauge(key, TEN_MINUTES, move |second| (second / 1000.0).min(most));
        one(
            &stress(vec![mode("user", 1.0), mode("idle", 3.0), process]),
            "bottleneck",
        )
    };
    let found = of(0.2475);
    states(
        &found,
        Answer::Bad,
        "the busiest process of app of rag was at 99% of one processor…",
    );
    assert_eq!(of(0.5).answer, Answer::Unknown, "it uses several");
}

#[test]
fn a_resource_briefly_full_is_neither_full_nor_fine() {
    let at_the_end = |at: f64| if at < 599.0 { 0.5 } else { 1.0 };
    let key = r#"slod_service_db_pool_usage_ratio{service="rag"}"#;
    let run = stress_of(vec![gauge(key, (5, 600), at_the_end)], |_| 50.0);
    let found = all(&run);
    let pool = found.iter().find(|one| one.topic == "connection pool");
    let pool = pool.expect("judged");
    states(pool, Answer::Unknown, "…too short to count…");
}

/// The processors of the host are full; the program that causes it decides the verdict.
#[test]
fn the_service_is_blamed_only_for_its_own_cpu_usage() {
    let observed = |service: &[f64]| {
        let process = |(number, share): (usize, &f64)| {
            let key =
                format!(r#"slod_process_cpu_usage_ratio{{service="rag",process="p{number}"}}"#);
            let share = *share;
            gauge(&key, TEN_MINUTES, move |_| share)
        };
        let processes = service.iter().enumerate().map(process);
        processes.chain([host_cpu(|_| 0.97)]).collect::<Vec<_>>()
    };
    let cases = [
        (
            &[0.3, 0.3][..],
            0.1,
            Answer::Bad,
            "the service 60%, the generator 10%, other programs 27%",
            "cache what",
        ),
        (
            &[0.1],
            0.6,
            Answer::Unknown,
            "the service 10%, the generator 60%, other programs 27%",
            "run the generator on another machine",
        ),
        (
            &[0.02],
            0.0,
            Answer::Unknown,
            "the service 2%, other programs 95%",
            "give the service dedicated processors",
        ),
        (
            &[],
            0.1,
            Answer::Unknown,
            "by unknown programs: needs `processes` of the service",
            "",
        ),
    ];
    for (service, generator, answer, words, advice) in cases {
        let mut run = stress_of(observed(service), |_| 50.0);
        for window in &mut run.windows {
            window.generator_cpu = Some(generator).filter(|share| *share > 0.0);
        }
        let cpu = one(&run, "cpu");
        let expected = format!("at the highest load, the CPU of the host was at 97% ({words})");
        assert_eq!((cpu.answer, cpu.evidence), (answer, expected));
        let sign = &crate::load::indicators(&run).warnings[4];
        assert_eq!(sign.answer, Answer::Bad, "{}", sign.evidence);
        assert!(
            sign.evidence.ends_with(&format!("({words})")),
            "{}",
            sign.evidence
        );
        let what = sign.advice.map_or("", |one| one.what);
        assert!(
            what.starts_with(advice) && what.is_empty() == advice.is_empty(),
            "{what}"
        );
    }
}

#[test]
fn processors_busy_with_other_programs_from_the_start_are_not_a_bottleneck() {
    let process = r#"slod_process_cpu_usage_ratio{service="rag",process="app"}"#;
    // Also if it broke at once.
    for breaks in [BREAKS, 0.0] {
        let latency = |second: f64| if second < breaks { 50.0 } else { 2000.0 };
        let found = |service: f64| {
            let observed = vec![host_cpu(|_| 0.97), gauge(process, TEN_MINUTES, |_| service)];
            one(&stress_of(observed, latency), "bottleneck")
        };
        assert_eq!(found(0.8).answer, Answer::Bad);
        let words = "the CPU of the host was at 97% (the service 10%, the generator 10%, other programs 77%) from the start on, so that the service may have broken because of other programs: repeat the run without them";
        states(&found(0.1), Answer::Unknown, words);
    }
}

#[test]
fn a_rate_limit_is_not_a_break() {
    let mut limited = stress_of(pool(288.0), |_| 50.0);
    for (second, window) in limited.windows.iter_mut().enumerate() {
        if second as f64 >= BREAKS {
            let rejected = window.good / 4;
            window.good -= rejected;
            window.failed = vec![(Cause::RateLimited, rejected), (Cause::Reset, 1)];
        }
    }
    let found = one(&limited, "rate limit");
    let start = "rate-limited between 105 and 108 users, 300 s after the start: ";
    assert!(found.evidence.starts_with(start), "{}", found.evidence);
    assert!(found.evidence.contains("were rejected with status 429; "));
    assert_eq!(found.answer, Answer::Bad);
    assert_eq!(found.advice.map(|one| one.row), Some("Rate limiting tuned"));
    let topics: Vec<_> = all(&limited).into_iter().map(|one| one.topic).collect();
    assert!(!topics.contains(&"breaking point") && !topics.contains(&"bottleneck"));
    for window in &mut limited.windows {
        // Most failures have another cause.
        if let [limit, other] = window.failed.as_mut_slice() {
            std::mem::swap(&mut limit.1, &mut other.1);
        }
    }
    let found = one(&limited, "breaking point").evidence;
    assert!(found.contains("of the requests failed"), "{found}");
}

/// Only requests that timed out were slow.
#[test]
fn the_advice_for_failed_requests_depends_on_their_cause() {
    for (cause, row) in [
        (Cause::Reset, "Check application logs"),
        (Cause::Timeout, "Optimize slow endpoints"),
    ] {
        let mut run = stress_of(Vec::new(), |_| 50.0);
        for window in run.windows.iter_mut().skip(BREAKS as usize) {
            let failed = window.good / 4;
            window.good -= failed;
            window.failed = vec![(cause, failed)];
        }
        let found = one(&run, "breaking point");
        assert!(found.evidence.contains("requests failed"), "{found:?}");
        assert_eq!(found.advice.map(|one| one.row), Some(row));
    }
}
