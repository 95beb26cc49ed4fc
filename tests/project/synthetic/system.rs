//! A made-up system under the services.

use slod::observe::scrape::{HistogramView, RoleValue, RoleView, ScrapeView, ServiceMetrics};
use slod::observe::{CollectorView, HostView, NetworkView, ProcessView, SystemView};
use slod::roles::{Role, RoleKind};
use std::sync::Arc;
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
        services: vec![Arc::new(own_metrics())],
        collectors: vec![CollectorView {
            name: "host",
            success: true,
            took: Duration::from_millis(1),
        }],
    }
}

/// Every role of `concierge`, with markup where a text is from elsewhere.
fn own_metrics() -> ServiceMetrics {
    let value = |role: Role| match role.kind() {
        RoleKind::Counter => RoleValue::Counter(1234.0),
        RoleKind::Gauge => RoleValue::Gauge(7.5),
        RoleKind::State => RoleValue::Gauge(1.0),
        RoleKind::Histogram => RoleValue::Histogram(HistogramView {
            bounds: vec![0.1, 0.5],
            counts: vec![3, 2, 1],
            sum: 1.75,
        }),
    };
    let roles = Role::ALL.into_iter().map(|role| RoleView {
        role,
        selector: "x{y=\"<b>\"}".into(),
        library: (role != Role::Requests).then_some("Micrometer"),
        series: 2,
        value: Some(value(role)),
    });
    ServiceMetrics {
        service: "concierge".into(),
        scrape: ScrapeView {
            error: Some("line 1: `<script>` is not a valid metric name".to_owned()),
            took: Duration::from_millis(12),
            samples: 4711,
            dropped: 3,
        },
        roles: roles.collect(),
        requests_per_second: Some(12.5),
        error_ratio: Some(0.0123),
        quantiles: Some([0.12, 0.34, 0.56]),
    }
}
