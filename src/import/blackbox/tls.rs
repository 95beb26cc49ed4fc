//! Imports `tls_config`, which all probers share.

use super::context::file_path;
use super::keys::Keys;
use super::value::{Map, Value};

const FILES: [&str; 3] = ["ca_file", "cert_file", "key_file"];
/// Keys with a PEM text, or with a reference to a secret manager.
const INLINE: [&str; 6] = ["ca", "cert", "key", "ca_ref", "cert_ref", "key_ref"];

pub(super) fn read(keys: &Keys<'_>) -> Result<Map, String> {
    let mut tls = Map::default();
    let Some(keys) = keys.keys("tls_config")? else {
        return Ok(tls);
    };
    if keys.is_true("insecure_skip_verify")? {
        tls.set("insecure", Value::Bool(true));
    }
    for name in FILES {
        if let (Some(path), Some(at)) = (keys.filled(name)?, keys.get(name)) {
            tls.set(name, file_path(at, &path));
        }
    }
    if let Some(name) = keys.filled("server_name")? {
        tls.set("server_name", Value::plain(&name));
    }
    for name in INLINE {
        let why = "slod reads certificates and keys from files: `ca_file`, `cert_file` and `key_file` below `tls`";
        keys.left_out(name, why);
    }
    versions(&keys)?;
    keys.rest();
    Ok(tls)
}

/// Adds remarks on TLS versions: slod supports 1.2 and 1.3, and offers both.
fn versions(keys: &Keys<'_>) -> Result<(), String> {
    let why = match keys.filled("min_version")?.as_deref() {
        Some("TLS13") => "slod also accepts TLS 1.2",
        Some("TLS10" | "TLS11") => {
            "slod supports only TLS 1.2 and 1.3, so a server without them is bad"
        }
        _ => "",
    };
    remark(keys, "min_version", why);
    let why = match keys.filled("max_version")?.as_deref() {
        Some("TLS12") => "slod uses TLS 1.3 with a server that supports it",
        Some("TLS10" | "TLS11") => {
            "slod supports only TLS 1.2 and 1.3, and cannot check for older versions"
        }
        _ => "",
    };
    remark(keys, "max_version", why);
    Ok(())
}

fn remark(keys: &Keys<'_>, name: &'static str, why: &str) {
    if !why.is_empty() {
        keys.left_out(name, why);
    }
}
