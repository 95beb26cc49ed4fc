//! Email through an SMTP server, with message submission (RFC 6409).

use super::login::is_whole;
use super::mail::{Envelope, Mail, Security, address, is_domain};
use super::{Channel, Kind, Message, Parsed, Request, Texts};
use crate::outcome::Timestamp;
use crate::yaml::{Choice, Key, Keys, List, Mapping, SecretText, Section, Text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::Address;
use std::net::IpAddr;
use std::sync::Arc;

const KEYS: Keys = &[&TO, &FROM, &SERVER, &TLS, &HELLO, &USERNAME, &PASSWORD];

const ADDRESS: Parsed<Address> = Parsed {
    label: "email address",
    expected: "an address such as oncall@example.com, without a name",
    parse: address,
};

const TO: Key<List<Parsed<Address>>> =
    Key::required("to", List::up_to(50, ADDRESS), "The recipients.");
const FROM: Key<Parsed<Address>> = Key::required("from", ADDRESS, "The sender.");
const SERVER: Key<Parsed<Server>> = Key::required(
    "server",
    Parsed {
        label: "host or host:port",
        expected: "a host with or without a port, such as smtp.example.com:587",
        parse: server,
    },
    "The SMTP server. Without a port: 587, 465 if `tls` is `implicit`, 25 if it is `none`.",
);
const TLS: Key<Choice<Security>> = Key::with_default(
    "tls",
    Choice(&[
        ("starttls", Security::StartTls),
        ("implicit", Security::Implicit),
        ("none", Security::None),
    ]),
    "starttls",
    "`starttls` upgrades to TLS before anything is sent, and sends nothing if the server does not support it; `implicit` starts with TLS. The system must trust the certificate. `none` sends in clear text, and never a password.",
);
const HELLO: Key<Parsed<String>> = Key::optional(
    "hello",
    Parsed {
        label: "domain name",
        expected: "a domain name such as slod.example.com, or an address literal such as [192.0.2.1]",
        parse: hello,
    },
    "The name of this machine, sent in `EHLO`. Default: its host name if that has a domain, otherwise its IP address as `[192.0.2.1]`.",
);
const USERNAME: Key<Text> = Key::optional("username", Text, "The user to log in as.");
const PASSWORD: Key<SecretText> = Key::optional("password", SecretText, "The user's password.");

pub const KIND: Kind = Kind {
    key: Key::optional(
        "email",
        Mapping(KEYS),
        "An email by SMTP. All emails about a group are one thread, and every attempt to send an email uses the same Message-ID. If the server temporarily rejects a recipient (greylisting), only that recipient is retried.",
    ),
    example: "{ to: [ oncall@example.com ], from: slod@example.com, server: smtp.example.com, username: slod, password: example-password }",
    has_texts: true,
    escape: None,
    is_web: false,
    read,
};

/// A host with an optional port.
type Server = (String, Option<u16>);

fn server(text: &str) -> Option<Server> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(port.parse().ok().filter(|port| *port > 0)?))
        }
        _ => (text, None),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = url::Host::parse(host).ok()?;
    let name = bare.map_or_else(|| host.to_string(), str::to_owned);
    Some((name, port))
}

fn hello(text: &str) -> Option<String> {
    let is_literal = |text: &str| {
        let inner = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        let inner = inner.map(|text| text.strip_prefix("IPv6:").unwrap_or(text));
        inner.is_some_and(|text| text.parse::<IpAddr>().is_ok())
    };
    (is_domain(text) || is_literal(text)).then(|| text.to_owned())
}

fn read(section: &Section<'_>) -> Option<Arc<dyn Channel>> {
    let to = section.all(&TO);
    if section.has(&TO) && section.list(&TO).is_empty() {
        section.error(
            "invalid-value",
            &TO,
            "`to` is empty",
            "at least one address",
        );
    }
    let (from, server, security) = (section.get(&FROM), section.get(&SERVER), section.get(&TLS));
    let hello = section.get(&HELLO);
    let login = section.get(&USERNAME).zip(section.secret(&PASSWORD));
    if let Some((user, password)) = &login {
        // Servers repeat commands that they reject, here those of `AUTH PLAIN` and `AUTH LOGIN`.
        let password = password.reveal();
        for sent in [format!("\0{user}\0{password}"), password.to_owned()] {
            section.reader().redact(&BASE64.encode(sent), "<secret>");
        }
    }
    let (security, (host, port)) = (security?, server?);
    let envelope = Envelope {
        port: port.unwrap_or(security.port()),
        host,
        security,
        hello,
        login,
        from: from?,
        to,
    };
    if !can_log_in(section, security) || envelope.to.is_empty() {
        return None;
    }
    Some(Arc::new(Email(envelope)))
}

/// Checks that user and password are both set, with TLS, or neither. Reports errors.
fn can_log_in(section: &Section<'_>, security: Security) -> bool {
    if section.has(&USERNAME) && section.has(&PASSWORD) && security == Security::None {
        let message = "the password would be sent in clear text";
        let help = "expected starttls or implicit";
        section.error("invalid-value", &TLS, message, help);
        return false;
    }
    is_whole(section, &USERNAME, &PASSWORD)
}

#[derive(Debug)]
struct Email(Envelope);

impl Channel for Email {
    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        vec![Request::Mail(Mail::new(self.0.clone(), message, texts))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_ehlo_are_host_names_or_address_literals() {
        for right in [
            "mail.example.com",
            "localhost",
            "[192.0.2.1]",
            "[IPv6:2001:db8::1]",
        ] {
            assert_eq!(hello(right).as_deref(), Some(right));
        }
        for wrong in [
            "",
            "a b",
            "a..b",
            "a.",
            "a_b",
            "[mail]",
            "192.0.2.1]",
            "a\r\nMAIL",
        ] {
            assert_eq!(hello(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn servers_are_read_with_and_without_a_port() {
        let of = |text| server(text).map(|(host, port)| (host, port.unwrap_or(0)));
        let expect = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(of("smtp.example.com"), expect("smtp.example.com", 0));
        assert_eq!(of("smtp.example.com:25"), expect("smtp.example.com", 25));
        assert_eq!(of("[::1]:2525"), expect("::1", 2525));
        assert_eq!(of("[::1]"), expect("::1", 0));
        for wrong in [
            "",
            ":25",
            "smtp:0",
            "smtp:70000",
            "a b",
            "smtp://host",
            "::1",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
