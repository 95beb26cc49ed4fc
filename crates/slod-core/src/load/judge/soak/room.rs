//! The distance to a limit, and when growth reaches it.

use super::MIB;
use crate::load::RunRecord;
use crate::load::observed::{Curve, gauges};
use crate::trend::Growth;

/// When growth reaches the limit, as the end of a sentence; empty if no limit is known.
pub fn end_of(run: &RunRecord, topic: &str, curve: &Curve, growth: &Growth) -> String {
    let Some((room, limit)) = room(run, topic, curve) else {
        return String::new();
    };
    let hours = (room / growth.per_hour).max(0.0);
    let time = match hours {
        _ if hours < 100.0 => format!("in {hours:.1} h"),
        _ if hours < 24.0 * 365.0 => format!("in {:.0} days", hours / 24.0),
        _ => return String::new(),
    };
    format!("; it would reach {limit} {time}")
}

/// The distance to the nearest limit at the end of the run, and the name of the limit.
fn room(run: &RunRecord, topic: &str, curve: &Curve) -> Option<(f64, String)> {
    let last = |curve: &Curve| curve.points.last().map(|(_, value)| *value);
    let same = |family: &str| {
        let curves = gauges(run, family);
        curves
            .iter()
            .find(|one| one.is_about_same(curve))
            .and_then(last)
    };
    let host = |family: &str| gauges(run, family).first().and_then(last);
    let limits: Vec<(f64, String)> = match topic {
        "memory growth" => {
            let limit = same("slod_container_memory_limit_bytes");
            let used = same("slod_container_memory_working_set_bytes").or(last(curve));
            let container = limit.zip(used).map(|(limit, used)| {
                let name = format!("the container's limit of {:.0} MiB", limit / MIB);
                (limit - used, name)
            });
            let rest = host("slod_host_memory_available_bytes");
            let rest = rest.map(|rest| (rest, "the memory of the host".to_owned()));
            container.into_iter().chain(rest).collect()
        }
        "open files growth" => {
            let limit = same("slod_process_fd_limit").zip(last(curve));
            let named = |(limit, used)| (limit - used, format!("the limit of {limit:.0}"));
            limit.map(named).into_iter().collect()
        }
        "thread growth" => {
            let limit = same("slod_container_pids_limit").zip(last(curve));
            let named = |(limit, used)| (limit - used, format!("the limit of {limit:.0}"));
            limit.map(named).into_iter().collect()
        }
        "pool growth" => {
            let limit = same("slod_service_db_pool_max").zip(last(curve));
            let named = |(limit, used)| (limit - used, format!("the maximum of {limit:.0}"));
            limit.map(named).into_iter().collect()
        }
        _ => Vec::new(),
    };
    limits.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))
}
