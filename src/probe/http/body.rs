//! Reading an answer's body: decoded on the fly, never more than the limit.

use super::exchange::protocol_failure;
use crate::outcome::Cause;
use crate::probe::dial::{Failure, source_of};
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder};
use futures_util::TryStreamExt;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

/// Read at a time.
const CHUNK: usize = 16 * 1024;

/// Reads to the end, and keeps what was read if `keep`. Returns the kept bytes and the length.
pub async fn read(
    body: Incoming,
    headers: &HeaderMap,
    limit: u64,
    keep: bool,
) -> Result<(Vec<u8>, u64), Failure> {
    let chunks = body.into_data_stream().map_err(io::Error::other);
    let raw = StreamReader::new(chunks);
    let encoding = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("identity");
    match encoding.trim() {
        encoding
            if encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip") =>
        {
            decode(GzipDecoder::new(raw), limit, keep).await
        }
        encoding if encoding.eq_ignore_ascii_case("br") => {
            decode(BrotliDecoder::new(raw), limit, keep).await
        }
        encoding if encoding.eq_ignore_ascii_case("deflate") => {
            decode(ZlibDecoder::new(raw), limit, keep).await
        }
        _ => decode(raw, limit, keep).await,
    }
}

async fn decode(
    mut from: impl AsyncRead + Unpin,
    limit: u64,
    keep: bool,
) -> Result<(Vec<u8>, u64), Failure> {
    let (mut kept, mut length) = (Vec::new(), 0_u64);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from
            .read(&mut chunk)
            .await
            .map_err(|error| failure(&error))?;
        if read == 0 {
            return Ok((kept, length));
        }
        length += read as u64;
        if length > limit {
            return Err(Failure::bad(
                Cause::BodyTooLarge,
                format!("the body is larger than {limit} bytes"),
            ));
        }
        if keep {
            kept.extend_from_slice(&chunk[..read]);
        }
    }
}

/// An error of the connection under the decoder, or of the decoder.
fn failure(error: &io::Error) -> Failure {
    let inner = error
        .get_ref()
        .and_then(|inner| source_of::<hyper::Error>(inner));
    match inner {
        Some(error) => protocol_failure(error, "reading the body"),
        None => Failure::bad(
            Cause::Protocol,
            format!("the body cannot be decoded: {error}"),
        ),
    }
}
