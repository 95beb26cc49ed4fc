//! The retained part of a response body.

use crate::capture::BODY_MAX;
use crate::watch::{Fault, Watch};
use slod_core::outcome::Cause;
use tokio::time::Instant;

#[derive(Default)]
pub struct Body {
    /// Its beginning, if it is needed.
    pub bytes: Option<Vec<u8>>,
    /// Whether `bytes` lacks the rest of a longer body.
    pub is_cut: bool,
    /// Processes the body while it arrives.
    pub watch: Option<Box<dyn Watch>>,
    /// When its first token arrived.
    pub first: Option<Instant>,
    /// The fault found by `watch`.
    pub fault: Option<Fault>,
}

impl Body {
    pub fn push(&mut self, data: &[u8]) {
        if let Some(bytes) = &mut self.bytes {
            let room = BODY_MAX.saturating_sub(bytes.len());
            bytes.extend_from_slice(&data[..data.len().min(room)]);
            self.is_cut |= data.len() > room;
        }
        if let Some(watch) = self.watch.as_mut().filter(|_| self.fault.is_none()) {
            self.fault = watch.feed(data).err();
            if self.first.is_none() && watch.has_begun() {
                self.first = Some(Instant::now());
            }
        }
    }

    /// The cause of failure of a response that broke off.
    pub const fn broken(&self, cause: Cause) -> Cause {
        match (&self.watch, cause) {
            (Some(_), Cause::Reset | Cause::Closed | Cause::Protocol) => Cause::StreamBroken,
            _ => cause,
        }
    }

    pub fn end(&mut self) {
        if let Some(watch) = self.watch.as_mut().filter(|_| self.fault.is_none()) {
            self.fault = watch.finish().err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_body_is_kept() {
        let mut body = Body {
            bytes: Some(Vec::new()),
            ..Body::default()
        };
        for cut in [false, false, false, true, true] {
            body.push(&vec![b'x'; BODY_MAX / 3]);
            assert_eq!(body.is_cut, cut);
        }
        assert_eq!(body.bytes.as_deref().map(<[u8]>::len), Some(BODY_MAX));
    }
}
