//! The credentials of receivers: user and password, or a token.

use super::{HttpRequest, Tokens};
use crate::probe::http::oauth2::{self, keys::OAUTH2};
use crate::yaml::{Declared, Key, Secret, SecretText, Section, Text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderValue;

pub(super) const USERNAME: Key<Text> =
    Key::optional("username", Text, "User name of basic authentication.");
pub(super) const PASSWORD: Key<SecretText> =
    Key::optional("password", SecretText, "Password of basic authentication.");
pub(super) const BEARER: Key<SecretText> = Key::optional(
    "bearer",
    SecretText,
    "Token, sent as `Authorization: Bearer`, instead of `username` and `password`.",
);

/// A secret that is sent in a header; `None` if it is missing, or after a reported error.
pub(super) fn header_secret(section: &Section<'_>, key: &Key<SecretText>) -> Option<Secret> {
    let secret = section.secret(key)?;
    if HeaderValue::try_from(secret.reveal()).is_ok() {
        return Some(secret);
    }
    let message = format!("`{}` cannot be sent in a header", key.name);
    let help = "expected one line of visible ASCII characters";
    section.error("invalid-value", key, message, help);
    None
}

/// The value of the `Authorization` header, if any: a token, or a user and password. `None` after a reported
/// error.
#[expect(clippy::option_option, reason = "a fault, or nothing to send")]
pub(super) fn authorization(
    section: &Section<'_>,
    token: &Key<SecretText>,
) -> Option<Option<Secret>> {
    let is_whole = is_whole(section, &USERNAME, &PASSWORD);
    let (user, password) = (section.get(&USERNAME), section.secret(&PASSWORD));
    if section.has(token) {
        let secret = header_secret(section, token)?;
        if section.has(&USERNAME) || section.has(&PASSWORD) {
            let message =
                "a request has only one `Authorization` header: a token, or a user and password";
            section.error("conflict", token, message, "remove one of them");
            return None;
        }
        let value = format!("Bearer {}", secret.reveal());
        return Some(Some(Secret::new(value)));
    }
    if !is_whole {
        return None;
    }
    if user.as_ref().is_some_and(|user| user.contains(':')) {
        let message = "a user with a colon cannot be sent: the server takes what follows it as the password (RFC 7617)";
        section.error(
            "invalid-value",
            &USERNAME,
            message,
            "expected a user without `:`",
        );
        return None;
    }
    let basic = user.zip(password).map(|(user, password)| {
        let both = BASE64.encode(format!("{user}:{}", password.reveal()));
        // Servers repeat headers in their errors.
        section.reader().redact(&both, "<secret>");
        Secret::new(format!("Basic {both}"))
    });
    Some(basic)
}

/// The credentials of a receiver that may need OAuth 2.0 tokens.
#[derive(Debug)]
pub(super) struct Login {
    authorization: Option<Secret>,
    tokens: Option<Tokens>,
}

impl Login {
    /// Reads the credentials; `None` after a reported error.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let authorization = authorization(section, &BEARER)?;
        let mut tokens = None;
        if section.has(&OAUTH2) {
            tokens = Some(Tokens(oauth2::read(section, None)?));
        }
        if authorization.is_some() && tokens.is_some() {
            let message = "`oauth2` and other credentials are mutually exclusive";
            let help = "remove `bearer`, or `username` and `password`";
            section.error("conflict", &OAUTH2, message, help);
            return None;
        }
        Some(Self {
            authorization,
            tokens,
        })
    }

    /// Adds the credentials to a request.
    pub(super) fn add(&self, request: HttpRequest) -> HttpRequest {
        let request = HttpRequest {
            tokens: self.tokens.clone(),
            ..request
        };
        match &self.authorization {
            Some(authorization) => request.with("authorization", authorization.reveal()),
            None => request,
        }
    }
}

/// Checks that user and password are both set, or neither. Reports the missing one.
pub(super) fn is_whole(
    section: &Section<'_>,
    user: &Key<Text>,
    password: &Key<SecretText>,
) -> bool {
    let lacks = |key: &dyn Declared, other: &str| {
        let message = format!("`{other}` is missing");
        section.error("missing-key", key, message, "a login requires both");
        false
    };
    match (section.has(user), section.has(password)) {
        (true, false) => lacks(user, password.name),
        (false, true) => lacks(password, user.name),
        (true, true) | (false, false) => true,
    }
}
