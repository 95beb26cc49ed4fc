//! Scrapes of a service's own metrics against real servers, well-behaved and hostile.

use super::server::{http, read_request, tcp};
use async_compression::tokio::bufread::GzipEncoder;
use slod::clock::Clock;
use slod::config::Config;
use slod::observe::scrape::{Scraper, ServiceMetrics};
use slod::observe::{COLLECTORS, Collector, SystemView};
use slod::probe::Trace;
use slod::roles::Role;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn scraper(metrics: &str) -> Scraper {
    let text = format!(
        "services: [{{ name: a, probes: [{{ name: p, http: {{ url: \"http://h/\" }} }}], metrics: {metrics} }}]"
    );
    let config: Config = text.parse().expect("valid");
    let spec = config.metrics().next().expect("one");
    Scraper::new(spec.clone())
}

async fn scrape(metrics: &str) -> ServiceMetrics {
    scraper(metrics)
        .scrape(&Clock::system(), Trace::silent())
        .await
}

fn at(address: SocketAddr, more: &str) -> String {
    format!("{{ url: \"http://{address}/metrics\", timeout: 3s{more} }}")
}

fn page(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The result for a page of this content type.
async fn of_page(kind: &'static str, body: impl Into<Vec<u8>>) -> ServiceMetrics {
    let answer = page(kind, &body.into());
    let (address, _) = http(move |_| answer.clone()).await;
    scrape(&at(address, "")).await
}

fn error(metrics: &ServiceMetrics) -> &str {
    metrics.scrape.error.as_deref().expect("it fails")
}

#[tokio::test]
async fn pages_of_both_formats_are_read() {
    let text = of_page(TEXT, "queue_depth 3\n").await;
    assert_eq!(text.number(Role::QueueDepth), Some(3.0), "{text:?}");
    let open = "# TYPE queue_depth gauge\nqueue_depth 3 # {trace_id=\"x\"} 1\n# EOF\n";
    let open = of_page(OPEN, open).await;
    assert_eq!(open.number(Role::QueueDepth), Some(3.0), "{open:?}");
    let cut = of_page(OPEN, "queue_depth 3\n").await;
    assert!(error(&cut).contains("`# EOF`"), "{cut:?}");
}

#[tokio::test]
async fn a_json_document_is_read_by_its_paths() {
    let body = "{\"total\": 10, \"workers\": [{\"busy\": 1}, {\"busy\": 2}], \"open\": true}";
    let (address, seen) = http(move |_| page("application/json", body.as_bytes())).await;
    let metrics = format!(
        "{{ bearer: hush, json: {{ url: \"http://{address}/status\", requests: $.total, errors: $.bad, active_connections: \"$.workers[*].busy\", circuit_breaker_open: $.open }} }}"
    );
    let found = scrape(&metrics).await;
    assert_eq!(
        found.number(Role::ActiveConnections),
        Some(3.0),
        "{found:?}"
    );
    assert_eq!(found.number(Role::CircuitBreakerOpen), Some(1.0));
    assert_eq!(found.number(Role::Requests), Some(0.0));
    assert!(found.role(Role::Errors).is_none());
    assert!(seen.lock().expect("no panic")[0].contains("Authorization: Bearer hush"));
}

#[tokio::test]
async fn a_negative_counter_in_a_json_document_is_dropped() {
    let body = "{\"total\": -5, \"level\": -3}";
    let (address, _) = http(move |_| page("application/json", body.as_bytes())).await;
    let metrics = format!(
        "{{ json: {{ url: \"http://{address}/status\", requests: $.total, queue_depth: $.level }} }}"
    );
    let found = scrape(&metrics).await;
    assert!(found.role(Role::Requests).is_none(), "{found:?}");
    assert_eq!(found.number(Role::QueueDepth), Some(-3.0));
    assert_eq!((found.scrape.samples, found.scrape.dropped.total()), (2, 1));
}

#[tokio::test]
async fn texts_in_a_json_document_are_states_or_counted() {
    let document = |states: &str| {
        let body = format!("{{\"queue\": \"12 jobs\", \"breakers\": [{states}]}}");
        async move {
            let (address, _) = http(move |_| page("application/json", body.as_bytes())).await;
            let metrics = format!(
                "{{ json: {{ url: \"http://{address}/status\", queue_depth: $.queue, circuit_breaker_open: \"$.breakers[*].state\" }} }}"
            );
            scrape(&metrics).await
        }
    };
    for (states, open, dropped) in [
        (
            r#"{"state": "closed"}, {"state": "HALF_OPEN"}"#,
            Some(1.0),
            1,
        ),
        (r#"{"state": "closed"}, {"state": "CLOSED"}"#, Some(0.0), 1),
        (r#"{"state": "ajar"}, {"state": null}"#, None, 3),
    ] {
        let found = document(states).await;
        assert_eq!(found.number(Role::CircuitBreakerOpen), open, "{found:?}");
        assert!(found.role(Role::QueueDepth).is_none());
        assert_eq!(found.scrape.dropped.total(), dropped, "{found:?}");
        assert_eq!(
            found.scrape.example.as_deref(),
            Some("`$.queue` of `queue_depth` is \"12 jobs\", which is not a number")
        );
    }
}

#[tokio::test]
async fn responses_that_are_not_metrics_are_explained() {
    let (address, _) = http(|_| b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
    let failed = scrape(&at(address, "")).await;
    assert!(
        error(&failed).contains("status 500, expected 200"),
        "{failed:?}"
    );
    let html = of_page("text/html", "<html>login</html>\n").await;
    assert!(
        error(&html).contains("line 1") && error(&html).contains("text/html"),
        "{html:?}"
    );
    let protobuf = of_page("application/vnd.google.protobuf", "x").await;
    assert!(error(&protobuf).contains("protobuf"), "{protobuf:?}");
    let bytes = of_page(TEXT, b"a{x=\"\xff\xfe\"} 1\n".as_slice()).await;
    assert!(
        error(&bytes).contains("line 1: it is not valid UTF-8"),
        "{bytes:?}"
    );
}

#[tokio::test]
async fn odd_values_are_dropped_and_the_rest_is_read() {
    let huge = "y".repeat(1 << 20);
    let body = format!(
        "queue_depth{{q=\"a\"}} NaN\nqueue_depth{{q=\"b\"}} +Inf\nqueue_depth{{q=\"c\"}} 4\nqueue_depth{{q=\"d\"}} 1 4102444800000\nqueue_depth{{q=\"{huge}\"}} 1\ncache_hits_total -5\n"
    );
    let metrics = of_page(TEXT, body).await;
    assert_eq!(metrics.scrape.error, None);
    assert_eq!(metrics.number(Role::QueueDepth), Some(4.0));
    assert_eq!(metrics.scrape.dropped.total(), 5);
    assert!(
        metrics
            .number(Role::CacheHits)
            .is_none_or(|hits| hits == 0.0)
    );
}

async fn assert_too_large(address: SocketAddr) {
    let metrics = format!("{{ url: \"http://{address}/\", timeout: 60s, interval: 60s }}");
    let metrics = scrape(&metrics).await;
    let is_too_large = error(&metrics).contains("larger than 16777216 bytes");
    assert!(is_too_large, "{metrics:?}");
}

#[tokio::test]
async fn a_page_without_an_end_is_read_to_its_limit() {
    let address = tcp(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
            .await;
        for n in 0.. {
            let lines: Vec<String> = (0..1000)
                .map(|m| format!("http_requests_total{{code=\"200\",n=\"{n:0>500}-{m}\"}} 1\n"))
                .collect();
            if stream.write_all(lines.concat().as_bytes()).await.is_err() {
                break;
            }
        }
    })
    .await;
    assert_too_large(address).await;
}

#[tokio::test]
async fn a_decompression_bomb_is_read_up_to_the_limit() {
    let zeros = tokio::io::repeat(b'#').take(1 << 30);
    let mut bomb = Vec::new();
    let mut encoder = GzipEncoder::new(tokio::io::BufReader::new(zeros.take(64 << 20)));
    encoder.read_to_end(&mut bomb).await.expect("in memory");
    assert!(bomb.len() < 1 << 20);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    );
    let answer = [head.into_bytes(), bomb].concat();
    let (address, seen) = http(move |_| answer.clone()).await;
    assert_too_large(address).await;
    assert!(seen.lock().expect("no panic")[0].contains("Accept-Encoding: gzip"));
}

#[tokio::test]
async fn a_slow_page_ends_at_the_timeout() {
    let address = tcp(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(b"queue_depth 1\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let started = Instant::now();
    let metrics = scrape(&format!("{{ url: \"http://{address}/\", timeout: 300ms }}")).await;
    assert!(error(&metrics).contains("timeout"), "{metrics:?}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn credentials_stay_with_their_origin_and_out_of_messages() {
    let (other, elsewhere) = http(|_| page(TEXT, b"queue_depth 1\n")).await;
    let (address, seen) = http(move |_| {
        format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{other}/metrics\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes()
    })
    .await;
    let more = ", bearer: hush-hush, headers: { X-Key: hush-hush }";
    let metrics = scrape(&at(address, more)).await;
    assert_eq!(metrics.number(Role::QueueDepth), Some(1.0), "{metrics:?}");
    assert!(seen.lock().expect("no panic")[0].contains("Bearer hush-hush"));
    let leaked = elsewhere.lock().expect("no panic")[0].contains("hush-hush");
    assert!(!leaked, "credentials went to another origin");
    let (address, _) = http(|_| page(TEXT, b"hush-hush oops\n")).await;
    let failed = scrape(&at(address, more)).await;
    assert!(!error(&failed).contains("hush-hush"), "{failed:?}");
}

#[tokio::test]
async fn counters_continue_from_scrape_to_scrape() {
    let count = Arc::new(std::sync::atomic::AtomicU32::new(100));
    let (next, order) = (count.clone(), std::sync::atomic::Ordering::SeqCst);
    let (address, _) = http(move |_| {
        let count = next.load(order);
        page(
            TEXT,
            format!("http_requests_total{{code=\"200\"}} {count}\n").as_bytes(),
        )
    })
    .await;
    let mut scraper = scraper(&at(address, ""));
    let clock = Clock::system();
    for (value, wanted) in [(100, 0.0), (130, 30.0), (5, 35.0)] {
        count.store(value, order);
        let metrics = scraper.scrape(&clock, Trace::silent()).await;
        assert_eq!(metrics.number(Role::Requests), Some(wanted), "{metrics:?}");
        assert_eq!(
            scraper.raw_values(),
            [(Role::Requests, f64::from(value)), (Role::Errors, 0.0)]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_service_delays_no_other_and_a_reload_keeps_unchanged_services() {
    let hanging = tcp(|mut stream| async move {
        read_request(&mut stream).await;
        tokio::time::sleep(Duration::from_mins(1)).await;
    })
    .await;
    let (quick, _) = http(|_| page(TEXT, b"queue_depth 3\n")).await;
    let service = |name: &str, address: SocketAddr| {
        format!(
            "{{ name: {name}, objectives: [], probes: [{{ name: p, http: {{ url: \"http://h/{name}\" }} }}], metrics: {{ url: \"http://{address}/\", interval: 30s, timeout: 30s }} }}"
        )
    };
    let text = format!(
        "services: [{}, {}]",
        service("hanging", hanging),
        service("quick", quick)
    );
    let config: Config = text.parse().expect("valid");
    let kind = COLLECTORS.iter().find(|kind| kind.name == "services");
    let mut collector = (kind.expect("registered").start)(&config).expect("a runtime");
    let sample = |collector: &mut Box<dyn Collector>| {
        let mut view = SystemView::default();
        assert_eq!(collector.collect(&mut view), Ok(()));
        view.services
    };
    let end = Instant::now() + Duration::from_secs(10);
    while sample(&mut collector).is_empty() {
        assert!(Instant::now() < end, "the quick one waits for the other");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A restarted scrape would not have a result at once.
    collector.reload(&config);
    let services = sample(&mut collector);
    assert_eq!(services.len(), 1);
    assert_eq!(services[0].number(Role::QueueDepth), Some(3.0));
}
