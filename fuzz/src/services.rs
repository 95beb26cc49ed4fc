//! What a probed service sends: HTTP answers, cookies, streams of language models, replies of name
//! servers, answers of gRPC, frames of web sockets, and certificates.

use super::Run;
use super::service::{Manner, Service, has_secret, with_secrets};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::SET_COOKIE;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use slod::outcome::{Outcome, Verdict};
use slod::probe::Probe;
use slod::probe::http::cookies::Cookies;
use url::Url;

/// The input as it is.
const WHOLE: Manner = Manner::Once(|_, data| data.to_vec());
/// Long inputs are not sent in small parts.
const SPLIT_MAX: usize = 4 << 10;

const EXPECT: &str = "body: [ok], body_not: ['(?i)error'], headers: { content-type: '.*' }, headers_not: { x-a: '^b' }, json: { '$.a[?@.b > 1].c': '>= 2', '$..d': ok }, json_not: [ '$.errors' ]";

/// Asks for an answer, which is as good if it arrives in parts. Only hyper's causes of bad ones differ.
fn ask(service: &Service, probe: &dyn Probe, answer: &[u8]) {
    let outcome = service.ask(probe, answer, WHOLE);
    if answer.len() <= SPLIT_MAX {
        let parts = service.ask(probe, answer, Manner::Parts(1 + answer.len() / 7));
        let is_good = |outcome: &Outcome| outcome.verdict == Verdict::Good;
        assert_eq!(is_good(&parts), is_good(&outcome), "{outcome:?} {parts:?}");
    }
}

/// The bytes are the whole answer, head and body, to a request whose address, headers and body have secrets.
pub fn answers() -> Run {
    let service = Service::start();
    let request = "url: 'http://127.0.0.1:PORT/${A}?key=${B}', method: POST, body: '{\"pin\": \"${C}\"}', headers: { x-key: '${D}' }, basic_auth: { username: u, password: '${E}' }, follow_redirects: false";
    let probe = |status: &str| {
        let keys = format!("{{ {request}, expect: {{ status: [{status}], {EXPECT} }} }}");
        service.probe("http", &keys)
    };
    let probes = ["200-399", "500-599"].map(probe);
    Box::new(move |data| {
        let answer = with_secrets(data, true);
        for probe in &probes {
            ask(&service, &**probe, &answer);
        }
    })
}

/// The bytes are all that a server of HTTP/2 sends.
pub fn http2() -> Run {
    let service = Service::start();
    let keys = format!(
        "{{ url: 'http://127.0.0.1:PORT/', http_version: '2', basic_auth: {{ username: u, password: '${{A}}' }}, follow_redirects: false, expect: {{ {EXPECT} }} }}"
    );
    let probe = service.probe("http", &keys);
    Box::new(move |data| {
        service.ask(&*probe, &with_secrets(data, true), WHOLE);
    })
}

/// The bytes are the answer of a proxy: to CONNECT, if the first one is odd.
pub fn proxies() -> Run {
    let service = Service::start();
    let probes = ["http", "https"].map(|scheme| {
        let keys = format!("{{ url: '{scheme}://service.test/', proxy: 'http://127.0.0.1:PORT', proxy_auth: {{ username: u, password: '${{A}}' }} }}");
        service.probe("http", &keys)
    });
    Box::new(move |data| {
        let Some((first, answer)) = data.split_first() else {
            return;
        };
        let answer = with_secrets(answer, true);
        ask(&service, &*probes[usize::from(first % 2)], &answer);
    })
}

/// The bytes are what a server says, which the first one chooses: before TLS starts, or in reply to a text.
pub fn dialogs() -> Run {
    let service = Service::start();
    let address = "address: '127.0.0.1:PORT'";
    let starttls = |name| {
        service.probe(
            "tcp",
            &format!("{{ {address}, starttls: {name}, tls: {{}} }}"),
        )
    };
    let mut probes = ["smtp", "imap", "pop3", "ftp", "postgres"]
        .map(starttls)
        .to_vec();
    let keys = format!("{{ {address}, send: \"${{A}}\\r\\n\", expect: '^\\+(PONG|OK)\\s+x$' }}");
    probes.push(service.probe("tcp", &keys));
    Box::new(move |data| {
        let Some((first, said)) = data.split_first() else {
            return;
        };
        let number = usize::from(*first) % probes.len();
        let is_last = number + 1 == probes.len();
        // Only the last one has a secret; the others cannot hide what the server says.
        let said = if is_last {
            with_secrets(said, false)
        } else if has_secret(said) {
            return;
        } else {
            said.to_vec()
        };
        service.ask(&*probes[number], &said, Manner::Turns);
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
            let keys = format!(
                "{{ api: {api}, url: '{url}', model: m, api_key: '${{A}}', {stream} prompt: hi }}"
            );
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
        answer.extend(with_secrets(body, false));
        ask(&service, &**probe, &answer);
    })
}

/// The bytes are the reply of a name server, which gets the id of the question.
pub fn dns() -> Run {
    let service = Service::start();
    let answer: Manner = Manner::Once(|question, data| {
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
            service.ask(&**probe, data, answer);
        }
    })
}

/// The bytes are all that a server of gRPC sends.
pub fn grpc() -> Run {
    let service = Service::start();
    let probe = service.probe(
        "grpc",
        "{ address: '127.0.0.1:PORT', metadata: { x-key: '${A}' } }",
    );
    Box::new(move |data| {
        service.ask(&*probe, data, WHOLE);
    })
}

/// The bytes are the frames that a server sends on an open WebSocket or, if they begin like that, its whole answer.
pub fn websocket() -> Run {
    let service = Service::start();
    let probe = service.probe(
        "websocket",
        "{ url: 'ws://127.0.0.1:PORT/', headers: { X-Key: '${A}' }, send: '${A}', expect: { json: { $.type: never } } }",
    );
    Box::new(move |data| {
        service.ask(&*probe, &with_secrets(data, false), Manner::Once(opened));
    })
}

/// Opens the WebSocket that a request asks for, and sends these frames.
fn opened(request: &[u8], frames: &[u8]) -> Vec<u8> {
    if frames.starts_with(b"HTTP/") {
        return frames.to_vec();
    }
    let request = String::from_utf8_lossy(request);
    let mut fields = request.lines().filter_map(|line| line.split_once(": "));
    let key = fields.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
    let (_, key) = key.unwrap_or_default();
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()));
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    [head.as_bytes(), frames].concat()
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
        service.ask(&*probe, &flight(data), WHOLE);
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
