use super::*;
use std::io::{Read, Write};
use std::net::TcpListener;

async fn sent(sender: &Sender, request: HttpRequest) -> Answer {
    let nobody = Recipients::new();
    let within = Duration::from_secs(20);
    let exchange = sender.exchange(vec![request.into()], within, &nobody);
    exchange.await.answer
}

/// The answer to a request that gets the given response.
async fn answered(head: &'static str) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let _ = stream.read(&mut [0; 2048]);
        stream.write_all(head.as_bytes()).expect("sent");
    });
    // Fails harmlessly if a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sender = Sender::new().expect("a client");
    let url = format!("http://{address}/");
    let request = HttpRequest::json(&url, "key", &serde_json::json!({}));
    let answer = sent(&sender, request).await;
    server.join().expect("it ends");
    answer
}

#[tokio::test]
async fn malformed_responses_count_as_delivered() {
    let many: &str = Box::leak("X-A: 1\r\n".repeat(120).into_boxed_str());
    for fields in [
        "X-A: 1\r\n folded\r\n",
        "X-A : 1\r\n",
        "PHP Warning x\r\n",
        many,
    ] {
        let head =
            format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\nConnection: close\r\n\r\nok");
        let answer = answered(Box::leak(head.into_boxed_str())).await;
        assert_eq!(
            answer,
            Answer::Delivered("HTTP 200: ok".to_owned()),
            "{fields}"
        );
    }
}

#[tokio::test]
async fn invalid_answers_are_explained() {
    let text = |answer: Answer| answer.text().to_owned();
    assert_eq!(
        text(answered("SMTP ready\r\n\r\n").await),
        "the response is not valid HTTP"
    );
    assert_eq!(
        text(answered("").await),
        "the connection was closed without a response"
    );
    let moved = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(
        text(answered(moved).await),
        "HTTP 307: redirects are not followed"
    );
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_to_a_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let _ = stream.read(&mut [0; 2048]);
        let mut next = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while next.is_ok() {
            next = stream.write_all(&[b'x'; 8192]);
        }
    });
    // Fails harmlessly if a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let response = reqwest::get(format!("http://{address}/")).await;
    let until = Instant::now() + Duration::from_secs(20);
    let exchange = answer(response.expect("an answer"), until).await;
    assert!(matches!(exchange.answer, Answer::Delivered(_)));
    let length = exchange.body.len();
    assert!((ANSWER_MAX..4 * ANSWER_MAX).contains(&length), "{length}");
    assert_eq!(excerpt(&exchange.body).chars().count(), EXCERPT_MAX + 1);
}

/// The answer to a request that gets a response with a partial body.
async fn unfinished(head: &'static str) -> Exchange {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let _ = stream.read(&mut [0; 2048]);
        stream.write_all(head.as_bytes()).expect("sent");
        let _ = is_done.recv();
    });
    // Fails harmlessly if a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sender = Sender::new().expect("a client");
    let url = format!("http://{address}/");
    let request = HttpRequest::json(&url, "key", &serde_json::json!({}));
    let (within, nobody) = (Duration::from_secs(1), Recipients::new());
    let exchange = sender.exchange(vec![request.into()], within, &nobody);
    let exchange = exchange.await;
    drop(done);
    exchange
}

#[tokio::test]
async fn the_status_decides_even_if_the_body_is_endless() {
    for (head, expected) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\no",
            Answer::Delivered("HTTP 200: o".to_owned()),
        ),
        (
            "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
            Answer::Delivered("HTTP 202: ok".to_owned()),
        ),
        (
            "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n",
            Answer::Failed {
                why: "HTTP 503".to_owned(),
                retry_after: Some(Duration::from_secs(7)),
            },
        ),
    ] {
        let exchange = unfinished(head).await;
        assert_eq!(exchange.answer, expected);
        assert!(exchange.is_unfinished);
    }
}

async fn failed(url: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sender = Sender::new().expect("a client");
    let request = HttpRequest::json(url, "key", &serde_json::json!({}));
    let (within, nobody) = (Duration::from_secs(10), Recipients::new());
    let exchange = sender.exchange(vec![request.into()], within, &nobody).await;
    match exchange.answer {
        Answer::Failed { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_error_gives_the_reason_but_not_the_address() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = closed.local_addr().expect("bound");
    drop(closed);
    let refused = failed(&format!("http://{address}/secretpath")).await;
    assert_eq!(refused, "cannot connect: connection refused");
    let plain = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = plain.local_addr().expect("bound");
    std::thread::spawn(move || {
        let (mut stream, _) = plain.accept().expect("a client");
        let _ = stream.read(&mut [0; 2048]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let not_tls = failed(&format!("https://{address}/secretpath")).await;
    assert!(not_tls.starts_with("TLS: "), "{not_tls}");
    let unknown = failed("http://nowhere.invalid/secretpath").await;
    assert_eq!(unknown, "cannot connect: the name does not resolve");
}

#[test]
fn retry_after_is_read_in_seconds_or_as_a_date() {
    let asked = |fields: &[(reqwest::header::HeaderName, &'static str)]| {
        let fields = fields.iter().cloned();
        let fields = fields.map(|(name, value)| (name, value.parse().expect("a value")));
        retry_after(&fields.collect()).map(|wait| wait.as_secs())
    };
    let now = (DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
    let later = (RETRY_AFTER, "Sun, 06 Nov 1994 08:50:37 GMT");
    let earlier = (RETRY_AFTER, "Sun, 06 Nov 1994 08:40:37 GMT");
    assert_eq!(asked(&[(RETRY_AFTER, " 120 ")]), Some(120));
    assert_eq!(asked(&[now.clone(), later.clone()]), Some(60));
    assert_eq!(asked(&[now, earlier]), Some(0));
    assert_eq!(asked(&[later]), None);
    assert_eq!(asked(&[(RETRY_AFTER, "soon")]), None);
}

/// What a proxy receives for a request to this address, and the answer after the proxy's response.
async fn by_proxy(url: &str, login: &str, head: &'static str) -> (String, Answer) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let proxy = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut got = vec![0; 2048];
        let length = stream.read(&mut got).expect("a request");
        stream.write_all(head.as_bytes()).expect("sent");
        String::from_utf8_lossy(&got[..length]).into_owned()
    });
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sender = Sender::new().expect("a client");
    let request = HttpRequest {
        proxy: Some(Secret::new(format!("http://{login}{address}/"))),
        ..HttpRequest::json(url, "key", &serde_json::json!({}))
    };
    let answer = sent(&sender, request).await;
    (proxy.join().expect("it ends"), answer)
}

#[tokio::test]
async fn requests_go_through_their_proxy() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    let (got, answer) = by_proxy("http://hooks.invalid/path", "ada:pass@", ok).await;
    assert!(
        got.starts_with("POST http://hooks.invalid/path HTTP/1.1\r\n"),
        "{got}"
    );
    assert!(
        got.contains("proxy-authorization: Basic YWRhOnBhc3M=\r\n"),
        "{got}"
    );
    assert_eq!(answer, Answer::Delivered("HTTP 200: ok".to_owned()));
    for (status, expected) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "cannot connect: the proxy requires a login, or rejects it (status 407)",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            "cannot connect: the proxy rejects the address",
        ),
    ] {
        let (got, answer) = by_proxy("https://hooks.invalid/path", "", status).await;
        assert!(
            got.starts_with("CONNECT hooks.invalid:443 HTTP/1.1\r\n"),
            "{got}"
        );
        assert_eq!(answer, Answer::failed(expected));
    }
}
