//! Metric families of processes.

use crate::exposition::{Described, counter, gauge};
use crate::observe::ProcessView;
use crate::observe::collector::whole;

const PROCESS: &[&str] = &["service", "process"];

pub(super) const FAMILIES: &[Described<ProcessView>] = &[
    gauge(
        "slod_process_instances",
        "",
        PROCESS,
        "Matching processes; 0 while none is running.",
        |samples, process| samples.count(process.count),
    ),
    counter(
        "slod_process_cpu_seconds_total",
        PROCESS,
        "CPU time, summed over all processes, their children that have ended, and restarts.",
        |samples, process| samples.value(Some(process.cpu_seconds)),
    ),
    gauge(
        "slod_process_cpu_usage_ratio",
        "ratio",
        PROCESS,
        "Share of all CPUs of the host since the last sample. Absent before the second sample, and while no process runs.",
        |samples, process| samples.value(process.cpu_usage),
    ),
    gauge(
        "slod_process_resident_memory_bytes",
        "bytes",
        PROCESS,
        "Resident memory. Memory shared between processes is counted for each of them. Absent while no process runs.",
        |samples, process| samples.value(whole(process.resident_bytes)),
    ),
    gauge(
        "slod_process_threads",
        "",
        PROCESS,
        "Number of threads. Absent while no process runs.",
        |samples, process| samples.value(whole(process.threads)),
    ),
    gauge(
        "slod_process_open_fds",
        "",
        PROCESS,
        "Open files, sockets and pipes. Absent without permission to read them, and while no process runs.",
        |samples, process| samples.value(whole(process.open_fds)),
    ),
    counter(
        "slod_process_restarts_total",
        PROCESS,
        "How often all processes were replaced by new ones since slod started.",
        |samples, process| samples.count(process.restarts),
    ),
    gauge(
        "slod_process_cpu_usage_max_ratio",
        "ratio",
        PROCESS,
        "Share of all CPUs of the host used by the busiest process since the last sample.",
        |samples, process| samples.value(process.cpu_usage_max),
    ),
    gauge(
        "slod_process_resident_memory_max_bytes",
        "bytes",
        PROCESS,
        "Resident memory of the largest process.",
        |samples, process| samples.value(whole(process.resident_max_bytes)),
    ),
    gauge(
        "slod_process_proportional_memory_bytes",
        "bytes",
        PROCESS,
        "Resident memory. Memory shared between processes is divided among them (PSS). Read once a minute, or up to every 10 minutes if reading it takes the kernel long, as for databases with much shared memory. Absent without permission to read it.",
        |samples, process| samples.value(whole(process.proportional_bytes)),
    ),
    gauge(
        "slod_process_anonymous_memory_bytes",
        "bytes",
        PROCESS,
        "Resident anonymous memory, such as heap and stacks. Absent before Linux 4.5.",
        |samples, process| samples.value(whole(process.anonymous_bytes)),
    ),
    gauge(
        "slod_process_fd_limit",
        "",
        PROCESS,
        "Lowest soft limit on open files among the processes. Absent if there is no limit.",
        |samples, process| samples.value(whole(process.fd_limit)),
    ),
    gauge(
        "slod_process_open_fds_max_ratio",
        "ratio",
        PROCESS,
        "Open files of a process as a share of its limit; the maximum over the processes.",
        |samples, process| samples.value(process.fds_max),
    ),
    counter(
        "slod_process_read_bytes_total",
        PROCESS,
        "Bytes read from disk, summed over all processes and over restarts. Absent without permission to read it.",
        |samples, process| samples.value(whole(process.read_bytes)),
    ),
    counter(
        "slod_process_written_bytes_total",
        PROCESS,
        "Bytes to be written to disk, summed over all processes and over restarts. Absent without permission to read it.",
        |samples, process| samples.value(whole(process.written_bytes)),
    ),
    counter(
        "slod_process_voluntary_context_switches_total",
        PROCESS,
        "Context switches because a thread waited, summed over all processes and over restarts. Read once a minute, or up to every 10 minutes if reading it takes the kernel long, as for databases with much shared memory.",
        |samples, process| samples.value(whole(process.voluntary_switches)),
    ),
    counter(
        "slod_process_involuntary_context_switches_total",
        PROCESS,
        "Context switches because a runnable thread was preempted, summed over all processes and over restarts. Read once a minute, or up to every 10 minutes if reading it takes the kernel long, as for databases with much shared memory.",
        |samples, process| samples.value(whole(process.involuntary_switches)),
    ),
    gauge(
        "slod_process_start_time_seconds",
        "seconds",
        PROCESS,
        "When the oldest process started, in seconds since 1970.",
        |samples, process| samples.value(process.started_seconds),
    ),
];
