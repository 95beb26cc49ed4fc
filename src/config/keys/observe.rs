//! The keys of what is sampled, and of the processes of a service.

use crate::config::model::Pattern;
use crate::probe::pattern::{self, text_regex};
use crate::units::DAY;
use crate::yaml::{Bool, FilePath, Integer, Key, Keys, List, Mapping, Parsed, Span, Text};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

pub const KEYS: Keys = &[
    &INTERVAL,
    &RETENTION,
    &ROOT,
    &HOST,
    &PRESSURE,
    &DISK,
    &DISK_EXCLUDE,
    &FILESYSTEM_EXCLUDE,
    &NETWORK,
    &NETWORK_EXCLUDE,
    &PROCESSES_ON,
    &CONTAINERS,
    &SERVICES_ON,
];

/// Of the collectors, by their names.
pub const SWITCHES: [&Key<Bool>; 7] = [
    &HOST,
    &PRESSURE,
    &DISK,
    &NETWORK,
    &PROCESSES_ON,
    &CONTAINERS,
    &SERVICES_ON,
];

/// The key of the way to find it is all that a process needs. Each group of processes costs
/// metrics.
pub const PROCESSES: List<Mapping> =
    List::up_to(50, Mapping(&[&NAME, &MATCH, &PID_FILE, &PORT, &CGROUP]));

pub const INTERVAL: Key<Span> = Key::with_default(
    "interval",
    Span::within(Duration::from_secs(1), Duration::from_mins(5)),
    "10s",
    "Time between two samples, which are taken at multiples of it; also the span that processor usage is averaged over.",
);

pub const RETENTION: Key<Span> = Key::with_default(
    "retention",
    Span::within(DAY, Duration::from_secs(3660 * DAY.as_secs())),
    "30d",
    "How long samples are kept. After two days they are kept by the minute: a gauge's minimum, mean, maximum and last value, a counter's last value.",
);

pub const ROOT: Key<FilePath> = Key::with_default(
    "root",
    FilePath,
    "/",
    "Directory that the root of the host is mounted at, such as `/host` in a container. Its `/proc` and `/sys` are read.",
);

/// Matches whole names.
const PATTERN: pattern::Pattern<Pattern> = pattern::Pattern(whole);

pub const HOST: Key<Bool> = Key::with_default(
    "host",
    Bool,
    "true",
    "Whether to sample processors, memory, load, threads and open files of the host.",
);

pub const PRESSURE: Key<Bool> = Key::with_default(
    "pressure",
    Bool,
    "true",
    "Whether to sample how long tasks of the host waited for processors, memory and disks (pressure stall information).",
);

pub const DISK: Key<Bool> = Key::with_default(
    "disk",
    Bool,
    "true",
    "Whether to sample the space of the mounted file systems, and the reads and writes of the disks of the host.",
);

pub const DISK_EXCLUDE: Key<pattern::Pattern<Pattern>> = Key::with_default(
    "disk_exclude",
    PATTERN,
    r"(z?ram|loop|fd)\d+|(h|s|v|xv)d[a-z]+\d+|(nvme\d+n|mmcblk)\d+p\d+",
    "Regular expression for the full names of disks whose reads and writes to exclude: by default partitions, and devices in memory.",
);

pub const FILESYSTEM_EXCLUDE: Key<pattern::Pattern<Pattern>> = Key::with_default(
    "filesystem_exclude",
    PATTERN,
    "/(dev|proc|sys|run)(/.*)?|/etc/(hosts|hostname|resolv\\.conf)|/(snap|var/lib/(docker|containers|kubelet))/.*",
    "Regular expression for the full mount points of file systems to exclude: by default those of the system, and of single containers. File systems of the kernel are never included, and each other one once.",
);

pub const NETWORK: Key<Bool> = Key::with_default(
    "network",
    Bool,
    "true",
    "Whether to sample the network devices of the host.",
);

pub const NETWORK_EXCLUDE: Key<pattern::Pattern<Pattern>> = Key::with_default(
    "network_exclude",
    PATTERN,
    "lo|(veth|docker|br-|virbr|cni|flannel|cali|vnet|tap|podman|lxc|lxd).*",
    "Regular expression for the full names of network devices to exclude: by default loopback, and virtual devices whose traffic another device counts too.",
);

pub const PROCESSES_ON: Key<Bool> = Key::with_default(
    "processes",
    Bool,
    "true",
    "Whether to sample the `processes` of services.",
);

pub const CONTAINERS: Key<Bool> = Key::with_default(
    "containers",
    Bool,
    "true",
    "Whether to sample the containers (control groups) that the `processes` of services run in. If `processes` is `false`, only those that are identified by `cgroup`.",
);

pub const SERVICES_ON: Key<Bool> = Key::with_default(
    "services",
    Bool,
    "true",
    "Whether to read the own `metrics` of services.",
);

pub const NAME: Key<Text> = Key::optional(
    "name",
    Text,
    "Name, unique within the service. Default: derived from how the process is identified.",
);

pub const MATCH: Key<Mapping> = Key::optional(
    "match",
    Mapping(&[&MATCH_NAME, &MATCH_CMDLINE]),
    "Every process that looks like this. All of them are counted as one.",
);

pub const PID_FILE: Key<FilePath> = Key::optional(
    "pid_file",
    FilePath,
    "A file that contains the PID of the main process, as slod sees it: one that is written in a container holds a number of the container's own, so use `cgroup`, `port` or `match` there. A process that started more than a minute after the file was written is another one.",
);

pub const PORT: Key<Integer> = Key::optional(
    "port",
    Integer(1, 65_535),
    "The processes that listen on this TCP port. Processes of other users are found only as root or with CAP_SYS_PTRACE.",
);

pub const CGROUP: Key<Parsed<PathBuf>> = Key::optional(
    "cgroup",
    Parsed {
        label: "control group",
        expected: "a path below /sys/fs/cgroup, such as system.slice/concierge.service",
        parse: cgroup,
    },
    "The processes of this control group and its descendants, such as `system.slice/concierge.service`.",
);

pub const MATCH_NAME: Key<Text> = Key::optional(
    "name",
    Text,
    "The process name in the kernel, or the file name of the program.",
);

pub const MATCH_CMDLINE: Key<pattern::Pattern<Pattern>> = Key::optional(
    "cmdline",
    pattern::Pattern(|text| text_regex(text).map(Pattern)),
    "Regular expression for the full command line, with arguments separated by spaces.",
);

/// A pattern that a whole text must match.
fn whole(text: &str) -> Option<Pattern> {
    // Tried as it was written first: brackets around it must not make it valid.
    text_regex(text)?;
    text_regex(&format!("^(?:{text})$")).map(Pattern)
}

/// Only ever below the root of the control groups.
fn cgroup(text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    let path = path.strip_prefix("/sys/fs/cgroup").unwrap_or(path);
    let path = path.strip_prefix("/").unwrap_or(path);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    (path.components().count() > 0 && path.components().all(plain)).then(|| path.to_owned())
}
