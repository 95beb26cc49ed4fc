//! Reads a streamed answer, and records when its parts arrived.

use super::LlmProbe;
use super::answer::{Answer, Piece};
use super::run::content_type;
use super::sse::{Reader, TooLarge, is_event_stream};
use crate::outcome::{Cause, Measurement, Verdict};
use crate::probe::dial::{Failure, Progress};
use crate::probe::http::body::{self, Source};
use crate::probe::quoted::quoted;
use http::HeaderMap;
use std::time::Duration;
use tokio::io::AsyncBufReadExt;

/// Number of bytes kept for the message about an answer that is not a stream.
const BEGINNING: usize = 256;

/// Reads events up to the one that ends the answer, without waiting for more data.
pub async fn read(
    probe: &LlmProbe,
    headers: &HeaderMap,
    mut source: Source,
    answer: &mut Answer,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let (mut reader, mut events) = (Reader::default(), Vec::new());
    let (mut pace, mut received) = (Pace::default(), Received::default());
    loop {
        let bytes = source.fill_buf().await;
        let bytes = bytes.map_err(|error| broken(body::failure(&error, headers)))?;
        let (length, after) = (bytes.len(), progress.elapsed());
        if length == 0 {
            break;
        }
        received.note(bytes);
        if received.length > probe.http.body_limit {
            return Err(too_large(&format!(
                "the answer is larger than {} bytes (`body_limit`)",
                probe.http.body_limit
            )));
        }
        let fed = reader.feed(bytes, &mut events);
        source.consume(length);
        for event in events.drain(..) {
            let piece = probe.api.take_event(answer, &event)?;
            pace.note(piece, after, progress);
            if answer.ended {
                pace.finish(answer, progress);
                return probe.api.check_end(answer);
            }
        }
        fed.map_err(|TooLarge| {
            too_large(&format!(
                "an event is larger than {} KiB",
                TooLarge::MAX_KIB
            ))
        })?;
    }
    if let Some(event) = reader.finish() {
        // A last event that is incomplete was cut off.
        probe.api.take_event(answer, &event).map_err(broken)?;
    }
    pace.finish(answer, progress);
    probe.api.check_end(answer).map_err(|mut failure| {
        if pace.first_chunk.is_none() && !is_event_stream(&received.beginning) {
            let (kind, begins) = (content_type(headers), quoted(&received.beginning));
            let seen = format!("it is {kind} and begins with {begins}");
            failure.message = format!("the answer is not an event stream: {seen}");
        }
        failure
    })
}

/// The number of bytes received, and the first of them.
#[derive(Default)]
struct Received {
    length: u64,
    beginning: Vec<u8>,
}

impl Received {
    fn note(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let missing = BEGINNING.saturating_sub(self.beginning.len());
        self.beginning
            .extend_from_slice(&bytes[..bytes.len().min(missing)]);
    }
}

/// The failure of a stream that had started.
fn broken(failure: Failure) -> Failure {
    match failure.verdict {
        Verdict::Bad(
            Cause::Reset | Cause::Closed | Cause::Protocol | Cause::Tls | Cause::Timeout,
        ) => {
            let message = format!("the stream was interrupted: {}", failure.message);
            Failure::bad(Cause::StreamBroken, message)
        }
        Verdict::Good | Verdict::Bad(_) | Verdict::Void(_) => failure,
    }
}

fn too_large(message: &str) -> Failure {
    Failure::bad(Cause::BodyTooLarge, message)
}

/// When parts of the answer arrived, relative to the start of the attempt.
#[derive(Debug, Default)]
struct Pace {
    first_chunk: Option<Duration>,
    /// The first reasoning or answer text.
    first_output: Option<Duration>,
    first_token: Option<Duration>,
    last_output: Option<Duration>,
}

impl Pace {
    fn note(&mut self, piece: Piece, after: Duration, progress: &mut Progress<'_>) {
        if piece != Piece::Nothing && self.first_chunk.is_none() {
            self.first_chunk = Some(after);
            progress.measure(Measurement::FirstChunk, after);
            progress.record("stream", || "first chunk".to_owned());
        }
        if !matches!(piece, Piece::Reasoning | Piece::Answer) {
            return;
        }
        self.first_output.get_or_insert(after);
        self.last_output = Some(after);
        if piece == Piece::Answer && self.first_token.is_none() {
            self.first_token = Some(after);
            progress.measure(Measurement::FirstToken, after);
            progress.record("stream", || "first token of the answer".to_owned());
        }
    }

    /// Computes the time per token from the provider's count, since a chunk may have several
    /// tokens. An answer that arrives all at once, as from a buffering proxy, has no time per
    /// token.
    fn finish(&self, answer: &Answer, progress: &mut Progress<'_>) {
        let first = if answer.streams_reasoning() {
            self.first_output
        } else {
            self.first_token
        };
        let steps = answer.streamed_tokens().and_then(|tokens| {
            let steps = u32::try_from(tokens).ok()?.checked_sub(1)?;
            (steps > 0).then_some(steps)
        });
        if let (Some(first), Some(last), Some(steps)) = (first, self.last_output, steps)
            && last > first
        {
            let between = last.saturating_sub(first) / steps;
            progress.measure(Measurement::PerOutputToken, between);
        }
    }
}
