//! Probe kinds used for load: HTTP/2, and language models.

use crate::probing::probe;
use crate::server::{Authority, read_request, tcp};
use slod::load::{Model, RequestFigures, Scenario, Stage};
use slod::outcome::Cause;
use slod::probe::Probe;
use slod::probe::http::load_target::LoadTarget;
use slod::probe::llm;
use slod::stats::quantile::Histogram;
use slod::stats::scale::Scale;
use slod_load::{Engine, Examples, Mix, Plan, Sequence};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Half a second of users without think time. Returns the counts.
pub async fn drive(load_target: LoadTarget, users: f64) -> RequestFigures {
    drive_with(load_target, users, Arc::default()).await
}

/// Same, with the first failure of each cause.
async fn drive_with(
    load_target: LoadTarget,
    users: f64,
    examples: Arc<Examples>,
) -> RequestFigures {
    let request = load_target.request().expect("can be sent");
    let steps = vec![request];
    let plan = Plan {
        scenario: Scenario {
            name: "test".into(),
            purpose: String::new(),
            model: Model::Closed {
                think: Duration::ZERO,
            },
            stages: vec![Stage::new("", users, users, Duration::from_secs(1))],
        },
        mix: Arc::new(Mix::new(vec![Sequence { steps, weight: 1 }]).expect("one")),
        rows: None,
        cookies: None,
        connect: load_target.connector(TIMEOUT),
        timeout: TIMEOUT,
        keep_alive: true,
        in_flight_max: 100,
        threads: 2,
        seed: 1,
        examples,
    };
    let mut engine = Engine::start(plan).expect("starts");
    while engine.next(|| None).await.is_some() {}
    let mut requests = engine.finish().requests;
    requests.pop().expect("one")
}

pub fn http(yaml: &str, base: &Path) -> LoadTarget {
    let probe: Arc<dyn Probe> = probe("http", yaml, base);
    LoadTarget::of(&probe).expect("an http probe")
}

/// What an HTTP/2 server received: connections, and requests with their versions.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

/// Without TLS.
async fn http2() -> (std::net::SocketAddr, Arc<Seen>) {
    let seen: Arc<Seen> = Arc::default();
    let log = seen.clone();
    let address = tcp(move |stream| {
        let log = log.clone();
        async move {
            log.connections.fetch_add(1, Ordering::Relaxed);
            let service =
                hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| {
                    let seen = format!(
                        "{:?} {} {} {:?}",
                        request.version(),
                        request.method(),
                        request.uri(),
                        request.headers().get("x-own")
                    );
                    log.requests.lock().expect("no panic").push(seen);
                    async {
                        use http_body_util::BodyExt;
                        let body = request.into_body().collect().await.expect("a body");
                        let body = http_body_util::Full::new(body.to_bytes());
                        Ok::<_, std::convert::Infallible>(hyper::Response::new(body))
                    }
                });
            let builder =
                hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
            let _ = builder
                .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
                .await;
        }
    })
    .await;
    (address, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_user_has_one_http2_connection() {
    let (address, seen) = http2().await;
    let yaml = format!(
        "{{ url: \"http://{address}/x?y\", http_version: 2, method: POST, body: hello, headers: {{ X-Own: z }} }}"
    );
    let figures = drive(http(&yaml, Path::new("")), 3.0).await;
    assert!(figures.good > 10, "{figures:?}");
    assert_eq!(figures.failed, []);
    assert_eq!(seen.connections.load(Ordering::Relaxed), 3);
    let requests = seen.requests.lock().expect("no panic");
    let expected = format!("HTTP/2.0 POST http://{address}/x?y Some(\"z\")");
    assert!(requests.iter().all(|one| *one == expected), "{requests:?}");
    assert_eq!(requests.len() as u64, figures.good);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_is_negotiated_over_tls() {
    let (authority, folder) = Authority::in_folder();
    let address = authority.http2().await;
    let url = format!("https://127.0.0.1:{}/", address.port());
    let yaml = format!("{{ url: \"{url}\", tls: {{ ca_file: ca.pem }} }}");
    let figures = drive(http(&yaml, folder.path()), 2.0).await;
    assert!(figures.good > 2 && figures.failed.is_empty(), "{figures:?}");
    // The server supports only HTTP/2.
    let yaml = format!("{{ url: \"{url}\", http_version: 1.1, tls: {{ ca_file: ca.pem }} }}");
    let figures = drive(http(&yaml, folder.path()), 1.0).await;
    assert_eq!(figures.good, 0, "{figures:?}");
    // A server that does not choose it is not an HTTP/2 server, even if it supports it.
    let address = authority.http2_with(&[], false).await;
    let url = format!("https://127.0.0.1:{}/", address.port());
    let yaml = format!("{{ url: \"{url}\", http_version: 2, tls: {{ ca_file: ca.pem }} }}");
    let figures = drive(http(&yaml, folder.path()), 1.0).await;
    let causes: Vec<_> = figures.failed.iter().map(|(cause, _)| *cause).collect();
    assert_eq!((figures.good, causes), (0, vec![Cause::Tls]));
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const ROLE: &str = r#"{"choices":[{"delta":{"role":"assistant"}}]}"#;
const TOKEN: &str = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

fn chunk(data: &str) -> String {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len())
}

/// Serves requests over keep-alive connections. `answer` has the parts of each response, with the
/// time before each of them; an empty part closes the connection.
async fn model(answer: impl Fn(usize) -> Vec<(u64, String)> + Send + Sync + 'static) -> LoadTarget {
    let (answer, count) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    let address = tcp(move |mut stream| {
        let (answer, count) = (answer.clone(), count.clone());
        async move {
            let _ = stream.set_nodelay(true);
            while !read_request(&mut stream).await.is_empty() {
                for (wait, part) in answer(count.fetch_add(1, Ordering::Relaxed)) {
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                    if part.is_empty() || stream.write_all(part.as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
    .await;
    let yaml = format!("{{ url: \"http://{address}/v1/chat/completions\", model: m }}");
    llm::load_target::load_target(&probe("llm", &yaml, Path::new(""))).expect("it streams")
}

fn whole(first: u64, rest: u64) -> Vec<(u64, String)> {
    vec![
        (0, format!("{HEAD}{}", chunk(ROLE))),
        (first, chunk(TOKEN)),
        (rest, chunk(STOP) + &chunk("[DONE]") + "0\r\n\r\n"),
    ]
}

/// The median.
fn median(histogram: &Histogram) -> Duration {
    let total: u64 = histogram.iter().map(|(_, count)| count).sum();
    let mut sum = 0;
    let half = histogram.iter().find(|(_, count)| {
        sum += *count;
        sum * 2 >= total
    });
    Scale::new([]).middle(half.expect("some").0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_to_the_first_token_under_load_is_that_of_the_server() {
    let figures = drive(model(|_| whole(60, 90)).await, 4.0).await;
    assert!(figures.good >= 8, "{figures:?}");
    assert_eq!(figures.failed, []);
    let (first, all) = (median(&figures.first_token), median(&figures.latency));
    let ms = Duration::from_millis;
    // Quantiles are accurate to one percent; a busy machine also delays the server.
    assert!(first >= ms(59) && all >= ms(148), "{first:?} of {all:?}");
    assert!(first + ms(60) < all, "{first:?} of {all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_models_fail_with_their_cause() {
    let refusal = "HTTP/1.1 429 Too Many\r\nContent-Length: 33\r\n\r\n{\"error\":{\"message\":\"slow down\"}}";
    let broken = || {
        let begin = format!("{HEAD}{}", chunk(TOKEN));
        vec![(0, begin), (1, String::new())]
    };
    let unfinished = || {
        let all = format!("{HEAD}{}0\r\n\r\n", chunk(TOKEN));
        vec![(0, all)]
    };
    let error = || {
        let event = chunk(r#"{"error":{"message":"out of memory","type":"server_error"}}"#);
        vec![(0, format!("{HEAD}{}{event}0\r\n\r\n", chunk(TOKEN)))]
    };
    let load_target = model(move |number| match number % 5 {
        0 => whole(1, 1),
        1 => vec![(0, refusal.to_owned())],
        2 => broken(),
        3 => error(),
        _ => unfinished(),
    })
    .await;
    let examples: Arc<Examples> = Arc::default();
    let figures = drive_with(load_target, 1.0, examples.clone()).await;
    let count = |cause| {
        let found = figures.failed.iter().find(|(known, _)| *known == cause);
        found.map_or(0, |(_, count)| *count)
    };
    let (refused, broken) = (count(Cause::RateLimited), count(Cause::StreamBroken));
    let errors = count(Cause::StreamError);
    assert_eq!(figures.failed.len(), 3, "{figures:?}");
    assert!(figures.good > 1 && refused > 1 && errors > 0, "{figures:?}");
    // Counts both truncated responses and those without a terminator.
    assert!(
        broken + 2 >= refused * 2 && broken <= refused * 2,
        "{figures:?}"
    );
    // A token that arrived before the end is not the first token of an answer.
    let firsts: u64 = figures.first_token.iter().map(|(_, n)| n).sum();
    assert!(
        firsts >= figures.good && firsts <= figures.good + broken + errors,
        "{figures:?}"
    );
    let examples = examples.list();
    for (cause, words) in [
        (Cause::RateLimited, "HTTP status 429: slow down"),
        (Cause::StreamError, "out of memory"),
    ] {
        let found = examples.iter().find(|(known, _)| *known == cause);
        let found = found.map(|(_, found)| found.as_str()).unwrap_or_default();
        assert!(found.contains(words), "{examples:?}");
    }
}

/// Some servers report an error as JSON instead of a stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_models_that_are_no_stream_have_their_reason() {
    let whole = |status: &str, body: &str| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
        vec![(0, format!("{head}{body}"))]
    };
    let long = "x".repeat(100 << 10);
    for (status, body, cause, words) in [
        (
            "200 OK",
            r#"{"error":{"message":"out of memory","type":"t"}}"#,
            Cause::StreamError,
            "t: out of memory",
        ),
        (
            "200 OK",
            r#"{"choices":[]}"#,
            Cause::Protocol,
            "does not stream",
        ),
        (
            "200 OK",
            "<html>",
            Cause::StreamBroken,
            "begins with `<html>`",
        ),
        ("200 OK", &long, Cause::StreamBroken, "begins with `xxx"),
        ("200 OK", ": ping\n\n", Cause::StreamBroken, "[DONE]"),
        (
            "503 Busy",
            r#"{"error":"overloaded"}"#,
            Cause::Overloaded,
            "overloaded",
        ),
    ] {
        let examples: Arc<Examples> = Arc::default();
        let parts = whole(status, body);
        let load_target = model(move |_| parts.clone()).await;
        let figures = drive_with(load_target, 1.0, examples.clone()).await;
        let failed: Vec<_> = figures.failed.iter().map(|(cause, _)| *cause).collect();
        assert_eq!(failed, [cause], "{body}");
        let examples = examples.list();
        assert!(examples[0].1.contains(words), "{examples:?}");
    }
}
