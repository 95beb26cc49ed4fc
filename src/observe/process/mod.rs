//! The processes that services consist of, read from `/proc`.
//!
//! ```text
//! table.rs: all processes -> find.rs: the members of a group -> reading.rs, detail.rs: their values
//!     -> group.rs: sums that survive their members
//! ```
//!
//! A process that cannot be seen is treated as unknown, never as absent.

mod boot;
mod detail;
mod find;
mod group;
mod metrics;
mod reading;
mod table;

use super::cgroup::Hierarchies;
use super::collector::{Collector, CollectorKind, families_of, write_some};
use super::host::MIN_SPAN;
use super::root::HostRoot;
use super::unreadable::Unreadable;
use super::view::{ProcessView, SystemView};
use crate::config::{Config, ProcessSpec};
use crate::exposition::Labels;
use boot::BootTimes;
use detail::Details;
use find::Finder;
use group::{Group, Since};
use metrics::FAMILIES;
use reading::reading;
use std::collections::BTreeSet;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Instant;
use table::Table;

pub(super) const PROCESSES: CollectorKind = CollectorKind {
    name: "processes",
    is_on: |config| config.observe.is_on("processes") && config.processes().next().is_some(),
    start: |config| {
        let sampler = ProcessSampler::new(HostRoot::of(config), specs(config));
        Ok(Box::new(sampler))
    },
    families: || families_of(FAMILIES),
    write: |sink, system| {
        write_some(sink, FAMILIES, &system.processes, |process| {
            Labels::new(&[("service", &process.service), ("process", &process.name)])
        });
    },
};

fn specs(config: &Config) -> Vec<ProcessSpec> {
    config.processes().cloned().collect()
}

impl Collector for ProcessSampler {
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String> {
        let (views, fault) = self.sample();
        self.hidden = views.iter().filter_map(hidden).collect();
        view.processes = views;
        fault.map_or(Ok(()), |unreadable| Err(unreadable.to_string()))
    }

    fn missing(&self) -> Vec<String> {
        self.hidden.clone()
    }

    fn reload(&mut self, config: &Config) {
        self.reload(HostRoot::of(config), specs(config));
    }
}

/// The values that are unknown for a running group.
fn hidden(view: &ProcessView) -> Option<String> {
    // Since Linux 6.2, the number of open files is readable by everyone.
    let is_hidden = view.count > 0 && (view.open_fds.is_none() || view.read_bytes.is_none());
    is_hidden.then(|| {
        let (service, name) = (&view.service, &view.name);
        format!(
            "disk reads and writes, proportional memory, and before Linux 6.2 open files of `{service}/{name}` cannot be read: a process belongs to another user, or protects its memory; give slod CAP_SYS_PTRACE, or run it as the same user"
        )
    })
}

/// Samples groups of processes.
#[derive(Debug)]
pub struct ProcessSampler {
    root: HostRoot,
    table: Table,
    hierarchies: Hierarchies,
    details: Details,
    members: Vec<Member>,
    boots: BootTimes,
    /// Parts missing from the last sample.
    hidden: Vec<String>,
}

#[derive(Debug)]
struct Member {
    spec: ProcessSpec,
    finder: Finder,
    group: Group,
    /// When its processes were last found, or known not to run.
    sampled_at: Option<Instant>,
}

impl ProcessSampler {
    pub fn new(root: HostRoot, specs: Vec<ProcessSpec>) -> Self {
        let mut sampler = Self {
            table: Table::new(&root),
            hierarchies: Hierarchies::new(root.clone()),
            details: Details::default(),
            members: Vec::new(),
            boots: BootTimes::default(),
            hidden: Vec::new(),
            root,
        };
        sampler.follow(specs);
        sampler
    }

    /// Applies a changed config; unchanged groups keep their counters.
    pub fn reload(&mut self, root: HostRoot, specs: Vec<ProcessSpec>) {
        if root == self.root {
            self.follow(specs);
        } else {
            *self = Self::new(root, specs);
        }
    }

    fn follow(&mut self, specs: Vec<ProcessSpec>) {
        let mut old = std::mem::take(&mut self.members);
        self.members = specs
            .into_iter()
            .map(|spec| match old.iter().position(|old| old.spec == spec) {
                Some(found) => old.swap_remove(found),
                None => Member {
                    finder: Finder::new(&spec.found_by),
                    group: Group::default(),
                    sampled_at: None,
                    spec,
                },
            })
            .collect();
    }

    /// Samples all processes once. Blocks for some 20 µs per process of the host. A process that
    /// ends meanwhile is omitted. A group whose processes cannot be found is omitted too, and the
    /// first reason is returned with the others' views.
    pub fn sample(&mut self) -> (Vec<ProcessView>, Option<Unreadable>) {
        let now = Instant::now();
        if let Err(unreadable) = self.table.refresh(now) {
            return (Vec::new(), Some(unreadable));
        }
        let stat = self.root.read("/proc/stat").unwrap_or_default();
        self.boots.read(&self.root, &stat);
        let (found, fault) = self.find();
        let all: BTreeSet<usize> = found.iter().flatten().flatten().copied().collect();
        let all: Vec<usize> = all.into_iter().collect();
        self.details.refresh(&self.table, &all, now);
        let processors = processors(&stat);
        let mut views = Vec::new();
        for (member, found) in self.members.iter_mut().zip(found) {
            if let Some(found) = found {
                let readings = found.iter().filter_map(|at| {
                    let listed = self.table.at(*at);
                    reading(&self.table, listed, self.details.of(listed.id, now))
                });
                let since = member.since(now, processors);
                member.group.take(&readings.collect::<Vec<_>>(), since);
                views.push(member.group.view(&member.spec, self.boots.first()));
            }
        }
        (views, fault)
    }

    /// The indexes of each group's processes; `None` for a group that cannot be found.
    fn find(&mut self) -> (Vec<Option<BTreeSet<usize>>>, Option<Unreadable>) {
        let (mut all, mut fault) = (Vec::new(), None);
        for member in &mut self.members {
            let found = member
                .finder
                .find(&self.table, &self.hierarchies, &self.boots);
            all.push(match found {
                Ok(found) => Some(self.table.with_descendants(&found)),
                Err(unreadable) => {
                    _ = fault.get_or_insert(unreadable);
                    None
                }
            });
        }
        (all, fault)
    }
}

impl Member {
    fn since(&mut self, now: Instant, processors: f64) -> Option<Since> {
        let last = self.sampled_at.replace(now)?;
        let since = Since {
            elapsed: now - last,
            processors,
        };
        (since.elapsed >= MIN_SPAN).then_some(since)
    }
}

/// The online processors of the host; slod itself may be restricted to a few of them.
fn processors(stat: &str) -> f64 {
    let is_one = |line: &&str| {
        let number = line
            .strip_prefix("cpu")
            .and_then(|rest| rest.split(' ').next());
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let count = stat.lines().filter(is_one).count();
    if count > 0 {
        count as f64
    } else {
        available_parallelism().map_or(1, NonZero::get) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn usage_is_measured_since_the_last_sample_of_the_group() {
        let found_by = crate::config::FoundBy::PidFile("/run/app.pid".into());
        let specs = ["one", "other"].map(|name| ProcessSpec {
            service: "app".into(),
            name: name.into(),
            found_by: found_by.clone(),
        });
        let mut sampler = ProcessSampler::new(HostRoot::new("/"), specs.to_vec());
        let start = Instant::now();
        let mut elapsed = |group: usize, seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            let since = sampler.members[group].since(now, 4.0);
            since.map(|since| since.elapsed.as_secs())
        };
        assert_eq!((elapsed(0, 0), elapsed(1, 0)), (None, None));
        // The processes of the second group cannot be found for an hour.
        assert_eq!(elapsed(0, 3590), Some(3590));
        assert_eq!((elapsed(0, 3600), elapsed(1, 3600)), (Some(10), Some(3600)));
    }

    #[test]
    fn the_processors_are_those_of_the_host() {
        let stat = "cpu  30 0 20 130\ncpu0 1 2\ncpu3 1 2\ncpu11 1 2\nintr 1\nctxt 1\n";
        assert!((processors(stat) - 3.0).abs() < f64::EPSILON);
        assert!(processors("") >= 1.0, "at least those of this process");
    }
}
