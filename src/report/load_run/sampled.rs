//! What was sampled during a run, as text: what people look at first. The JSON report has every series.

use crate::format::numbers;
use crate::load::ObservedSeries;
use crate::sample::Summary;
use crate::text::printable;
use crate::units::whole;
use std::fmt::Write as _;

#[derive(Clone, Copy)]
enum Unit {
    Ratio,
    Bytes,
    Number,
}

/// Series that are shown, with their unit.
const SHOWN: [(&str, &str, Unit); 11] = [
    ("slod_process_cpu_usage_ratio", "CPU", Unit::Ratio),
    ("slod_process_resident_memory_bytes", "memory", Unit::Bytes),
    ("slod_process_threads", "threads", Unit::Number),
    ("slod_process_open_fds", "open files", Unit::Number),
    (
        "slod_container_memory_working_set_bytes",
        "container memory",
        Unit::Bytes,
    ),
    (
        "slod_service_active_connections",
        "connections",
        Unit::Number,
    ),
    ("slod_service_queue_depth", "queue", Unit::Number),
    (
        "slod_service_db_pool_usage_ratio",
        "database pool",
        Unit::Ratio,
    ),
    ("slod_host_cpu_usage_ratio", "host CPU", Unit::Ratio),
    ("slod_host_memory_used_bytes", "host memory", Unit::Bytes),
    ("slod_run_series_dropped", "series left out", Unit::Number),
];

pub(super) fn write(out: &mut String, observed: &[ObservedSeries]) {
    if observed.is_empty() {
        return;
    }
    let most = observed.iter().map(|one| one.samples.len()).max();
    writeln!(
        out,
        "\n  SAMPLED ({} series, up to {} samples each)",
        observed.len(),
        most.unwrap_or(0)
    )
    .unwrap_or_default();
    for (name, label, unit) in SHOWN {
        for one in observed.iter().filter(|one| one.key.name() == name) {
            let Some(summary) = Summary::of(one.samples.iter().copied()) else {
                continue;
            };
            let of = one.key.label("process").unwrap_or_default();
            let label = format!("{label} {}", printable(of));
            let [first, last, min, max] = [
                summary.first.value,
                summary.last.value,
                summary.min,
                summary.max,
            ]
            .map(|value| unit.show(value));
            writeln!(
                out,
                "    {label:<28}first {first:<11}last {last:<11}min {min:<11}max {max}"
            )
            .unwrap_or_default();
        }
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Ratio => numbers::share(value),
            Self::Bytes => numbers::bytes(whole(value)),
            Self::Number => format!("{value}"),
        }
    }
}
