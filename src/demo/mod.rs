//! Three simulated services to watch: real HTTP servers on loopback, with the latency bands of
//! an AI assistant's backend and an incident now and then.

mod incident;
mod service;

pub use service::{Profile, SERVICES, Simulated};

use std::fmt::Write as _;
use std::net::SocketAddr;

/// The config that watches the given services, as a user would write it.
pub fn config(services: &[Simulated], listen: SocketAddr, store: &std::path::Path) -> String {
    let mut yaml = format!(
        "listen: \"{listen}\"\nstore: {{ path: \"{}\", retention: 40d }}\ndefaults: {{ interval: 1s, timeout: 1s, objectives: [] }}\nservices:\n",
        store.display()
    );
    for Simulated { profile, address } in services {
        let Profile {
            name, description, ..
        } = profile;
        writeln!(
            yaml,
            "  - name: {name}
    description: {description}
    probes:
      - name: health
        http: {{ url: \"http://{address}/health\", expect: {{ json: {{ \"$.status\": ok }} }} }}
    objectives:
      - {{ name: availability, sli: availability, target: 99.9%, window: 30d }}
      - {{ name: latency-p95, sli: latency, below: 500ms, target: 95%, window: 30d }}
      - {{ name: latency-p99, sli: latency, below: 800ms, target: 99%, window: 30d }}
      - {{ name: errors, sli: success, target: 99.9%, window: 30d }}
    processes: [ {{ name: server, port: {} }} ]",
            address.port()
        )
        .unwrap_or_default();
    }
    yaml
}
