//! The `icmp` prober.

use super::context::{Context, ip_version, source_address};
use super::keys::Keys;
use super::value::{Map, Value};

/// Minimum payload in bytes; slod needs it to recognize the reply.
const PAYLOAD_MIN: u64 = 8;

pub(super) fn read(keys: &Keys<'_>, _: &Context<'_>) -> Result<Map, String> {
    let mut probe = Map::default();
    if let Some(size) = keys.number("payload_size")?.filter(|size| *size > 0) {
        if size < PAYLOAD_MIN {
            keys.get("payload_size").unwrap_or(keys.at).remark(format!(
                "`payload_size: {size}` becomes {PAYLOAD_MIN}, the minimum that slod sends"
            ));
        }
        probe.set("payload_size", Value::Number(size.max(PAYLOAD_MIN)));
    }
    if keys.is_true("dont_fragment")? {
        probe.set("dont_fragment", Value::Bool(true));
    }
    if let Some(ttl) = keys.number("ttl")? {
        probe.set("ttl", Value::Number(ttl));
    }
    ip_version(keys, &mut probe)?;
    source_address(keys);
    keys.rest();
    Ok(probe)
}
