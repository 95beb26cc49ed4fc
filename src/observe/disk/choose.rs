//! Selects the mounts that are file systems with space of their own. Pure.

use crate::config::Pattern;
use crate::observe::mounts::Mount;
use std::collections::BTreeMap;
use std::path::Path;

/// Kernel file systems without user files, and image formats that are always full.
const PSEUDO: [&str; 32] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nfsd",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "squashfs",
    "erofs",
    "sysfs",
    "tracefs",
    "fuse.lxcfs",
    "fuse.gvfsd-fuse",
    "fuse.portal",
    "fuse.snapfuse",
    "cpuset",
];

/// One mount of each file system, ordered by mount point.
pub(super) fn file_systems(mounts: Vec<Mount>, exclude: &Pattern) -> Vec<Mount> {
    let mut by_number: BTreeMap<String, Mount> = BTreeMap::new();
    for mount in mounts {
        let is_pseudo = PSEUDO.contains(&mount.kind.as_str());
        // The root of a container, whose files are on another file system.
        let is_layer = mount.kind == "overlay" && mount.point != "/";
        if is_pseudo || is_layer || exclude.0.is_match(&mount.point) {
            continue;
        }
        let known = by_number.get(&mount.number);
        if known.is_none_or(|known| rank(&mount) < rank(known)) {
            by_number.insert(mount.number.clone(), mount);
        }
    }
    let mut chosen: Vec<_> = by_number.into_values().collect();
    chosen.sort_by(|a, b| a.point.cmp(&b.point));
    chosen
}

/// The sort key: mounts of whole file systems first, then the shortest path.
fn rank(mount: &Mount) -> (bool, usize, &str) {
    (mount.root != "/", mount.point.len(), &mount.point)
}

/// Whether a process with these mounts sees this one at its mount point. If several are mounted at
/// the same point, the last one hides the others.
pub(super) fn is_visible(mount: &Mount, own: &[Mount]) -> bool {
    let place = Path::new(&mount.point);
    let above = own.iter().filter(|one| place.starts_with(&one.point));
    let nearest = above.max_by_key(|one| one.point.len());
    nearest.is_some_and(|nearest| nearest.number == mount.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    fn mount(number: &str, root: &str, point: &str, kind: &str) -> Mount {
        Mount {
            number: number.to_owned(),
            root: root.to_owned(),
            point: point.to_owned(),
            kind: kind.to_owned(),
            source: "/dev/sda1".to_owned(),
            options: "rw".to_owned(),
        }
    }

    #[test]
    fn each_file_system_counts_once_and_pseudo_ones_do_not() {
        let mounts = vec![
            mount("0:4", "/", "/proc", "proc"),
            mount("8:2", "/var/lib", "/srv", "xfs"),
            mount("8:1", "/etc/hosts", "/a", "ext4"),
            mount("8:1", "/", "/", "ext4"),
            mount("8:1", "/", "/mnt/again", "ext4"),
            mount("0:50", "/", "/var/lib/docker/overlay2/x/merged", "overlay"),
            mount("0:51", "/", "/run/user/1000", "tmpfs"),
            mount("0:52", "/", "/tmp", "tmpfs"),
        ];
        let exclude = Pattern(Regex::new("^(?:/run(/.*)?)$").expect("valid"));
        let chosen = file_systems(mounts, &exclude);
        let points: Vec<_> = chosen.iter().map(|mount| mount.point.as_str()).collect();
        assert_eq!(points, ["/", "/srv", "/tmp"]);
    }

    #[test]
    fn covered_mounts_are_not_visible() {
        let home = mount("8:3", "/", "/home", "ext4");
        let root = mount("8:1", "/", "/", "ext4");
        let cover = mount("0:60", "/", "/home", "tmpfs");
        assert!(is_visible(&home, &[root.clone(), home.clone()]));
        assert!(
            !is_visible(&home, std::slice::from_ref(&root)),
            "not mounted here"
        );
        assert!(!is_visible(&home, &[root.clone(), home.clone(), cover]));
        assert!(is_visible(&root, std::slice::from_ref(&root)));
    }
}
