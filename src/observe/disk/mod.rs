//! Space of the mounted file systems, and reads and writes of the disks.
//!
//! ```text
//! mounts.rs: what is mounted -> choose.rs: which of it holds files of its own -> space.rs: how much
//! io.rs: what the devices read and wrote
//! ```

mod choose;
mod io;
mod metrics;
mod space;

use super::collector::{Collector, CollectorKind, families_of, write_some};
use super::mounts::{self, Mount};
use super::root::{HostRoot, MOUNTS_OF_HOST};
use super::unreadable::Unreadable;
use super::view::{DiskView, FileSystemView, SystemView};
use crate::config::{Config, Pattern};
use crate::exposition::Labels;
use space::SpaceReader;
use std::path::PathBuf;

pub(super) const DISK: CollectorKind = CollectorKind {
    name: "disk",
    is_on: |config| config.observe.is_on("disk"),
    start: |config| Ok(Box::new(DiskSampler::of(config))),
    families: || {
        let mut families = families_of(metrics::FILE_SYSTEM);
        families.extend(families_of(metrics::DISK));
        families
    },
    write: |sink, system| {
        write_some(sink, metrics::FILE_SYSTEM, &system.file_systems, |one| {
            Labels::new(&[("device", &one.device), ("mountpoint", &one.mount_point)])
        });
        write_some(sink, metrics::DISK, &system.disks, |disk| {
            Labels::new(&[("device", &disk.device)])
        });
    },
};

/// File systems and devices at most, of each in the order of their names.
const ROWS: usize = 200;
const DISKSTATS: &str = "/proc/diskstats";

/// Samples disks and file systems again and again.
#[derive(Debug)]
pub struct DiskSampler {
    root: HostRoot,
    /// Mount points that are left out.
    mounts_exclude: Pattern,
    /// Devices whose reads and writes are left out.
    devices_exclude: Pattern,
    reader: SpaceReader,
}

impl DiskSampler {
    pub fn new(root: HostRoot, mounts_exclude: Pattern, devices_exclude: Pattern) -> Self {
        Self {
            root,
            mounts_exclude,
            devices_exclude,
            reader: SpaceReader::default(),
        }
    }

    fn of(config: &Config) -> Self {
        let observe = &config.observe;
        Self::new(
            HostRoot::of(config),
            observe.filesystem_exclude.clone(),
            observe.disk_exclude.clone(),
        )
    }

    /// What the devices read and wrote since the host started.
    pub fn devices(&self) -> Result<Vec<DiskView>, Unreadable> {
        let text = self.root.read(DISKSTATS)?;
        let mut disks = io::parse(&text);
        disks.retain(|disk| !self.devices_exclude.0.is_match(&disk.device));
        disks.sort_by(|a, b| a.device.cmp(&b.device));
        disks.truncate(ROWS);
        Ok(disks)
    }

    /// The space of each file system. One that does not answer in time is unknown; then the first
    /// reason comes with the others.
    pub fn file_systems(&mut self) -> (Vec<FileSystemView>, Option<Unreadable>) {
        let chosen = match self.chosen() {
            Ok(chosen) => chosen,
            Err(unreadable) => return (Vec::new(), Some(unreadable)),
        };
        let (mut views, mut fault) = (Vec::new(), None);
        for mount in chosen {
            let path = self.root.path(&mount.point);
            match self.reader.read(&path, is_local(&mount)) {
                Ok(Some(space)) => views.push(space.view(mount)),
                // Unmounted meanwhile, or not accessible to slod.
                Ok(None) => {}
                Err(space::Unanswered) => {
                    _ = fault.get_or_insert(Unreadable::Unanswered(mount.point));
                }
            }
        }
        (views, fault)
    }

    fn chosen(&self) -> Result<Vec<Mount>, Unreadable> {
        let own = self.mounts(self.root.mounts())?;
        let host = self.mounts(MOUNTS_OF_HOST).unwrap_or_else(|_| own.clone());
        let mut chosen = choose::file_systems(host, &self.mounts_exclude);
        // What slod sees at a place may be something else, such as an empty directory.
        chosen.retain(|mount| choose::is_visible(mount, &own));
        chosen.truncate(ROWS);
        Ok(chosen)
    }

    fn mounts(&self, path: &str) -> Result<Vec<Mount>, Unreadable> {
        Ok(mounts::parse(&self.root.read(path)?))
    }
}

/// Whether it is on a disk, and therefore answers at once. Others may wait for a server.
fn is_local(mount: &Mount) -> bool {
    PathBuf::from(&mount.source).starts_with("/dev")
}

impl Collector for DiskSampler {
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String> {
        let (file_systems, mut fault) = self.file_systems();
        view.file_systems = file_systems;
        match self.devices() {
            Ok(disks) => view.disks = disks,
            Err(unreadable) => _ = fault.get_or_insert(unreadable),
        }
        fault.map_or(Ok(()), |unreadable| Err(unreadable.to_string()))
    }

    fn reload(&mut self, config: &Config) {
        let reader = std::mem::take(&mut self.reader);
        *self = Self {
            reader,
            ..Self::of(config)
        };
    }
}
