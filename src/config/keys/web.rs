//! The keys of who may use the pages and the API.

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

/// Every token is compared with each request's.
const MAX_TOKENS: usize = 100;
const ROLES: Choice<Role> = Choice(&[("read", Role::Read), ("write", Role::Write)]);

pub const CONFIG_FILE: Key<FilePath> = Key::optional(
    "config_file",
    FilePath,
    "TLS, users with passwords and response headers, in the format of Prometheus' exporters. `slod run --web.config.file` overrides it. It is read again when it or one of its files changes.",
);

pub const TOKENS: Key<List<Mapping>> = Key::optional(
    "tokens",
    List::up_to(MAX_TOKENS, Mapping(&[&NAME, &TOKEN, &ROLE])),
    "Tokens for scripts, sent as `Authorization: Bearer`.",
);

pub const USER_ROLES: Key<Map<Choice<Role>>> = Key::optional(
    "user_roles",
    Map::of(ROLES),
    "Roles of users of `basic_auth_users` in `config_file`. Default: `write`.",
);

pub const CLIENT_CERTIFICATE_ROLE: Key<Choice<Role>> = Key::with_default(
    "client_certificate_role",
    ROLES,
    "write",
    "Role of clients with a verified certificate, where neither users nor tokens are configured.",
);

pub const ALLOWED_HOSTS: Key<List<Parsed<String>>> = Key::optional(
    "allowed_hosts",
    List::of(Parsed {
        label: "host name",
        expected: "a host name without a port, such as slod.example.com",
        parse: host,
    }),
    "Host names under which browsers may open the pages, and under which writes are accepted, in addition to IP addresses, `localhost` and the host name of the machine.",
);

pub const ALLOW_UNAUTHENTICATED_WRITES: Key<Bool> = Key::with_default(
    "allow_unauthenticated_writes",
    Bool,
    "false",
    "Accepts writes (reloads, corrections, silences, acknowledgements, markers, heartbeats without a token) without authentication on an address that is not loopback: for a daemon behind a proxy that authenticates.",
);

pub const NAME: Key<Text> =
    Key::required("name", Text, "Name in the audit log, unique among tokens.");

pub const TOKEN: Key<SecretText> = Key::required(
    "token",
    SecretText,
    "The token itself. A right one of at least 16 characters is accepted even while failed logins from its address are limited.",
);

pub const ROLE: Key<Choice<Role>> = Key::required(
    "role",
    ROLES,
    "`read` pages, metrics and the API; `write` also reloads, corrections, silences, acknowledgements, markers, the audit log, and heartbeats that have no token of their own.",
);

/// A host name as requests have it: in lower case, without a port.
fn host(text: &str) -> Option<String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = text.trim_end_matches('.');
    (!name.is_empty() && name.len() <= 253 && name.chars().all(valid))
        .then(|| name.to_ascii_lowercase())
}
