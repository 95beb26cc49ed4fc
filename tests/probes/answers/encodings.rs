//! Encodings and charsets of bodies, which are decoded before they are checked.

use super::{cause_of, with};
use async_compression::tokio::write::BrotliEncoder;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use slod::outcome::Cause;
use std::io::Write as _;
use tokio::io::AsyncWriteExt as _;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("in memory");
    encoder.finish().expect("in memory")
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("in memory");
    encoder.finish().expect("in memory")
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("in memory");
    encoder.finish().expect("in memory")
}

async fn brotli(text: &[u8]) -> Vec<u8> {
    let mut encoder = BrotliEncoder::new(Vec::new());
    encoder.write_all(text).await.expect("in memory");
    encoder.shutdown().await.expect("in memory");
    encoder.into_inner()
}

#[tokio::test]
async fn an_answer_without_a_body_has_nothing_to_decode() {
    for coding in ["gzip", "br", "deflate", "zstd", "gzip, br", "odd"] {
        let empty = |status: &str, fields: &str| {
            format!("HTTP/1.1 {status}\r\nContent-Encoding: {coding}\r\n{fields}\r\n").into_bytes()
        };
        for (answer, keys) in [
            (empty("200 OK", "Content-Length: 5000\r\n"), "method: HEAD"),
            (empty("204 No Content", ""), ""),
            (empty("304 Not Modified", ""), "expect: { status: 304 }"),
            (
                empty("200 OK", "Content-Length: 0\r\n"),
                "expect: { body_not: x }",
            ),
            (empty("200 OK", ""), ""),
            (
                empty("302 Found", "Location: /x\r\nContent-Length: 0\r\n"),
                "follow_redirects: false, expect: { status: 302 }",
            ),
        ] {
            let (seen, story) = cause_of(answer, keys).await;
            assert_eq!(seen, None, "{coding} {keys}: {story}");
        }
    }
}

#[tokio::test]
async fn a_body_is_decoded_completely_before_it_is_checked() {
    let text = b"first DATABASE DOWN";
    let members = [gzip(b"first "), gzip(b"DATABASE DOWN")].concat();
    let frames = [b"first ".as_slice(), b"DATABASE DOWN"]
        .map(|part| zstd::encode_all(part, 1).expect("in memory"))
        .concat();
    for (coding, body) in [
        ("gzip", members),
        ("GZIP", gzip(text)),
        ("x-gzip", gzip(text)),
        ("gzip, identity", gzip(text)),
        ("identity,,gzip", gzip(text)),
        ("none", text.to_vec()),
        ("deflate", zlib(text)),
        ("deflate", deflate(text)),
        ("zstd", frames),
        ("br", brotli(text).await),
        ("deflate, gzip", gzip(&zlib(text))),
        ("gzip\r\nContent-Encoding: deflate", zlib(&gzip(text))),
        (
            "gzip, gzip, gzip, gzip, gzip",
            (0..5).fold(text.to_vec(), |inner, _| gzip(&inner)),
        ),
    ] {
        let answer = with(&format!("Content-Encoding: {coding}\r\n"), &body);
        let (seen, story) = cause_of(answer.clone(), "expect: { body: ^first.*DOWN$ }").await;
        assert_eq!(seen, None, "{coding}: {story}");
        let (seen, _) = cause_of(answer, "expect: { body_not: DOWN }").await;
        assert_eq!(seen, Some(Cause::Body), "{coding}");
    }
}

#[tokio::test]
async fn an_unknown_encoding_leaves_the_body_as_it_is() {
    let text = b"{\"state\": \"UP\"}";
    let expect = "expect: { body: UP, body_not: DOWN, json: { $.state: UP } }";
    for (coding, body) in [
        ("utf-8", text.to_vec()),
        ("UTF-8", text.to_vec()),
        ("binary", text.to_vec()),
        ("aws-chunked", text.to_vec()),
        ("gzip, utf-8", gzip(text)),
        ("aws-chunked, GZIP", gzip(text)),
    ] {
        let answer = with(&format!("Content-Encoding: {coding}\r\n"), &body);
        let (seen, story) = cause_of(answer, expect).await;
        assert_eq!(seen, None, "{coding}: {story}");
    }
    let says = "the body has the unknown encoding `aws-chunked`";
    let answer = with("Content-Encoding: AWS-Chunked\r\n", b"DOWN");
    for keys in [
        "expect: { body: UP }",
        "expect: { body_not: DOWN }",
        "expect: { json: { $.state: UP } }",
    ] {
        let (seen, story) = cause_of(answer.clone(), keys).await;
        assert_eq!(seen, Some(Cause::Body), "{keys}: {story}");
        assert!(story.contains(says), "{story}");
    }
    // Binary data may be compressed, so its content is unknown.
    let packed = b"\x04\x22\x4d\x18\xff";
    let (seen, story) = cause_of(
        with("Content-Encoding: lz4\r\n", packed),
        "expect: { body_not: DOWN }",
    )
    .await;
    assert_eq!(seen, Some(Cause::Body), "{story}");
    let latin = with("Content-Encoding: iso-8859-1\r\n", b"St\xf6rung");
    let (seen, story) = cause_of(latin, "expect: { body: Störung, body_not: DOWN }").await;
    assert_eq!(seen, None, "{story}");
}

#[tokio::test]
async fn an_undecodable_body_never_passes_a_negative_check() {
    let cut = &gzip(b"DATABASE DOWN and more")[..20];
    let followed = |stream: Vec<u8>| [stream, b"DOWN".to_vec()].concat();
    let trailing = followed(gzip(b"fine"));
    let after_zlib = followed(zlib(b"fine"));
    let after_deflate = followed(deflate(b"fine"));
    let two_streams = [zlib(b"fine"), zlib(b"DOWN")].concat();
    let after_brotli = followed(brotli(b"fine").await);
    let after_inner = gzip(&after_zlib);
    for (coding, body, says) in [
        ("gzip, odd", b"DOWN".as_slice(), "not valid gzip, odd"),
        ("gzip", b"DOWN", "not valid gzip"),
        ("gzip", cut, "not valid gzip"),
        ("gzip", &trailing, "not valid gzip"),
        ("deflate", &after_zlib, "not valid deflate"),
        ("deflate", &after_deflate, "not valid deflate"),
        ("deflate", &two_streams, "not valid deflate"),
        ("br", &after_brotli, "not valid br"),
        ("deflate, gzip", &after_inner, "not valid deflate, gzip"),
        ("gzip,gzip,gzip,gzip,gzip,gzip", b"DOWN", "more than 5"),
    ] {
        let answer = with(&format!("Content-Encoding: {coding}\r\n"), body);
        let (seen, story) = cause_of(answer, "expect: { body_not: DOWN }").await;
        assert_eq!(seen, Some(Cause::Protocol), "{coding}: {story}");
        assert!(story.contains(says), "{story}");
    }
    let packed = gzip(b"DOWN");
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".to_vec();
    answer.extend(format!("{:x}\r\n", packed.len()).into_bytes());
    answer.extend([packed.as_slice(), b"\r\n0\r\n\r\n"].concat());
    assert_eq!(
        cause_of(answer, "expect: { body_not: DOWN }").await.0,
        Some(Cause::Body)
    );
    let answer = with("Content-Encoding: odd\r\n", b"DOWN");
    assert_eq!(cause_of(answer, "").await.0, None, "nobody looks into it");
    let long = [b"x".repeat(100), b"DOWN".to_vec()].concat();
    let (seen, _) = cause_of(
        with("", &long),
        "body_limit: 50B, expect: { body_not: DOWN }",
    )
    .await;
    assert_eq!(
        seen,
        Some(Cause::BodyTooLarge),
        "what was cut off is not free of it"
    );
}

#[tokio::test]
async fn bodies_in_other_charsets_are_read_as_text() {
    let utf16: Vec<u8> = "\u{feff}{\"state\": \"DOWN\"}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (kind, body, unwanted) in [
        ("text/plain", utf16.as_slice(), "DOWN"),
        ("text/plain; charset=utf-8", &utf16, "DOWN"),
        ("text/plain; charset=utf-16le", &utf16[2..], "DOWN"),
        (
            "text/html; charset=iso-8859-1",
            b"St\xf6rung",
            "St\u{f6}rung",
        ),
        ("text/html", b"St\xf6rung", "St\u{f6}rung"),
        ("text/html; charset=utf-8", b"DOWN \xff", "DOWN"),
        ("text/html; charset=cp037", b"\xc4\xd6\xe6\xd5", "DOWN"),
    ] {
        let answer = with(&format!("Content-Type: {kind}\r\n"), body);
        let keys = format!("expect: {{ body_not: \"{unwanted}\" }}");
        let (seen, story) = cause_of(answer, &keys).await;
        assert_eq!(seen, Some(Cause::Body), "{kind}: {story}");
    }
    let json = with("Content-Type: application/json\r\n", &utf16);
    let (seen, story) = cause_of(json, "expect: { json: { \"$.state\": DOWN } }").await;
    assert_eq!(seen, None, "{story}");
    let header = with("X-State: Gr\u{fc}n\r\n", b"");
    let (seen, story) = cause_of(header, "expect: { headers: { X-State: \"^Gr\u{fc}n$\" } }").await;
    assert_eq!(seen, None, "{story}");
}
