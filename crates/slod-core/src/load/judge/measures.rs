//! What of a service and its host can be full: which series show it, from which value on, and what
//! to do about it.

use super::super::RunRecord;
use super::super::observed::{Curve, Span, gauges, rates, shares};
use super::advice::{self, Advice};

/// One resource, or another sign that something does not keep up.
#[derive(Debug)]
pub(super) struct Measure {
    /// The topic of its statement: several measures share one.
    pub topic: &'static str,
    /// `the CPU`, followed by ` of ` and what it is about.
    pub noun: &'static str,
    pub read: fn(&RunRecord) -> Vec<Curve>,
    pub bound: Bound,
    pub show: Show,
    pub needs: Needs,
    pub advice: Advice,
}

/// From when on it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// Full from this value on.
    Level(f64),
    /// Anything above 0, even in one sample.
    Any,
    /// More than usual under a low load, by at least this much.
    Band(f64),
    /// Likewise, for what grows with the load: its value per user, or per request and second.
    BandPerLoad(f64),
}

/// How its values are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Show {
    /// A share, followed by what it is a share of.
    Share(&'static str),
    Pool,
    Breaker,
    /// A number with its unit.
    Number(&'static str),
    Seconds,
    /// Something that should not happen.
    Events(&'static str),
}

/// What has to be configured so that it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Host,
    Processes,
    Metrics,
    Llm,
}

impl Needs {
    pub fn words(self) -> &'static str {
        match self {
            Self::Host => "`observe.host`",
            Self::Processes => "`processes` of the service",
            Self::Metrics => "`metrics` of the service",
            Self::Llm => "an `llm` probe",
        }
    }
}

impl Measure {
    /// `the CPU of app of rag`
    pub fn name(&self, curve: &Curve) -> String {
        format!("{} of {}", self.noun, curve.subject())
    }

    /// What is said of it once it is beyond its bound, from the highest value since then; `usual` is
    /// its value under a low load.
    pub fn fault(&self, run: &RunRecord, curve: &Curve, since: Span, usual: Option<f64>) -> String {
        let highest = curve.highest(since).unwrap_or_default();
        let name = self.name(curve);
        let before = |text: fn(f64) -> String| {
            usual.map_or_else(String::new, |usual| format!(" ({} before)", text(usual)))
        };
        match self.show {
            Show::Share(of) => format!("{name} was at {:.0} %{of}", highest * 100.0),
            Show::Pool => format!("{name} was full{}", pool_numbers(run, curve, since)),
            Show::Breaker => format!("{name} was open"),
            Show::Number(unit) => {
                let before = before(|usual| format!("{usual:.0}"));
                format!("{name} grew to {highest:.0}{unit}{before}")
            }
            Show::Seconds => {
                let text = |seconds: f64| format!("{:.0} ms", seconds * 1000.0);
                format!("{name} rose to {}{}", text(highest), before(text))
            }
            Show::Events(what) => format!("{name} had {what}"),
        }
    }

    /// Its highest value where it is within its bound.
    pub fn within(&self, curve: &Curve, spans: &[Span]) -> String {
        let highest = spans.iter().filter_map(|span| curve.highest(*span));
        let highest = highest.fold(0.0, f64::max);
        let name = self.name(curve);
        match self.show {
            Show::Share(of) => format!("{name} at most {:.0} %{of}", highest * 100.0),
            Show::Pool => format!("{name} used to at most {:.0} %", highest * 100.0),
            Show::Breaker => format!("{name} never open"),
            Show::Number(unit) => format!("{name} at most {highest:.0}{unit}"),
            Show::Seconds => format!("{name} at most {:.0} ms", highest * 1000.0),
            Show::Events(what) => format!("{name} without {what}"),
        }
    }

    /// Whether a value is beyond the level; for those that have one.
    pub fn is_full(&self, value: f64) -> bool {
        match self.bound {
            Bound::Level(level) => value >= level,
            Bound::Any => value > 0.0,
            Bound::Band(_) | Bound::BandPerLoad(_) => false,
        }
    }
}

/// ` (20 of 20, 14 waiting)`, as far as it is known.
fn pool_numbers(run: &RunRecord, curve: &Curve, since: Span) -> String {
    let highest = |family: &str| {
        let curves = gauges(run, family);
        let one = curves.iter().find(|one| one.is_about_same(curve))?;
        one.highest(since)
    };
    let in_use = highest("slod_service_db_pool_in_use");
    let max = highest("slod_service_db_pool_max");
    let waiting = highest("slod_service_db_pool_waiting").filter(|waiting| *waiting > 0.0);
    let numbers: Vec<String> = [
        in_use
            .zip(max)
            .map(|(used, max)| format!("{used:.0} of {max:.0}")),
        waiting.map(|waiting| format!("{waiting:.0} waiting")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if numbers.is_empty() {
        return String::new();
    }
    format!(" ({})", numbers.join(", "))
}

/// Usage of the pool, or 1 while somebody waits.
fn pool(run: &RunRecord) -> Vec<Curve> {
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

/// How many processors the host has: all modes together take that many seconds per second.
pub(super) fn processors(run: &RunRecord) -> Option<f64> {
    let modes = rates(run, "slod_host_cpu_seconds_total");
    let end = f64::INFINITY;
    let all: Option<f64> = modes.iter().map(|mode| mode.median((0.0, end))).sum();
    all.map(f64::round).filter(|count| *count >= 1.0)
}

/// Processors that the busiest process used, of those that never used more than one.
fn one_processor(run: &RunRecord) -> Vec<Curve> {
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

fn throttled(run: &RunRecord) -> Vec<Curve> {
    shares(
        rates(run, "slod_container_cpu_throttled_periods_total"),
        &rates(run, "slod_container_cpu_periods_total"),
    )
}

fn host_memory(run: &RunRecord) -> Vec<Curve> {
    shares(
        gauges(run, "slod_host_memory_used_bytes"),
        &gauges(run, "slod_host_memory_total_bytes"),
    )
}

fn ai_limit(run: &RunRecord) -> Vec<Curve> {
    let mut curves = gauges(run, "slod_llm_rate_limit_remaining_ratio");
    for curve in &mut curves {
        for (_, value) in &mut curve.points {
            *value = 1.0 - *value;
        }
    }
    curves
}

fn ai_refusals(run: &RunRecord) -> Vec<Curve> {
    let mut curves = rates(run, "slod_service_llm_rate_limit_hits_total");
    curves.extend(rates(run, "slod_llm_rate_limit_hits_total"));
    curves
}

fn ai_latency(run: &RunRecord) -> Vec<Curve> {
    shares(
        rates(run, "slod_service_llm_request_duration_seconds_sum"),
        &rates(run, "slod_service_llm_request_duration_seconds_count"),
    )
}

/// Packets per second that were lost in any way, by device.
fn packet_losses(run: &RunRecord) -> Vec<Curve> {
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

fn host_files(run: &RunRecord) -> Vec<Curve> {
    shares(
        gauges(run, "slod_host_open_files"),
        &gauges(run, "slod_host_open_files_limit"),
    )
}

/// Topics in the order of their statements.
pub(super) const TOPICS: [&str; 9] = [
    "cpu",
    "memory",
    "connection pool",
    "queue",
    "circuit breakers",
    "open files",
    "ai provider",
    "network",
    "disk",
];

/// All that is looked at.
pub(super) static MEASURES: [Measure; 20] = [
    Measure {
        topic: "cpu",
        noun: "the CPU",
        read: |run| gauges(run, "slod_host_cpu_usage_ratio"),
        bound: Bound::Level(0.9),
        show: Show::Share(""),
        needs: Needs::Host,
        advice: advice::CPU,
    },
    Measure {
        topic: "cpu",
        noun: "the CPU",
        read: |run| gauges(run, "slod_container_cpu_usage_max_ratio"),
        bound: Bound::Level(0.9),
        show: Show::Share(" of its limit"),
        needs: Needs::Processes,
        advice: advice::CPU_LIMIT,
    },
    Measure {
        topic: "cpu",
        noun: "the busiest process",
        read: one_processor,
        bound: Bound::Level(0.95),
        show: Show::Share(" of one processor"),
        needs: Needs::Processes,
        advice: advice::ONE_PROCESSOR,
    },
    Measure {
        topic: "cpu",
        noun: "the throttling",
        read: throttled,
        bound: Bound::Level(0.25),
        show: Show::Share(" of the periods"),
        needs: Needs::Processes,
        advice: advice::CPU_LIMIT,
    },
    Measure {
        topic: "memory",
        noun: "the memory",
        read: |run| gauges(run, "slod_container_memory_working_set_max_ratio"),
        bound: Bound::Level(0.95),
        show: Show::Share(" of its limit"),
        needs: Needs::Processes,
        advice: advice::MEMORY,
    },
    Measure {
        topic: "memory",
        noun: "the memory",
        read: host_memory,
        bound: Bound::Level(0.95),
        show: Show::Share(""),
        needs: Needs::Host,
        advice: advice::MEMORY,
    },
    Measure {
        topic: "memory",
        noun: "the container",
        read: |run| rates(run, "slod_container_oom_kills_total"),
        bound: Bound::Any,
        show: Show::Events("processes killed for lack of memory"),
        needs: Needs::Processes,
        advice: advice::MEMORY,
    },
    Measure {
        topic: "connection pool",
        noun: "the connection pool",
        read: pool,
        // Integers divided: all connections are in use.
        bound: Bound::Level(0.999),
        show: Show::Pool,
        needs: Needs::Metrics,
        advice: advice::POOL,
    },
    Measure {
        topic: "queue",
        noun: "the queue",
        read: |run| gauges(run, "slod_service_queue_depth"),
        bound: Bound::Band(5.0),
        show: Show::Number(""),
        needs: Needs::Metrics,
        advice: advice::QUEUE,
    },
    Measure {
        topic: "circuit breakers",
        noun: "a circuit breaker",
        read: |run| gauges(run, "slod_service_circuit_breaker_open"),
        bound: Bound::Level(0.5),
        show: Show::Breaker,
        needs: Needs::Metrics,
        advice: advice::BREAKER,
    },
    Measure {
        topic: "open files",
        noun: "the open files",
        read: |run| gauges(run, "slod_process_open_fds_max_ratio"),
        bound: Bound::Level(0.9),
        show: Show::Share(" of their limit"),
        needs: Needs::Processes,
        advice: advice::FILES,
    },
    Measure {
        topic: "open files",
        noun: "the open files",
        read: host_files,
        bound: Bound::Level(0.9),
        show: Show::Share(" of their limit"),
        needs: Needs::Host,
        advice: advice::FILES,
    },
    Measure {
        topic: "open files",
        noun: "the processes and threads",
        read: |run| gauges(run, "slod_container_pids_max_ratio"),
        bound: Bound::Level(0.9),
        show: Show::Share(" of their limit"),
        needs: Needs::Processes,
        advice: advice::FILES,
    },
    Measure {
        topic: "ai provider",
        noun: "the rate limit",
        read: ai_limit,
        bound: Bound::Level(0.95),
        show: Show::Share(" of what the AI provider allows"),
        needs: Needs::Llm,
        advice: advice::AI_LIMIT,
    },
    Measure {
        topic: "ai provider",
        noun: "the AI provider",
        read: ai_refusals,
        bound: Bound::Any,
        show: Show::Events("refusals by its rate limit"),
        needs: Needs::Metrics,
        advice: advice::AI_LIMIT,
    },
    Measure {
        topic: "ai provider",
        noun: "the response time of the AI provider",
        read: ai_latency,
        bound: Bound::Band(0.1),
        show: Show::Seconds,
        needs: Needs::Metrics,
        advice: advice::AI,
    },
    Measure {
        topic: "network",
        noun: "lost packets per second",
        read: packet_losses,
        bound: Bound::Band(10.0),
        show: Show::Number(""),
        needs: Needs::Host,
        advice: advice::NETWORK,
    },
    Measure {
        topic: "network",
        noun: "the network",
        read: |run| rates(run, "slod_service_connection_timeouts_total"),
        bound: Bound::Any,
        show: Show::Events("connections that timed out"),
        needs: Needs::Metrics,
        advice: advice::TIMEOUTS,
    },
    Measure {
        topic: "disk",
        noun: "the disk",
        read: |run| rates(run, "slod_host_disk_io_time_seconds_total"),
        bound: Bound::Level(0.95),
        show: Show::Share(" of the time busy"),
        needs: Needs::Host,
        advice: advice::DISK,
    },
    Measure {
        topic: "threads",
        noun: "the threads",
        read: |run| gauges(run, "slod_process_threads"),
        bound: Bound::BandPerLoad(10.0),
        show: Show::Number(""),
        needs: Needs::Processes,
        advice: advice::QUEUE,
    },
];
