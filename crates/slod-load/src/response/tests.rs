use super::*;
use crate::head::FIELDS_MAX;
use http::Method;

#[derive(Debug, PartialEq, Eq)]
struct Read {
    status: u16,
    body: String,
    is_reusable: bool,
}

/// The response of a connection that is then closed; `None` if it is incomplete.
fn read(bytes: &[u8], method: &Method, cut: usize) -> Result<Option<Read>, Invalid> {
    let mut response = Response::new(method, Keep::All);
    let mut body = Vec::new();
    for part in bytes.chunks(cut) {
        response.feed(part, &mut |data| body.extend_from_slice(data))?;
    }
    let is_reusable = response.is_reusable();
    Ok(response.close()?.then(|| Read {
        status: response.status(),
        body: String::from_utf8(body).expect("text"),
        is_reusable,
    }))
}

/// Reads with every split of the bytes.
fn all(text: &str, method: &Method) -> Result<Option<Read>, Invalid> {
    let whole = read(text.as_bytes(), method, usize::MAX);
    for cut in 1..text.len() {
        assert_eq!(read(text.as_bytes(), method, cut), whole, "{cut}: {text}");
    }
    whole
}

fn get(text: &str) -> (u16, String, bool) {
    let read = all(text, &Method::GET).expect("valid").expect("complete");
    (read.status, read.body, read.is_reusable)
}

#[test]
fn bodies_end_as_specified_by_their_heads() {
    for (expected, texts) in [
        (
            (200, "ok", true),
            &[
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok",
                "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            ][..],
        ),
        (
            (200, "", true),
            &["\r\nHTTP/1.1 200\r\ncontent-length:0\r\n\r\n"][..],
        ),
        (
            (200, "ok", false),
            &[
                "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok",
                "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 2\r\n\r\nok",
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nok",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
            ][..],
        ),
        ((500, "ok", false), &["HTTP/1.1 500 No\r\n\r\nok"][..]),
        (
            (204, "", true),
            &["HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n"][..],
        ),
        ((304, "", true), &["HTTP/1.1 304 No\r\n\r\n"][..]),
        (
            (101, "", false),
            &["HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"][..],
        ),
    ] {
        for text in texts {
            let (status, body, is_reusable) = get(text);
            assert_eq!((status, &*body, is_reusable), expected, "{text}");
        }
    }
    let head = all(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
        &Method::HEAD,
    );
    assert!(head.expect("valid").expect("complete").is_reusable);
}

#[test]
fn a_truncated_response_is_incomplete() {
    for whole in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        for end in 0..whole.len() {
            let read = all(&whole[..end], &Method::GET);
            assert_eq!(read, Ok(None), "{end}: {whole}");
        }
    }
}

/// As in probes.
#[test]
fn faults_that_other_clients_ignore_are_ignored() {
    let many = "X-A: a\r\n".repeat(FIELDS_MAX - 1);
    for fields in [
        "X-A: a\r\n b\r\n",
        "X-A: a\r\n\tb\r\n c\r\n",
        "X-A : a\r\n",
        "PHP Warning x\r\n",
        "Content-Length : 2\r\n",
        "X-A: a\nX-B: b\n",
        &many,
    ] {
        let text = format!("HTTP/1.1 200\r\n{fields}Content-Length:\r\n 2\r\n\r\nok");
        let whole = read(text.as_bytes(), &Method::GET, 100);
        let whole = whole.expect("valid").expect("complete");
        assert_eq!((whole.status, &*whole.body), (200, "ok"), "{fields:.60}");
    }
    for line in [
        "HTTP/1.1 200 O\x1bK\x7f",
        "HTTP/1.1 103 \x01\r\n\r\nHTTP/1.1 200 \x01",
        "HTTP/1.1 100 \x7f\r\n\r\n\r\n\nHTTP/1.1 200 O\x1bK",
        "\r\n\nHTTP/1.1 200 O\x1bK",
        "HTTP/1.1   200   OK",
    ] {
        let text = format!("{line}\r\nContent-Length: 2\r\n\r\nok");
        for size in [1, 15, 100] {
            let whole = read(text.as_bytes(), &Method::GET, size);
            let whole = whole.expect("valid").expect("complete");
            assert_eq!((whole.status, &*whole.body), (200, "ok"), "{line:?}");
        }
    }
    let mut response = Response::new(&Method::GET, Keep::All);
    let text = b"HTTP/1.1 200 OK\r\nX-A: a\r\n\t b\r\nContent-Length: 0\r\n\r\n";
    response.feed(text, &mut |_| {}).expect("valid");
    assert_eq!(response.into_headers()["x-a"], "a b");
}

/// Parsed again for each line, it would take minutes of CPU time.
#[test]
fn a_head_that_arrives_line_by_line_takes_little_time() {
    let mut head = String::from("HTTP/1.1 200 OK\r\n");
    while head.len() < HEAD_MAX - 10 {
        head += "#\r\n";
    }
    for text in [&(head.clone() + "\r\n"), &head] {
        let whole = read(text.as_bytes(), &Method::HEAD, usize::MAX);
        for cut in [1, 3] {
            assert_eq!(read(text.as_bytes(), &Method::HEAD, cut), whole);
        }
    }
}

#[test]
fn an_invalid_response_is_rejected() {
    const NO_HTTP: &str = "it does not begin with `HTTP/1.1` or `HTTP/1.0`";
    const NO_LINE: &str = "a line does not end with CR LF";
    const NO_STATUS: &str = "the status line is invalid";
    const NO_LENGTH: &str = "the Content-Length is not a valid length";
    let long = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(HEAD_MAX));
    let many = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(FIELDS_MAX + 2));
    for (invalid, reason) in [
        ("SSH-2.0-x\r\n", NO_HTTP),
        ("\rHTTP/1.1 200 OK\r\n\r\n", NO_LINE),
        (" HTTP/1.1 200 OK\r\n\r\n", NO_HTTP),
        ("HTTP/2 200 OK\r\n\r\n", NO_HTTP),
        ("HTTP/1.1 2000 OK\r\n\r\n", NO_STATUS),
        ("HTTP/1.1 20\x1b OK\r\n\r\n", NO_STATUS),
        ("HTTP/1.1 200 O\0K\r\n\r\n", NO_STATUS),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            "it has conflicting Content-Length values",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", NO_LENGTH),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", NO_LENGTH),
        ("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok", NO_LENGTH),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
            NO_LENGTH,
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding is not valid in HTTP/1.0",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nok",
            "the chunked encoding is invalid",
        ),
    ] {
        let found = all(invalid, &Method::GET);
        assert_eq!(found, Err(Invalid(reason)), "{invalid:.60}");
    }
    for (text, reason) in [
        (&long, "the header section is longer than 256 KiB"),
        (&many, "it has more than 2000 header fields"),
    ] {
        let found = read(text.as_bytes(), &Method::GET, 4096);
        assert_eq!(found, Err(Invalid(reason)));
    }
}
