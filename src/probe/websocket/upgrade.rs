//! Opens a WebSocket: the request that switches protocols, and the checks of its answer (RFC 6455, section 4).

use super::WebSocketProbe;
use crate::outcome::Cause;
use crate::probe::dial::{Failure, Progress};
use crate::probe::http::excerpt::excerpt;
use crate::probe::http::exchange::{Switched, switch};
use crate::probe::http::oauth2::Signed;
use crate::probe::http::request::{Request, is_redirect};
use crate::probe::http::tap::Tap;
use crate::probe::http::transport::Line;
use crate::probe::quoted::quoted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, LOCATION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, response};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use url::Position;

/// Maximum size of a message, and of each of its frames, in bytes.
pub const MESSAGE_MAX: usize = 1 << 20;
/// Size of the buffer for received frames.
const BUFFER: usize = 8 << 10;
/// What servers append to the key (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

pub type Socket = WebSocketStream<Tap<Line>>;

/// Opens the WebSocket.
pub async fn open(
    probe: &WebSocketProbe,
    signed: &Signed<'_>,
    progress: &mut Progress<'_>,
) -> Result<Socket, Failure> {
    let unfit = |_| Failure::bad(Cause::Protocol, "the key is not valid in a request");
    let key = STANDARD.encode(fastrand::u128(..).to_be_bytes());
    let mut request = signed.request.clone().into_owned();
    let value = HeaderValue::try_from(&key).map_err(unfit)?;
    request.headers.insert(SEC_WEBSOCKET_KEY, value);
    let (stream, _) = probe
        .http
        .transport
        .connect(&request, true, progress)
        .await?;
    let Switched { head, rest } = switch(&request, stream, progress).await?;
    signed.note(head.status);
    let (stream, received) = rest.map_err(|body| not_switched(&request, &head, &body))?;
    let subprotocol = accepted(&head.headers, &key, &probe.subprotocols)
        .map_err(|fault| Failure::bad(Cause::Protocol, format!("the handshake: {fault}")))?;
    progress.record("websocket", || match subprotocol {
        Some(name) => format!("open, subprotocol {name}"),
        None => "open".to_owned(),
    });
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    let received = received.to_vec();
    Ok(WebSocketStream::from_partially_read(stream, received, Role::Client, Some(config)).await)
}

/// The failure of a server that answers with another status.
fn not_switched(request: &Request, head: &response::Parts, body: &[u8]) -> Failure {
    let status = head.status.as_u16();
    let target = redirect_target(request, head);
    let why = if let Some(target) = target {
        format!("; redirects of a WebSocket are not followed, this one leads to {target}")
    } else if head.status.is_success() {
        ": the server does not open a WebSocket at this address".to_owned()
    } else {
        let excerpt = excerpt(&head.headers, body, &request.secrets());
        excerpt.map_or_else(String::new, |excerpt| format!("; {excerpt}"))
    };
    let message = format!("status {status}, expected 101{why}");
    Failure::bad(Cause::Status, message)
}

/// The target of a redirect without its query and credentials, which may be secret.
fn redirect_target(request: &Request, head: &response::Parts) -> Option<String> {
    let location = head.headers.get(LOCATION)?.to_str().ok()?;
    if !is_redirect(head.status.as_u16()) {
        return None;
    }
    let target = request.url.join(location).ok()?;
    let place = &target[Position::BeforeHost..Position::AfterPath];
    Some(format!("{}://{place}", target.scheme()))
}

/// Checks the headers of the answer, and returns the chosen subprotocol. Returns an error message if a client must not
/// use the connection. Pure.
pub fn accepted(
    headers: &HeaderMap,
    key: &str,
    offered: &[String],
) -> Result<Option<String>, String> {
    if !lists(headers, &UPGRADE, "websocket") {
        return Err("the answer has no `Upgrade: websocket`".to_owned());
    }
    if !lists(headers, &CONNECTION, "upgrade") {
        return Err("the answer has no `Connection: Upgrade`".to_owned());
    }
    let accept = headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    match accept {
        None => return Err("the answer has no `Sec-WebSocket-Accept`".to_owned()),
        Some(accept) if accept.trim_ascii() != STANDARD.encode(hash).as_bytes() => {
            let accept = quoted(accept);
            return Err(format!(
                "`Sec-WebSocket-Accept` is {accept}, which is not derived from the key of the request: a cache or another server may have answered"
            ));
        }
        Some(_) => {}
    }
    if let Some(extensions) = headers.get(SEC_WEBSOCKET_EXTENSIONS) {
        let extensions = quoted(extensions.as_bytes());
        return Err(format!(
            "the server uses {extensions}, but no extension was offered"
        ));
    }
    let chosen = headers
        .get(SEC_WEBSOCKET_PROTOCOL)
        .map(HeaderValue::as_bytes);
    let known = |chosen: &[u8]| {
        offered
            .iter()
            .find(|one| one.as_bytes() == chosen.trim_ascii())
    };
    match chosen.map(|chosen| (known(chosen), chosen)) {
        Some((Some(known), _)) => Ok(Some(known.clone())),
        Some((None, chosen)) => Err(format!(
            "the server chose the subprotocol {}, which was not offered",
            quoted(chosen)
        )),
        None if offered.is_empty() => Ok(None),
        None => Err("the server chose none of the subprotocols".to_owned()),
    }
}

/// Whether a header lists a word, in any case.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter();
    let mut words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.any(|one| one.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and its hash in RFC 6455, section 1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn answer(changed: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let usual = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-accept", ACCEPT),
        ];
        for (name, value) in usual.iter().chain(changed) {
            if value.is_empty() {
                headers.remove(*name);
            } else {
                headers.insert(*name, HeaderValue::from_str(value).expect("valid"));
            }
        }
        headers
    }

    #[test]
    fn an_answer_is_accepted_as_by_browsers() {
        let offered = ["chat.v2".to_owned(), "chat.v1".to_owned()];
        let none: &[String] = &[];
        let v1 = ("sec-websocket-protocol", "chat.v1");
        for (changed, offered, expected) in [
            (&[][..], none, Ok(None)),
            (&[v1], &offered, Ok(Some("chat.v1"))),
            (&[("upgrade", "")], none, Err("no `Upgrade: websocket`")),
            (&[("upgrade", "h2c")], none, Err("no `Upgrade: websocket`")),
            (
                &[("connection", "close")],
                none,
                Err("no `Connection: Upgrade`"),
            ),
            (
                &[("sec-websocket-accept", "")],
                none,
                Err("no `Sec-WebSocket-Accept`"),
            ),
            (
                &[("sec-websocket-accept", KEY)],
                none,
                Err("is not derived from the key"),
            ),
            (
                &[("sec-websocket-extensions", "permessage-deflate")],
                none,
                Err("uses `permessage-deflate`, but no extension was offered"),
            ),
            (
                &[v1],
                none,
                Err("chose the subprotocol `chat.v1`, which was not offered"),
            ),
            (&[], &offered, Err("chose none of the subprotocols")),
        ] {
            let found = accepted(&answer(changed), KEY, offered);
            match expected {
                Ok(chosen) => assert_eq!(found, Ok(chosen.map(str::to_owned)), "{changed:?}"),
                Err(fault) => {
                    let found = found.expect_err(fault);
                    assert!(found.contains(fault), "{found}");
                }
            }
        }
    }
}
