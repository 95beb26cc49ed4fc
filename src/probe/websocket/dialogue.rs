//! The messages of an open WebSocket, and its end.

use super::upgrade::{MESSAGE_MAX, Socket};
use crate::outcome::Cause;
use crate::probe::dial::Failure;
use crate::probe::quoted::quoted;
use futures_util::StreamExt;
use hyper::body::Bytes;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// What a server does next.
pub enum Next {
    Message(Bytes),
    /// It closed the WebSocket; why, in words.
    Closed(Ended),
}

/// How a server closed the WebSocket.
#[derive(Debug)]
pub struct Ended {
    /// Whether its status code is not that of an error.
    pub is_normal: bool,
    pub words: String,
}

/// Waits for the next message. Pings are answered.
pub async fn next(socket: &mut Socket) -> Result<Next, Failure> {
    loop {
        return Ok(match socket.next().await {
            Some(Ok(Message::Text(text))) => Next::Message(text.into()),
            Some(Ok(Message::Binary(bytes))) => Next::Message(bytes),
            Some(Ok(Message::Close(frame))) => Next::Closed(ended(frame.as_ref())),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Err(error)) => return Err(failure(&error, "receiving")),
            None => Next::Closed(ended(None)),
        });
    }
}

/// Closes the WebSocket with the code 1000, so that the server does not log a lost connection, and waits until `until`
/// for its answer. Returns how the server had closed it before, if it did.
pub async fn close(socket: &mut Socket, until: Instant) -> Option<Ended> {
    let frame = CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    };
    let closed = async {
        // The server may no longer receive, but may have sent why.
        let _ = socket.close(Some(frame)).await;
        loop {
            match next(socket).await {
                Ok(Next::Message(_)) => {}
                Ok(Next::Closed(ended)) => return Some(ended),
                Err(_) => return None,
            }
        }
    };
    timeout_at(until, closed).await.ok().flatten()
}

fn ended(frame: Option<&CloseFrame>) -> Ended {
    let Some(CloseFrame { code, reason }) = frame else {
        return Ended {
            is_normal: true,
            words: "the server closed the WebSocket".to_owned(),
        };
    };
    let meaning = match u16::from(*code) {
        1000 => " (normal)",
        1001 => " (going away)",
        1002 => " (protocol error)",
        1003 => " (unsupported data)",
        1007 => " (invalid data)",
        1008 => " (policy violation)",
        1009 => " (message too big)",
        1010 => " (extension missing)",
        1011 => " (internal error)",
        1012 => " (service restart)",
        1013 => " (try again later)",
        1014 => " (bad gateway)",
        _ => "",
    };
    let reason = match reason.as_bytes() {
        b"" => String::new(),
        reason => format!(": {}", quoted(reason)),
    };
    Ended {
        is_normal: matches!(code, CloseCode::Normal | CloseCode::Away),
        words: format!("the server closed the WebSocket with the code {code}{meaning}{reason}"),
    }
}

/// Explains an error of the WebSocket while `doing` something.
pub fn failure(error: &Error, doing: &str) -> Failure {
    let protocol = |words: &str| Failure::bad(Cause::Protocol, format!("{doing}: {words}"));
    match error {
        Error::Io(error) => Failure::io(error, doing),
        Error::ConnectionClosed | Error::AlreadyClosed => {
            Failure::bad(Cause::Closed, format!("{doing}: the WebSocket is closed"))
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            let words = "the server closed the connection without closing the WebSocket";
            Failure::bad(Cause::Closed, format!("{doing}: {words}"))
        }
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) => {
            let message = format!("a message has {size} bytes or more, the limit is {MESSAGE_MAX}");
            Failure::bad(Cause::BodyTooLarge, message)
        }
        Error::Utf8(_) => protocol("a text message is not valid UTF-8"),
        Error::Protocol(fault) => protocol(violation(fault)),
        _ => protocol("the frames are invalid"),
    }
}

/// Describes a violation of RFC 6455.
fn violation(fault: &ProtocolError) -> &'static str {
    match fault {
        ProtocolError::MaskedFrameFromServer => "a frame is masked, which only clients may do",
        ProtocolError::NonZeroReservedBits => {
            "a frame has reserved bits, although no extension was offered"
        }
        ProtocolError::FragmentedControlFrame => "a control frame is fragmented",
        ProtocolError::ControlFrameTooBig => "a control frame has more than 125 bytes",
        ProtocolError::UnknownControlFrameType(_)
        | ProtocolError::UnknownDataFrameType(_)
        | ProtocolError::InvalidOpcode(_) => "a frame has an unknown type",
        ProtocolError::UnexpectedContinueFrame => "a message continues that did not begin",
        ProtocolError::ExpectedFragment(_) => "a message begins before the last one ended",
        ProtocolError::InvalidCloseSequence => "the close frame is invalid",
        _ => "the frames are invalid",
    }
}
