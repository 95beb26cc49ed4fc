//! Replaces secrets in requests by references to variables.

use super::text::{reference, without_references};
use super::webhooks;
use serde_json::Value;

/// Parts of the names of secret headers, parameters and keys, without `-` and `_`.
const NAMES: [&str; 18] = [
    "authorization",
    "cookie",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "subscriptionkey",
    "credential",
    "signature",
    "session",
    "csrf",
    "xsrf",
    "jwt",
];
/// Full names of secrets that are too short to match as parts.
const WHOLE_NAMES: [&str; 7] = ["auth", "bearer", "otp", "pass", "pin", "sid", "sig"];
/// Words in names whose values are secrets if they look like tokens.
const KEY_WORDS: [&str; 3] = ["key", "auth", "authentication"];
/// Parts of names that are not secret: settings of language models.
const HARMLESS: [&str; 9] = [
    "completiontokens",
    "maxnewtokens",
    "maxtokens",
    "mintokens",
    "outputtokens",
    "tokencount",
    "tokenizer",
    "tokenlimit",
    "tokentype",
];
/// Prefixes of secret values: JSON web tokens, and keys of well-known services.
const BEGINNINGS: [&str; 12] = [
    "eyJ",
    "sk-",
    "sk_",
    "pk_live_",
    "rk_live_",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xox",
    "AKIA",
    "AIza",
];
/// Minimum length of a token.
const TOKEN_MIN: usize = 16;
/// Maximum nesting of addresses in queries.
const NESTED_MAX: usize = 3;
/// Schemes before the token in a header.
const SCHEMES: [&str; 5] = ["basic", "bearer", "digest", "token", "apikey"];

/// Whether a header, parameter or key with this name contains a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = plain_name(name);
    !HARMLESS.iter().any(|part| name.contains(part))
        && (WHOLE_NAMES.contains(&name.as_str()) || NAMES.iter().any(|part| name.contains(part)))
}

/// Numbers in fields about tokens are counts.
fn is_secret_number(name: &str) -> bool {
    is_secret_name(name) && !plain_name(name).contains("token")
}

fn plain_name(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether it is a single word that looks like a token, also after an authentication scheme.
fn is_secret_value(value: &str) -> bool {
    let (scheme, token) = value.split_once(' ').unwrap_or(("", value));
    let is_word = token.len() >= TOKEN_MIN && !token.contains(char::is_whitespace);
    let begins = || BEGINNINGS.iter().any(|begin| token.starts_with(begin));
    is_word && (is_scheme(scheme) || scheme.is_empty() && begins())
}

/// Whether the name contains a word such as `key`, as in `X-Functions-Key`, and the value looks like
/// one. Many fields have such names.
fn is_key(name: &str, value: &str) -> bool {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let mut words = words.map(str::to_ascii_lowercase);
    let is_token = value.len() >= TOKEN_MIN && !value.contains(char::is_whitespace);
    is_token && words.any(|word| KEY_WORDS.contains(&word.as_str()))
}

fn is_scheme(text: &str) -> bool {
    SCHEMES.contains(&text.to_ascii_lowercase().as_str())
}

/// Returns the value, or a reference if it is a secret. An empty value is not a secret, nor is one
/// that consists only of references, also after a scheme such as `Bearer`. In an address, only the secrets are
/// replaced.
pub fn hide(name: &str, value: &str) -> String {
    hide_nested(name, value, 0)
}

/// Same as [`hide`], for a value within this number of addresses.
fn hide_nested(name: &str, value: &str, depth: usize) -> String {
    let is_secret = is_secret_name(name) || is_secret_value(value) || is_key(name, value);
    let plain = without_references(value);
    let plain = plain.trim();
    if is_secret && !plain.is_empty() && !(is_scheme(plain) && plain.len() < value.len()) {
        reference(name)
    } else {
        hide_address(value, depth).unwrap_or_else(|| value.to_owned())
    }
}

/// Hides the credentials of an address, and the secrets in its path and query. `None` if it is not an address.
fn hide_address(value: &str, depth: usize) -> Option<String> {
    let (scheme, rest) = value.split_once("://")?;
    let is_address = scheme.chars().all(|c| c.is_ascii_alphanumeric()) && depth < NESTED_MAX;
    if !is_address || value.contains(char::is_whitespace) {
        return None;
    }
    let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let has_references_only = without_references(user).trim_matches(':').is_empty();
    let user = if has_references_only {
        user.to_owned()
    } else {
        reference("credentials")
    };
    let at = if authority.contains('@') { "@" } else { "" };
    let target = hide_target_of(host, target, depth + 1);
    Some(format!("{scheme}://{user}{at}{host}{target}"))
}

/// Whether a value with this name is a secret.
pub fn is_secret(name: &str, value: &str) -> bool {
    hide(name, value) != value
}

/// Hides the values in `a=1&b=2`, and the segments of the path before it, for a request to a host.
pub fn hide_target(host: &str, target: &str) -> String {
    hide_target_of(host, target, 0)
}

fn hide_target_of(host: &str, target: &str, depth: usize) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let segments = segments(host, path).map(|(segment, is_secret)| {
        if is_secret {
            reference("path")
        } else {
            segment.to_owned()
        }
    });
    let mut out = segments.collect::<Vec<_>>().join("/");
    if target.contains('?') {
        out.push('?');
        out.push_str(&hide_form(query, depth));
    }
    out
}

/// The segments of a path to a host, and whether each is a secret.
pub fn segments<'p>(host: &str, path: &'p str) -> impl Iterator<Item = (&'p str, bool)> {
    let all = webhooks::segments(host, path);
    all.map(|(segment, is_token)| (segment, is_token || is_secret("path", segment)))
}

fn hide_form(form: &str, depth: usize) -> String {
    let hide_one = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => {
            let decoded = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
            format!("{name}={}", hide_nested(&decoded, value, depth))
        }
        None => hide_nested("query", pair, depth),
    };
    let pairs: Vec<String> = form.split('&').map(hide_one).collect();
    pairs.join("&")
}

/// Hides the secrets in a body: individual values in JSON and forms. Any other text that contains the
/// name of a secret is hidden completely, since its values cannot be located.
pub fn hide_body(media_type: &str, body: &str) -> String {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return hide_form(body, 0);
    }
    // In JSON, a reference could be written as an escape; such a body is not trusted.
    let is_plain = !body.to_ascii_lowercase().contains("\\ufdd");
    match serde_json::from_str::<Value>(body) {
        Ok(json) if is_plain && has_secret("", &json) => {
            let mut out = String::new();
            write_hidden("", &json, &mut out);
            out
        }
        Ok(_) if is_plain => body.to_owned(),
        _ if !is_plain || names_secret(body) => reference("body"),
        _ => body.to_owned(),
    }
}

/// Whether a word of the text is the name of a secret, or a secret value.
fn names_secret(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    without_references(text)
        .split(|c| !is_part(c))
        .any(|word| is_secret_name(word) || is_secret_value(word))
}

fn has_secret(name: &str, value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| has_secret(name, value)),
        Value::Array(items) => items.iter().any(|item| has_secret(name, item)),
        Value::String(text) => hide(name, text) != *text,
        Value::Number(_) => is_secret_number(name),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Writes JSON with references in place of secrets.
fn write_hidden(name: &str, value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push('{');
            for (place, (name, value)) in members.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_hidden(name, value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                write_hidden(name, item, out);
            }
            out.push(']');
        }
        Value::String(text) => out.push_str(&Value::from(hide(name, text)).to_string()),
        Value::Number(_) if is_secret_number(name) => out.push_str(&reference(name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hidden_if_they_look_like_tokens() {
        const TOKEN: &str = "vT3xPq8LmN2aZk7RwYb4";
        for name in ["X-Functions-Key", "key", "X-Auth", "auth_key", "X-Auth-Key"] {
            assert_ne!(hide(name, TOKEN), TOKEN, "{name}");
        }
        assert!(!hide_target("h", &format!("/maps?key={TOKEN}")).contains(TOKEN));
        assert!(!hide_target("h", "/?eyJhbGciOiJIUzI1NiJ9.x.y").contains("eyJ"));
        for (name, value) in [
            ("key", "name"),
            ("key", "a text of several words"),
            ("monkey", TOKEN),
        ] {
            assert_eq!(hide(name, value), value, "{name}");
        }
    }

    #[test]
    fn secrets_in_addresses_are_hidden() {
        let reference = |name: &str| format!("\u{fdd0}LOAD_{name}\u{fdd1}");
        for (value, hidden) in [
            (
                "https://shop.test/reset?token=hunter2&x=1",
                format!("https://shop.test/reset?token={}&x=1", reference("TOKEN")),
            ),
            (
                "https://ann:hunter2@shop.test/",
                format!("https://{}@shop.test/", reference("CREDENTIALS")),
            ),
            (
                "https://a.test/?next=https://b.test/?token=hunter2",
                format!(
                    "https://a.test/?next=https://b.test/?token={}",
                    reference("TOKEN")
                ),
            ),
        ] {
            assert_eq!(hide("referer", value), hidden);
        }
        for value in [
            "https://shop.test/cart?x=1#top",
            "see https://shop.test/?token=x",
            "://",
            "https://",
        ] {
            assert_eq!(hide("referer", value), value);
        }
        let nested = "a://?a=".repeat(100_000);
        assert_eq!(hide("referer", &nested), nested);
    }
}
