//! The keys of the web configuration file, as data.

use crate::yaml::{Key, Shape};

pub(super) const FILE: &[Key] = &[
    Key::optional("tls_server_config", Shape::Section(TLS), "", "TLS."),
    Key::optional("http_server_config", Shape::Section(HTTP), "", "HTTP."),
    Key::optional(
        "basic_auth_users",
        Shape::Map(&Shape::Secret),
        "",
        "Users, each with the bcrypt hash of the password.",
    ),
    Key::optional(
        "rate_limit",
        Shape::Section(RATE_LIMIT),
        "",
        "How many requests are accepted.",
    ),
];

pub(super) const TLS: &[Key] = &[
    Key::optional("cert", Shape::Text, "", "Certificate chain in PEM."),
    Key::optional("cert_file", Shape::File, "", "File of the chain."),
    Key::optional("key", Shape::Secret, "", "Private key in PEM."),
    Key::optional("client_auth_type", Shape::Text, "", "Client certificates."),
    Key::optional("client_ca", Shape::Text, "", "Trusted authorities in PEM."),
    Key::optional("client_ca_file", Shape::File, "", "File of them."),
    Key::optional(
        "client_allowed_sans",
        Shape::List(&Shape::Text),
        "",
        "Alternative names, one of which a client certificate must have.",
    ),
    Key::optional("min_version", Shape::Text, "TLS12", "Oldest version."),
    Key::optional("max_version", Shape::Text, "TLS13", "Newest version."),
    Key::optional(
        "cipher_suites",
        Shape::List(&Shape::Text),
        "",
        "For TLS 1.2.",
    ),
    Key::optional(
        "prefer_server_cipher_suites",
        Shape::Bool,
        "true",
        "Whether the order here decides.",
    ),
    Key::optional(
        "curve_preferences",
        Shape::List(&Shape::Text),
        "",
        "Curves.",
    ),
];

pub(super) const HTTP: &[Key] = &[
    Key::optional("http2", Shape::Bool, "true", "Whether HTTP/2 is offered."),
    Key::optional("headers", Shape::Section(HEADERS), "", "Response headers."),
];

pub(super) const HEADERS: &[Key] = &[
    Key::optional("Content-Security-Policy", Shape::Text, "", ""),
    Key::optional("X-Frame-Options", Shape::Text, "", ""),
    Key::optional("X-Content-Type-Options", Shape::Text, "", ""),
    Key::optional("X-XSS-Protection", Shape::Text, "", ""),
    Key::optional("Strict-Transport-Security", Shape::Text, "", ""),
];

pub(super) const RATE_LIMIT: &[Key] = &[
    Key::optional("interval", Shape::Duration, "", "Time between requests."),
    Key::optional("burst", Shape::Integer(1, 1_000_000), "", "At once."),
];
