//! All measures.

use super::readers::{
    ai_latency, ai_limit, ai_refusals, host_files, host_memory, one_processor, packet_losses, pool,
    throttled,
};
use super::{Bound, Measure, Show};
use crate::load::judge::advice;
use crate::load::judge::needs::Needs;
use crate::load::judge::processors::HOST_CPU;
use crate::load::judge::restarts::RESTARTS as RESTARTS_FAMILY;
use crate::load::observed::{gauges, rates};

/// All measures, in the order of their topics.
pub(in crate::load::judge) fn all() -> impl Iterator<Item = &'static Measure> {
    let groups: [&'static [Measure]; 8] = [
        &CPU_USAGE, &CPU_LACK, &MEMORY, &SERVICE, &FILES, &AI, &REST, &RESTARTS,
    ];
    groups.into_iter().flatten()
}

/// The measures of a topic.
pub(in crate::load::judge) fn of(topic: &str) -> impl Iterator<Item = &'static Measure> {
    all().filter(move |one| one.topic == topic)
}

/// CPU usage.
pub(in crate::load::judge) static CPU_USAGE: [Measure; 2] = [
    Measure {
        topic: "cpu",
        noun: "the CPU",
        read: |run| gauges(run, HOST_CPU),
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
];

/// Signs of insufficient CPU time.
pub(in crate::load::judge) static CPU_LACK: [Measure; 2] = [
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
];

static MEMORY: [Measure; 3] = [
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
];

/// Resources that the service itself exports.
static SERVICE: [Measure; 3] = [
    Measure {
        topic: "connection pool",
        noun: "the connection pool",
        read: pool,
        // A ratio of integers: all connections are in use.
        bound: Bound::Level(0.999),
        show: Show::Pool,
        needs: Needs::Metrics("`db_pool_in_use` with `db_pool_max`"),
        advice: advice::POOL,
    },
    Measure {
        topic: "queue",
        noun: "the queue",
        read: |run| gauges(run, "slod_service_queue_depth"),
        bound: Bound::Band(5.0),
        show: Show::Number(""),
        needs: Needs::Metrics("`queue_depth`"),
        advice: advice::QUEUE,
    },
    Measure {
        topic: "circuit breakers",
        noun: "a circuit breaker",
        read: |run| gauges(run, "slod_service_circuit_breaker_open"),
        bound: Bound::Level(0.5),
        show: Show::Breaker,
        needs: Needs::Metrics("`circuit_breaker_open`"),
        advice: advice::BREAKER,
    },
];

static FILES: [Measure; 3] = [
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
];

static AI: [Measure; 3] = [
    Measure {
        topic: "ai provider",
        noun: "the rate limit",
        read: ai_limit,
        bound: Bound::Level(0.95),
        show: Show::Share(" of what the AI provider allows"),
        needs: Needs::Metrics("`llm_rate_limit_hits`"),
        advice: advice::AI_LIMIT,
    },
    Measure {
        topic: "ai provider",
        noun: "the AI provider",
        read: ai_refusals,
        bound: Bound::Any,
        show: Show::Events("rejections by its rate limit"),
        needs: Needs::Metrics("`llm_rate_limit_hits`"),
        advice: advice::AI_LIMIT,
    },
    Measure {
        topic: "ai provider",
        noun: "the response time of the AI provider",
        read: ai_latency,
        bound: Bound::Band(0.1),
        show: Show::Seconds,
        needs: Needs::Metrics("`llm_duration`"),
        advice: advice::AI,
    },
];

/// Restarts before a break. A statement of their own names all of a run.
static RESTARTS: [Measure; 1] = [Measure {
    topic: "restarts",
    noun: "the processes",
    read: |run| rates(run, RESTARTS_FAMILY),
    bound: Bound::Any,
    show: Show::Events("a restart"),
    needs: Needs::Processes,
    advice: advice::RESTART,
}];

/// Network, disk and threads.
static REST: [Measure; 4] = [
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
        show: Show::Events("connection timeouts"),
        needs: Needs::Metrics("`connection_timeouts`"),
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
