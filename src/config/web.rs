//! Reads the settings of authentication for the pages and the API.

use super::keys::{self, web as key};
use super::model::{TokenSpec, WebSpec};
use super::name::Names;
use crate::yaml::{Secret, Section};

pub(super) fn read(root: &Section<'_>) -> Option<WebSpec> {
    let section = root.section_or_empty(&keys::WEB)?;
    let roles = section.map(&key::USER_ROLES).into_iter();
    let config_file = section.path(&key::CONFIG_FILE);
    let (tokens, allowed_hosts) = (tokens(&section), section.all(&key::ALLOWED_HOSTS));
    let certificate_role = section.get(&key::CLIENT_CERTIFICATE_ROLE);
    let allow_unauthenticated_writes = section.get(&key::ALLOW_UNAUTHENTICATED_WRITES);
    Some(WebSpec {
        config_file,
        tokens,
        user_roles: roles.map(|(user, role, _)| (user, role)).collect(),
        certificate_role: certificate_role?,
        allowed_hosts,
        allow_unauthenticated_writes: allow_unauthenticated_writes?,
    })
}

/// Rejects an empty token, such as the value of a variable that is set to nothing.
fn token(section: &Section<'_>) -> Option<Secret> {
    let token = section.secret(&key::TOKEN)?;
    if token.reveal().is_empty() {
        let message = "an empty token is not allowed";
        section.error("invalid-value", &key::TOKEN, message, "set a token");
        return None;
    }
    Some(token)
}

fn tokens(web: &Section<'_>) -> Vec<TokenSpec> {
    let mut names = Names::of("token");
    let sections = web.sections(&key::TOKENS);
    sections
        .filter_map(|section| {
            let name = names.take(&section, &key::NAME);
            let (token, role) = (token(&section), section.get(&key::ROLE));
            Some(TokenSpec {
                name: name?,
                token: token?,
                role: role?,
            })
        })
        .collect()
}
