//! What the kernel knows of slod's own process, by the standard names of Prometheus client libraries.

use crate::exposition::{Described, Family, Sink, write_each};
use procfs::ProcResult;
use procfs::process::{LimitValue, Process};

/// One reading of the process.
struct Reading {
    cpu_seconds: f64,
    open_fds: Option<f64>,
    /// Nothing without a limit.
    max_fds: Option<f64>,
    virtual_bytes: f64,
    resident_bytes: f64,
    started_at_seconds: f64,
    threads: f64,
}

const FAMILIES: &[Described<Reading>] = &[
    (
        Family::counter(
            "process_cpu_seconds_total",
            &[],
            "Total user and system CPU time spent in seconds.",
        ),
        |samples, process| samples.value(Some(process.cpu_seconds)),
    ),
    (
        Family::gauge(
            "process_max_fds",
            "",
            &[],
            "Maximum number of open file descriptors.",
        ),
        |samples, process| samples.value(process.max_fds),
    ),
    (
        Family::gauge(
            "process_open_fds",
            "",
            &[],
            "Number of open file descriptors.",
        ),
        |samples, process| samples.value(process.open_fds),
    ),
    (
        Family::gauge(
            "process_resident_memory_bytes",
            "bytes",
            &[],
            "Resident memory size in bytes.",
        ),
        |samples, process| samples.value(Some(process.resident_bytes)),
    ),
    (
        Family::gauge(
            "process_start_time_seconds",
            "seconds",
            &[],
            "Start time of the process since unix epoch in seconds.",
        ),
        |samples, process| samples.value(Some(process.started_at_seconds)),
    ),
    (
        Family::gauge(
            "process_threads",
            "",
            &[],
            "Number of OS threads in the process.",
        ),
        |samples, process| samples.value(Some(process.threads)),
    ),
    (
        Family::gauge(
            "process_virtual_memory_bytes",
            "bytes",
            &[],
            "Virtual memory size in bytes.",
        ),
        |samples, process| samples.value(Some(process.virtual_bytes)),
    ),
];

pub(super) fn families() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().map(|(family, _)| family)
}

/// Writes what the process uses now; families without a sample if /proc cannot be read.
pub(super) fn write(sink: &mut dyn Sink) {
    let reading = Reading::now().ok();
    write_each(
        sink,
        FAMILIES,
        &reading.iter(),
        |_, _| {},
        |write, samples, process| write(samples, process),
    );
}

impl Reading {
    fn now() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let max_fds = process.limits().map(|all| all.max_open_files.soft_limit);
        let hz = procfs::ticks_per_second() as f64;
        let booted_at_seconds = procfs::boot_time_secs()? as f64;
        Ok(Self {
            cpu_seconds: (stat.utime + stat.stime) as f64 / hz,
            open_fds: process.fd_count().ok().map(|count| count as f64),
            max_fds: match max_fds {
                Ok(LimitValue::Value(most)) => Some(most as f64),
                Ok(LimitValue::Unlimited) | Err(_) => None,
            },
            virtual_bytes: stat.vsize as f64,
            resident_bytes: (stat.rss * procfs::page_size()) as f64,
            started_at_seconds: booted_at_seconds + stat.starttime as f64 / hz,
            threads: stat.num_threads as f64,
        })
    }
}
