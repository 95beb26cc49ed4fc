use super::*;
use crate::load::RetryAfter;
use crate::trend::{Growth, GrowthVerdict};
use std::time::Duration;

const ROWS: [&str; 10] = [
    "Database connection pooling configured",
    "Response caching implemented",
    "Static file compression enabled",
    "Database queries optimized with indexes",
    "Circuit breakers configured",
    "Rate limiting tuned",
    "Health checks optimized",
    "Logging performance reviewed",
    "Memory leaks checked",
    "Resource limits set (Docker)",
];

fn address(url: &str, answer: AnswerFacts) -> AddressFacts {
    AddressFacts {
        url: url.to_owned(),
        answer: Ok(answer),
        p50: Some(Duration::from_millis(20)),
        p95: Some(Duration::from_millis(40)),
    }
}

fn page(encoding: Option<&str>) -> AnswerFacts {
    AnswerFacts {
        status: 200,
        length: 50_000,
        asked_compressed: true,
        content_type: Some("text/css".to_owned()),
        content_encoding: encoding.map(str::to_owned),
        ..AnswerFacts::default()
    }
}

fn answers(facts: &Facts) -> Vec<Answer> {
    let audit = Audit::of("rag", facts);
    let rows: Vec<_> = audit.checks.iter().map(|check| check.row).collect();
    assert_eq!(rows, ROWS, "the rows of the checklist, in its order");
    assert!(audit.checks.iter().all(|check| !check.evidence.is_empty()));
    audit.checks.iter().map(|check| check.answer).collect()
}

#[test]
fn unmeasured_rows_are_unknown() {
    assert_eq!(answers(&Facts::default()), [Answer::Unknown; 10]);
    let audit = Audit::of("rag", &Facts::default());
    assert!(audit.is_fine() && audit.to_text().ends_with("0 yes, 0 no, 10 unknown\n"));
}

#[test]
fn a_service_that_does_everything_right() {
    let small = AnswerFacts {
        status: 200,
        length: 20,
        ..AnswerFacts::default()
    };
    let refusing = AnswerFacts {
        status: 429,
        retry_after: Some("2".to_owned()),
        ..AnswerFacts::default()
    };
    let facts = Facts {
        span: Duration::from_hours(24),
        addresses: vec![
            address("http://a/health", small),
            address("http://a/site.css", page(Some("br"))),
            address("http://a/chat", refusing),
        ],
        has_metrics: true,
        pool: Some(PoolFacts {
            max: Some(20.0),
            in_use: 12.0,
            waiting: Some(0.0),
        }),
        cache: Some((900.0, 100.0)),
        has_breaker: true,
        breaker_trips: Some(0.0),
        written: Some((1e6, 1000.0)),
        memory: Some(GrowthVerdict::Steady {
            smallest_per_hour: 1e6,
        }),
        containers: vec![ContainerFacts {
            process: "rag".to_owned(),
            memory_limit: Some(1e9),
            cpu_limit: Some(2.0),
        }],
        ..Facts::default()
    };
    let expected = |row: usize| {
        if row == 3 {
            Answer::Unknown
        } else {
            Answer::Yes
        }
    };
    assert_eq!(answers(&facts), (0..10).map(expected).collect::<Vec<_>>());
}

fn row(facts: &Facts, row: usize) -> Check {
    let mut checks = Audit::of("rag", facts).checks;
    checks.swap_remove(row)
}

fn at(url: &str, answer: AnswerFacts) -> Facts {
    Facts {
        addresses: vec![address(url, answer)],
        ..Facts::default()
    }
}

#[test]
fn a_health_check_is_known_by_its_path_and_has_to_succeed() {
    let small = |status| AnswerFacts {
        status,
        length: 20,
        ..AnswerFacts::default()
    };
    for url in [
        "http://a/health",
        "http://a/api/healthz?full=1",
        "https://a/-/ready",
        "http://a/readiness",
        "http://a/live",
        "http://a/v1/status",
    ] {
        assert_eq!(row(&at(url, small(200)), 6).answer, Answer::Yes, "{url}");
        assert_eq!(row(&at(url, small(503)), 6).answer, Answer::No, "{url}");
    }
    for url in [
        "http://status.example.com/",
        "http://a/delivery",
        "http://a/shopping",
        "http://a/already",
        "http://healthy",
    ] {
        assert_eq!(
            row(&at(url, small(200)), 6).answer,
            Answer::Unknown,
            "{url}"
        );
    }
    let mut both = at("http://a/health", small(200));
    both.addresses.push(address("http://a/ready", small(500)));
    let found = row(&both, 6);
    assert_eq!(found.evidence, "http://a/ready answers with status 500");
}

#[test]
fn an_answer_is_cached_only_if_clients_may_keep_it() {
    for (control, status, expected) in [
        (Some("max-age=60"), 200, Answer::Yes),
        (Some("public, s-maxage=60"), 200, Answer::Yes),
        (Some("max-age=0"), 200, Answer::Unknown),
        (Some("no-store, max-age=60"), 200, Answer::Unknown),
        (Some("max-age=60"), 404, Answer::Unknown),
        (None, 200, Answer::Unknown),
    ] {
        let answer = AnswerFacts {
            status,
            cache_control: control.map(str::to_owned),
            ..AnswerFacts::default()
        };
        let found = row(&at("http://a/", answer), 1);
        assert_eq!(found.answer, expected, "{control:?} {status}");
    }
    for (control, expected) in [
        (None, Answer::Yes),
        (Some("public"), Answer::Yes),
        (Some("max-age=0"), Answer::Unknown),
        (Some("no-store"), Answer::Unknown),
    ] {
        let answer = AnswerFacts {
            status: 200,
            cache_control: control.map(str::to_owned),
            expires_later: true,
            ..AnswerFacts::default()
        };
        let found = row(&at("http://a/", answer), 1);
        assert_eq!(found.answer, expected, "Expires, {control:?}");
    }
    let health = AnswerFacts {
        status: 200,
        cache_control: Some("max-age=60".to_owned()),
        ..AnswerFacts::default()
    };
    assert_eq!(
        row(&at("http://a/health", health), 1).answer,
        Answer::Unknown
    );
    let few = Facts {
        cache: Some((1.0, 9.0)),
        ..Facts::default()
    };
    assert_eq!(row(&few, 1).answer, Answer::Unknown);
}

#[test]
fn a_load_run_shows_the_rate_limit() {
    let of = |with_header: Option<u64>| {
        let waits = Some((Duration::from_secs(1), Duration::from_secs(30)));
        let run = RunFacts {
            id: 12,
            scenario: "stress".to_owned(),
            requests: 10_000,
            rate: 100.0,
            rejected: 1200,
            retry_after: with_header.map(|count| RetryAfter { count, waits }),
        };
        let facts = Facts {
            run: Some(run),
            ..Facts::default()
        };
        row(&facts, 5)
    };
    let rejected = "1,200 of 10,000 requests of run 12 (stress) were rejected with status 429";
    for (with_header, answer, expected) in [
        (
            Some(1200),
            Answer::Yes,
            ", all with Retry-After: 1 s to 30 s",
        ),
        (
            Some(3),
            Answer::No,
            ", 3 of them with Retry-After: 1 s to 30 s: clients do not know when to retry",
        ),
        (
            None,
            Answer::Unknown,
            "; its load generator did not read `Retry-After`",
        ),
    ] {
        let found = of(with_header);
        assert_eq!(found.answer, answer);
        assert_eq!(found.evidence, format!("{rejected}{expected}"));
    }
    let unlimited = RunFacts {
        id: 12,
        scenario: "stress".to_owned(),
        requests: 10_000,
        rate: 100.0,
        rejected: 0,
        retry_after: None,
    };
    let mut facts = at("http://a/", AnswerFacts::default());
    facts.run = Some(unlimited);
    let found = row(&facts, 5);
    assert_eq!(found.answer, Answer::Unknown);
    let start = "no request was rejected with status 429 at up to 100.0/s (run 12, stress)";
    assert!(found.evidence.starts_with(start), "{}", found.evidence);
}

#[test]
fn a_service_that_does_not_answer_shows_nothing_else() {
    let silent = |path: &str| AddressFacts {
        answer: Err("connection refused".to_owned()),
        ..address(path, AnswerFacts::default())
    };
    let mut facts = Facts {
        addresses: vec![silent("http://a/site.css")],
        ..Facts::default()
    };
    let audit = Audit::of("rag", &facts);
    let text = audit.to_text();
    let mut lines = text.lines();
    assert_eq!(
        lines.nth(1),
        Some("  http://a/site.css does not answer: connection refused")
    );
    assert!(!audit.is_fine(), "{text}");
    assert_eq!(answers(&facts), [Answer::Unknown; 10]);
    let claims = ["no request was rejected", "static file", "to cache it"];
    let found = claims.map(|claim| lines.clone().any(|line| line.contains(claim)));
    assert_eq!(found, [false; 3], "{text}");
    facts.addresses.push(silent("http://a/chat"));
    let two = Audit::of("rag", &facts).fault.expect("a fault");
    assert_eq!(
        two,
        "none of 2 addresses answers; http://a/site.css: connection refused"
    );
    facts
        .addresses
        .push(address("http://a/x", page(Some("br"))));
    assert_eq!(Audit::of("rag", &facts).fault, None);
}

#[test]
fn missing_compression_and_processes_without_a_container() {
    let identity = row(&at("http://a/site.css", page(Some("identity"))), 2);
    assert_eq!(identity.answer, Answer::No, "{}", identity.evidence);
    let unknown = AnswerFacts {
        content_type: None,
        ..page(None)
    };
    assert_eq!(row(&at("http://a/x", unknown), 2).answer, Answer::Unknown);
    let facts = Facts {
        containers: vec![ContainerFacts {
            process: "rag".to_owned(),
            memory_limit: Some(1e9),
            cpu_limit: Some(2.0),
        }],
        bare_processes: 1,
        ..Facts::default()
    };
    assert_eq!(row(&facts, 9).answer, Answer::Unknown);
}

#[test]
fn a_service_that_does_nothing_right() {
    let slow_health = AddressFacts {
        p95: Some(Duration::from_millis(900)),
        ..address("http://a/health", page(None))
    };
    let refusing = AnswerFacts {
        status: 429,
        ..AnswerFacts::default()
    };
    let facts = Facts {
        span: Duration::from_hours(24),
        addresses: vec![slow_health, address("http://a/chat", refusing)],
        pool: Some(PoolFacts {
            max: Some(5.0),
            in_use: 5.0,
            waiting: None,
        }),
        cache: Some((10.0, 100.0)),
        written: Some((1e9, 1000.0)),
        memory: Some(GrowthVerdict::Growing(Growth {
            per_hour: 2e7,
            low: 1e7,
            high: 3e7,
            from: 1e8,
            to: 5e8,
            until_limit: None,
        })),
        containers: vec![ContainerFacts {
            process: "rag".to_owned(),
            memory_limit: None,
            cpu_limit: None,
        }],
        ..Facts::default()
    };
    let few = Facts {
        written: Some((1e9, 99.0)),
        ..Facts::default()
    };
    let found = row(&few, 7);
    let expected =
        "too few requests for an average of bytes written: 99 in the last 0s, 100 are required";
    assert_eq!(
        (found.answer, &*found.evidence),
        (Answer::Unknown, expected)
    );
    let no = [0, 1, 2, 5, 6, 7, 8, 9];
    for (row, answer) in answers(&facts).into_iter().enumerate() {
        assert_eq!(answer == Answer::No, no.contains(&row), "{}", ROWS[row]);
    }
    let text = Audit::of("rag", &facts).to_text();
    assert!(text.contains("rag has no memory and CPU limit"), "{text}");
    assert!(
        text.contains("grows by 19.1 MiB per hour (9.5 to 28.6)"),
        "{text}"
    );
}
