//! Imports credentials, without copying their values.

use super::context::{Context, file_path};
use super::keys::Keys;
use super::value::{Map, Value};
use crate::import::document::{Spot, escaped};
use url::Url;

const REFERENCES: &str =
    "slod supports no secret managers: write the value as `${NAME}`, or put it in a file";

/// Imports `basic_auth`, `authorization`, `bearer_token` and `bearer_token_file`.
pub(super) fn read(keys: &Keys<'_>, of: &Context<'_>, probe: &mut Map) -> Result<(), String> {
    if let Some(basic) = keys.keys("basic_auth")? {
        probe.set_map("basic_auth", basic_auth(&basic, of)?);
    }
    secret_or_file(
        keys,
        of,
        ("bearer_token", "bearer_token_file"),
        "bearer",
        probe,
    )?;
    let Some(keys) = keys.keys("authorization")? else {
        return Ok(());
    };
    let scheme = keys.filled("type")?.unwrap_or_else(|| "Bearer".to_owned());
    if scheme.eq_ignore_ascii_case("bearer") {
        secret_or_file(
            &keys,
            of,
            ("credentials", "credentials_file"),
            "bearer",
            probe,
        )?;
    } else if let Some(at) = keys
        .get("credentials")
        .or_else(|| keys.get("credentials_file"))
    {
        let secret = at.raw().unwrap_or_default();
        let reference = of.reference("credentials", &secret, &at.spot());
        let value = Value::Text(format!("{} {reference}", escaped(scheme.trim())));
        probe.set_in("headers", "Authorization", value);
        keys.left_out(
            "credentials_file",
            "slod sends only `bearer` from a file: set the variable to its content",
        );
    }
    keys.left_out("credentials_ref", REFERENCES);
    keys.rest();
    Ok(())
}

/// Replaces a secret by a variable; a file stays a file.
pub(super) fn secret_or_file(
    keys: &Keys<'_>,
    of: &Context<'_>,
    (secret, file): (&'static str, &'static str),
    name: &str,
    probe: &mut Map,
) -> Result<(), String> {
    if let (Some(_), Some(at)) = (keys.filled(secret)?, keys.get(secret)) {
        probe.set(name, of.secret(secret, at));
    }
    if let (Some(path), Some(at)) = (keys.filled(file)?, keys.get(file)) {
        probe.set(format!("{name}_file"), file_path(at, &path));
    }
    Ok(())
}

fn basic_auth(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let mut basic = Map::default();
    let name = keys.filled("username")?.unwrap_or_default();
    basic.set("username", Value::plain(&name));
    if let Some(at) = keys.get("username_file") {
        at.remark("`username_file` becomes a variable: slod reads only the password from a file");
        basic.set("username", of.secret("username", at));
    }
    secret_or_file(
        keys,
        of,
        ("password", "password_file"),
        "password",
        &mut basic,
    )?;
    if basic
        .get("password")
        .or_else(|| basic.get("password_file"))
        .is_none()
    {
        keys.at
            .remark("the password is missing, which slod requires: set the variable");
        basic.set("password", of.secret("password", keys.at));
    }
    for name in ["username_ref", "password_ref"] {
        keys.left_out(name, REFERENCES);
    }
    keys.rest();
    Ok(basic)
}

/// Imports `proxy_url`, with its credentials in separate keys.
pub(super) fn proxy(keys: &Keys<'_>, of: &Context<'_>, probe: &mut Map) -> Result<(), String> {
    let resolves = !keys.is_true("skip_resolve_phase_with_proxy")?;
    let (Some(address), Some(at)) = (keys.filled("proxy_url")?, keys.get("proxy_url")) else {
        return Ok(());
    };
    let Ok(mut url) = Url::parse(&address) else {
        return Err(at.fault(
            "`proxy_url` is not a URL",
            "such as http://proxy.example:3128",
        ));
    };
    if url.scheme() != "http" {
        let scheme = url.scheme();
        at.remark(format!("`proxy_url` is left out: slod supports no `{scheme:.20}` proxies, and connects directly"));
        return Ok(());
    }
    if !url.username().is_empty() || url.password().is_some() {
        probe.set_map("proxy_auth", credentials(&url, "proxy", of, &at.spot()));
        let _ = (url.set_username(""), url.set_password(None));
    }
    probe.set("proxy", Value::plain(url.as_str()));
    if resolves {
        at.remark(
            "the proxy resolves the names of targets, whereas the exporter resolves them itself",
        );
    }
    Ok(())
}

/// The user and password of an address. The password is never copied, nor is a user without one, which may be a
/// token.
pub(super) fn credentials(url: &Url, owner: &str, of: &Context<'_>, spot: &Spot) -> Map {
    let user = percent_encoding::percent_decode_str(url.username()).decode_utf8_lossy();
    let password = url.password().unwrap_or_default();
    let reference = |what: &str, value: &str| {
        Value::Text(of.reference(&format!("{owner}_{what}"), value, spot))
    };
    let username = if password.is_empty() {
        reference("username", &user)
    } else {
        Value::plain(&user)
    };
    Map::of([
        ("username", username),
        ("password", reference("password", password)),
    ])
}
