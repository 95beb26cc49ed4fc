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
                Ok(Some(containers)) => containers,
                Ok(None) => continue,
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
    /// Returns `None` if it is unknown whether its processes run.
    fn containers(
        &self,
        root: &HostRoot,
        hierarchies: &Hierarchies,
        found: &[ProcessView],
    ) -> Result<Option<Vec<Container>>, Unreadable> {
        if let FoundBy::Cgroup(name) = &self.spec.found_by {
            return Ok(Some(hierarchies.named(name).into_iter().collect()));
        }
        let is_this =
            |view: &&ProcessView| view.service == self.spec.service && view.name == self.spec.name;
        let Some(group) = found.iter().find(is_this) else {
            return Ok(None);
        };
        // Processes that have ended since they were listed are skipped. Sorted, so that the limit
        // always selects the same ones.
        let memberships: BTreeSet<String> = group
            .pids
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
        Ok(Some(containers.into_iter().collect()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_group_whose_processes_are_unknown_is_omitted() {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in [
            (
                "proc/1/mountinfo",
                "31 1 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
            ),
            ("proc/7/cgroup", "5:memory:/app\n"),
            ("sys/fs/cgroup/memory/app/memory.usage_in_bytes", "1000"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("created");
            fs::write(path, text).expect("written");
        }
        let spec = ProcessSpec {
            service: "shop".into(),
            name: "app".into(),
            found_by: FoundBy::Port(80),
        };
        let view = |pids: Vec<i32>| ProcessView {
            service: spec.service.clone(),
            name: spec.name.clone(),
            pids,
            ..ProcessView::default()
        };
        let specs = std::iter::once(spec.clone());
        let mut sampler = ContainerSampler::new(HostRoot::new(root.path()), specs);
        let mut counts = |found: &[ProcessView]| {
            let (views, fault) = sampler.sample(found);
            assert_eq!(fault, None);
            views.iter().map(|view| view.count).collect::<Vec<_>>()
        };
        assert_eq!(counts(&[view(vec![7])]), [1]);
        assert!(counts(&[]).is_empty(), "its processes could not be found");
        assert_eq!(counts(&[view(Vec::new())]), [0], "none is running");
    }
}
