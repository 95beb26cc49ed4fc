//! A made-up system under the services.

use slod::observe::{CollectorView, HostView, NetworkView, ProcessView, SystemView};
use std::time::Duration;

/// A host, and the processes of `concierge` and of the service with markup in its name.
pub fn system() -> SystemView {
    let process = |service: &str, name: &str, count| ProcessView {
        service: service.into(),
        name: name.into(),
        count,
        cpu_seconds: 8640.5,
        cpu_usage: (count > 0).then_some(0.1234),
        resident_bytes: (count > 0).then_some(734_003_200),
        threads: (count > 0).then_some(41),
        open_fds: (count == 1).then_some(118),
        restarts: 2,
    };
    SystemView {
        host: Some(HostView {
            cpu_usage: Some(0.42),
            memory_used_bytes: 5_368_709_120,
            memory_total_bytes: 17_179_869_184,
            load1: Some(1.25),
            threads: Some(1480),
        }),
        network: vec![NetworkView {
            device: "eth0".into(),
            receive_bytes: 3,
            transmit_bytes: 4,
        }],
        processes: vec![
            process("concierge", "server", 1),
            process("concierge", "workers", 4),
            process("concierge", "<b>gone</b>", 0),
        ],
        collectors: vec![CollectorView {
            name: "host",
            success: true,
            took: Duration::from_millis(1),
        }],
    }
}
