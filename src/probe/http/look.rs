//! What the address of a probe answers, regardless of the expectations.

use super::HttpProbe;
use super::body::BodySink;
use super::fetch::fetch;
use crate::probe::dial::Failure;
use crate::probe::{Attempt, Probe, of_type};
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, response};

/// One answer.
#[derive(Clone, Debug)]
pub struct ResponseFacts {
    pub status: u16,
    pub headers: HeaderMap,
    /// Length of the decoded body in bytes.
    pub length: u64,
    /// Whether the request accepted compression.
    pub asked_compressed: bool,
}

/// Sends the request of an `http` probe once, by the deadline of the attempt; `None` for a probe of
/// another kind.
pub async fn look(
    probe: &dyn Probe,
    attempt: &mut Attempt,
) -> Option<Result<ResponseFacts, String>> {
    let probe = of_type::<HttpProbe>(probe)?;
    let mut seen = SeenResponse::default();
    let fetched = fetch(probe, attempt, &mut seen).await;
    Some(fetched.map(|()| ResponseFacts {
        status: seen.status,
        headers: seen.headers,
        length: seen.length,
        asked_compressed: probe.request.headers.contains_key(ACCEPT_ENCODING),
    }))
}

#[derive(Default)]
struct SeenResponse {
    status: u16,
    headers: HeaderMap,
    length: u64,
}

impl BodySink for SeenResponse {
    fn begin(&mut self, head: &response::Parts) -> Result<(), Failure> {
        self.status = head.status.as_u16();
        self.headers = head.headers.clone();
        Ok(())
    }

    fn wants_body(&self) -> bool {
        true
    }

    fn take(&mut self, part: &[u8]) -> Result<(), Failure> {
        self.length += part.len() as u64;
        Ok(())
    }
}
