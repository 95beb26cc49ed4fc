//! Metric families of processes.

use crate::exposition::{Described, Family};
use crate::observe::ProcessView;
use crate::observe::collector::whole;

const PROCESS: &[&str] = &["service", "process"];

pub(super) const FAMILIES: &[Described<ProcessView>] = &[
    (
        Family::gauge(
            "slod_process_instances",
            "",
            PROCESS,
            "Matching processes; 0 while none is running.",
        ),
        |samples, process| samples.count(process.count),
    ),
    (
        Family::counter(
            "slod_process_cpu_seconds_total",
            PROCESS,
            "Processor time, summed over all processes and over restarts.",
        ),
        |samples, process| samples.value(Some(process.cpu_seconds)),
    ),
    (
        Family::gauge(
            "slod_process_cpu_usage_ratio",
            "ratio",
            PROCESS,
            "Share of all processors of the host since the last sample. Absent before the second, and while none is running.",
        ),
        |samples, process| samples.value(process.cpu_usage),
    ),
    (
        Family::gauge(
            "slod_process_resident_memory_bytes",
            "bytes",
            PROCESS,
            "Resident memory; memory shared between processes is counted for each of them. Absent while none is running.",
        ),
        |samples, process| samples.value(whole(process.resident_bytes)),
    ),
    (
        Family::gauge(
            "slod_process_threads",
            "",
            PROCESS,
            "Threads. Absent while no process is running.",
        ),
        |samples, process| samples.value(whole(process.threads)),
    ),
    (
        Family::gauge(
            "slod_process_open_fds",
            "",
            PROCESS,
            "Open files, sockets and pipes. Absent without permission to read it, and while none is running.",
        ),
        |samples, process| samples.value(whole(process.open_fds)),
    ),
    (
        Family::counter(
            "slod_process_restarts_total",
            PROCESS,
            "How often all processes were replaced by new ones since slod started.",
        ),
        |samples, process| samples.count(process.restarts),
    ),
    (
        Family::gauge(
            "slod_process_cpu_usage_max_ratio",
            "ratio",
            PROCESS,
            "Share of all processors of the host that the busiest process used since the last sample.",
        ),
        |samples, process| samples.value(process.cpu_usage_max),
    ),
    (
        Family::gauge(
            "slod_process_resident_memory_max_bytes",
            "bytes",
            PROCESS,
            "Resident memory of the largest process.",
        ),
        |samples, process| samples.value(whole(process.resident_max_bytes)),
    ),
    (
        Family::gauge(
            "slod_process_proportional_memory_bytes",
            "bytes",
            PROCESS,
            "Resident memory; memory shared between processes is divided among them (PSS). Read once a minute, or as rarely as every 10 minutes if reading is slow, as for databases with much shared memory. Absent without permission to read it.",
        ),
        |samples, process| samples.value(whole(process.proportional_bytes)),
    ),
    (
        Family::gauge(
            "slod_process_anonymous_memory_bytes",
            "bytes",
            PROCESS,
            "Anonymous resident memory, such as heap and stacks. Absent before Linux 4.5.",
        ),
        |samples, process| samples.value(whole(process.anonymous_bytes)),
    ),
    (
        Family::gauge(
            "slod_process_fd_limit",
            "",
            PROCESS,
            "Lowest soft limit of open files of one process. Absent if there is no limit.",
        ),
        |samples, process| samples.value(whole(process.fd_limit)),
    ),
    (
        Family::gauge(
            "slod_process_open_fds_max_ratio",
            "ratio",
            PROCESS,
            "Largest share of its limit of open files that one process uses.",
        ),
        |samples, process| samples.value(process.fds_max),
    ),
    (
        Family::counter(
            "slod_process_read_bytes_total",
            PROCESS,
            "Bytes read from disks, summed over all processes and over restarts. Absent without permission to read it.",
        ),
        |samples, process| samples.value(whole(process.read_bytes)),
    ),
    (
        Family::counter(
            "slod_process_written_bytes_total",
            PROCESS,
            "Bytes to be written to disks, summed over all processes and over restarts. Absent without permission to read it.",
        ),
        |samples, process| samples.value(whole(process.written_bytes)),
    ),
    (
        Family::counter(
            "slod_process_voluntary_context_switches_total",
            PROCESS,
            "How often a thread waited and gave up its processor, summed over all processes and over restarts. Read once a minute, or as rarely as every 10 minutes if reading is slow, as for databases with much shared memory.",
        ),
        |samples, process| samples.value(whole(process.voluntary_switches)),
    ),
    (
        Family::counter(
            "slod_process_involuntary_context_switches_total",
            PROCESS,
            "How often a thread was preempted, summed over all processes and over restarts. Read once a minute, or as rarely as every 10 minutes if reading is slow, as for databases with much shared memory.",
        ),
        |samples, process| samples.value(whole(process.involuntary_switches)),
    ),
    (
        Family::gauge(
            "slod_process_start_time_seconds",
            "seconds",
            PROCESS,
            "When the oldest process started, in seconds since 1970.",
        ),
        |samples, process| samples.value(process.started_seconds),
    ),
];
