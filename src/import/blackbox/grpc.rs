//! The `grpc` prober.

use super::context::{Context, ip_version};
use super::keys::Keys;
use super::tls;
use super::value::{Map, Value};

pub(super) fn read(keys: &Keys<'_>, of: &Context<'_>) -> Result<Map, String> {
    let mut probe = Map::default();
    if let Some(service) = keys.filled("service")? {
        probe.set("service", Value::plain(&service));
    }
    let (is_tls, tls) = (keys.is_true("tls")?, tls::read(keys)?);
    if is_tls {
        probe.set("tls", Value::Map(tls));
    } else {
        keys.left_out("tls_config", "it requires `tls: true`");
    }
    ip_version(keys, &mut probe)?;
    for (name, at) in keys
        .keys("metadata")?
        .iter()
        .flat_map(|keys| keys.at.entries())
    {
        at.remark(format!(
            "the values of the metadata key `{name:.60}` are not copied: set the variable"
        ));
        probe.set_in("metadata", &name, of.secret(&name, at));
    }
    keys.rest();
    Ok(probe)
}
