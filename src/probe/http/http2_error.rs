//! HTTP/2 errors as sentences: no error text of a library is shown to users.

use crate::outcome::Cause;
use crate::probe::dial::Failure;
use h2::{Error, Reason};
use std::io;

/// Explains why an exchange failed while `doing` something.
pub fn explain(error: &Error, doing: &str) -> Failure {
    if let Some(io) = error.get_io() {
        // The connection ended between two frames.
        let is_end = matches!(
            io.kind(),
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
        );
        if !is_end {
            return Failure::io(io, doing);
        }
        let message = format!("{doing}: the server closed the connection early");
        return Failure::bad(Cause::Closed, message);
    }
    let reason = error.reason().unwrap_or(Reason::PROTOCOL_ERROR);
    let (cause, words) = if error.is_remote() {
        remote_error(reason)
    } else {
        (Cause::Protocol, local_error(reason))
    };
    Failure::bad(cause, format!("{doing}: {words}"))
}

/// Explains an error code sent by the server (RFC 9113).
fn remote_error(reason: Reason) -> (Cause, String) {
    let words = match reason {
        Reason::NO_ERROR => {
            let words = "the server closed the connection before the response was complete";
            return (Cause::Closed, words.to_owned());
        }
        Reason::PROTOCOL_ERROR => "the server rejected the request as invalid HTTP/2",
        Reason::INTERNAL_ERROR => "the server reports an internal error",
        Reason::REFUSED_STREAM => "the server refused the request without processing it",
        Reason::CANCEL => "the server canceled the response",
        Reason::ENHANCE_YOUR_CALM => "the server reports too much load from this client",
        Reason::INADEQUATE_SECURITY => "the server requires a more secure connection",
        Reason::HTTP_1_1_REQUIRED => {
            "the server requires HTTP/1.1 for this request: set `http_version: \"1.1\"`"
        }
        other => {
            let code = u32::from(other);
            let words = format!("the server ended the request with the HTTP/2 error code {code}");
            return (Cause::Protocol, words);
        }
    };
    (Cause::Protocol, words.to_owned())
}

/// Explains an error in what the server sent.
fn local_error(reason: Reason) -> String {
    let words = match reason {
        Reason::FRAME_SIZE_ERROR => "a frame has an invalid size",
        Reason::FLOW_CONTROL_ERROR => "the server exceeds the flow-control window",
        Reason::COMPRESSION_ERROR => "the headers cannot be decompressed",
        Reason::ENHANCE_YOUR_CALM => "the server sent too many frames",
        _ => "the frames or headers violate the protocol",
    };
    format!("the response is not valid HTTP/2: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Verdict;

    #[test]
    fn every_code_has_a_sentence() {
        for code in 0..20 {
            let (cause, words) = remote_error(Reason::from(code));
            assert_eq!(cause == Cause::Closed, code == 0, "{words}");
            for words in [words, local_error(Reason::from(code))] {
                assert!(words.starts_with("the "), "{words}");
            }
        }
        assert!(remote_error(Reason::from(99)).1.ends_with("code 99"));
        let failure = explain(&Error::from(Reason::FRAME_SIZE_ERROR), "reading the body");
        assert_eq!(failure.verdict, Verdict::Bad(Cause::Protocol));
        assert_eq!(
            failure.message,
            "reading the body: the response is not valid HTTP/2: a frame has an invalid size"
        );
    }
}
