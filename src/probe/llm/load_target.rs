//! The question of an `llm` probe for the load engine, with streaming answers.

use super::LlmProbe;
use super::answer::{Answer, Piece};
use super::api::{Api, check_error};
use super::refusal::refused;
use super::sse::{Event, Reader, TooLarge, is_event_stream};
use crate::outcome::{Cause, Verdict};
use crate::probe::dial::Failure;
use crate::probe::http::load_target::LoadTarget;
use crate::probe::json_text;
use crate::probe::quoted::quoted;
use crate::probe::{Probe, unwrapped};
use http::StatusCode;
use slod_load::{Fault, NewWatch, Watch};
use std::sync::Arc;

/// The request of an `llm` probe that streams its answer; `None` for other probes.
pub fn load_target(probe: &Arc<dyn Probe>) -> Option<LoadTarget> {
    let (llm, redactions) = unwrapped::<LlmProbe>(probe).filter(|(llm, _)| llm.stream)?;
    let (api, may_call) = (llm.api, llm.may_call);
    let watch = NewWatch(Arc::new(move || Box::new(Reading::new(api, may_call))));
    let load_target = LoadTarget::watched(llm.http.clone(), probe.target(), watch);
    Some(load_target.redacted(redactions))
}

/// Maximum number of bytes kept of an answer that is not a stream, such as a rejection.
const BEGINNING_MAX: usize = 4 << 10;

/// One answer being read.
struct Reading {
    api: Api,
    may_call: bool,
    reader: Reader,
    answer: Answer,
    has_begun: bool,
    /// The beginning of the body; `None` once it is known to be an event stream.
    beginning: Option<Vec<u8>>,
}

impl Reading {
    fn new(api: Api, may_call: bool) -> Self {
        Self {
            api,
            may_call,
            reader: Reader::default(),
            answer: Answer::default(),
            has_begun: false,
            beginning: Some(Vec::new()),
        }
    }

    /// The fault of an answer that is not a stream.
    fn other(beginning: &[u8]) -> Fault {
        let failure = if let Ok(document) = json_text::parse(beginning) {
            check_error(&document).err().unwrap_or_else(|| {
                let message = "the server does not stream its answer";
                Failure::bad(Cause::Protocol, message)
            })
        } else {
            let begins = quoted(beginning);
            let message = format!("the answer is not an event stream: it begins with {begins}");
            Failure::bad(Cause::StreamBroken, message)
        };
        fault(failure)
    }

    fn take(&mut self, event: &Event) -> Result<(), Fault> {
        if self.answer.ended {
            return Ok(());
        }
        let piece = self
            .api
            .take_event(&mut self.answer, event)
            .map_err(fault)?;
        self.has_begun |= piece == Piece::Answer;
        Ok(())
    }
}

impl Watch for Reading {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut events = Vec::new();
        let fed = self.reader.feed(bytes, &mut events);
        if let Some(beginning) = &mut self.beginning {
            let room = BEGINNING_MAX.saturating_sub(beginning.len());
            beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        for event in events {
            self.take(&event)?;
            self.beginning = None;
        }
        fed.map_err(|TooLarge| Fault {
            cause: Cause::BodyTooLarge,
            words: format!("an event is larger than {} KiB", TooLarge::MAX_KIB),
        })
    }

    fn has_begun(&self) -> bool {
        self.has_begun
    }

    fn finish(&mut self) -> Result<(), Fault> {
        let last = std::mem::take(&mut self.reader).finish();
        if let Some(beginning) = self.beginning.as_deref().filter(|_| last.is_none())
            && !is_event_stream(beginning)
        {
            return Err(Self::other(beginning));
        }
        if let Some(event) = last {
            // A last event that is incomplete was cut off.
            self.take(&event).map_err(|fault| match fault.cause {
                Cause::Protocol => Fault {
                    cause: Cause::StreamBroken,
                    ..fault
                },
                _ => fault,
            })?;
        }
        self.api.check_end(&self.answer).map_err(fault)?;
        self.answer.check_presence(self.may_call).map_err(fault)
    }

    fn refusal(&self, status: u16) -> Fault {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = self.beginning.as_deref().unwrap_or_default();
        fault(refused(status, body, self.api.usual_path(), None))
    }
}

fn fault(failure: Failure) -> Fault {
    Fault {
        cause: match failure.verdict {
            Verdict::Bad(cause) => cause,
            Verdict::Good | Verdict::Void(_) => Cause::Protocol,
        },
        words: failure.message,
    }
}
