//! The keys of authentication for the pages and the API.

use crate::config::model::Role;
use crate::yaml::{
    Bool, Choice, FilePath, Key, Keys, List, Map, Mapping, Parsed, SecretText, Text,
};

pub const KEYS: Keys = &[
    &CONFIG_FILE,
    &TOKENS,
    &USER_ROLES,
    &CLIENT_CERTIFICATE_ROLE,
    &ALLOWED_HOSTS,
    &ALLOW_UNAUTHENTICATED_WRITES,
];

/// Bounded, because the token of each request is compared with all of them.
const MAX_TOKENS: usize = 100;
const ROLES: Choice<Role> = Choice(&[("read", Role::Read), ("write", Role::Write)]);

pub const CONFIG_FILE: Key<FilePath> = Key::optional(
    "config_file",
    FilePath,
    "File with TLS settings, users with passwords, and response headers, in the format of the Prometheus exporter toolkit. `slod run --web.config.file` overrides it. The file and the files it refers to are reloaded when they change.",
);

pub const TOKENS: Key<List<Mapping>> = Key::optional(
    "tokens",
    List::up_to(MAX_TOKENS, Mapping(&[&NAME, &TOKEN, &ROLE])),
    "API tokens, sent as `Authorization: Bearer`.",
);

pub const USER_ROLES: Key<Map<Choice<Role>>> = Key::optional(
    "user_roles",
    Map::of(ROLES),
    "Roles of the `basic_auth_users` in `config_file`. Default: `write`.",
);

pub const CLIENT_CERTIFICATE_ROLE: Key<Choice<Role>> = Key::with_default(
    "client_certificate_role",
    ROLES,
    "write",
    "Role of clients with a verified certificate, if neither users nor tokens are configured.",
);

pub const ALLOWED_HOSTS: Key<List<Parsed<String>>> = Key::optional(
    "allowed_hosts",
    List::of(Parsed {
        label: "host name",
        expected: "a host name without a port, such as slod.example.com",
        parse: host,
    }),
    "Additional host names under which browsers may open the pages and send writes. IP addresses, `localhost` and the host name of the machine are always allowed.",
);

pub const ALLOW_UNAUTHENTICATED_WRITES: Key<Bool> = Key::with_default(
    "allow_unauthenticated_writes",
    Bool,
    "false",
    "Whether to accept writes (reloads, corrections, silences, acknowledgements, markers, observed runs, heartbeats without a token) without authentication on a non-loopback address. For a daemon behind an authenticating proxy.",
);

pub const NAME: Key<Text> =
    Key::required("name", Text, "Name in the audit log, unique among tokens.");

pub const TOKEN: Key<SecretText> = Key::required(
    "token",
    SecretText,
    "The token. A valid token of at least 16 characters is accepted even while failed logins from the client's address are rate-limited.",
);

pub const ROLE: Key<Choice<Role>> = Key::required(
    "role",
    ROLES,
    "`read` grants access to pages, metrics and the API; `write` also to reloads, corrections, silences, acknowledgements, markers, observed runs, the audit log, and heartbeats that have no token of their own.",
);

/// Parses a host name, and normalizes it as in requests: lowercase, without a port.
fn host(text: &str) -> Option<String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = text.trim_end_matches('.');
    (!name.is_empty() && name.len() <= 253 && name.chars().all(valid))
        .then(|| name.to_ascii_lowercase())
}
