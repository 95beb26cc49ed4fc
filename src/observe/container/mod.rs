//! The containers that services run in: the control groups of their processes.
//!
//! ```text
//! the processes of a group -> cgroup/: their containers and usage -> group.rs: sums
//! ```

mod group;
mod metrics;

use super::cgroup::{Container, Hierarchies, Usage};
use super::collector::{Collector, CollectorKind, families_of, write_some};
use super::root::HostRoot;
use super::unreadable::Unreadable;
use super::view::{ContainerView, ProcessView, SystemView};
use crate::config::{Config, FoundBy, ProcessSpec};
use crate::exposition::Labels;
use group::Group;
use metrics::FAMILIES;
use std::collections::{BTreeSet, HashSet};
use std::time::Instant;

pub(super) const CONTAINERS: CollectorKind = CollectorKind {
    name: "containers",
    is_on: |config| config.observe.is_on("containers") && config.processes().next().is_some(),
    start: |config| Ok(Box::new(ContainerSampler::of(config))),
    families: || families_of(FAMILIES),
    write: |sink, system| {
        write_some(sink, FAMILIES, &system.containers, |one| {
            Labels::new(&[("service", &one.service), ("process", &one.process)])
        });
    },
};

/// Maximum number of containers per group of processes.
const CONTAINERS_MAX: usize = 100;

/// Samples the containers of groups of processes.
#[derive(Debug)]
pub struct ContainerSampler {
    root: HostRoot,
    hierarchies: Hierarchies,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    spec: ProcessSpec,
    group: Group<Container>,
}

impl ContainerSampler {
    pub fn new(root: HostRoot, specs: impl Iterator<Item = ProcessSpec>) -> Self {
        let member = |spec| Member {
            spec,
            group: Group::default(),
        };
        Self {
            hierarchies: Hierarchies::new(root.clone()),
            members: specs.map(member).collect(),
            root,
        }
    }

    fn of(config: &Config) -> Self {
        Self::new(HostRoot::of(config), config.processes().cloned())
    }

    /// Samples the containers of the processes in `found`. A group whose containers cannot be found
    /// is omitted, and the first reason is returned with the others.
    pub fn sample(&mut self, found: &[ProcessView]) -> (Vec<ContainerView>, Option<Unreadable>) {
        if self.hierarchies.is_empty() {
            self.hierarchies = Hierarchies::new(self.root.clone());
        }
        let (now, mut views, mut fault) = (Instant::now(), Vec::new(), None);
        let Self {
            root,
            hierarchies,
            members,
        } = self;
        for member in members {
            let containers = match member.containers(root, hierarchies, found) {
                Ok(containers) => containers,
                Err(unreadable) => {
                    _ = fault.get_or_insert(unreadable);
                    continue;
                }
            };
            let usages: Vec<(Container, Usage)> = containers
                .into_iter()
                .map(|container| {
                    let usage = container.usage();
                    (container, usage)
                })
                .collect();
            member.group.take(usages, now, Container::exists);
            views.extend(member.group.view(&member.spec));
        }
        (views, fault)
    }
}

impl Member {
    fn containers(
        &self,
        root: &HostRoot,
        hierarchies: &Hierarchies,
        found: &[ProcessView],
    ) -> Result<Vec<Container>, Unreadable> {
        if let FoundBy::Cgroup(name) = &self.spec.found_by {
            return Ok(hierarchies.named(name).into_iter().collect());
        }
        let is_this =
            |view: &&ProcessView| view.service == self.spec.service && view.name == self.spec.name;
        let pids = found
            .iter()
            .find(is_this)
            .map_or(&[][..], |view| &view.pids);
        // Processes that have ended since they were listed are skipped. Sorted, so that the limit
        // always selects the same ones.
        let memberships: BTreeSet<String> = pids
            .iter()
            .filter_map(|pid| root.read(format!("/proc/{pid}/cgroup")).ok())
            .collect();
        if hierarchies.is_empty() && !memberships.is_empty() {
            return Err(Unreadable::NoControlGroups(root.path("/")));
        }
        let mut containers = HashSet::new();
        for membership in memberships {
            if containers.len() < CONTAINERS_MAX {
                containers.extend(hierarchies.container(&membership)?);
            }
        }
        Ok(containers.into_iter().collect())
    }
}

impl Collector for ContainerSampler {
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String> {
        let (containers, fault) = self.sample(&view.processes);
        view.containers = containers;
        fault.map_or(Ok(()), |unreadable| Err(unreadable.to_string()))
    }

    /// Unchanged groups keep their counters.
    fn reload(&mut self, config: &Config) {
        let old = std::mem::replace(self, Self::of(config));
        if old.root != self.root {
            return;
        }
        for member in old.members {
            let mut new = self.members.iter_mut();
            if let Some(same) = new.find(|new| new.spec == member.spec) {
                same.group = member.group;
            }
        }
    }
}
