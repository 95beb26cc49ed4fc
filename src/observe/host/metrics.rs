//! Metric families of the host.

use crate::exposition::{Described, counter, gauge};
use crate::observe::HostView;
use crate::observe::collector::whole;

const NONE: &[&str] = &[];

pub(super) const FAMILIES: &[Described<HostView>] = &[
    gauge(
        "slod_host_cpu_usage_ratio",
        "ratio",
        NONE,
        "Usage of all CPUs since the last sample. Absent before the second sample.",
        |samples, host| samples.value(host.cpu_usage),
    ),
    counter(
        "slod_host_cpu_seconds_total",
        &["mode"],
        "CPU time of all CPUs since the host started, by mode: user, nice, system, idle, iowait, irq, softirq, steal.",
        |samples, host| {
            for (mode, seconds) in &host.cpu_seconds {
                samples.with("mode", mode, |samples| samples.value(Some(*seconds)));
            }
        },
    ),
    gauge(
        "slod_host_memory_used_bytes",
        "bytes",
        NONE,
        "Memory in use: total minus available.",
        |samples, host| samples.value(whole(host.memory_used_bytes)),
    ),
    gauge(
        "slod_host_memory_total_bytes",
        "bytes",
        NONE,
        "Total memory of the host.",
        |samples, host| samples.value(whole(host.memory_total_bytes)),
    ),
    gauge(
        "slod_host_memory_available_bytes",
        "bytes",
        NONE,
        "Memory available to programs without swapping, including reclaimable page cache and the reclaimable cache of ZFS.",
        |samples, host| samples.value(whole(host.memory_available_bytes)),
    ),
    gauge(
        "slod_host_memory_page_cache_bytes",
        "bytes",
        NONE,
        "File contents cached in memory, which the kernel frees when programs need it, without shared memory.",
        |samples, host| samples.value(whole(host.page_cache_bytes)),
    ),
    gauge(
        "slod_host_swap_total_bytes",
        "bytes",
        NONE,
        "Size of the swap space; 0 if there is none.",
        |samples, host| samples.value(whole(host.swap_total_bytes)),
    ),
    gauge(
        "slod_host_swap_used_bytes",
        "bytes",
        NONE,
        "Swap space in use.",
        |samples, host| samples.value(whole(host.swap_used_bytes)),
    ),
    gauge(
        "slod_host_load1",
        "",
        NONE,
        "Number of tasks that are running, or waiting for a CPU or a disk, averaged over one minute.",
        |samples, host| samples.value(host.load[0]),
    ),
    gauge(
        "slod_host_load5",
        "",
        NONE,
        "Load, averaged over five minutes.",
        |samples, host| samples.value(host.load[1]),
    ),
    gauge(
        "slod_host_load15",
        "",
        NONE,
        "Load, averaged over fifteen minutes.",
        |samples, host| samples.value(host.load[2]),
    ),
    gauge(
        "slod_host_threads",
        "",
        NONE,
        "All threads, including kernel threads.",
        |samples, host| samples.value(whole(host.threads)),
    ),
    gauge(
        "slod_host_open_files",
        "",
        NONE,
        "Open files of all processes.",
        |samples, host| samples.value(whole(host.open_files)),
    ),
    gauge(
        "slod_host_open_files_limit",
        "",
        NONE,
        "Maximum number of open files of all processes together.",
        |samples, host| samples.value(whole(host.open_files_limit)),
    ),
    gauge(
        "slod_host_boot_time_seconds",
        "seconds",
        NONE,
        "When the host started, in seconds since 1970.",
        |samples, host| samples.value(whole(host.boot_time_seconds)),
    ),
];
