//! Metric families of containers.

use crate::exposition::{Described, Family};
use crate::observe::collector::whole;
use crate::observe::view::ContainerView;

const CONTAINER: &[&str] = &["service", "process"];

pub(super) const FAMILIES: &[Described<ContainerView>] = &[
    (
        Family::gauge(
            "slod_container_instances",
            "",
            CONTAINER,
            "Containers (control groups) that the processes run in; 0 while none is running.",
        ),
        |samples, one| samples.count(one.count),
    ),
    (
        Family::gauge(
            "slod_container_memory_bytes",
            "bytes",
            CONTAINER,
            "Memory that the containers use, including page cache.",
        ),
        |samples, one| samples.value(whole(one.memory_bytes)),
    ),
    (
        Family::gauge(
            "slod_container_memory_working_set_bytes",
            "bytes",
            CONTAINER,
            "Memory that the containers use, without inactive page cache, which the kernel reclaims first (working set).",
        ),
        |samples, one| samples.value(whole(one.working_set_bytes)),
    ),
    (
        Family::gauge(
            "slod_container_memory_anonymous_bytes",
            "bytes",
            CONTAINER,
            "Anonymous memory of the containers, such as heap and stacks.",
        ),
        |samples, one| samples.value(whole(one.anonymous_bytes)),
    ),
    (
        Family::gauge(
            "slod_container_memory_limit_bytes",
            "bytes",
            CONTAINER,
            "Memory that the containers can use: the lowest limit of each and of the control groups above it. Absent if one has no limit.",
        ),
        |samples, one| samples.value(whole(one.memory_limit_bytes)),
    ),
    (
        Family::gauge(
            "slod_container_memory_working_set_max_ratio",
            "ratio",
            CONTAINER,
            "Largest share of its memory limit that the working set of one container takes.",
        ),
        |samples, one| samples.value(one.working_set_max),
    ),
    (
        Family::counter(
            "slod_container_oom_kills_total",
            CONTAINER,
            "Processes that the kernel killed because a container reached its memory limit.",
        ),
        |samples, one| samples.value(whole(one.oom_kills)),
    ),
    (
        Family::counter(
            "slod_container_cpu_seconds_total",
            CONTAINER,
            "Processor time of the containers, including containers that ended.",
        ),
        |samples, one| samples.value(one.cpu_seconds),
    ),
    (
        Family::gauge(
            "slod_container_cpu_limit",
            "",
            CONTAINER,
            "Processors that the containers can use: the lowest limit of each and of the control groups above it. Absent if one has no limit.",
        ),
        |samples, one| samples.value(one.cpu_limit),
    ),
    (
        Family::gauge(
            "slod_container_cpu_usage_max_ratio",
            "ratio",
            CONTAINER,
            "Largest share of its processor limit that one container used since the last sample.",
        ),
        |samples, one| samples.value(one.cpu_usage_max),
    ),
    (
        Family::counter(
            "slod_container_cpu_periods_total",
            CONTAINER,
            "Periods of 100 ms, by default, in which a processor limit applied.",
        ),
        |samples, one| samples.value(whole(one.periods)),
    ),
    (
        Family::counter(
            "slod_container_cpu_throttled_periods_total",
            CONTAINER,
            "Periods in which a container had to wait because it reached its processor limit.",
        ),
        |samples, one| samples.value(whole(one.throttled_periods)),
    ),
    (
        Family::counter(
            "slod_container_cpu_throttled_seconds_total",
            CONTAINER,
            "Time for which containers had to wait because of their processor limit.",
        ),
        |samples, one| samples.value(one.throttled_seconds),
    ),
    (
        Family::gauge(
            "slod_container_pids",
            "",
            CONTAINER,
            "Processes and threads in the containers.",
        ),
        |samples, one| samples.value(whole(one.pids)),
    ),
    (
        Family::gauge(
            "slod_container_pids_limit",
            "",
            CONTAINER,
            "Processes and threads that the containers can have. Absent if one has no limit.",
        ),
        |samples, one| samples.value(whole(one.pids_limit)),
    ),
    (
        Family::gauge(
            "slod_container_pids_max_ratio",
            "ratio",
            CONTAINER,
            "Largest share of its limit of processes and threads that one container uses.",
        ),
        |samples, one| samples.value(one.pids_max),
    ),
];
