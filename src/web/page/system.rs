//! The system under the services: the host, and a service's processes.

use super::parts::{figures, icon, known};
use crate::format::numbers;
use crate::observe::{HostView, ProcessView, SystemView};
use crate::report::health::HealthLevel;
use maud::{Markup, html};

/// The host that slod runs on; nothing where it is not sampled.
pub fn host(system: &SystemView) -> Markup {
    html! {
        @if let Some(host) = &system.host {
            section.host {
                h2 { "Host of slod" }
                div.card { (facts(host)) }
            }
        }
    }
}

fn facts(host: &HostView) -> Markup {
    let total = host.memory_total_bytes;
    let share = (total > 0).then(|| host.memory_used_bytes as f64 / total as f64);
    html! {
        dl.facts {
            div { dt { "Processor usage" } dd { (known(host.cpu_usage, numbers::share)) } }
            div { dt { "Memory in use" } dd {
                (known(share, numbers::share))
                span.quiet { (numbers::bytes(host.memory_used_bytes)) " of " (numbers::bytes(total)) }
            } }
            div { dt { "Load, 1 minute" } dd { (known(host.load1, |load| format!("{load:.2}"))) } }
            div { dt { "Threads" } dd { (known(host.threads, numbers::count)) } }
        }
    }
}

const PROCESS: [&str; 7] = [
    "Process",
    "Processors",
    "Memory",
    "Threads",
    "Open files",
    "Restarts",
    "State",
];

/// The processes of a service; nothing where none are configured.
pub fn processes(service: &str, system: &SystemView) -> Markup {
    let rows: Vec<_> = system
        .processes
        .iter()
        .filter(|process| *process.service == *service)
        .map(process)
        .collect();
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "Processes" }
                div.card { (figures(PROCESS, &rows)) }
            }
        }
    }
}

fn process(view: &ProcessView) -> [Markup; 7] {
    let fds = match view.open_fds {
        None if view.count > 0 => "hidden".to_owned(),
        fds => known(fds, numbers::count),
    };
    [
        html! {
            bdi { (view.name) }
            @if view.count > 1 { span.quiet { (numbers::count(view.count)) " processes" } }
        },
        html! { (known(view.cpu_usage, numbers::share)) },
        html! { (known(view.resident_bytes, numbers::bytes)) },
        html! { (known(view.threads, numbers::count)) },
        html! { (fds) },
        html! { (numbers::count(view.restarts)) },
        state(view),
    ]
}

fn state(view: &ProcessView) -> Markup {
    let (level, word) = if view.count > 0 {
        (HealthLevel::Ok, "running")
    } else {
        (HealthLevel::Warn, "not found")
    };
    html! { span class={ "badge " (level.class()) } { (icon(level)) (word) } }
}
