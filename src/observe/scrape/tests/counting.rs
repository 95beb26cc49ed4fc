//! Counting between two scrapes: rates, resets, quantiles and histograms.

use super::*;

#[test]
fn rates_need_two_scrapes_and_cover_the_last_minute() {
    let mut watched = Watched::new("");
    let page = |good: u32, bad: u32| {
        format!(
            "http_requests_total{{code=\"200\"}} {good}\nhttp_requests_total{{code=\"500\"}} {bad}\n"
        )
    };
    let first = watched.follow(0, &page(1000, 10));
    assert_eq!((first.requests_per_second, first.error_ratio), (None, None));
    assert!(close(first.number(Role::Requests), 0.0));
    let second = watched.follow(10, &page(1090, 20));
    assert!(close(second.requests_per_second, 10.0), "{second:?}");
    assert!(close(second.error_ratio, 0.1), "{second:?}");
    for step in 2..=8_u32 {
        watched.follow(u64::from(step) * 10, &page(1090, 20));
    }
    let quiet = watched.follow(90, &page(1090, 20));
    assert!(close(quiet.requests_per_second, 0.0), "{quiet:?}");
    assert_eq!(quiet.error_ratio, None);
    assert!(close(quiet.number(Role::Requests), 100.0));
    // After a pause that is too long, a rate needs two scrapes again.
    let later = watched.follow(200, &page(5000, 20));
    assert_eq!(later.requests_per_second, None);
    assert!(close(later.number(Role::Requests), 4010.0));
}

#[test]
fn the_first_errors_of_all_count() {
    let mut watched = Watched::new("");
    let before = watched.follow(0, "http_requests_total{status=\"2xx\"} 5\n");
    assert!(close(before.number(Role::Errors), 0.0), "{before:?}");
    let page = "http_requests_total{status=\"2xx\"} 15\nhttp_requests_total{status=\"5xx\"} 10\n";
    let after = watched.follow(10, page);
    assert!(close(after.number(Role::Errors), 10.0), "{after:?}");
    assert!(close(after.error_ratio, 0.5), "{after:?}");
}

/// Libraries count the requests for their page as well, unless the application excludes it.
#[test]
fn requests_for_the_page_itself_do_not_count() {
    let page = |scrapes: u32, good: u32, bad: u32| {
        format!(
            "http_requests_total{{handler=\"/metrics\",status=\"2xx\"}} {scrapes}\n\
             http_requests_total{{handler=\"/ask\",status=\"2xx\"}} {good}\n\
             http_requests_total{{handler=\"/ask\",status=\"5xx\"}} {bad}\n\
             http_requests_inprogress{{handler=\"/metrics\"}} 1\n\
             http_requests_inprogress{{handler=\"/ask\"}} 2\n"
        )
    };
    let mut watched = Watched::new("");
    watched.follow(0, &page(1, 10, 0));
    let metrics = watched.follow(10, &page(90, 12, 2));
    assert!(close(metrics.number(Role::Requests), 4.0), "{metrics:?}");
    assert!(close(metrics.error_ratio, 0.5), "{metrics:?}");
    assert!(close(metrics.number(Role::ActiveConnections), 2.0));
    // Only the page was requested so far.
    let idle = Watched::new("").follow(
        0,
        "http_requests_total{path=\"/metrics/\",status=\"200\"} 7\n",
    );
    assert!(close(idle.number(Role::Requests), 0.0), "{idle:?}");
    // A selector of the config counts what it selects.
    let mut watched = Watched::new(", requests: http_requests_total");
    watched.follow(0, &page(1, 10, 0));
    let metrics = watched.follow(10, &page(90, 12, 2));
    assert!(close(metrics.number(Role::Requests), 93.0), "{metrics:?}");
}

#[test]
fn a_family_without_series_counts_its_first_requests() {
    let mut watched = Watched::new("");
    let kind = "# TYPE http_requests_total counter\n";
    let before = watched.follow(0, kind);
    assert!(close(before.number(Role::Requests), 0.0), "{before:?}");
    let page = format!(
        "{kind}http_requests_total{{code=\"200\"}} 8\nhttp_requests_total{{code=\"500\"}} 2\n"
    );
    let first = watched.follow(10, &page);
    assert!(close(first.number(Role::Requests), 10.0), "{first:?}");
    assert!(close(first.number(Role::Errors), 2.0), "{first:?}");
    let later = watched.follow(20, &page.replace("} 8", "} 18"));
    assert!(close(later.requests_per_second, 1.0), "{later:?}");
    // Without a status label, errors are unknown.
    let other = Watched::new("").follow(0, &format!("{kind}http_requests_total 5\n"));
    assert_eq!(other.number(Role::Errors), None);
}

/// In multiprocess mode, `prometheus_client` exposes a metric with labels only from its first event
/// on.
#[test]
fn a_metric_that_begins_counts_its_first_events() {
    let mut watched = Watched::new("");
    let page = "sqlalchemy_pool_checked_out 1\n";
    let before = watched.follow(0, page);
    assert_eq!(before.number(Role::CircuitBreakerTrips), None);
    let begun = format!("{page}circuit_breaker_trips_total{{name=\"payments\"}} 2\n");
    let after = watched.follow(10, &begun);
    assert!(
        close(after.number(Role::CircuitBreakerTrips), 2.0),
        "{after:?}"
    );
}

/// Two workers without a shared page: each scrape reaches one or the other.
#[test]
fn alternating_processes_are_reported_and_not_counted() {
    let mut watched = Watched::new("");
    let page = |worker: u32, step: u32| {
        let all = worker * 1000 + step;
        format!("http_requests_total{{code=\"200\"}} {all}\n")
    };
    let mut errors = 0;
    for step in 0..100_u32 {
        let metrics = watched.follow(u64::from(step) * 10, &page(1 + step % 2, step));
        errors += u32::from(metrics.scrape.error.is_some());
        if let Some(error) = metrics.scrape.error {
            assert!(
                error.contains("several processes answer in turn"),
                "{error}"
            );
        }
    }
    assert_eq!(errors, 94, "from the third return on");
    let one = (100..130_u32).map(|step| watched.follow(u64::from(step) * 10, &page(1, step)));
    let last = one.last().expect("some");
    assert_eq!(last.scrape.error, None, "one of them is left");
    assert!(close(last.requests_per_second, 0.1), "{last:?}");
}

/// The sum over the workers of a server lacks the share of one that has ended.
#[test]
fn a_sum_that_loses_a_worker_counts_no_request_twice() {
    let page = |share: f64, step: f64| {
        let good = share * (10_000.0 + 50.0 * step);
        let bad = share * (80.0 + step);
        format!(
            "http_requests_total{{code=\"200\"}} {good}\nhttp_requests_total{{code=\"500\"}} {bad}\n"
        )
    };
    let mut watched = Watched::new("");
    for step in 0..3_u32 {
        watched.follow(u64::from(step) * 10, &page(1.0, f64::from(step)));
    }
    let fallen = watched.follow(30, &page(0.75, 3.0));
    assert!(close(fallen.number(Role::Requests), 102.0), "{fallen:?}");
    assert!(close(fallen.number(Role::Errors), 2.0), "{fallen:?}");
    assert_eq!(
        fallen.scrape.dropped.total(),
        3,
        "of requests and of errors"
    );
    let later = watched.follow(40, &page(0.75, 4.0));
    assert!(
        close(later.number(Role::Requests), 102.0 + 0.75 * 51.0),
        "{later:?}"
    );
    assert!(close(later.number(Role::Errors), 2.75), "{later:?}");
}

#[test]
fn an_exporter_whose_target_comes_back_has_no_increase() {
    let mut watched = Watched::new("");
    watched.follow(0, "nginx_up 0\n");
    let back = watched.follow(10, "nginx_up 1\nnginx_http_requests_total 5000\n");
    assert!(close(back.number(Role::Requests), 0.0), "{back:?}");
}

#[test]
fn resets_and_missing_series_are_handled_like_in_prometheus() {
    let mut watched = Watched::new("");
    watched.follow(0, "http_requests_total{code=\"200\"} 100\n");
    let reset = watched.follow(10, "http_requests_total{code=\"200\"} 7\n");
    assert!(close(reset.number(Role::Requests), 7.0), "{reset:?}");
    let gone = watched.follow(20, "other 1\n");
    assert_eq!(gone.number(Role::Requests), None);
    let back = watched.follow(30, "http_requests_total{code=\"200\"} 9\n");
    assert!(close(back.number(Role::Requests), 9.0), "{back:?}");
}

#[test]
fn quantiles_cover_the_requests_counted_in_the_window() {
    let mut watched = Watched::new("");
    let page = |fast: u32, slow: u32| {
        let all = fast + slow;
        format!(
            "http_request_duration_seconds_bucket{{le=\"0.1\"}} {fast}\nhttp_request_duration_seconds_bucket{{le=\"0.5\"}} {all}\nhttp_request_duration_seconds_bucket{{le=\"+Inf\"}} {all}\nhttp_request_duration_seconds_sum 1\nhttp_request_duration_seconds_count {all}\n"
        )
    };
    assert_eq!(watched.follow(0, &page(100_000, 0)).quantiles, None);
    let metrics = watched.follow(10, &page(100_050, 50));
    let [p50, p95, _] = metrics.quantiles.expect("known");
    assert!(
        (p50 - 0.1).abs() < 1e-9 && (p95 - 0.46).abs() < 1e-9,
        "{metrics:?}"
    );
    let histogram = metrics.histogram(Role::RequestDuration).expect("found");
    assert_eq!(histogram.counts, [50, 50, 0]);
}

#[test]
fn an_implausible_increase_is_counted_as_dropped() {
    let mut watched = Watched::new("");
    watched.follow(0, "http_requests_total{code=\"200\"} 5\n");
    let metrics = watched.follow(10, "http_requests_total{code=\"200\"} 1e300\n");
    assert!(close(metrics.number(Role::Requests), 0.0), "{metrics:?}");
    assert_eq!(metrics.scrape.dropped.total(), 1);
}

#[test]
fn quantiles_of_a_language_model_cover_its_last_requests() {
    let mut watched = Watched::new("");
    let page = |fast: u32, slow: u32| {
        ["llm_request_duration_seconds", "llm_time_to_first_token_seconds"].map(|name| {
            let all = fast + slow;
            format!("{name}_bucket{{le=\"1\"}} {fast}\n{name}_bucket{{le=\"3\"}} {all}\n{name}_bucket{{le=\"+Inf\"}} {all}\n{name}_count {all}\n")
        }).concat()
    };
    assert_eq!(watched.follow(0, &page(1000, 0)).llm_quantiles, None);
    let metrics = watched.follow(10, &page(1000, 10));
    let [p50, ..] = metrics.llm_quantiles.expect("known");
    assert!((p50 - 2.0).abs() < 0.01, "{p50}");
    assert_eq!(metrics.first_token_quantiles, metrics.llm_quantiles);
    assert_eq!(
        metrics.quantiles, None,
        "these are not the service's own requests"
    );
}

#[test]
fn rates_of_a_language_model_cover_the_last_minute() {
    let mut watched = Watched::new("");
    let page = |requests: u32, failed: u32| {
        let tokens = 20 * requests;
        format!(
            "llm_requests_total {requests}\nllm_errors_total {failed}\nllm_tokens_total{{direction=\"input\"}} {tokens}\nllm_tokens_total{{direction=\"output\"}} {requests}\n"
        )
    };
    let first = watched.follow(0, &page(500, 50));
    assert_eq!(
        (first.llm_requests_per_second, first.llm_error_ratio),
        (None, None)
    );
    assert_eq!(first.llm_tokens_per_second, None);
    let second = watched.follow(10, &page(540, 51));
    assert!(close(second.llm_requests_per_second, 4.0), "{second:?}");
    assert!(close(second.llm_error_ratio, 0.025), "{second:?}");
    assert!(close(second.llm_tokens_per_second, 84.0), "{second:?}");
    assert_eq!(second.requests_per_second, None);
}
