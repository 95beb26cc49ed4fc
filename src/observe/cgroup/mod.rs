//! Control groups, version 1 and 2: where the kernel mounts them, and their resource usage.
//!
//! ```text
//! mod.rs: mounted hierarchies -> place.rs: the container of a process -> usage.rs: its numbers
//! ```

mod place;
mod usage;

pub(super) use place::Container;
pub(super) use usage::Usage;

use super::mounts::{self, Mount};
use super::root::HostRoot;
use super::unreadable::Unreadable;
use place::{Place, unit};
use std::path::{Component, Path, PathBuf};

/// The conventional mount point.
const FOLDER: &str = "/sys/fs/cgroup";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Version {
    /// A separate hierarchy for each controller.
    V1,
    /// One hierarchy for all controllers.
    V2,
}

/// A tree of control groups, or the mounted part of it.
#[derive(Debug)]
struct Hierarchy {
    version: Version,
    mount: Mount,
}

impl Hierarchy {
    fn of(mount: Mount) -> Option<Self> {
        let version = match mount.kind.as_str() {
            "cgroup" => Version::V1,
            "cgroup2" => Version::V2,
            _ => return None,
        };
        Some(Self { version, mount })
    }

    fn has(&self, controller: &str) -> bool {
        let mut options = self.mount.options.split(',');
        self.version == Version::V2 || options.any(|option| option == controller)
    }
}

/// All mounted hierarchies.
#[derive(Debug)]
pub(super) struct Hierarchies {
    root: HostRoot,
    all: Vec<Hierarchy>,
}

impl Hierarchies {
    /// Finds the mounted hierarchies; empty if there are none.
    pub(super) fn new(root: HostRoot) -> Self {
        let mounts = root.read(root.mounts()).unwrap_or_default();
        let mounts = mounts::parse(&mounts).into_iter();
        Self {
            all: mounts.filter_map(Hierarchy::of).collect(),
            root,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The directory of a control group, given its path below the root; in version 1, in the first
    /// hierarchy that contains it.
    pub(super) fn folder(&self, name: &Path) -> PathBuf {
        let usual = self.root.path(FOLDER).join(name);
        let mut others = self
            .all
            .iter()
            .map(|one| self.root.path(&one.mount.point).join(name));
        let other = if usual.exists() {
            None
        } else {
            others.find(|folder| folder.exists())
        };
        other.unwrap_or(usual)
    }

    /// Finds the container of a process from the contents of `/proc/PID/cgroup`; `None` if it is in
    /// none.
    pub(super) fn container(&self, memberships: &str) -> Result<Option<Container>, Unreadable> {
        let place = |controller| self.place(memberships, controller);
        let container = Container {
            memory: place("memory")?,
            cpu: place("cpu")?,
            cpuacct: place("cpuacct")?,
            pids: place("pids")?,
        };
        Ok(container.is_any().then_some(container))
    }

    /// The control group with this path below the root, as a container.
    pub(super) fn named(&self, name: &Path) -> Option<Container> {
        let place = |controller| self.named_place(name, controller);
        let container = Container {
            memory: place("memory"),
            cpu: place("cpu"),
            cpuacct: place("cpuacct"),
            pids: place("pids"),
        };
        container.is_any().then_some(container)
    }

    fn place(&self, memberships: &str, controller: &str) -> Result<Option<Place>, Unreadable> {
        let Some((hierarchy, path)) = self.with(controller).and_then(|hierarchy| {
            let path = path_of(memberships, hierarchy.version, controller)?;
            Some((hierarchy, path))
        }) else {
            return Ok(None);
        };
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(Unreadable::OutsideControlGroup(path.display().to_string()));
        }
        let (unit, mounted) = (unit(path), Path::new(&hierarchy.mount.root));
        let below = match unit.strip_prefix(mounted) {
            Ok(below) => below,
            Err(_) if path.starts_with(mounted) => Path::new(""),
            // The root control group of the host, of which only a part is mounted.
            Err(_) if path == Path::new("/") => return Ok(None),
            Err(_) => return Err(Unreadable::OutsideControlGroup(path.display().to_string())),
        };
        let place = self.at(hierarchy, below);
        let is_root = below.as_os_str().is_empty() && place.is_root(mounted);
        Ok((!is_root).then_some(place))
    }

    fn named_place(&self, name: &Path, controller: &str) -> Option<Place> {
        let hierarchy = self.with(controller)?;
        // In version 1, the path may start with the name of a hierarchy.
        let point = |one: &Hierarchy| Path::new(&one.mount.point).file_name().map(PathBuf::from);
        let of_hierarchy = self.all.iter().filter(|one| one.version == Version::V1);
        let stripped = of_hierarchy
            .filter_map(point)
            .find_map(|first| name.strip_prefix(first).ok());
        let place = self.at(hierarchy, stripped.unwrap_or(name));
        place.exists().then_some(place)
    }

    /// The hierarchy of a controller: version 1 if it has the controller, since both versions can
    /// be mounted.
    fn with(&self, controller: &str) -> Option<&Hierarchy> {
        let of = |version| {
            let mut all = self.all.iter();
            all.find(|one| one.version == version && one.has(controller))
        };
        of(Version::V1).or_else(|| of(Version::V2))
    }

    fn at(&self, hierarchy: &Hierarchy, below: &Path) -> Place {
        let top = self.root.path(&hierarchy.mount.point);
        Place {
            version: hierarchy.version,
            folder: top.join(below),
            top,
        }
    }
}

/// The path of a process in the hierarchy of a controller: `4:memory:/a/b`, or `0::/a/b` in version
/// 2, if version 1 does not have the controller.
fn path_of<'t>(memberships: &'t str, version: Version, controller: &str) -> Option<&'t Path> {
    let in_v1 = line_of(memberships, controller);
    let in_v2 = || {
        memberships
            .lines()
            .find_map(|line| line.strip_prefix("0::"))
    };
    let path = match version {
        Version::V1 => in_v1,
        Version::V2 if in_v1.is_some() => None,
        Version::V2 => in_v2(),
    };
    path.map(Path::new)
}

fn line_of<'t>(memberships: &'t str, controller: &str) -> Option<&'t str> {
    memberships.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let mut controllers = controllers.split(',');
        controllers.any(|one| one == controller).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A root directory with these files.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("created");
            fs::write(path, text).expect("written");
        }
        folder
    }

    fn hierarchies(root: &tempfile::TempDir) -> Hierarchies {
        Hierarchies::new(HostRoot::new(root.path()))
    }

    fn usage(root: &tempfile::TempDir, memberships: &str) -> Option<Usage> {
        let container = hierarchies(root).container(memberships).expect("visible");
        container.map(|container| container.usage())
    }

    const V2: &str = "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn version_2_has_one_hierarchy_and_inherits_limits() {
        let at = "sys/fs/cgroup/kube.slice/a.scope";
        let file = |name: &str| format!("{at}/{name}");
        let root = tree(&[
            ("proc/1/mountinfo", V2),
            (&file("memory.current"), "1000\n"),
            (
                &file("memory.stat"),
                "anon 600\nanon_thp 5\nfile 300\ninactive_file 200\n",
            ),
            (
                &file("memory.events"),
                "low 0\noom 5\noom_kill 3\noom_group_kill 0\n",
            ),
            (&file("memory.max"), "max\n"),
            ("sys/fs/cgroup/kube.slice/memory.max", "4000\n"),
            (
                &file("cpu.stat"),
                "usage_usec 5000000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 700000\n",
            ),
            (&file("cpu.max"), "150000 100000\n"),
            ("sys/fs/cgroup/kube.slice/cpu.max", "max 100000\n"),
            (&file("pids.current"), "7\n"),
            (&file("pids.max"), "18446744073709551616\n"),
        ]);
        let expected = Usage {
            memory_bytes: Some(1000),
            inactive_file_bytes: Some(200),
            anonymous_bytes: Some(600),
            memory_limit_bytes: Some(4000),
            oom_kills: Some(3),
            cpu_micros: Some(5_000_000),
            cpu_limit: Some(1.5),
            periods: Some(10),
            throttled_periods: Some(4),
            throttled_micros: Some(700_000),
            pids: Some(7),
            pids_limit: None,
        };
        assert_eq!(
            usage(&root, "0::/kube.slice/a.scope/worker\n"),
            Some(expected)
        );
        let named = hierarchies(&root).named(Path::new("kube.slice/a.scope"));
        assert_eq!(named.map(|named| named.usage()), Some(expected));
        assert_eq!(hierarchies(&root).named(Path::new("gone.slice")), None);
        assert_eq!(usage(&root, "0::/\n"), None, "the root of the host");
        fs::write(
            root.path().join("sys/fs/cgroup/cgroup.events"),
            "populated 1\n",
        )
        .expect("written");
        assert!(usage(&root, "0::/\n").is_some(), "the root of a namespace");
    }

    #[test]
    fn version_1_has_a_place_for_each_controller() {
        let mounts = "31 1 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
            32 1 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
            33 1 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
            34 1 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let at = "sys/fs/cgroup";
        let (memory, cpu) = (
            format!("{at}/memory/app"),
            format!("{at}/cpu,cpuacct/other"),
        );
        let root = tree(&[
            ("proc/1/mountinfo", mounts),
            (&format!("{memory}/memory.usage_in_bytes"), "1000"),
            (
                &format!("{memory}/memory.stat"),
                "rss 1\nhierarchical_memory_limit 9223372036854771712\ntotal_rss 600\ntotal_inactive_file 200\n",
            ),
            (
                &format!("{memory}/memory.oom_control"),
                "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            ),
            (&format!("{cpu}/cpuacct.usage"), "5000000000"),
            (
                &format!("{cpu}/cpu.stat"),
                "nr_periods 10\nnr_throttled 4\nthrottled_time 700000000\n",
            ),
            (&format!("{cpu}/cpu.cfs_quota_us"), "50000"),
            (&format!("{cpu}/cpu.cfs_period_us"), "100000"),
            (&format!("{at}/cpu,cpuacct/cpu.cfs_quota_us"), "-1"),
            (&format!("{at}/pids/pids.current"), "500"),
        ]);
        let memberships =
            "5:memory:/app\n4:cpu,cpuacct:/other\n3:pids:/\n2:name=systemd:/x\n0::/else\n";
        let expected = Usage {
            memory_bytes: Some(1000),
            inactive_file_bytes: Some(200),
            anonymous_bytes: Some(600),
            oom_kills: Some(2),
            cpu_micros: Some(5_000_000),
            cpu_limit: Some(0.5),
            periods: Some(10),
            throttled_periods: Some(4),
            throttled_micros: Some(700_000),
            ..Usage::default()
        };
        assert_eq!(usage(&root, memberships), Some(expected));
        assert_eq!(
            usage(&root, "5:memory:/\n4:cpu,cpuacct:/\n3:pids:/\n0::/\n"),
            None
        );
        for name in ["app", "memory/app"] {
            let named = hierarchies(&root).named(Path::new(name)).expect(name);
            assert_eq!(named.usage().memory_bytes, Some(1000), "{name}");
        }
        assert_eq!(
            hierarchies(&root).folder(Path::new("app")),
            root.path().join(memory)
        );
    }

    #[test]
    fn a_container_mounts_a_part_of_the_hierarchy() {
        let mounts = "31 1 0:27 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let root = tree(&[
            ("proc/1/mountinfo", mounts),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "5"),
            ("sys/fs/cgroup/memory/in/memory.usage_in_bytes", "3"),
        ]);
        let bytes = |path: &str| usage(&root, &format!("5:memory:{path}\n"))?.memory_bytes;
        assert_eq!(
            (bytes("/docker/x"), bytes("/docker/x/in")),
            (Some(5), Some(3))
        );
        assert_eq!(bytes("/"), None, "a process in no container");
        for outside in ["/docker", "/docker/y", "/../y"] {
            let container = hierarchies(&root).container(&format!("5:memory:{outside}\n"));
            let reason = container.expect_err("not mounted").to_string();
            assert!(
                reason.contains(outside) && reason.contains("cgroupns"),
                "{reason}"
            );
        }
    }

    #[test]
    fn of_a_partly_mounted_unit_the_mounted_part_is_measured() {
        let mounts = "31 1 0:27 /a.service/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let root = tree(&[
            ("proc/1/mountinfo", mounts),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "5"),
        ]);
        let found = usage(&root, "5:memory:/a.service/x/worker\n");
        assert_eq!(found.and_then(|usage| usage.memory_bytes), Some(5));
    }

    #[test]
    fn odd_files_are_unknown() {
        let root = tree(&[
            ("proc/1/mountinfo", V2),
            ("sys/fs/cgroup/a/memory.current", "x"),
            (
                "sys/fs/cgroup/a/memory.stat",
                "anon\nanon \ninactive_file -5",
            ),
            ("sys/fs/cgroup/a/cpu.max", "100000 0"),
            ("sys/fs/cgroup/a/cpu.stat", ""),
            ("sys/fs/cgroup/a/pids.max", "ma"),
        ]);
        assert_eq!(usage(&root, "0::/a\n"), Some(Usage::default()));
        for odd in ["", "0", "0:", "x:memory", "5:memory:/a", "::::", "\u{fffd}"] {
            assert!(
                hierarchies(&root)
                    .container(odd)
                    .is_ok_and(|none| none.is_none()),
                "{odd}"
            );
        }
        assert!(hierarchies(&tree(&[])).is_empty());
    }
}
