//! Imports `oauth2`: client credentials, without copying their values.

use super::authorization::{proxy, secret_or_file};
use super::context::Context;
use super::keys::{Keys, text};
use super::tls;
use super::value::{Map, Value};
use crate::import::requests::is_secret;

const REFERENCES: &str =
    "slod supports no secret managers: write the value as `${NAME}`, or put it in a file";

/// Keys without an equivalent in slod, with the remark about each.
const LEFT_OUT: [(&str, &str); 5] = [
    ("client_secret_ref", REFERENCES),
    (
        "no_proxy",
        "tokens are requested through `proxy` in any case",
    ),
    (
        "proxy_from_environment",
        "slod reads no proxies from the environment; set `proxy`",
    ),
    (
        "proxy_connect_header",
        "slod sends only `proxy_auth` to proxies",
    ),
    (
        "grant_type",
        "slod supports only `client_credentials` with a secret",
    ),
];

pub(super) fn read(keys: &Keys<'_>, of: &Context<'_>, probe: &mut Map) -> Result<(), String> {
    let Some(keys) = keys.keys("oauth2")? else {
        return Ok(());
    };
    let mut oauth2 = Map::default();
    for name in ["client_id", "token_url"] {
        if let Some(value) = keys.filled(name)? {
            oauth2.set(name, Value::plain(&value));
        }
    }
    let secret = ("client_secret", "client_secret_file");
    secret_or_file(&keys, of, secret, "client_secret", &mut oauth2)?;
    if oauth2
        .get("client_secret")
        .or_else(|| oauth2.get("client_secret_file"))
        .is_none()
    {
        keys.at
            .remark("the client's secret is missing, which slod requires: set the variable");
        oauth2.set("client_secret", of.secret("client_secret", keys.at));
    }
    let scopes = keys.texts("scopes")?;
    if !scopes.is_empty() {
        oauth2.set("scopes", Value::plain_list(&scopes));
    }
    oauth2.set_map("endpoint_params", parameters(&keys, of)?);
    oauth2.set_map("tls", tls::read(&keys)?);
    proxy(&keys, of, &mut oauth2)?;
    for (name, why) in LEFT_OUT {
        keys.left_out(name, why);
    }
    keys.rest();
    probe.set_map("oauth2", oauth2);
    Ok(())
}

fn parameters(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let mut parameters = Map::default();
    let written = keys.keys("endpoint_params")?;
    for (name, at) in written.iter().flat_map(|keys| keys.at.entries()) {
        let value = text(at)?;
        let value = if is_secret(&name, &value) {
            of.secret(&name, at)
        } else {
            Value::plain(&value)
        };
        parameters.set(&name, value);
    }
    Ok(parameters)
}
