//! The messages of `grpc.health.v1` and their gRPC framing. Pure.

use crate::outcome::Cause;
use crate::probe::dial::Failure;
use prost::Message;

/// Length of the prefix of a message: a flag and a length.
const FRAME: usize = 5;
/// Maximum size of an answer, which normally has a few bytes.
const MESSAGE_MAX: usize = 64 << 10;

/// <https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto>
#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "Serving", tag = "1")]
    status: i32,
}

/// The serving state of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Serving {
    Unknown = 0,
    Up = 1,
    Down = 2,
    ServiceUnknown = 3,
}

impl Serving {
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("UNKNOWN", Self::Unknown),
        ("SERVING", Self::Up),
        ("NOT_SERVING", Self::Down),
        ("SERVICE_UNKNOWN", Self::ServiceUnknown),
    ];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Up => "SERVING",
            Self::Down => "NOT_SERVING",
            Self::ServiceUnknown => "SERVICE_UNKNOWN",
        }
    }
}

/// Encodes the framed request for a service.
pub fn request(service: &str) -> Vec<u8> {
    let service = service.to_owned();
    let message = HealthCheckRequest { service }.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0][..], &length.to_be_bytes(), &message].concat()
}

/// The part of an answer that has been received, in chunks of any size.
#[derive(Debug, Default)]
pub struct Received(Vec<u8>);

impl Received {
    /// Appends a chunk; an error if no valid answer can start like this.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let room = (FRAME + MESSAGE_MAX + 1).saturating_sub(self.0.len());
        self.0.extend_from_slice(&piece[..piece.len().min(room)]);
        let Some((length, rest)) = self.opened()? else {
            return Ok(());
        };
        if length > MESSAGE_MAX {
            let message = format!("the message has {length} bytes, more than 64 KiB");
            return Err(Failure::bad(Cause::BodyTooLarge, message));
        }
        if rest.len() > length {
            return Err(invalid("there is more than one message"));
        }
        Ok(())
    }

    /// The length in the frame's prefix, and the bytes after the prefix.
    fn opened(&self) -> Result<Option<(usize, &[u8])>, Failure> {
        let Some((frame, rest)) = self.0.split_first_chunk::<FRAME>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *frame;
        match flag {
            0 => Ok(Some((u32::from_be_bytes(length) as usize, rest))),
            1 => Err(invalid(
                "the message is compressed, which the request does not allow",
            )),
            _ => Err(invalid("the message has no valid gRPC frame")),
        }
    }

    /// Decodes the complete answer.
    pub fn finish(self) -> Result<Serving, Failure> {
        if self.0.is_empty() {
            return Err(invalid("there is no message"));
        }
        let (length, rest) = self.opened()?.unwrap_or((FRAME, &[]));
        if rest.len() < length {
            return Err(invalid("the message is incomplete"));
        }
        let response = HealthCheckResponse::decode(rest)
            .map_err(|_| invalid("the message is not a HealthCheckResponse"))?;
        Serving::try_from(response.status)
            .map_err(|_| invalid(&format!("the state {} is unknown", response.status)))
    }
}

fn invalid(why: &str) -> Failure {
    Failure::bad(
        Cause::Protocol,
        format!("the answer is not valid gRPC: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_is_read_in_any_pieces() {
        let bytes = [0, 0, 0, 0, 2, 8, 1];
        for at in 0..bytes.len() {
            let mut received = Received::default();
            received.take(&bytes[..at]).expect("a beginning");
            received.take(&bytes[at..]).expect("the rest");
            assert_eq!(received.finish(), Ok(Serving::Up));
        }
        let mut empty = Received::default();
        empty.take(&[0; 5]).expect("all defaults");
        assert_eq!(empty.finish(), Ok(Serving::Unknown));
    }

    #[test]
    fn requests_contain_the_service() {
        assert_eq!(request(""), [0, 0, 0, 0, 0]);
        assert_eq!(request("ab"), [0, 0, 0, 0, 4, 10, 2, b'a', b'b']);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic_or_grow(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40_000), 0..6)) {
            let mut received = Received::default();
            let fits = pieces.iter().all(|piece| received.take(piece).is_ok());
            prop_assert!(received.0.len() <= FRAME + MESSAGE_MAX + 1);
            if fits {
                let _ = received.finish();
            }
        }
    }
}
