//! Builds a probe from the config.

use super::status::Code;
use super::{GrpcProbe, keys, message};
use crate::probe::dial::{Place, options};
use crate::probe::http::headers::is_secret;
use crate::yaml::Section;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers that gRPC and HTTP/2 set themselves, and headers that HTTP/2 forbids.
const RESERVED: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "user-agent",
];

/// Builds a probe, after reporting every error.
pub fn read(section: &Section<'_>) -> Option<GrpcProbe> {
    let address = section.get(&keys::ADDRESS);
    let service = section.get(&keys::SERVICE);
    let tls = options::optional_tls(section, &keys::TLS, &[b"h2"]);
    let authority = section.get(&keys::AUTHORITY);
    let metadata = read_metadata(section);
    let (codes, serving) = match section.section_or_empty(&keys::EXPECT) {
        Some(expect) => {
            let codes = expect.all(&keys::CODE);
            let never = !codes.is_empty() && !codes.contains(&Code::OK);
            if never && expect.written_name(&keys::SERVING).is_some() {
                expect.error(
                    "conflict",
                    &keys::SERVING,
                    "only an answer with the status OK has a state, and `code` does not expect it",
                    "remove `serving`, or add OK to `code`",
                );
            }
            (codes, expect.all(&keys::SERVING))
        }
        None => (Vec::new(), Vec::new()),
    };
    let family = options::read_family(section, address.as_ref().and_then(Place::host));
    let (address, service) = (address?, service?);
    let tls = tls.and_then(|tls| {
        let name = options::server_name(section, &tls, &keys::ADDRESS, &address.name())?;
        Some((tls, name))
    });
    Some(GrpcProbe {
        authority: authority.or_else(|| own_authority(section, &address))?,
        family: family?,
        tls,
        request: message::request(&service).into(),
        service,
        address,
        metadata: metadata?,
        codes,
        serving,
    })
}

/// The address as an authority, which always includes the port; `localhost` for a socket, as in grpc-go.
fn own_authority(section: &Section<'_>, address: &Place) -> Option<Authority> {
    let authority = match address {
        Place::Network(address) => address.to_string().parse(),
        Place::Socket(_) => Ok(Authority::from_static("localhost")),
    };
    authority
        .map_err(|_| {
            let message = "the host is not valid as an authority of HTTP/2";
            section.error("invalid-value", &keys::ADDRESS, message, "set `authority`");
        })
        .ok()
}

fn read_metadata(section: &Section<'_>) -> Option<HeaderMap> {
    let mut metadata = HeaderMap::new();
    let mut faultless = true;
    for (name, value, at) in section.map(&keys::METADATA) {
        let reader = section.reader();
        match field(&name, value.reveal()) {
            Ok((name, sent)) => {
                reader.note_secret(&at);
                if is_secret(&name) {
                    let text = value.reveal();
                    let token = text.split_once(' ').map_or(text, |(_, token)| token);
                    reader.redact(text, "<secret>");
                    reader.redact(token, "<secret>");
                }
                metadata.append(name, sent);
            }
            Err((message, help)) => {
                reader.error("invalid-value", &at, message, help);
                faultless = false;
            }
        }
    }
    faultless.then_some(metadata)
}

/// Parses a name and its value; errors do not contain the value.
fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), (String, &'static str)> {
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) || lower.starts_with("grpc-") {
        let message = format!("`{name}` is set by gRPC itself");
        return Err((message, "use another name, or remove the key"));
    }
    let Ok(valid) = HeaderName::try_from(&lower) else {
        let message = format!("`{name}` is not a valid metadata name");
        return Err((message, "letters, digits, `-`, `_` and `.`"));
    };
    if lower.ends_with("-bin") && STANDARD.decode(value).is_err() {
        let message = format!("the value of `{name}` is not Base64");
        return Err((message, "Base64 with padding, for names that end in `-bin`"));
    }
    let is_ascii = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    match HeaderValue::from_str(value) {
        Ok(mut sent) if is_ascii => {
            sent.set_sensitive(true);
            Ok((valid, sent))
        }
        _ => Err((
            format!("the value of `{name}` is not valid in metadata"),
            "printable ASCII; other bytes in Base64 below a name that ends in `-bin`",
        )),
    }
}
