//! Reads the settings of authentication for the pages and the API.

use super::keys::{self, web as key};
use super::model::{TokenSpec, WebSpec};
use super::name::Names;
use crate::diagnostic::Source;
use crate::yaml::{self, SIZE_LIMIT, Secret, Section, Value, read_regular};

/// The key of the TLS settings in `web.config_file`.
pub const TLS_SETTINGS: &str = "tls_server_config";

impl WebSpec {
    /// Whether `config_file` enables TLS. The files that it references are not read: clients may not be permitted to.
    pub fn names_tls(&self) -> bool {
        let path = self.config_file.as_deref();
        let bytes = path.and_then(|path| read_regular(path, SIZE_LIMIT as u64).ok());
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let document = text.and_then(|text| {
            let name = String::new();
            yaml::parse(&Source { name, text }).ok()
        });
        let Some(Value::Map(entries)) = document.map(|document| document.value) else {
            return false;
        };
        entries.iter().any(|(key, value)| {
            key.value.scalar().as_deref() == Some(TLS_SETTINGS) && value.value != Value::Null
        })
    }
}

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
