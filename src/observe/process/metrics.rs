//! The families of processes.

use crate::exposition::{Described, Family};
use crate::observe::ProcessView;

const PROCESS: &[&str] = &["service", "process"];

pub(super) const FAMILIES: &[Described<ProcessView>] = &[
    (
        Family::gauge(
            "slod_process_instances",
            "",
            PROCESS,
            "Matching processes; 0 while none runs.",
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
            "Share of all processors of the host since the last sample. Absent before the second, and while none runs.",
        ),
        |samples, process| samples.value(process.cpu_usage),
    ),
    (
        Family::gauge(
            "slod_process_resident_memory_bytes",
            "bytes",
            PROCESS,
            "Resident memory; memory shared between processes is counted for each of them. Absent while none runs.",
        ),
        |samples, process| samples.value(process.resident_bytes.map(|bytes| bytes as f64)),
    ),
    (
        Family::gauge(
            "slod_process_threads",
            "",
            PROCESS,
            "Threads. Absent while no process runs.",
        ),
        |samples, process| samples.value(process.threads.map(|threads| threads as f64)),
    ),
    (
        Family::gauge(
            "slod_process_open_fds",
            "",
            PROCESS,
            "Open files, sockets and pipes. Absent without permission to read it, and while none runs.",
        ),
        |samples, process| samples.value(process.open_fds.map(|held| held as f64)),
    ),
    (
        Family::counter(
            "slod_process_restarts_total",
            PROCESS,
            "How often all processes were replaced by new ones since slod started.",
        ),
        |samples, process| samples.count(process.restarts),
    ),
];
