//! The processes that services are made of, by reading `/proc`.
//!
//! ```text
//! table.rs: who runs -> find.rs: who belongs to a group -> group.rs: sums that survive their members
//! ```
//!
//! Who cannot be seen is unknown (`unreadable.rs`), never absent.

mod find;
mod group;
mod metrics;
mod table;
mod unreadable;

use super::collector::{Collector, CollectorKind, families_of, write_some};
use super::view::{ProcessView, SystemView};
use crate::config::{Config, ProcessSpec};
use crate::exposition::Labels;
use find::Finder;
use group::{Group, Reading, Since};
use metrics::FAMILIES;
use std::num::NonZero;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Instant;
use sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;
use table::{Listed, PROC, Table};
pub use unreadable::Unreadable;

pub(super) const PROCESSES: CollectorKind = CollectorKind {
    name: "processes",
    is_on: |config| config.observe.processes && config.processes().next().is_some(),
    start: |config| Ok(Box::new(ProcessSampler::new(specs(config)))),
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
        view.processes = views;
        fault.map_or(Ok(()), |unreadable| Err(unreadable.to_string()))
    }

    fn reload(&mut self, config: &Config) {
        self.reload(specs(config));
    }
}

/// Samples groups of processes again and again.
#[derive(Debug)]
pub struct ProcessSampler {
    table: Table,
    members: Vec<Member>,
    processors: f64,
    last: Option<Instant>,
}

#[derive(Debug)]
struct Member {
    spec: ProcessSpec,
    finder: Finder,
    group: Group,
}

impl ProcessSampler {
    pub fn new(specs: Vec<ProcessSpec>) -> Self {
        let mut sampler = Self {
            table: Table::default(),
            members: Vec::new(),
            processors: available_parallelism().map_or(1, NonZero::get) as f64,
            last: None,
        };
        sampler.reload(specs);
        sampler
    }

    /// Follows a changed config; groups that did not change keep what they counted.
    pub fn reload(&mut self, specs: Vec<ProcessSpec>) {
        let mut old = std::mem::take(&mut self.members);
        self.members = specs
            .into_iter()
            .map(|spec| match old.iter().position(|old| old.spec == spec) {
                Some(found) => old.swap_remove(found),
                None => Member {
                    finder: Finder::new(&spec.found_by),
                    group: Group::default(),
                    spec,
                },
            })
            .collect();
    }

    /// Reads all processes once. Blocks for some 20 µs per process of the host. One that ends
    /// meanwhile is left out, and so is a group whose processes cannot be found: then the first
    /// reason comes with the others' views.
    pub fn sample(&mut self) -> (Vec<ProcessView>, Option<Unreadable>) {
        if let Err(unreadable) = self.table.refresh(Path::new(PROC)) {
            return (Vec::new(), Some(unreadable));
        }
        let now = Instant::now();
        let since = self.last.map(|last| Since {
            elapsed: now - last,
            processors: self.processors,
        });
        let since = since.filter(|since| since.elapsed >= MINIMUM_CPU_UPDATE_INTERVAL);
        self.last = Some(now);
        let Self { table, members, .. } = self;
        let (mut views, mut fault) = (Vec::new(), None);
        for member in members {
            match member.finder.find(table) {
                Ok(found) => views.push(member.take(table, &found, since)),
                Err(unreadable) => _ = fault.get_or_insert(unreadable),
            }
        }
        (views, fault)
    }
}

impl Member {
    fn take(&mut self, table: &Table, found: &[usize], since: Option<Since>) -> ProcessView {
        let found = table.with_descendants(found);
        let readings: Vec<_> = found.iter().map(|at| reading(table.at(*at))).collect();
        self.group.take(&readings, since);
        self.group.view(&self.spec)
    }
}

fn reading(listed: &Listed) -> Reading {
    Reading {
        id: listed.id,
        is_new: listed.is_new,
        cpu_ticks: listed.cpu_ticks,
        resident_bytes: listed.resident_bytes,
        threads: listed.threads,
        open_fds: table::open_fds(listed.thread),
    }
}
