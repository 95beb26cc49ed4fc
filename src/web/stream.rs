//! Responses that are generated while they are sent, with bounded memory: a few pieces per response, and
//! few responses at a time. Clients that do not read time out.

use axum::body::Bytes;
use futures_util::{Stream, StreamExt, stream};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Maximum number of responses generated concurrently; others wait.
const ANSWERS: usize = 16;
/// Maximum number of pieces of one response that wait for the client.
const PIECES: usize = 2;
/// How long a client may take to read one piece.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts streamed responses. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Streams {
    free: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Streams {
    fn default() -> Self {
        Self::new(PATIENCE)
    }
}

impl Streams {
    fn new(patience: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(ANSWERS)),
            patience,
        }
    }

    /// Generates a response outside of the async workers. The stream ends with an error if `write` fails or
    /// panics, so that a truncated response is not mistaken for a complete one. It may be polled after its end, which
    /// the compression does.
    pub async fn start(
        &self,
        write: impl FnOnce(PieceWriter) -> io::Result<PieceWriter> + Send + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        // The semaphore is never closed, and one more response would do no harm.
        let permit = self.free.clone().acquire_owned().await.ok();
        let (sender, pieces) = mpsc::channel(PIECES);
        let out = PieceWriter {
            pieces: sender,
            runtime: Handle::current(),
            patience: self.patience,
            _permit: permit,
        };
        let work = tokio::task::spawn_blocking(move || write(out).map(drop));
        stream::unfold(Some((pieces, work)), next_piece).fuse()
    }
}

type Running = (mpsc::Receiver<Bytes>, JoinHandle<io::Result<()>>);

async fn next_piece(running: Option<Running>) -> Option<(io::Result<Bytes>, Option<Running>)> {
    let (mut pieces, work) = running?;
    if let Some(piece) = pieces.recv().await {
        return Some((Ok(piece), Some((pieces, work))));
    }
    match work.await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some((Err(error), None)),
        Err(_panic) => Some((
            Err(io::Error::other("the response could not be written")),
            None,
        )),
    }
}

/// Sends the output to the client in pieces.
#[derive(Debug)]
pub struct PieceWriter {
    pieces: mpsc::Sender<Bytes>,
    runtime: Handle,
    patience: Duration,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Write for PieceWriter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(text);
        let sent = timeout(self.patience, self.pieces.send(piece));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(text.len()),
            Ok(Err(_gone)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_elapsed) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_arrive_in_order_and_a_failure_is_seen() {
        let streams = Streams::default();
        let answer = streams.start(|mut out| {
            for number in 0..10_u8 {
                out.write_all(&[number])?;
            }
            Ok(out)
        });
        let pieces: Vec<_> = answer.await.map(Result::ok).collect().await;
        let sent: Vec<u8> = pieces.into_iter().flatten().flatten().collect();
        assert_eq!(sent, (0..10).collect::<Vec<u8>>());
        let broken = streams.start(|mut out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::Other.into())
        });
        let pieces: Vec<_> = broken.await.map(|piece| piece.is_ok()).collect().await;
        assert_eq!(pieces, [true, false]);
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_times_out() {
        // Paused time does not advance while a blocking task runs.
        let streams = Streams::new(Duration::from_millis(1));
        let (result_sender, failed) = tokio::sync::oneshot::channel();
        let answer = streams.start(move |mut out| {
            let result = (0..100).try_for_each(|_| out.write_all(b"piece"));
            let _ = result_sender.send(result.map_err(|error| error.kind()));
            Ok(out)
        });
        let _unread = Box::pin(answer.await);
        assert_eq!(failed.await, Ok(Err(io::ErrorKind::TimedOut)));
    }
}
