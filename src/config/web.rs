//! Reads who may use the pages and the API.

use super::keys::{TOKEN, WEB};
use super::model::{Role, TokenSpec, WebSpec};
use super::name::Names;
use crate::yaml::{Section, Spot};

/// Every token is compared with each request's.
const MAX_TOKENS: usize = 100;
const ROLES: &[(&str, Role)] = &[("read", Role::Read), ("write", Role::Write)];

pub(super) fn read(root: &Section<'_>) -> Option<WebSpec> {
    let Some(section) = root.section("web", WEB) else {
        return (!root.has("web")).then(WebSpec::default);
    };
    let role = |name| section.choice(name, ROLES).unwrap_or(Role::Write);
    let expected = "a host name without a port, such as slod.example.com";
    Some(WebSpec {
        config_file: section.path("config_file"),
        tokens: tokens(&section),
        user_roles: user_roles(&section),
        certificate_role: role("client_certificate_role"),
        allowed_hosts: section.texts("allowed_hosts", expected, host),
        allow_unauthenticated_writes: section
            .bool("allow_unauthenticated_writes")
            .unwrap_or(false),
    })
}

fn tokens(web: &Section<'_>) -> Vec<TokenSpec> {
    let mut names = Names::of("token");
    let items = web.list("tokens");
    if items.len() > MAX_TOKENS {
        web.error(
            "out-of-range",
            "tokens",
            format!("{} tokens are too many", items.len()),
            format!("expected at most {MAX_TOKENS}"),
        );
    }
    items
        .into_iter()
        .take(MAX_TOKENS)
        .filter_map(|(at, node)| web.reader().section(node, &at.path, TOKEN))
        .filter_map(|section| {
            let (name, token) = (names.take(&section), section.secret("token"));
            let role = section.choice("role", ROLES);
            Some(TokenSpec {
                name: name?,
                token: token?,
                role: role?,
            })
        })
        .collect()
}

fn user_roles(web: &Section<'_>) -> Vec<(String, Role)> {
    let known = |(name, text, at): (String, String, Spot)| {
        let role = ROLES.iter().find(|(word, _)| *word == text);
        if role.is_none() {
            let message = format!("invalid role `{text}`");
            let reader = web.reader();
            reader.error("invalid-value", &at, message, "expected one of read, write");
        }
        role.map(|(_, role)| (name, *role))
    };
    let all = web.text_map("user_roles").into_iter();
    all.filter_map(known).collect()
}

/// A host name as requests have it: in lower case, without a port.
fn host(text: &str) -> Option<String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name = text.trim_end_matches('.');
    (!name.is_empty() && name.len() <= 253 && name.chars().all(valid))
        .then(|| name.to_ascii_lowercase())
}
