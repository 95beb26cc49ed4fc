//! Misbehaving targets: each gets its cause within the timeout and with bounded memory.

use crate::probing::{attempt, cause, message, probe};
use crate::server::{Authority, Leaf, http, ok, read_request, tcp};
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, FlushCompress};
use slod::outcome::{Cause, Measurement, Timestamp, Verdict};
use slod::probe::{Attempt, Trace};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_millis(1500);

fn at(address: SocketAddr) -> String {
    format!("{{ url: \"http://{address}/\" }}")
}

async fn expect(address: SocketAddr, wanted: Cause) -> slod::outcome::Outcome {
    let (outcome, story) = attempt(&at(address), TIMEOUT).await;
    assert_eq!(
        cause(&outcome),
        Some(wanted),
        "{:?}\n{story}",
        outcome.detail.message
    );
    outcome
}

/// Sends these bytes, and closes.
async fn bytes(answer: &'static [u8]) -> SocketAddr {
    http(move |_| answer.to_vec()).await.0
}

/// Sends a chunk repeatedly, and counts how many were sent.
async fn endless(
    head: &'static str,
    chunk: Vec<u8>,
    pause: Duration,
) -> (SocketAddr, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let counter = sent.clone();
    let address = tcp(move |mut stream| {
        let (chunk, counter) = (chunk.clone(), counter.clone());
        async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&chunk).await.is_ok() {
                counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                tokio::time::sleep(pause).await;
            }
        }
    })
    .await;
    (address, sent)
}

/// Closes so that the peer sees a reset.
fn reset(stream: TcpStream) {
    let stream = stream.into_std().expect("a socket");
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("set");
}

#[tokio::test]
async fn bodies_without_an_end_and_too_large_ones_are_read_no_further() {
    let chunk = vec![b'x'; 64 * 1024];
    let heads = [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
    ];
    for head in heads {
        let (address, sent) = endless(head, chunk.clone(), Duration::ZERO).await;
        let outcome = expect(address, Cause::BodyTooLarge).await;
        assert!(outcome.measured.get(Measurement::Transfer).is_some());
        // Bytes in the sockets' buffers were sent, but not read.
        assert!(
            sent.load(Ordering::Relaxed) < 24 << 20,
            "{} bytes were sent",
            sent.load(Ordering::Relaxed)
        );
    }
}

#[tokio::test]
async fn a_gzip_bomb_is_cut_at_the_limit() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..200 {
        encoder.write_all(&vec![0; 1 << 20]).expect("in memory");
    }
    let bomb = encoder.finish().expect("in memory");
    assert!(bomb.len() < 1 << 20);
    let (address, _) = http(move |_| {
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            bomb.len()
        )
        .into_bytes();
        answer.extend(&bomb);
        answer
    })
    .await;
    expect(address, Cause::BodyTooLarge).await;
}

/// The start of a gzip member whose content is this text, repeated without an end.
fn endless_gzip(start: &[u8], text: &[u8]) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let mut add = |data: &[u8], times: usize| {
        let mut block = Vec::with_capacity(64 << 10);
        Compress::new(Compression::best(), false)
            .compress_vec(data, &mut block, FlushCompress::Full)
            .expect("in memory");
        member.extend(block.repeat(times));
    };
    add(start, 1);
    add(&text.repeat((1 << 20) / text.len()), 10_000);
    member
}

/// A hundred kilobytes that decode to gigabytes without any content.
#[tokio::test]
async fn a_bomb_without_content_times_out() {
    let empty = GzEncoder::new(Vec::new(), Compression::best()).finish();
    let empty = empty.expect("in memory");
    // The start of a header that contains a file name.
    let named = [0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    for (start, text) in [(&named[..], &b"a"[..]), (&[], &empty)] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let inner = endless_gzip(start, text);
        encoder.write_all(&inner).expect("in memory");
        let bomb = encoder.finish().expect("in memory");
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip\r\n\r\n";
        let answer = [head.as_bytes(), &bomb].concat();
        assert!(answer.len() < 200 << 10, "{}", answer.len());
        let (address, _) = http(move |_| answer.clone()).await;
        let mut attempt = Attempt::new(Timestamp(0), TIMEOUT, Trace::silent());
        let probe = probe("http", &at(address), Path::new(""));
        probe.run(&mut attempt).await;
        // It would take tens of seconds.
        assert!(attempt.started.elapsed() < TIMEOUT * 5);
    }
}

#[tokio::test]
async fn slow_and_silent_servers_time_out() {
    let (dripping, _) = endless(
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        vec![b'x'],
        Duration::from_millis(100),
    )
    .await;
    let outcome = expect(dripping, Cause::Timeout).await;
    assert!(message(&outcome).contains("transfer"), "{outcome:?}");

    let (head, _) = endless(
        "HTTP/1.1 200 OK\r\n",
        b"X: y\r\n".to_vec(),
        Duration::from_millis(100),
    )
    .await;
    let outcome = expect(head, Cause::Timeout).await;
    assert!(message(&outcome).contains("processing"), "{outcome:?}");

    let silent = tcp(|stream| async move {
        let _kept = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let outcome = expect(silent, Cause::Timeout).await;
    assert!(
        outcome.measured.get(Measurement::Connect).is_some(),
        "what was measured stays"
    );

    let (outcome, _) = attempt(&format!("{{ url: \"https://{silent}/\" }}"), TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Timeout));
    assert!(message(&outcome).contains("tls"), "{outcome:?}");
}

#[tokio::test]
async fn answers_that_are_not_http() {
    let answers: [&[u8]; 8] = [
        b"<html>HTTP/0.9 says hello</html>\r\n\r\n",
        b"\x00\x01\x02\x03\xff\xfe\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        // Lines in chunked encoding end with CRLF.
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
    ];
    for answer in answers {
        expect(bytes(answer).await, Cause::Protocol).await;
    }
    expect(bytes(b"").await, Cause::Closed).await;
}

/// Sends these frames of HTTP/2 after a request, and leaves the connection open.
async fn frames(answer: Vec<u8>) -> SocketAddr {
    tcp(move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut preface = [0; 24];
            let _ = stream.read_exact(&mut preface).await;
            let mut frame = [0; 9];
            while frame[3] != 1 && stream.read_exact(&mut frame).await.is_ok() {
                let mut payload = vec![0; u16::from_be_bytes([frame[1], frame[2]]).into()];
                let _ = stream.read_exact(&mut payload).await;
            }
            let _ = stream.write_all(&answer).await;
            std::future::pending::<()>().await;
        }
    })
    .await
}

#[tokio::test]
async fn an_http2_response_needs_its_end() {
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0].as_slice();
    // `:status: 200`.
    let head = &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
    let data = |flags: u8| [0, 0, 2, 0, flags, 0, 0, 0, 1, b'o', b'k'];
    let no_error = &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    for (end, wanted) in [
        (data(1).to_vec(), None),
        ([&data(1)[..], no_error].concat(), None),
        ([&data(0)[..], no_error].concat(), Some(Cause::Closed)),
        (no_error.to_vec(), Some(Cause::Closed)),
    ] {
        let address = frames([settings, head, &end].concat()).await;
        let yaml = format!("{{ url: \"http://{address}/\", http_version: 2 }}");
        let (outcome, story) = attempt(&yaml, TIMEOUT).await;
        assert_eq!(cause(&outcome), wanted, "{end:?}: {outcome:?}\n{story}");
    }
}

#[tokio::test]
async fn ten_thousand_headers_and_one_huge_header() {
    let many: Vec<String> = (0..10_000).map(|n| format!("X-{n}: y\n")).collect();
    let many = many.concat();
    let (address, _) = http(move |_| format!("HTTP/1.1 200 OK\r\n{many}\r\n").into_bytes()).await;
    expect(address, Cause::Protocol).await;
    let huge = "y".repeat(1 << 20);
    let (address, _) =
        http(move |_| format!("HTTP/1.1 200 OK\r\nX: {huge}\r\n\r\n").into_bytes()).await;
    expect(address, Cause::Protocol).await;
}

#[tokio::test]
async fn invalid_utf8_is_handled() {
    let (address, _) = http(|_| {
        b"HTTP/1.1 200 OK\r\nX-Odd: \xff\xfe\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00\x80".to_vec()
    })
    .await;
    let url = format!("url: \"http://{address}/\"");
    assert_eq!(
        attempt(&format!("{{ {url} }}"), TIMEOUT).await.0.verdict,
        Verdict::Good
    );
    let (outcome, _) = attempt(
        &format!("{{ {url}, expect: {{ headers: {{ X-Odd: ^z }} }} }}"),
        TIMEOUT,
    )
    .await;
    assert_eq!(cause(&outcome), Some(Cause::Header));
    let (outcome, _) = attempt(
        &format!("{{ {url}, expect: {{ json: {{ \"$.a\": 1 }} }} }}"),
        TIMEOUT,
    )
    .await;
    assert_eq!(cause(&outcome), Some(Cause::Body));
}

#[tokio::test]
async fn a_reset_in_each_phase() {
    let at_once = tcp(|stream| async move { reset(stream) }).await;
    expect(at_once, Cause::Reset).await;
    let after_request = tcp(|mut stream| async move {
        read_request(&mut stream).await;
        reset(stream);
    })
    .await;
    expect(after_request, Cause::Reset).await;
    let in_body = tcp(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
            .await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        reset(stream);
    })
    .await;
    expect(in_body, Cause::Reset).await;
    let (outcome, _) = attempt(&format!("{{ url: \"https://{at_once}/\" }}"), TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Reset));
}

#[tokio::test]
async fn a_closed_port_is_refused_and_an_unknown_name_fails_to_resolve() {
    expect(([127, 0, 0, 1], 1).into(), Cause::Refused).await;
    let (outcome, _) = attempt("{ url: \"http://nothing.invalid/\" }", TIMEOUT).await;
    assert!(
        matches!(cause(&outcome), Some(Cause::Dns | Cause::Timeout)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_wrong_protocol_on_the_port() {
    let plain = tcp(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    })
    .await;
    let (outcome, _) = attempt(&format!("{{ url: \"https://{plain}/\" }}"), TIMEOUT).await;
    assert!(cause(&outcome) == Some(Cause::Tls), "{outcome:?}");
    let (tls, _) = Authority::new().https(Leaf::Good, false, |_| ok("")).await;
    let (outcome, _) = attempt(&at(tls), TIMEOUT).await;
    assert!(
        matches!(cause(&outcome), Some(Cause::Protocol | Cause::Closed)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn deep_json_is_bad() {
    let deep = "[".repeat(100_000);
    let (address, _) = http(move |_| ok(&deep)).await;
    let keys = format!("{{ url: \"http://{address}/\", expect: {{ json: {{ \"$.a\": 1 }} }} }}");
    let (outcome, story) = attempt(&keys, TIMEOUT).await;
    assert_eq!(cause(&outcome), Some(Cause::Body), "{story}");
}
