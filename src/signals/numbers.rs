//! The values that warning signs use: live from the last sample, and for the past from the stored
//! series of the same samples.

use crate::observe::{ContainerView, ProcessView, ServiceMetrics};
use crate::roles::Role;
use crate::sample::SeriesKey;

/// Declares a closed set of values, each with its series and how to read it from a live sample.
macro_rules! numbers {
    ($(#[$meta:meta])* $name:ident, $values:ident of $view:ty { $($variant:ident, $series:literal, $read:expr;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name { $($variant),+ }

        /// The known values at one time.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub(super) struct $values([Option<f64>; [$($series),+].len()]);

        impl $values {
            pub(super) fn of(view: &$view) -> Self {
                Self([$({
                    let read: fn(&$view) -> Option<f64> = $read;
                    read(view)
                }),+])
            }

            pub(super) fn get(&self, one: $name) -> Option<f64> {
                self.0[one as usize]
            }

            pub(super) fn set(&mut self, one: $name, value: f64) {
                self.0[one as usize] = Some(value);
            }
        }

        impl $name {
            /// The value that a series stores.
            pub(super) fn of(series: &SeriesKey) -> Option<Self> {
                match series.name() { $($series => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

numbers! {
    /// Values of a service's own metrics.
    MetricNumber, MetricNumbers of ServiceMetrics {
        P95, "slod_service_request_duration_quantile_seconds", |metrics| metrics.quantiles.map(|[_, p95, _]| p95);
        Requests, "slod_service_requests_total", |metrics| metrics.number(Role::Requests);
        Errors, "slod_service_errors_total", |metrics| metrics.number(Role::Errors);
        Rate, "slod_service_requests_per_second", |metrics| metrics.requests_per_second;
        Connections, "slod_service_active_connections", |metrics| metrics.number(Role::ActiveConnections);
        Queue, "slod_service_queue_depth", |metrics| metrics.number(Role::QueueDepth);
        PoolUsage, "slod_service_db_pool_usage_ratio", |metrics| metrics.pool_usage();
        PoolWaiting, "slod_service_db_pool_waiting", |metrics| metrics.number(Role::DbPoolWaiting);
        BreakerOpen, "slod_service_circuit_breaker_open", |metrics| metrics.number(Role::CircuitBreakerOpen);
        BreakerTrips, "slod_service_circuit_breaker_trips_total", |metrics| metrics.number(Role::CircuitBreakerTrips);
        Timeouts, "slod_service_connection_timeouts_total", |metrics| metrics.number(Role::ConnectionTimeouts);
        LlmRequests, "slod_service_llm_requests_total", |metrics| metrics.number(Role::LlmRequests);
        LlmErrors, "slod_service_llm_errors_total", |metrics| metrics.number(Role::LlmErrors);
        LlmSeconds, "slod_service_llm_request_duration_seconds_sum", |metrics| metrics.histogram(Role::LlmDuration).map(|one| one.sum);
        LlmTimed, "slod_service_llm_request_duration_seconds_count", |metrics| metrics.histogram(Role::LlmDuration).map(|one| one.counts.iter().sum::<u64>() as f64);
    }
}

numbers! {
    /// Values of a group of processes.
    ProcessNumber, ProcessNumbers of ProcessView {
        Anonymous, "slod_process_anonymous_memory_bytes", |process| float(process.anonymous_bytes);
        Resident, "slod_process_resident_memory_bytes", |process| float(process.resident_bytes);
        Threads, "slod_process_threads", |process| float(process.threads);
        Files, "slod_process_open_fds", |process| float(process.open_fds);
        Restarts, "slod_process_restarts_total", |process| Some(process.restarts as f64);
        Cpu, "slod_process_cpu_usage_ratio", |process| process.cpu_usage;
        Started, "slod_process_start_time_seconds", |process| process.started_seconds;
        Instances, "slod_process_instances", |process| Some(process.count as f64);
    }
}

numbers! {
    /// Values of the containers of a group of processes.
    ContainerNumber, ContainerNumbers of ContainerView {
        Anonymous, "slod_container_memory_anonymous_bytes", |container| float(container.anonymous_bytes);
        WorkingSet, "slod_container_memory_working_set_bytes", |container| float(container.working_set_bytes);
        MemoryLimit, "slod_container_memory_limit_bytes", |container| float(container.memory_limit_bytes);
        Cpu, "slod_container_cpu_usage_max_ratio", |container| container.cpu_usage_max;
        Kills, "slod_container_oom_kills_total", |container| float(container.oom_kills);
        Periods, "slod_container_cpu_periods_total", |container| float(container.periods);
        Throttled, "slod_container_cpu_throttled_periods_total", |container| float(container.throttled_periods);
    }
}

fn float(value: Option<u64>) -> Option<f64> {
    value.map(|value| value as f64)
}
