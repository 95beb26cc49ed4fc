//! The families of the system under the services: each declared once, with how it is read from
//! the last sample.

use super::{CollectorView, HostView, NetworkView, ProcessView, SystemView};
use crate::exposition::{Described, Family, Labels, Sink, write_each};

const NONE: &[&str] = &[];
const DEVICE: &[&str] = &["device"];
const PROCESS: &[&str] = &["service", "process"];
const COLLECTOR: &[&str] = &["collector"];

const HOST: &[Described<HostView>] = &[
    (
        Family::gauge(
            "slod_host_cpu_usage_ratio",
            "ratio",
            NONE,
            "Busy share of all processors since the last sample. Absent before the second.",
        ),
        |samples, host| samples.value(host.cpu_usage),
    ),
    (
        Family::gauge(
            "slod_host_memory_used_bytes",
            "bytes",
            NONE,
            "Memory in use: total less available.",
        ),
        |samples, host| samples.count(host.memory_used_bytes),
    ),
    (
        Family::gauge(
            "slod_host_memory_total_bytes",
            "bytes",
            NONE,
            "Memory of the host.",
        ),
        |samples, host| samples.count(host.memory_total_bytes),
    ),
    (
        Family::gauge(
            "slod_host_load1",
            "",
            NONE,
            "Runnable tasks, averaged over a minute.",
        ),
        |samples, host| samples.value(host.load1),
    ),
    (
        Family::gauge(
            "slod_host_threads",
            "",
            NONE,
            "All threads, those of the kernel included.",
        ),
        |samples, host| samples.value(host.threads.map(|threads| threads as f64)),
    ),
];

const NETWORK: &[Described<NetworkView>] = &[
    (
        Family::counter(
            "slod_host_network_receive_bytes_total",
            DEVICE,
            "Bytes received since the host started; see observe.network_exclude.",
        ),
        |samples, device| samples.count(device.receive_bytes),
    ),
    (
        Family::counter(
            "slod_host_network_transmit_bytes_total",
            DEVICE,
            "Bytes sent since the host started; see observe.network_exclude.",
        ),
        |samples, device| samples.count(device.transmit_bytes),
    ),
];

const PROCESSES: &[Described<ProcessView>] = &[
    (
        Family::gauge(
            "slod_process_instances",
            "",
            PROCESS,
            "Processes that are told as this one; 0 while none runs.",
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
            "Resident memory; what processes share is counted for each. Absent while none runs.",
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
            "Open files, sockets and pipes. Absent without the permission to look, and while none runs.",
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

const COLLECTORS: &[Described<CollectorView>] = &[
    (
        Family::gauge(
            "slod_collector_success",
            "",
            COLLECTOR,
            "Whether the last sample of host, network or processes could be taken: 1 yes, 0 no.",
        ),
        |samples, collector| samples.count(u64::from(collector.success)),
    ),
    (
        Family::gauge(
            "slod_collector_duration_seconds",
            "seconds",
            COLLECTOR,
            "How long the last sample took.",
        ),
        |samples, collector| samples.value(Some(collector.took.as_secs_f64())),
    ),
];

/// Every family of the system, for the docs.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let host = HOST.iter().map(|(family, _)| family);
    let network = NETWORK.iter().map(|(family, _)| family);
    let processes = PROCESSES.iter().map(|(family, _)| family);
    let collectors = COLLECTORS.iter().map(|(family, _)| family);
    host.chain(network).chain(processes).chain(collectors)
}

/// Writes the families of what is sampled.
pub fn write(sink: &mut dyn Sink, system: &SystemView) {
    write_some(sink, HOST, system.host.as_slice(), |_| Labels::default());
    write_some(sink, NETWORK, &system.network, |network| {
        Labels::new(&[("device", &network.device)])
    });
    write_some(sink, PROCESSES, &system.processes, |process| {
        Labels::new(&[("service", &process.service), ("process", &process.name)])
    });
    write_some(sink, COLLECTORS, &system.collectors, |collector| {
        Labels::new(&[("collector", collector.name)])
    });
}

/// Families without a sample are left out.
fn write_some<T>(
    sink: &mut dyn Sink,
    families: &[Described<T>],
    items: &[T],
    labels: impl Fn(&T) -> Labels,
) {
    if !items.is_empty() {
        let items = items.iter().map(|item| (labels(item), item));
        write_each(sink, families, &items);
    }
}
