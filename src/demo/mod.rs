//! Three simulated services: real HTTP servers on loopback, with the latencies of an AI assistant's
//! backend, occasional incidents, and a generated history.

mod history;
mod incident;
mod past;
mod profile;
mod samples;
mod service;
mod traffic;

pub use history::History;
pub use profile::{Profile, SERVICES};
pub use service::Simulated;

use crate::units::show_duration;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

/// The interval of each service's probe, also in its generated history: time without outcomes is
/// expected at the interval of the others.
pub const INTERVAL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(2);
/// The name of each service's probe.
const PROBE: &str = "health";
/// The name of each service's group of processes.
const PROCESS: &str = "server";

/// The config that watches the given services, as a user would write it. The store is next to it.
pub fn config(services: &[Simulated], listen: SocketAddr) -> String {
    let mut yaml = format!(
        "# Three simulated services. All outcomes and samples before the start of the demo are synthetic.
listen: \"{listen}\"
store: {{ path: slod.db, retention: 40d }}
defaults: {{ interval: {}, timeout: {}, objectives: [] }}
services:
",
        show_duration(INTERVAL),
        show_duration(TIMEOUT),
    );
    for Simulated { profile, address } in services {
        let Profile {
            name, description, ..
        } = profile;
        writeln!(
            yaml,
            "  - name: {name}
    description: {description} (simulated, with synthetic history)
    probes:
      - name: {PROBE}
        http: {{ url: \"http://{address}/health\", expect: {{ json: {{ \"$.status\": ok }} }} }}
    objectives:
      - {{ name: availability, sli: availability, target: 99.9%, window: 30d }}
      - {{ name: latency-p95, sli: latency, below: 500ms, target: 95%, window: 30d }}
      - {{ name: latency-p99, sli: latency, below: 1s, target: 99%, window: 30d }}
      - {{ name: errors, sli: success, target: 99.9%, window: 30d }}
    processes: [ {{ name: {PROCESS}, port: {} }} ]
    metrics: {{ url: \"http://{address}/metrics\" }}",
            address.port()
        )
        .unwrap_or_default();
    }
    yaml
}
