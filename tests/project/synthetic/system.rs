//! A synthetic system under the services.

use slod::observe::scrape::{
    BreakerView, DropCause, Dropped, HistogramView, RoleValue, RoleView, ScrapeView, ServiceMetrics,
};
use slod::observe::{
    CollectorView, ContainerView, DiskView, FileSystemView, HostView, NetworkView, PressureView,
    ProcessView, SystemView, Traffic,
};
use slod::outcome::Timestamp;
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
        cpu_usage_max: (count > 0).then_some(0.1),
        resident_bytes: (count > 0).then_some(734_003_200),
        resident_max_bytes: (count > 0).then_some(209_715_200),
        proportional_bytes: (count == 1).then_some(700_000_000),
        anonymous_bytes: (count == 1).then_some(650_000_000),
        threads: (count > 0).then_some(41),
        open_fds: (count == 1).then_some(118),
        fd_limit: (count > 0).then_some(1024),
        fds_max: (count == 1).then_some(0.115),
        read_bytes: (count == 1).then_some(4096),
        written_bytes: (count == 1).then_some(8192),
        voluntary_switches: Some(1000),
        involuntary_switches: Some(10),
        started_seconds: (count > 0).then_some(1_790_000_000.25),
        restarts: 2,
        ..ProcessView::default()
    };
    SystemView {
        at: slod::outcome::Timestamp(0),
        host: Some(host()),
        pressure: vec![PressureView {
            resource: "io",
            waiting_seconds: Some(12.5),
            stalled_seconds: Some(2.5),
            waiting_minute: Some(0.031),
        }],
        file_systems: vec![FileSystemView {
            device: "/dev/sda1".into(),
            mount_point: "/".into(),
            size_bytes: 1 << 40,
            free_bytes: 1 << 38,
            available_bytes: 1 << 37,
            files: Some(1 << 26),
            files_free: Some(1 << 25),
            is_read_only: false,
        }],
        disks: vec![DiskView {
            device: "sda".into(),
            reads: 10,
            writes: 20,
            read_bytes: 40_960,
            written_bytes: 81_920,
            io_seconds: 1.5,
            weighted_io_seconds: 2.5,
        }],
        network: vec![NetworkView {
            device: "eth0".into(),
            receive: Traffic {
                bytes: 3,
                packets: 1,
                ..Traffic::default()
            },
            transmit: Traffic {
                bytes: 4,
                packets: 1,
                dropped: 1,
                ..Traffic::default()
            },
            bytes_per_second: Some([2048.0, 512.0]),
        }],
        processes: vec![
            process("concierge", "server", 1),
            process("concierge", "workers", 4),
            process("concierge", "<b>gone</b>", 0),
        ],
        containers: vec![ContainerView {
            service: "concierge".into(),
            process: "server".into(),
            count: 1,
            memory_bytes: Some(900_000_000),
            working_set_bytes: Some(800_000_000),
            anonymous_bytes: Some(650_000_000),
            memory_limit_bytes: Some(1_073_741_824),
            working_set_max: Some(0.745),
            oom_kills: Some(0),
            cpu_seconds: Some(8650.5),
            cpu_limit: Some(1.5),
            cpu_usage_max: Some(0.33),
            periods: Some(1000),
            throttled_periods: Some(25),
            throttled_seconds: Some(3.5),
            pids: Some(41),
            pids_limit: None,
            pids_max: None,
        }],
        services: vec![Arc::new(own_metrics())],
        collectors: vec![CollectorView {
            name: "host",
            success: true,
            took: Duration::from_millis(1),
            samples: 23,
        }],
    }
}

/// Every role of `concierge`, with markup in external texts.
fn own_metrics() -> ServiceMetrics {
    let value = |role: Role| match role.kind() {
        RoleKind::Counter => RoleValue::Counter(1234.0),
        RoleKind::Gauge | RoleKind::Limit => RoleValue::Gauge(7.5),
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
    let mut dropped = Dropped::default();
    dropped.add(DropCause::Duplicate, 3);
    ServiceMetrics {
        service: "concierge".into(),
        at: None,
        scrape: ScrapeView {
            error: Some("line 1: `<script>` is not a valid metric name".to_owned()),
            failures: 2,
            took: Duration::from_millis(12),
            samples: 4711,
            dropped,
            example: None,
        },
        roles: roles.collect(),
        requests_per_second: Some(12.5),
        error_ratio: Some(0.0123),
        llm_requests_per_second: Some(2.5),
        llm_error_ratio: Some(0.04),
        llm_tokens_per_second: Some(310.0),
        quantiles: Some([0.12, 0.34, 0.56]),
        llm_quantiles: Some([1.2, 3.4, 5.6]),
        first_token_quantiles: Some([0.4, 0.7, 0.9]),
        pool_usage: None,
        fullest_pool: Some("<b>orders".into()),
        breakers: vec![BreakerView {
            name: "<b>payments".into(),
            open_since: Some(Timestamp::from_secs(1_795_000_000)),
            or_before: false,
            opened: Some(Timestamp::from_secs(1_795_000_000)),
        }],
    }
}

fn host() -> HostView {
    HostView {
        cpu_usage: Some(0.42),
        cpu_seconds: vec![("user", 1234.5), ("idle", 98_765.25)],
        memory_total_bytes: Some(17_179_869_184),
        memory_available_bytes: Some(11_811_160_064),
        memory_used_bytes: Some(5_368_709_120),
        page_cache_bytes: Some(3_221_225_472),
        swap_total_bytes: Some(0),
        swap_used_bytes: Some(0),
        load: [Some(1.25), Some(1.5), Some(0.75)],
        threads: Some(1480),
        open_files: Some(2048),
        open_files_limit: Some(2_466_165),
        boot_time_seconds: Some(1_780_000_000),
    }
}
