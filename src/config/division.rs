//! The services of a config that one daemon observes.

use super::draft::ServiceDraft;
use super::model::Config;
use super::shard::{Shard, places};
use crate::format::numbers::{count, plural};

impl Config {
    /// Removes the services of other shards. What remains is the config of one daemon.
    #[must_use]
    pub fn of_shard(mut self) -> Self {
        let number = self.shard.number;
        let (own, others): (Vec<_>, Vec<_>) = self
            .services
            .into_iter()
            .partition(|service| service.shard == number);
        let others = others.into_iter();
        self.elsewhere
            .extend(others.map(|service| (service.name, service.shard)));
        self.services = own;
        self
    }

    /// How many of the services the daemon observes; `None` for all.
    pub fn shard_note(&self) -> Option<String> {
        let (own, others) = (self.services.len(), self.elsewhere.len());
        let all = own + others;
        let is_divided = !self.shard.is_whole();
        is_divided.then(|| {
            let own = count(own as u64);
            format!(
                "Shard {}: {own} of {}",
                self.shard,
                plural(all as u64, "service")
            )
        })
    }

    /// `rag is in shard 3/5, and this is shard 2/5`; `None` unless the service was removed as one of another
    /// shard.
    pub fn other_shard(&self, service: &str) -> Option<String> {
        let number = *self.elsewhere.get(service)?;
        let other = Shard {
            number,
            ..self.shard
        };
        Some(format!(
            "{service} is in shard {other}, and this is shard {}",
            self.shard
        ))
    }
}

/// Sets the shard of each service. The unit is the service, because its objectives, alerts and signs combine
/// all of its probes. Services whose objectives count probes of each other are in one shard, too.
pub(super) fn place(services: &mut [ServiceDraft<'_>], count: u32) {
    if count == 1 {
        return;
    }
    let names: Vec<_> = services.iter().map(|one| one.name.clone()).collect();
    let borrowing = services.iter().flat_map(|service| {
        let owners = service
            .borrowed
            .iter()
            .map(|probe| &probe.value.key.service);
        owners.map(|owner| (service.name.clone(), owner.clone()))
    });
    let borrowing: Vec<_> = borrowing.collect();
    let pairs = borrowing.iter().map(|(one, other)| (&**one, &**other));
    let places = places(names.iter().map(|name| &**name), pairs, count);
    for service in services {
        if let Some(number) = places.get(&*service.name) {
            service.shard = *number;
        }
    }
}
