//! Reads the body of an answer: decoded while it arrives, and never beyond the limit.

use super::exchange::protocol_failure;
use crate::outcome::Cause;
use crate::probe::dial::Failure;
use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use async_compression::zstd::DParameter;
use futures_util::stream;
use http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};
use http::{HeaderMap, Version, response};
use hyper::body::{Body as _, Incoming};
use slod_load::source_of;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader, ReadBuf};
use tokio::task::coop;
use tokio_util::io::StreamReader;

/// Maximum number of stacked content encodings; curl allows 5.
const MAX_CODINGS: usize = 5;
/// The maximum zstd window that HTTP allows (RFC 9659), which bounds the decoder's memory: 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How much of a task's budget of 128 units the decoding of 8 KiB uses. A read that uses up the budget
/// begins again with the outermost encoding, so all of them together must use less.
const READ_COST: usize = 128 / (MAX_CODINGS + 1);

pub type Source = Box<dyn AsyncBufRead + Send + Unpin>;

/// A content encoding.
#[derive(Clone, Copy)]
enum Coding {
    Gzip,
    Brotli,
    Deflate,
    Zstd,
}

impl Coding {
    fn named(name: &str) -> Option<Self> {
        match name {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "br" => Some(Self::Brotli),
            "deflate" => Some(Self::Deflate),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    async fn decode(self, mut from: Source) -> io::Result<Source> {
        Ok(match self {
            // Several gzip members form one body (RFC 1952).
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(from);
                decoder.multiple_members(true);
                buffered(decoder)
            }
            Self::Brotli => buffered(Whole(BrotliDecoder::new(from))),
            Self::Deflate if is_zlib(from.fill_buf().await?) => {
                buffered(Whole(ZlibDecoder::new(from)))
            }
            // Many servers omit the zlib header, and most clients accept that.
            Self::Deflate => buffered(Whole(DeflateDecoder::new(from))),
            Self::Zstd => {
                let window = [DParameter::window_log_max(ZSTD_WINDOW_LOG)];
                let mut decoder = ZstdDecoder::with_params(from, &window);
                decoder.multiple_members(true);
                buffered(decoder)
            }
        })
    }
}

/// A decoder of an encoding with a single stream.
trait Single: AsyncRead + Unpin {
    /// The encoded source.
    fn source(&mut self) -> &mut Source;
}

impl Single for BrotliDecoder<Source> {
    fn source(&mut self) -> &mut Source {
        self.get_mut()
    }
}

impl Single for DeflateDecoder<Source> {
    fn source(&mut self) -> &mut Source {
        self.get_mut()
    }
}

impl Single for ZlibDecoder<Source> {
    fn source(&mut self) -> &mut Source {
        self.get_mut()
    }
}

/// Reads a stream to its end; returns an error if more data follows.
struct Whole<D>(D);

impl<D: Single> AsyncRead for Whole<D> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(cx, buf))?;
        let is_end = buf.filled().len() == before && buf.remaining() > 0;
        if is_end && !ready!(Pin::new(self.0.source()).poll_fill_buf(cx))?.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        Poll::Ready(Ok(()))
    }
}

/// A decoder that yields to other tasks regularly: a few bytes can decode to gigabytes, of which the next
/// decoder makes nothing.
struct Yielding<D>(D);

impl<D: AsyncRead + Unpin> AsyncRead for Yielding<D> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        for _ in 0..READ_COST {
            ready!(coop::poll_proceed(cx)).made_progress();
        }
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

fn buffered(from: impl AsyncRead + Send + Unpin + 'static) -> Source {
    Box::new(BufReader::new(Yielding(from)))
}

/// Whether deflated data starts with the two-byte zlib header (RFC 1950).
fn is_zlib(start: &[u8]) -> bool {
    match start {
        [first, second, ..] => {
            first & 0x8f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
        }
        [first] => first & 0x8f == 8,
        [] => false,
    }
}

/// The receiver of an answer.
pub trait BodySink: Send {
    /// Checks the head before the body is read; an error ends the attempt.
    fn begin(&mut self, _head: &response::Parts) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether the content of the body is used, so that it must be decoded.
    fn wants_body(&self) -> bool;

    /// Receives the next part of the decoded body; an error ends the attempt.
    fn take(&mut self, part: &[u8]) -> Result<(), Failure>;
}

/// Keeps a body in memory if it is wanted.
pub struct BodyBuffer {
    wanted: bool,
    pub bytes: Vec<u8>,
}

impl BodyBuffer {
    pub const fn new(wanted: bool) -> Self {
        let bytes = Vec::new();
        Self { wanted, bytes }
    }
}

impl BodySink for BodyBuffer {
    fn wants_body(&self) -> bool {
        self.wanted
    }

    fn take(&mut self, part: &[u8]) -> Result<(), Failure> {
        if self.wanted {
            self.bytes.extend_from_slice(part);
        }
        Ok(())
    }
}

/// Reads the body to its end, and returns its length.
pub async fn read(
    body: Incoming,
    head: &response::Parts,
    limit: u64,
    receiver: &mut dyn BodySink,
) -> Result<u64, Failure> {
    let headers = &head.headers;
    let mut source = raw(body, head.version);
    let failed = |error: io::Error| failure(&error, headers);
    // Answers to HEAD, 204, 304 and redirects may declare an encoding without having a body.
    if source.fill_buf().await.map_err(failed)?.is_empty() {
        return Ok(0);
    }
    match codings(headers) {
        Ok(codings) => source = decoded(source, codings).await.map_err(failed)?,
        // The content is not used, so a complete body is enough.
        Err(_) if !receiver.wants_body() => {}
        Err(failure) => return Err(failure),
    }
    drain(source, limit, receiver, failed).await
}

/// Opens a body that is decoded while it is read. [`failure`] explains errors of reading it.
pub async fn open(body: Incoming, head: &response::Parts) -> Result<Source, Failure> {
    let headers = &head.headers;
    let decoded = decoded(raw(body, head.version), codings(headers)?).await;
    decoded.map_err(|error| failure(&error, headers))
}

/// The error of an HTTP/2 response that ended without `END_STREAM`. hyper takes it for complete if the stream was
/// reset with `NO_ERROR`.
#[derive(Debug, thiserror::Error)]
#[error("the server ended the response before it was complete")]
struct Incomplete;

fn raw(mut body: Incoming, version: Version) -> Source {
    let parts = stream::poll_fn(move |cx| {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Some(Ok(data)),
                    Err(_trailers) => continue,
                },
                Some(Err(error)) => Some(Err(io::Error::other(error))),
                None if version == Version::HTTP_2 && !body.is_end_stream() => {
                    Some(Err(io::Error::other(Incomplete)))
                }
                None => None,
            });
        }
    });
    Box::new(StreamReader::new(parts))
}

async fn decoded(mut source: Source, codings: Vec<Coding>) -> io::Result<Source> {
    // The last encoding was applied last, so it is removed first.
    for coding in codings.into_iter().rev() {
        source = coding.decode(source).await?;
    }
    Ok(source)
}

/// The supported encodings in the order in which they were applied.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Failure> {
    let codings: Vec<_> = names(headers)
        .filter_map(|name| Coding::named(&name))
        .collect();
    if codings.len() > MAX_CODINGS {
        return Err(Failure::bad(
            Cause::Protocol,
            format!("the body cannot be checked: it has more than {MAX_CODINGS} content encodings"),
        ));
    }
    Ok(codings)
}

/// The unsupported encodings, which are ignored as browsers and curl do: some servers put a charset here, or an
/// encoding that was already removed, such as `aws-chunked`.
pub fn unknown_codings(headers: &HeaderMap) -> Vec<String> {
    let unknown = names(headers).filter(|name| Coding::named(name).is_none());
    unknown.collect()
}

/// The encodings that must be decoded.
pub fn known_codings(headers: &HeaderMap) -> Vec<String> {
    let known = names(headers).filter(|name| Coding::named(name).is_some());
    known.collect()
}

/// Content encodings, then transfer encodings except chunked, which is already removed.
fn names(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let content = headers.get_all(CONTENT_ENCODING).into_iter();
    let values = content.chain(headers.get_all(TRANSFER_ENCODING));
    let lists = values.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    let names = lists.flat_map(|list| {
        list.split(',')
            .map(|name| name.trim().to_owned())
            .collect::<Vec<_>>()
    });
    names.filter(|name| !matches!(name.as_str(), "" | "identity" | "none" | "chunked"))
}

/// Reads the rest of an opened body and returns its length.
pub async fn rest(
    source: Source,
    headers: &HeaderMap,
    limit: u64,
    receiver: &mut dyn BodySink,
) -> Result<u64, Failure> {
    drain(source, limit, receiver, |error| failure(&error, headers)).await
}

async fn drain(
    mut from: Source,
    limit: u64,
    receiver: &mut dyn BodySink,
    failed: impl Fn(io::Error) -> Failure,
) -> Result<u64, Failure> {
    let mut length = 0_u64;
    loop {
        let part = from.fill_buf().await.map_err(&failed)?;
        let read = part.len();
        if read == 0 {
            return Ok(length);
        }
        length += read as u64;
        if length > limit {
            return Err(Failure::bad(
                Cause::BodyTooLarge,
                format!("the body is larger than {limit} bytes (`body_limit`)"),
            ));
        }
        receiver.take(part)?;
        from.consume(read);
    }
}

/// Explains an error of the decoder, or of the connection below it.
pub fn failure(error: &io::Error, headers: &HeaderMap) -> Failure {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|inner| source_of::<hyper::Error>(inner)) {
        return protocol_failure(error, "reading the body");
    }
    if let Some(error) = inner.and_then(|inner| source_of::<Incomplete>(inner)) {
        return Failure::bad(Cause::Closed, format!("reading the body: {error}"));
    }
    let codings: Vec<_> = names(headers).collect();
    let codings = codings.join(", ");
    Failure::bad(
        Cause::Protocol,
        format!("the body is not valid {codings}: it is damaged or truncated"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn few_codings_on_top_of_each_other_are_undone() {
        let headers = |count: usize| {
            let value = HeaderValue::from_str(&["gzip"; 9][..count].join(", "));
            HeaderMap::from_iter([(CONTENT_ENCODING, value.expect("valid"))])
        };
        let undone = codings(&headers(MAX_CODINGS)).map_err(|_| "refused");
        assert_eq!(undone.map(|codings| codings.len()), Ok(MAX_CODINGS));
        assert!(codings(&headers(MAX_CODINGS + 1)).is_err());
    }
}
