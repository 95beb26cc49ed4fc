//! Space of the mounted file systems, and reads and writes of disks.
//!
//! ```text
//! mounts.rs: mounts -> choose.rs: those with files of their own -> space.rs: their space
//! io.rs: reads and writes of devices
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
use std::path::Path;

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

/// Maximum number of file systems and of devices, the first ones by name.
const ROWS: usize = 200;
const DISKSTATS: &str = "/proc/diskstats";

/// Samples disks and file systems.
#[derive(Debug)]
pub struct DiskSampler {
    root: HostRoot,
    /// Mount points to exclude.
    mounts_exclude: Pattern,
    /// Devices to exclude.
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

    /// Returns the reads and writes of the devices since the host started.
    pub fn devices(&self) -> Result<Vec<DiskView>, Unreadable> {
        let text = self.root.read(DISKSTATS)?;
        let mut disks = io::parse(&text);
        disks.retain(|disk| !self.devices_exclude.0.is_match(&disk.device));
        disks.sort_by(|a, b| a.device.cmp(&b.device));
        disks.truncate(ROWS);
        Ok(disks)
    }

    /// Returns the space of each file system. One that does not respond in time is omitted, and the
    /// first reason is returned with the others.
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
        // slod may see something else at the mount point, such as an empty directory.
        chosen.retain(|mount| choose::is_visible(mount, &own));
        chosen.truncate(ROWS);
        Ok(chosen)
    }

    fn mounts(&self, path: &str) -> Result<Vec<Mount>, Unreadable> {
        Ok(mounts::parse(&self.root.read(path)?))
    }
}

/// Whether it is on a local disk and therefore responds immediately. Others may wait for a server, or
/// for a program: a FUSE file system can have the source `/dev/fuse`, or that of a disk.
fn is_local(mount: &Mount) -> bool {
    Path::new(&mount.source).starts_with("/dev") && !mount.kind.starts_with("fuse")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_file_systems_of_the_kernel_on_disks_respond_immediately() {
        let local = |source: &str, kind: &str| {
            let line = format!("36 35 98:0 / /mnt rw - {kind} {source} rw");
            mounts::parse(&line).iter().all(is_local)
        };
        assert!(local("/dev/sda1", "ext4") && local("/dev/mapper/root", "xfs"));
        for (source, kind) in [
            ("server:/home", "nfs4"),
            ("tmpfs", "tmpfs"),
            ("/dev/fuse", "fuse"),
            ("/dev/sdb1", "fuseblk"),
        ] {
            assert!(!local(source, kind), "{source} {kind}");
        }
    }
}
