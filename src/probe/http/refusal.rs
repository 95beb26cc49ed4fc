//! Explains why an answer is not valid HTTP.

use crate::probe::quoted::quoted;
use crate::text::CUT;
use http::header::CONTENT_LENGTH;

/// Why an answer with this start is not valid in the HTTP version that was used; `None` if its
/// start does not show it.
pub fn refusal(start: &[u8], http2: bool) -> Option<String> {
    let is_http1 = start.starts_with(b"HTTP/1.0") || start.starts_with(b"HTTP/1.1");
    if http2 {
        return http2_refusal(start, is_http1);
    }
    match start {
        [] => None,
        [0x15 | 0x16, 3, ..] => Some("the server uses TLS on this port: use https".to_owned()),
        // The SETTINGS frame that opens a connection.
        [0, 0, _, 4, ..] => Some(
            "the server uses HTTP/2 without TLS on this port: set `http_version: 2`".to_owned(),
        ),
        _ if !is_http1 => Some(format!(
            "the response starts with {}, not with `HTTP/1.1`",
            quoted_line(start)
        )),
        _ => status_fault(start).or_else(|| field_fault(start)),
    }
}

fn http2_refusal(start: &[u8], is_http1: bool) -> Option<String> {
    if is_http1 {
        return Some("the server responds with HTTP/1.1 where it should speak HTTP/2: set `http_version: \"1.1\"`".to_owned());
    }
    // The SETTINGS frame that opens a connection: its length and its type.
    let wanted = [Some(0), None, None, Some(4)];
    let mut begin = start.iter().zip(wanted);
    let is_http2 = begin.all(|(byte, wanted)| wanted.is_none_or(|wanted| *byte == wanted));
    (!is_http2).then(|| {
        format!(
            "the response starts with {}, not with a frame of HTTP/2",
            quoted_line(start)
        )
    })
}

fn status_fault(start: &[u8]) -> Option<String> {
    let rest = first_line(start).get(b"HTTP/1.1".len()..)?;
    let mut words = rest
        .strip_prefix(b" ")
        .unwrap_or_default()
        .trim_ascii_start()
        .split(|byte| *byte == b' ');
    let code = words.next().unwrap_or_default();
    let valid = matches!(code, [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9']);
    (!valid).then(|| {
        let line = quoted_line(start);
        format!("the status line {line} has no status code of three digits")
    })
}

/// Checks the fields that determine where the answer ends.
fn field_fault(start: &[u8]) -> Option<String> {
    let mut lines = start.split(|byte| *byte == b'\n');
    lines.next()?;
    let fields = lines
        .map(<[u8]>::trim_ascii)
        .take_while(|line| !line.is_empty());
    let mut length: Option<&[u8]> = None;
    for line in fields {
        let forbidden = [(0, "a NUL byte"), (b'\r', "a carriage return")];
        if let Some((_, what)) = forbidden.iter().find(|(byte, _)| line.contains(byte)) {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            return Some(format!("the header {} contains {what}", quoted(name)));
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if !name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str().as_bytes()) {
            continue;
        }
        // Rust would also parse `+8` as a number.
        let digits = value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value)
            .ok()
            .filter(|_| digits)
            .and_then(|value| value.parse::<u64>().ok());
        if number.is_none() {
            return Some(format!(
                "Content-Length is {}, which is not a valid number",
                quoted(value)
            ));
        }
        if length.is_some_and(|length| length != value) {
            return Some("the response has two different Content-Length values".to_owned());
        }
        length = Some(value);
    }
    None
}

/// Quotes the first line. If its end has not arrived, it is marked as truncated, so that the beginning of a secret
/// in it is recognized.
fn quoted_line(start: &[u8]) -> String {
    let line = first_line(start);
    if line.len() < start.len() {
        return quoted(line);
    }
    let mut line = line.to_vec();
    line.extend_from_slice(CUT.encode_utf8(&mut [0; 4]).as_bytes());
    quoted(&line)
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_is_named() {
        let named = |start: &[u8], http2, wanted: &str| {
            let shown = refusal(start, http2).unwrap_or_default();
            assert!(shown.contains(wanted), "{shown}");
        };
        named(
            b"HTTP/1.1 400 Bad Request\r\n",
            true,
            "responds with HTTP/1.1",
        );
        named(b"SSH-2.0-x\r\n", true, "starts with `SSH-2.0-x`, not with");
        let table: [(&[u8], &str); 18] = [
            (b"HTTP/1.2 200 OK\r\n", "starts with `HTTP/1.2 200 OK`"),
            (
                b"HTTP/1.1 200 OK\r\nX: a\0b\r\n",
                "header `X` contains a NUL",
            ),
            (
                b"SSH-2.0-OpenSSH_9.6\r\n",
                "starts with `SSH-2.0-OpenSSH_9.6`, not with",
            ),
            (b"HTTP/2 200 OK\r\n", "starts with `HTTP/2 200 OK`"),
            (b"no sk-abc", "starts with `no sk-abc\u{2026}`"),
            (b"HTTP/1.1 sk", "`HTTP/1.1 sk\u{2026}` has no"),
            (b"\x15\x03\x01\x00\x02\x02\x50", "use https"),
            (b"\0\0\x12\x04\0\0\0", "`http_version: 2`"),
            (b"HTTP/1.1 abc\r\n\r\n", "`HTTP/1.1 abc` has no status code"),
            (b"HTTP/1.1 \r\n\r\n", "has no status code"),
            (b"HTTP/1.1 099 Odd\r\n\r\n", "has no status code"),
            (b"HTTP/1.1 2000 OK\r\n\r\n", "has no status code"),
            (b"HTTP/1.1\t200 OK\r\n\r\n", "has no status code"),
            (
                b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
                "header `X` contains a carriage",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "not a valid number",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "Content-Length is `-1`",
            ),
            (
                b"HTTP/1.1 200 OK\ncontent-length : 2\nContent-Length: 3\n\n",
                "two different Content-Length",
            ),
            (b"\x1b[31m\0\r\n", "`\\u{1b}[31m\\0`"),
        ];
        for (start, wanted) in table {
            named(start, false, wanted);
        }
    }

    #[test]
    fn valid_starts_are_accepted() {
        for start in [
            b"".as_slice(),
            b"HTTP/1.1 200\r\n",
            b"HTTP/1.1   200 OK\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nContent-Length: x",
        ] {
            assert_eq!(refusal(start, false), None);
        }
        for start in [b"\0\0\x12\x04\0".as_slice(), b"\0\0", b""] {
            assert_eq!(refusal(start, true), None);
        }
    }
}
