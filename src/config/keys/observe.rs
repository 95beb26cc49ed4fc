//! The keys of sampling, and of the processes of a service.

use crate::config::model::Pattern;
use crate::probe::pattern::{self, text_regex, whole_text_regex};
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

/// The switches of the collectors; each key has the name of its collector.
pub const SWITCHES: [&Key<Bool>; 7] = [
    &HOST,
    &PRESSURE,
    &DISK,
    &NETWORK,
    &PROCESSES_ON,
    &CONTAINERS,
    &SERVICES_ON,
];

/// A process needs only the key that identifies it. Bounded, because each group of processes costs
/// metrics.
pub const PROCESSES: List<Mapping> =
    List::up_to(50, Mapping(&[&NAME, &MATCH, &PID_FILE, &PORT, &CGROUP]));

pub const INTERVAL: Key<Span> = Key::with_default(
    "interval",
    Span::within(Duration::from_secs(1), Duration::from_mins(5)),
    "10s",
    "Sampling interval. Samples are taken at multiples of it, and CPU usage is averaged over it.",
);

pub const RETENTION: Key<Span> = Key::with_default(
    "retention",
    Span::within(DAY, Duration::from_secs(3660 * DAY.as_secs())),
    "30d",
    "How long samples are kept. After two days, they are reduced to one per minute: the minimum, mean, maximum and last value of a gauge, and the last value of a counter.",
);

pub const ROOT: Key<FilePath> = Key::with_default(
    "root",
    FilePath,
    "/",
    "Directory at which the root of the host is mounted, such as `/host` in a container. slod reads its `/proc` and `/sys`.",
);

/// Matches whole names.
const PATTERN: pattern::Pattern<Pattern> =
    pattern::Pattern(|text| whole_text_regex(text).map(Pattern));

pub const HOST: Key<Bool> = Key::with_default(
    "host",
    Bool,
    "true",
    "Whether to sample the CPUs, memory, load, threads and open files of the host.",
);

pub const PRESSURE: Key<Bool> = Key::with_default(
    "pressure",
    Bool,
    "true",
    "Whether to sample how long tasks of the host waited for CPUs, memory and disks (pressure stall information).",
);

pub const DISK: Key<Bool> = Key::with_default(
    "disk",
    Bool,
    "true",
    "Whether to sample the space of mounted file systems, and the disk reads and writes of the host.",
);

pub const DISK_EXCLUDE: Key<pattern::Pattern<Pattern>> = Key::with_default(
    "disk_exclude",
    PATTERN,
    r"(z?ram|loop|fd)\d+|(h|s|v|xv)d[a-z]+\d+|(nvme\d+n|mmcblk)\d+p\d+",
    "Regular expression for the full names of disks to exclude from reads and writes; by default, partitions and memory-backed devices.",
);

pub const FILESYSTEM_EXCLUDE: Key<pattern::Pattern<Pattern>> = Key::with_default(
    "filesystem_exclude",
    PATTERN,
    "/(dev|proc|sys|run)(/.*)?|/etc/(hosts|hostname|resolv\\.conf)|/(snap|var/lib/(docker|containers|kubelet))/.*",
    "Regular expression for the full mount points of file systems to exclude; by default, those of the system and of individual containers. Kernel file systems are never included, and every other file system only once.",
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
    "Regular expression for the full names of network devices to exclude; by default, loopback and virtual devices whose traffic is also counted by another device.",
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
    "Whether to sample the containers (control groups) that the `processes` of services run in. If `processes` is `false`, only those identified by `cgroup` are sampled.",
);

pub const SERVICES_ON: Key<Bool> = Key::with_default(
    "services",
    Bool,
    "true",
    "Whether to scrape the `metrics` of services.",
);

pub const NAME: Key<Text> = Key::optional(
    "name",
    Text,
    "Name, unique within the service. Default: what identifies the process, such as the name or the expression of `match`; `port-8000` for a port.",
);

pub const MATCH: Key<Mapping> = Key::optional(
    "match",
    Mapping(&[&MATCH_NAME, &MATCH_CMDLINE]),
    "All processes that match. They are sampled together.",
);

pub const PID_FILE: Key<FilePath> = Key::optional(
    "pid_file",
    FilePath,
    "File with the PID of the main process, as seen by slod. A PID file written in a container contains a PID of the container's namespace; use `cgroup`, `port` or `match` there. A process that started more than a minute after the file was written is ignored.",
);

pub const PORT: Key<Integer> = Key::optional(
    "port",
    Integer(1, 65_535),
    "The processes that listen on this TCP port, other than systemd, which opens sockets for services. Finding processes of other users requires root or CAP_SYS_PTRACE.",
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
    "Process name in the kernel, or file name of the program.",
);

pub const MATCH_CMDLINE: Key<pattern::Pattern<Pattern>> = Key::optional(
    "cmdline",
    pattern::Pattern(|text| text_regex(text).map(Pattern)),
    "Regular expression for the full command line, with arguments separated by spaces. slod itself matches only together with `name`.",
);

/// Parses the path of a control group, which cannot leave the control group root.
fn cgroup(text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    let path = path.strip_prefix("/sys/fs/cgroup").unwrap_or(path);
    let path = path.strip_prefix("/").unwrap_or(path);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    (path.components().count() > 0 && path.components().all(plain)).then(|| path.to_owned())
}
