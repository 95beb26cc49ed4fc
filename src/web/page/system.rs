//! The system below the services: the host, and the processes and containers of a service.

use super::frame::HOME;
use super::parts::{figures, icon, or_dash};
use crate::format::numbers;
use crate::observe::{
    ContainerView, FileSystemView, HostView, NetworkView, ProcessView, SystemView,
};
use crate::report::health::HealthLevel;
use crate::units::whole;
use maud::{Markup, html};

/// A container that uses this ratio of its memory or process limit is near the limit.
const NEAR: f64 = 0.9;

/// Host that slod runs on; nothing if it is not sampled.
pub fn host(system: &SystemView) -> Markup {
    html! {
        @if system.host.is_some() || !system.file_systems.is_empty() {
            section.host {
                h2 { "Host of slod" }
                div.card {
                    dl.facts {
                        @if let Some(host) = &system.host { (facts(host)) }
                        (pressure(system))
                        (network(&system.network))
                        @if let Some(fullest) = fullest(&system.file_systems) {
                            (file_system(fullest))
                        }
                    }
                    p.quiet { a href={ (HOME) "series?q=slod_host" } { "History of the host" } }
                }
            }
        }
    }
}

fn facts(host: &HostView) -> Markup {
    let swap = host.swap_total_bytes.filter(|total| *total > 0);
    let load = |load| format!("{load:.2}");
    html! {
        (fact("CPU usage", &or_dash(host.cpu_usage, numbers::share), ""))
        (part_of("Memory in use", host.memory_used_bytes, host.memory_total_bytes))
        @if swap.is_some() { (part_of("Swap in use", host.swap_used_bytes, swap)) }
        (fact("Load, 1 minute", &or_dash(host.load[0], load), ""))
        (fact("Threads", &or_dash(host.threads, numbers::count), ""))
    }
}

fn fact(name: &str, value: &str, details: &str) -> Markup {
    html! {
        div { dt { (name) } dd { (value) @if !details.is_empty() { span.quiet { (details) } } } }
    }
}

/// A ratio, with the bytes that it is based on.
fn part_of(name: &str, part: Option<u64>, of: Option<u64>) -> Markup {
    let details = part
        .zip(of)
        .map(|(part, of)| amounts(part, of, numbers::bytes));
    fact(
        name,
        &or_dash(ratio(part, of), numbers::share),
        &details.unwrap_or_default(),
    )
}

fn amounts(part: u64, of: u64, show: fn(u64) -> String) -> String {
    format!("{} of {}", show(part), show(of))
}

fn ratio(part: Option<u64>, of: Option<u64>) -> Option<f64> {
    let of = of.filter(|of| *of > 0)?;
    Some(part? as f64 / of as f64)
}

/// Resource with the highest pressure (PSI), if the kernel measures it.
fn pressure(system: &SystemView) -> Markup {
    let waited = system
        .pressure
        .iter()
        .filter_map(|one| Some((one.waiting_minute?, one.resource)));
    let most = waited.max_by(|a, b| a.0.total_cmp(&b.0));
    let name = |resource| match resource {
        "cpu" => "waited for CPU",
        "memory" => "waited for memory",
        _ => "waited for disks",
    };
    html! {
        @if let Some((share, resource)) = most {
            (fact("Pressure, 1 minute", &numbers::share(share), name(resource)))
        }
    }
}

/// Traffic of the busiest device.
fn network(all: &[NetworkView]) -> Markup {
    let sum = |[received, sent]: [f64; 2]| received + sent;
    let known = all
        .iter()
        .filter_map(|one| Some((&one.device, one.bytes_per_second?)));
    let busiest = known.max_by(|(_, a), (_, b)| sum(*a).total_cmp(&sum(*b)));
    html! {
        @if let Some((device, rates)) = busiest {
            @let by = if sum(rates) > 0.0 { format!(", by {device}") } else { String::new() };
            @let [received, sent] = rates.map(|rate| numbers::bytes(whole(rate)));
            (fact("Network received", &format!("{received}/s"), &format!("{sent}/s sent{by}")))
        }
    }
}

/// The file system with the least free space, as a ratio of the space available to users.
fn fullest(all: &[FileSystemView]) -> Option<&FileSystemView> {
    all.iter()
        .max_by(|a, b| usage_ratio(a).total_cmp(&usage_ratio(b)))
}

fn usage_ratio(one: &FileSystemView) -> f64 {
    let used = one.size_bytes.saturating_sub(one.free_bytes);
    let usable = used.saturating_add(one.available_bytes);
    ratio(Some(used), Some(usable)).unwrap_or(0.0)
}

fn file_system(one: &FileSystemView) -> Markup {
    let free = format!(
        "{} free in {}",
        numbers::bytes(one.available_bytes),
        one.mount_point
    );
    fact("Fullest disk", &numbers::share(usage_ratio(one)), &free)
}

const PROCESS: [&str; 7] = [
    "Process",
    "CPU",
    "Memory",
    "Threads",
    "Open files",
    "Restarts",
    "State",
];

/// Processes of a service and their containers; nothing if none are configured.
pub fn processes(service: &str, system: &SystemView) -> Markup {
    let processes = system
        .processes
        .iter()
        .filter(|one| *one.service == *service);
    let containers = system
        .containers
        .iter()
        .filter(|one| *one.service == *service);
    html! {
        (table("Processes", PROCESS, &processes.map(process).collect::<Vec<_>>()))
        (table("Containers", CONTAINER, &containers.map(container).collect::<Vec<_>>()))
    }
}

fn table(title: &str, labels: [&str; 7], rows: &[[Markup; 7]]) -> Markup {
    html! {
        @if !rows.is_empty() {
            section {
                h2 { (title) }
                div.card { (figures(labels, rows)) }
            }
        }
    }
}

fn process(view: &ProcessView) -> [Markup; 7] {
    let fds = match view.open_fds {
        None if view.count > 0 => "hidden".to_owned(),
        fds => or_dash(fds, numbers::count),
    };
    [
        name(&view.name, view.count, "processes"),
        html! { (or_dash(view.cpu_usage, numbers::share)) },
        html! {
            (or_dash(view.resident_bytes, numbers::bytes))
            @if let Some(bytes) = view.anonymous_bytes {
                span.quiet { (numbers::bytes(bytes)) " without files" }
            }
        },
        html! { (or_dash(view.threads, numbers::count)) },
        html! {
            (fds)
            @if let Some(share) = view.fds_max { span.quiet { (numbers::share(share)) " of the limit" } }
        },
        html! { (numbers::count(view.restarts)) },
        state(view),
    ]
}

fn name(name: &str, count: u64, unit: &str) -> Markup {
    html! {
        bdi { (name) }
        @if count > 1 { span.quiet { (numbers::count(count)) " " (unit) } }
    }
}

fn state(view: &ProcessView) -> Markup {
    if view.count > 0 {
        label(HealthLevel::Ok, "running")
    } else {
        label(HealthLevel::Warn, "not found")
    }
}

fn label(level: HealthLevel, word: &str) -> Markup {
    html! { span class={ "badge " (level.class()) } { (icon(level)) (word) } }
}

const CONTAINER: [&str; 7] = [
    "Container of",
    "Memory",
    "CPU",
    "Throttled",
    "Threads",
    "OOM kills",
    "State",
];

fn container(view: &ContainerView) -> [Markup; 7] {
    let limit = |shown: Option<String>| match shown {
        Some(limit) => format!("limit {limit}"),
        None if view.count == 0 => "limit unknown".to_owned(),
        None => "no limit".to_owned(),
    };
    let processors = view.cpu_limit.map(|limit| format!("{limit:.2}"));
    let throttled = ratio(view.throttled_periods, view.periods);
    [
        name(&view.process, view.count, "containers"),
        html! {
            (or_dash(view.working_set_bytes, numbers::bytes))
            span.quiet { (limit(view.memory_limit_bytes.map(numbers::bytes))) }
        },
        html! {
            (or_dash(view.cpu_usage_max, numbers::share))
            span.quiet { (limit(processors)) }
        },
        html! { (or_dash(throttled, numbers::share)) },
        html! {
            (or_dash(view.pids, numbers::count))
            span.quiet { (limit(view.pids_limit.map(numbers::count))) }
        },
        html! { (or_dash(view.oom_kills, numbers::count)) },
        limits_label(view),
    ]
}

fn limits_label(view: &ContainerView) -> Markup {
    let is_near = |share: Option<f64>| share.is_some_and(|share| share >= NEAR);
    match view.count {
        0 => label(HealthLevel::Warn, "not found"),
        _ if is_near(view.working_set_max) => label(HealthLevel::Warn, "memory almost used up"),
        _ if is_near(view.pids_max) => label(HealthLevel::Warn, "processes almost used up"),
        _ => label(HealthLevel::Ok, "within its limits"),
    }
}
