//! What a probed service sends: HTTP answers, cookies, streams of language models, replies of name
//! servers, answers of gRPC, and certificates.

use super::Run;
use http::HeaderValue;
use http::header::SET_COOKIE;
use slod::diagnostic::Source;
use slod::outcome::{Outcome, Timestamp};
use slod::probe::http::cookies::Cookies;
use slod::probe::{Attempt, KINDS, Probe, Trace};
use slod::yaml::{Reader, parse};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use url::Url;

/// An answer of which no end is found ends with its connection, so nothing waits that long.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What is sent after the first bytes of a request, with the bytes of the input.
type Answer = fn(&[u8], &[u8]) -> Vec<u8>;

/// Answers every connection with the same bytes, and closes it.
struct Service {
    runtime: Runtime,
    answer: Arc<Mutex<Vec<u8>>>,
    port: u16,
}

impl Service {
    fn start() -> Self {
        Self::answering(|_, data| data.to_vec())
    }

    fn answering(make: Answer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)));
        let listener = listener.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let answer: Arc<Mutex<Vec<u8>>> = Arc::default();
        let shared = answer.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let bytes = shared.lock().expect("no panic").clone();
                tokio::spawn(reply(stream, bytes, make));
            }
        });
        Self {
            runtime,
            answer,
            port,
        }
    }

    /// A probe of this service, by the value of its kind's key.
    fn probe(&self, kind: &str, keys: &str) -> Arc<dyn Probe> {
        let text = keys.replace("PORT", &self.port.to_string());
        let source = Source::new("", text);
        let node = parse(&source).expect("YAML");
        let reader = Reader::new(&source, Path::new(""), &|_| None);
        let kind = KINDS.iter().find(|known| known.name() == kind);
        let kind = kind.expect("registered");
        let section = reader.section(&node, kind.name(), kind.keys());
        let probe = section.and_then(|section| kind.read(&section));
        probe.unwrap_or_else(|| panic!("{:?}", reader.finish()))
    }

    fn ask(&self, probe: &dyn Probe, answer: Vec<u8>) -> Outcome {
        *self.answer.lock().expect("no panic") = answer;
        let mut attempt = Attempt::new(Timestamp(0), TIMEOUT, Trace::listening());
        self.runtime.block_on(probe.run(&mut attempt))
    }
}

/// Waits for the first bytes of a request.
async fn reply(mut stream: TcpStream, answer: Vec<u8>, make: Answer) {
    let mut request = [0; 4096];
    let read = stream.read(&mut request).await.unwrap_or(0);
    let _ = stream.write_all(&make(&request[..read], &answer)).await;
    let _ = stream.shutdown().await;
    // Bytes that were not read would reset the connection, and the answer would be lost.
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
}

/// The bytes are the whole answer, head and body.
pub fn answers() -> Run {
    let service = Service::start();
    let probe = service.probe(
        "http",
        "{ url: 'http://127.0.0.1:PORT/', follow_redirects: false, expect: { status: [200-399], body: [ok], body_not: ['(?i)error'], headers: { content-type: '.*' }, json: { '$.a[?@.b > 1].c': '>= 2', '$..d': ok } } }",
    );
    Box::new(move |data| {
        service.ask(&*probe, data.to_vec());
    })
}

/// Each line is a `Set-Cookie`. What is kept of them can be sent back.
pub fn cookies() -> Run {
    let url: Url = "https://app.test/a/b".parse().expect("valid");
    Box::new(move |data| {
        let lines = data.split(|byte| *byte == b'\n').take(1000);
        let values = lines.filter_map(|line| HeaderValue::from_bytes(line).ok());
        let headers = values.map(|value| (SET_COOKIE, value)).collect();
        let mut cookies = Cookies::default();
        cookies.keep(&headers, &url);
        cookies.header(&url, None);
    })
}

/// The first byte is the API, and whether it streams; the rest is the answer's body.
pub fn events() -> Run {
    let service = Service::start();
    let mut probes = Vec::new();
    for api in ["chat", "completions", "responses", "messages", "embeddings"] {
        for streams in [true, false] {
            if api == "embeddings" && streams {
                continue;
            }
            let stream = if api == "embeddings" {
                String::new()
            } else {
                format!("stream: {streams}, expect: {{ text: ok, max_length: 100 }},")
            };
            let url = "http://127.0.0.1:PORT/v1";
            let keys = format!("{{ api: {api}, url: '{url}', model: m, {stream} prompt: hi }}");
            probes.push((streams, service.probe("llm", &keys)));
        }
    }
    Box::new(move |data| {
        let Some((first, body)) = data.split_first() else {
            return;
        };
        let (streams, probe) = &probes[usize::from(*first) % probes.len()];
        let kind = if *streams {
            "text/event-stream"
        } else {
            "application/json"
        };
        let status = if *first < 128 {
            "200 OK"
        } else {
            "429 Too Many Requests"
        };
        let mut answer =
            format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nRetry-After: 3\r\nConnection: close\r\n\r\n")
                .into_bytes();
        answer.extend(body);
        service.ask(&**probe, answer);
    })
}

/// The bytes are the reply of a name server, which gets the id of the question.
pub fn dns() -> Run {
    let service = Service::answering(|question, data| {
        let mut reply = data[..data.len().min(65_535)].to_vec();
        if let (Some(id), Some(own)) = (question.get(2..4), reply.get_mut(..2)) {
            own.copy_from_slice(id);
        }
        let length = u16::try_from(reply.len()).unwrap_or(u16::MAX);
        [&length.to_be_bytes()[..], &reply].concat()
    });
    let mut probes = Vec::new();
    for kind in ["A", "ANY", "TXT", "SRV"] {
        let keys = format!(
            "{{ server: '127.0.0.1:PORT', transport: tcp, name: www.example.test, type: {kind}, expect: {{ answers: '^192', answers_each: '.', answers_not: '(?i)error', authoritative: true, authenticated: false }} }}"
        );
        probes.push(service.probe("dns", &keys));
    }
    Box::new(move |data| {
        for probe in &probes {
            service.ask(&**probe, data.to_vec());
        }
    })
}

/// The bytes are all that a server of gRPC sends.
pub fn grpc() -> Run {
    let service = Service::start();
    let probe = service.probe("grpc", "{ address: '127.0.0.1:PORT' }");
    Box::new(move |data| {
        service.ask(&*probe, data.to_vec());
    })
}

/// The bytes are the certificate of a server with TLS 1.2, where it is readable before anything is
/// verified.
pub fn certificates() -> Run {
    let service = Service::start();
    let probe = service.probe(
        "tcp",
        "{ address: '127.0.0.1:PORT', tls: { server_name: localhost } }",
    );
    Box::new(move |data| {
        let data = &data[..data.len().min(16_000)];
        slod::web::auth::name_of(&data.into());
        service.ask(&*probe, flight(data));
    })
}

/// All that a server of TLS 1.2 sends at first, with this certificate.
fn flight(certificate: &[u8]) -> Vec<u8> {
    // Version, random, no session, ECDHE_ECDSA with AES 128 GCM, no compression, extended master
    // secret, and renegotiation as required.
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x2b, 0, 0, 9, 0, 23, 0, 0, 0xff, 1, 0, 1, 0]);
    let mut list = Vec::new();
    let mut one = long(certificate.len());
    one.extend(certificate);
    list.extend(long(one.len()));
    list.extend(one);
    // A named curve, x25519, a point, and a signature (ECDSA with SHA-256) that is not one.
    let mut exchange = vec![3, 0, 0x1d, 32];
    exchange.extend([9; 32]);
    exchange.extend([4, 3, 0, 8]);
    exchange.extend([1; 8]);
    let messages = [(2, hello), (11, list), (12, exchange), (14, Vec::new())];
    let mut flight = Vec::new();
    for (kind, message) in messages {
        flight.push(kind);
        flight.extend(long(message.len()));
        flight.extend(message);
    }
    let records = flight.chunks(16_000).map(|part| {
        let len = u16::try_from(part.len()).unwrap_or_default();
        [&[22, 3, 3][..], &len.to_be_bytes(), part].concat()
    });
    records.collect::<Vec<_>>().concat()
}

/// A length in three bytes.
fn long(len: usize) -> Vec<u8> {
    len.to_be_bytes()[size_of::<usize>() - 3..].to_vec()
}
