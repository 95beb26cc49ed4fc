//! An address that data is sent to: a POST request as in the `http` kind, with its credentials and TLS, but without
//! expectations and redirects.

use super::HttpProbe;
use super::body::BodySink;
use super::fetch::fetch;
use super::keys::{self, Address};
use super::oauth2::keys::OAUTH2;
use super::read::{read_post, read_url};
use super::request::Request;
use crate::probe::dial::{Failure, options};
use crate::probe::{Attempt, Probe};
use crate::text::{beginning, printable};
use crate::yaml::{Declared, Key, Section};
use http::{HeaderMap, StatusCode, response};
use hyper::body::Bytes;
use std::time::Duration;

/// Maximum number of bytes of an answer that are kept.
const ANSWER_MAX: usize = 1024;
/// Maximum number of characters of an answer that are shown.
const SHOWN_MAX: usize = 200;

/// The keys of a [`Destination`], except its address.
pub const OPTIONS: [&dyn Declared; 10] = [
    &keys::HEADERS,
    &keys::BEARER,
    &keys::BASIC_AUTH,
    &OAUTH2,
    &keys::TLS,
    &options::IP_VERSION,
    &keys::HTTP_VERSION,
    &keys::PROXY,
    &keys::PROXY_AUTH,
    &keys::UNIX_SOCKET,
];

/// A request that can be sent any number of times, each time with another body.
#[derive(Debug)]
pub struct Destination {
    probe: HttpProbe,
}

impl Destination {
    /// Reads the address and the options of a section, reporting every error. `headers` describe the body; those of the
    /// config do not replace them.
    pub fn read(section: &Section<'_>, address: &Key<Address>, headers: HeaderMap) -> Option<Self> {
        let url = read_url(section, address);
        let request = read_post(section, url);
        let mut probe = HttpProbe::of(section, request)?;
        probe.request.headers.extend(headers);
        Some(Self { probe })
    }

    /// The address for display.
    pub fn target(&self) -> String {
        self.probe.request.shown()
    }

    /// Waits for the token that a request needs, for at most `wait`.
    pub async fn prepare(&self, wait: Duration) {
        if let Some(preparation) = self.probe.prepare(wait) {
            preparation.await;
        }
    }

    /// Sends a body. Returns an error message if the server does not answer by the deadline.
    pub async fn post(&self, attempt: &mut Attempt, body: Bytes) -> Result<Reply, String> {
        let probe = HttpProbe {
            request: Request {
                body,
                ..self.probe.request.clone()
            },
            ..self.probe.clone()
        };
        let mut sink = ReplySink::default();
        let read = Box::pin(fetch(&probe, attempt, &mut sink)).await;
        match (sink.head, read) {
            // Whatever happens to its body, the server has decided.
            (Some((status, headers)), _) => Ok(Reply {
                status,
                headers,
                text: probe.cleaned(shown(&sink.beginning)),
            }),
            (None, read) => Err(probe.cleaned(read.err().unwrap_or_default())),
        }
    }
}

/// The answer of the server.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The printable beginning of the body, on one line.
    pub text: String,
}

fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.trim().lines().next().unwrap_or_default();
    printable(&beginning(line, SHOWN_MAX)).into_owned()
}

#[derive(Default)]
struct ReplySink {
    head: Option<(StatusCode, HeaderMap)>,
    beginning: Vec<u8>,
}

impl BodySink for ReplySink {
    fn begin(&mut self, head: &response::Parts) -> Result<(), Failure> {
        self.head = Some((head.status, head.headers.clone()));
        Ok(())
    }

    fn wants_body(&self) -> bool {
        true
    }

    fn take(&mut self, part: &[u8]) -> Result<(), Failure> {
        let room = ANSWER_MAX.saturating_sub(self.beginning.len());
        self.beginning
            .extend_from_slice(&part[..part.len().min(room)]);
        Ok(())
    }
}
