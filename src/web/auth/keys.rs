//! Keys of the web configuration file and their values.

use crate::config::TLS_SETTINGS;
use crate::units;
use crate::yaml::{
    Bool, Choice, FilePath, Integer, Key, Keys, List, Mapping, Parsed, SecretMap, SecretText, Text,
};
use axum::http::HeaderValue;
use std::time::Duration;

pub(super) const FILE: Keys = &[&TLS, &HTTP, &USERS, &RATE_LIMIT];

pub(super) const TLS: Key<Mapping> = Key::optional(
    TLS_SETTINGS,
    Mapping(&[
        &CERT,
        &CERT_FILE,
        &KEY,
        &CLIENT_AUTH,
        &CLIENT_CA,
        &CLIENT_CA_FILE,
        &CLIENT_ALLOWED_SANS,
        &MIN_VERSION,
        &MAX_VERSION,
        &CIPHER_SUITES,
        &PREFER_SERVER_CIPHER_SUITES,
        &CURVE_PREFERENCES,
    ]),
    "TLS.",
);

pub(super) const HTTP: Key<Mapping> =
    Key::optional("http_server_config", Mapping(&[&HTTP2, &HEADERS]), "HTTP.");

pub(super) const USERS: Key<SecretMap> = Key::optional(
    "basic_auth_users",
    SecretMap {
        expected: "a mapping of names to bcrypt hashes",
    },
    "Users, each with the bcrypt hash of the password.",
);

pub(super) const RATE_LIMIT: Key<Mapping> = Key::optional(
    "rate_limit",
    Mapping(&[&INTERVAL, &BURST]),
    "Rate limit of requests.",
);

pub(super) const CERT: Key<Text> = Key::optional("cert", Text, "Certificate chain in PEM.");

pub(super) const CERT_FILE: Key<FilePath> =
    Key::optional("cert_file", FilePath, "File with the certificate chain.");

pub(super) const KEY: Key<SecretText> = Key::optional("key", SecretText, "Private key in PEM.");

/// Go's five types, and an older name that exporters still accept.
pub(super) const CLIENT_AUTH: Key<Choice<ClientAuth>> = Key::with_default(
    "client_auth_type",
    Choice(&[
        ("NoClientCert", ClientAuth::None),
        ("RequestClientCert", ClientAuth::Request),
        ("RequireAnyClientCert", ClientAuth::RequireAny),
        ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
        ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
        ("RequireClientCert", ClientAuth::RequireAny),
    ]),
    "NoClientCert",
    "Client certificates.",
);

pub(super) const CLIENT_CA: Key<Text> =
    Key::optional("client_ca", Text, "Trusted authorities in PEM.");

pub(super) const CLIENT_CA_FILE: Key<FilePath> = Key::optional(
    "client_ca_file",
    FilePath,
    "File with trusted authorities in PEM.",
);

pub(super) const CLIENT_ALLOWED_SANS: Key<List<Text>> = Key::optional(
    "client_allowed_sans",
    List::of(Text),
    "Alternative names, one of which a client certificate must have.",
);

const VERSION: Parsed<Version> = Parsed {
    label: "`TLS12` or `TLS13`",
    expected: "TLS12 or TLS13 (older versions are not secure, and not supported)",
    parse: |text| match text {
        "TLS12" => Some(Version::Tls12),
        "TLS13" => Some(Version::Tls13),
        _ => None,
    },
};

pub(super) const MIN_VERSION: Key<Parsed<Version>> =
    Key::with_default("min_version", VERSION, "TLS12", "Oldest version.");

pub(super) const MAX_VERSION: Key<Parsed<Version>> =
    Key::with_default("max_version", VERSION, "TLS13", "Newest version.");

pub(super) const CIPHER_SUITES: Key<List<Text>> =
    Key::optional("cipher_suites", List::of(Text), "Cipher suites of TLS 1.2.");

pub(super) const PREFER_SERVER_CIPHER_SUITES: Key<Bool> = Key::with_default(
    "prefer_server_cipher_suites",
    Bool,
    "true",
    "Whether the order of the server decides.",
);

pub(super) const CURVE_PREFERENCES: Key<List<Text>> =
    Key::optional("curve_preferences", List::of(Text), "Elliptic curves.");

pub(super) const HTTP2: Key<Bool> =
    Key::with_default("http2", Bool, "true", "Whether HTTP/2 is offered.");

pub(super) const HEADERS: Key<Mapping> = Key::optional(
    "headers",
    Mapping(&[
        &RESPONSE_HEADERS[0],
        &RESPONSE_HEADERS[1],
        &RESPONSE_HEADERS[2],
        &RESPONSE_HEADERS[3],
        &RESPONSE_HEADERS[4],
    ]),
    "Response headers.",
);

/// A closed list, the same as that of all exporters.
pub(super) const RESPONSE_HEADERS: [Key<Parsed<HeaderValue>>; 5] = [
    header("Content-Security-Policy", HEADER),
    header(
        "X-Frame-Options",
        Parsed {
            expected: "one of deny, sameorigin",
            parse: |text| listed(text, &["deny", "sameorigin"]),
            ..HEADER
        },
    ),
    header(
        "X-Content-Type-Options",
        Parsed {
            expected: "nosniff",
            parse: |text| listed(text, &["nosniff"]),
            ..HEADER
        },
    ),
    header("X-XSS-Protection", HEADER),
    header("Strict-Transport-Security", HEADER),
];

const HEADER: Parsed<HeaderValue> = Parsed {
    label: "header",
    expected: "the value of a header, on one line",
    parse: |text| HeaderValue::from_str(text).ok(),
};

const fn header(name: &'static str, form: Parsed<HeaderValue>) -> Key<Parsed<HeaderValue>> {
    Key::optional(name, form, "Sent with every response.")
}

fn listed(text: &str, valid: &[&str]) -> Option<HeaderValue> {
    let is_valid = valid.contains(&text);
    is_valid.then(|| HeaderValue::from_str(text).ok()).flatten()
}

/// Less than one request per day is as good as none.
const MAX_INTERVAL: Duration = Duration::from_hours(24);

pub(super) const INTERVAL: Key<Parsed<Duration>> = Key::optional(
    "interval",
    Parsed {
        label: "duration, or 0",
        expected: "a duration of at most 1d such as 1s or 100ms, or 0 for no limit",
        parse: |text| {
            let interval = match text {
                "0" | "0s" => Duration::ZERO,
                _ => units::duration(text)?,
            };
            (interval <= MAX_INTERVAL).then_some(interval)
        },
    },
    "Time between requests.",
);

pub(super) const BURST: Key<Integer> = Key::optional(
    "burst",
    Integer(1, 1_000_000),
    "Maximum number of requests in a burst.",
);

/// Which client certificates are requested and accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

impl ClientAuth {
    pub fn is_required(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }

    /// Whether an accepted certificate proves the client's identity.
    pub fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    Tls12,
    Tls13,
}
