//! Metric families of containers.

use crate::exposition::{Described, counter, gauge};
use crate::observe::collector::whole;
use crate::observe::view::ContainerView;

const CONTAINER: &[&str] = &["service", "process"];

pub(super) const FAMILIES: &[Described<ContainerView>] = &[
    gauge(
        "slod_container_instances",
        "",
        CONTAINER,
        "Containers (control groups) that the processes run in; 0 while none is running.",
        |samples, one| samples.count(one.count),
    ),
    gauge(
        "slod_container_memory_bytes",
        "bytes",
        CONTAINER,
        "Memory usage of the containers, including page cache.",
        |samples, one| samples.value(whole(one.memory_bytes)),
    ),
    gauge(
        "slod_container_memory_working_set_bytes",
        "bytes",
        CONTAINER,
        "Memory usage of the containers, without file contents that were not used recently, which the kernel frees first.",
        |samples, one| samples.value(whole(one.working_set_bytes)),
    ),
    gauge(
        "slod_container_memory_anonymous_bytes",
        "bytes",
        CONTAINER,
        "Anonymous memory of the containers, such as heap and stacks.",
        |samples, one| samples.value(whole(one.anonymous_bytes)),
    ),
    gauge(
        "slod_container_memory_limit_bytes",
        "bytes",
        CONTAINER,
        "Memory limit of the containers: for each, the lowest limit of its control group and those above it. Absent if one has no limit.",
        |samples, one| samples.value(whole(one.memory_limit_bytes)),
    ),
    gauge(
        "slod_container_memory_working_set_max_ratio",
        "ratio",
        CONTAINER,
        "Working set of a container as a share of its memory limit; the maximum over the containers.",
        |samples, one| samples.value(one.working_set_max),
    ),
    counter(
        "slod_container_oom_kills_total",
        CONTAINER,
        "Processes of the containers killed by the kernel for lack of memory, in a container or on the host.",
        |samples, one| samples.value(whole(one.oom_kills)),
    ),
    counter(
        "slod_container_cpu_seconds_total",
        CONTAINER,
        "CPU time of the containers, including containers that have ended.",
        |samples, one| samples.value(one.cpu_seconds),
    ),
    gauge(
        "slod_container_cpu_limit",
        "",
        CONTAINER,
        "CPU limit of the containers, in CPUs: for each, the lowest limit of its control group and those above it. Absent if one has no limit.",
        |samples, one| samples.value(one.cpu_limit),
    ),
    gauge(
        "slod_container_cpu_usage_max_ratio",
        "ratio",
        CONTAINER,
        "CPU usage of a container since the last sample as a share of its CPU limit; the maximum over the containers.",
        |samples, one| samples.value(one.cpu_usage_max),
    ),
    counter(
        "slod_container_cpu_periods_total",
        CONTAINER,
        "Enforcement periods (100 ms by default) in which a CPU limit applied.",
        |samples, one| samples.value(whole(one.periods)),
    ),
    counter(
        "slod_container_cpu_throttled_periods_total",
        CONTAINER,
        "Enforcement periods in which a container was throttled because it reached its CPU limit.",
        |samples, one| samples.value(whole(one.throttled_periods)),
    ),
    counter(
        "slod_container_cpu_throttled_seconds_total",
        CONTAINER,
        "Time for which containers were throttled because of their CPU limit.",
        |samples, one| samples.value(one.throttled_seconds),
    ),
    gauge(
        "slod_container_pids",
        "",
        CONTAINER,
        "Processes and threads in the containers.",
        |samples, one| samples.value(whole(one.pids)),
    ),
    gauge(
        "slod_container_pids_limit",
        "",
        CONTAINER,
        "Maximum number of processes and threads in the containers. Absent if one has no limit.",
        |samples, one| samples.value(whole(one.pids_limit)),
    ),
    gauge(
        "slod_container_pids_max_ratio",
        "ratio",
        CONTAINER,
        "Processes and threads of a container as a share of its limit; the maximum over the containers.",
        |samples, one| samples.value(one.pids_max),
    ),
];
