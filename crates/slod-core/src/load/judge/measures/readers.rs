//! Series of measures that are computed from other series.

use crate::load::RunRecord;
use crate::load::observed::{Curve, gauges, rates, shares};

/// The used share of the pool, or 1 while requests wait for a connection.
pub fn pool(run: &RunRecord) -> Vec<Curve> {
    let mut curves = gauges(run, "slod_service_db_pool_usage_ratio");
    if curves.is_empty() {
        curves = shares(
            gauges(run, "slod_service_db_pool_in_use"),
            &gauges(run, "slod_service_db_pool_max"),
        );
    }
    for waiting in gauges(run, "slod_service_db_pool_waiting") {
        let full = |(at, waiting): &(f64, f64)| (*at, if *waiting >= 1.0 { 1.0 } else { 0.0 });
        let waiting = Curve {
            points: waiting.points.iter().map(full).collect(),
            ..waiting
        };
        match curves.iter_mut().find(|one| one.is_about_same(&waiting)) {
            None => curves.push(waiting),
            Some(curve) => {
                for (at, value) in &mut curve.points {
                    *value = waiting.at(*at).unwrap_or_default().max(*value);
                }
            }
        }
    }
    curves
}

/// The number of processors of the host: the modes add up to that many seconds per second.
fn processors(run: &RunRecord) -> Option<f64> {
    let modes = rates(run, "slod_host_cpu_seconds_total");
    let end = f64::INFINITY;
    let all: Option<f64> = modes.iter().map(|mode| mode.median((0.0, end))).sum();
    all.map(f64::round).filter(|count| *count >= 1.0)
}

/// Processors used by the busiest process, for processes that never used more than one.
pub fn one_processor(run: &RunRecord) -> Vec<Curve> {
    const ONE: f64 = 1.1;
    let Some(count) = processors(run).filter(|count| *count > 1.0) else {
        return Vec::new();
    };
    let mut curves = gauges(run, "slod_process_cpu_usage_max_ratio");
    for curve in &mut curves {
        for (_, value) in &mut curve.points {
            *value *= count;
        }
    }
    curves.retain(|one| one.points.iter().all(|(_, value)| *value <= ONE));
    curves
}

pub fn throttled(run: &RunRecord) -> Vec<Curve> {
    shares(
        rates(run, "slod_container_cpu_throttled_periods_total"),
        &rates(run, "slod_container_cpu_periods_total"),
    )
}

pub fn host_memory(run: &RunRecord) -> Vec<Curve> {
    shares(
        gauges(run, "slod_host_memory_used_bytes"),
        &gauges(run, "slod_host_memory_total_bytes"),
    )
}

pub fn ai_limit(run: &RunRecord) -> Vec<Curve> {
    let mut curves = gauges(run, "slod_llm_rate_limit_remaining_ratio");
    for curve in &mut curves {
        for (_, value) in &mut curve.points {
            *value = 1.0 - *value;
        }
    }
    curves
}

pub fn ai_refusals(run: &RunRecord) -> Vec<Curve> {
    let mut curves = rates(run, "slod_service_llm_rate_limit_hits_total");
    curves.extend(rates(run, "slod_llm_rate_limit_hits_total"));
    curves
}

pub fn ai_latency(run: &RunRecord) -> Vec<Curve> {
    shares(
        rates(run, "slod_service_llm_request_duration_seconds_sum"),
        &rates(run, "slod_service_llm_request_duration_seconds_count"),
    )
}

/// Lost packets per second for any reason, by device.
pub fn packet_losses(run: &RunRecord) -> Vec<Curve> {
    let families = [
        "slod_host_network_receive_errors_total",
        "slod_host_network_transmit_errors_total",
        "slod_host_network_receive_dropped_total",
        "slod_host_network_transmit_dropped_total",
    ];
    let mut all: Vec<Curve> = Vec::new();
    for curve in families.iter().flat_map(|family| rates(run, family)) {
        match all.iter_mut().find(|one| one.is_about_same(&curve)) {
            None => all.push(curve),
            Some(sum) => {
                for (at, value) in &mut sum.points {
                    *value += curve.at(*at).unwrap_or_default();
                }
            }
        }
    }
    all
}

pub fn host_files(run: &RunRecord) -> Vec<Curve> {
    shares(
        gauges(run, "slod_host_open_files"),
        &gauges(run, "slod_host_open_files_limit"),
    )
}
