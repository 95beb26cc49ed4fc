//! Settings that do not work as expected if several daemons divide the services.

use super::finding::Finding;
use crate::config::draft::Draft;
use crate::config::keys::notify::HEARTBEAT;
use crate::config::keys::service::DEPENDS_ON;
use crate::receiver::HEARTBEAT_URL;
use crate::yaml::Value;
use std::collections::HashMap;

/// Services that depend on services of other shards.
pub fn dependency_in_other_shard(draft: &Draft<'_>) -> Vec<Finding> {
    let services = draft.services.iter();
    let shards: HashMap<&str, u32> = services.map(|one| (&*one.name, one.shard)).collect();
    let mut found = Vec::new();
    for service in &draft.services {
        let named = service.section.all(&DEPENDS_ON).into_iter();
        let other = named.filter_map(|name| Some((*shards.get(&*name)?, name)));
        if let Some((shard, name)) = other.into_iter().find(|(shard, _)| *shard != service.shard) {
            found.push(Finding {
                at: service.section.spot_of(&DEPENDS_ON),
                message: format!(
                    "`{}` is in shard {} and `{name}` in shard {shard}, so pages of `{name}` do not inhibit alerts of `{}`",
                    service.name, service.shard, service.name
                ),
                help: "let Prometheus and Alertmanager evaluate the rules of `slod rules`, which inhibit across shards".to_owned(),
            });
        }
    }
    found
}

/// A dead man's switch with the same address in each shard.
pub fn heartbeat_shared(draft: &Draft<'_>) -> Vec<Finding> {
    let section = draft.root.section(&HEARTBEAT);
    let Some(section) = section.filter(|_| !draft.shard.is_whole()) else {
        return Vec::new();
    };
    // Each daemon can have its own variables and files.
    let is_same = |value: &Value| value.scalar().is_some_and(|text| !text.contains("${"));
    let url = section.node_of(&HEARTBEAT_URL);
    let shared = url.filter(|url| is_same(&url.value));
    let finding = shared.map(|_| Finding {
        at: section.spot_of(&HEARTBEAT_URL),
        message: "all shards request this address, so it does not notice if one of them stops"
            .to_owned(),
        help: "use an address for each, such as `https://hc-ping.com/KEY/${POD_NAME}`".to_owned(),
    });
    finding.into_iter().collect()
}
