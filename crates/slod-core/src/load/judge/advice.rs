//! Recommendations for findings: rows of the performance checklist.

/// A row of the checklist, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The title of the row in the checklist.
    pub row: &'static str,
    /// One sentence: the action and its reason.
    pub what: &'static str,
}

const fn advice(row: &'static str, what: &'static str) -> Advice {
    Advice { row, what }
}

const POOLING: &str = "Database connection pooling configured";
const CACHING: &str = "Response caching implemented";
const COMPRESSION: &str = "Static file compression enabled";
const QUERIES: &str = "Database queries optimized with indexes";
const BREAKERS: &str = "Circuit breakers configured";
const LIMITING: &str = "Rate limiting tuned";
const LOGGING: &str = "Logging performance reviewed";
const LEAKS: &str = "Memory leaks checked";
const LIMITS: &str = "Resource limits set (Docker)";
const ENDPOINTS: &str = "Optimize slow endpoints";
const SCALING: &str = "Scale resources if needed";
const LOGS: &str = "Check application logs";

pub const CPU: Advice = advice(
    CACHING,
    "cache what is computed repeatedly, or add processors, because the host's processors were busy",
);
pub const OTHERS: Advice = advice(
    LIMITS,
    "give the service dedicated processors, or repeat the run without other programs, because these used most of the host's processors",
);
pub const GENERATOR: Advice = advice(
    SCALING,
    "run the generator on another machine, because the generator used most of the processors of the host",
);
pub const CPU_LIMIT: Advice = advice(
    LIMITS,
    "raise the CPU limit of the container or run more of them, because its processes waited for the CPU",
);
pub const ONE_PROCESSOR: Advice = advice(
    SCALING,
    "run more worker processes, because one that runs on a single thread cannot use more than one processor",
);
pub const MEMORY: Advice = advice(
    LIMITS,
    "raise the memory limit or lower the memory that each request needs, because a process is killed at the limit",
);
pub const POOL: Advice = advice(
    POOLING,
    "raise the maximum of the pool or hold connections for a shorter time, because requests waited for a connection",
);
pub const QUEUE: Advice = advice(
    ENDPOINTS,
    "shorten the work of each request or add workers, because requests arrived faster than they were processed",
);
pub const BREAKER: Advice = advice(
    BREAKERS,
    "check the dependency behind the circuit breaker and its timeout, because requests were rejected while it was open",
);
pub const FILES: Advice = advice(
    LIMITS,
    "raise the limit of open files, because new connections fail when it is reached",
);
pub const AI_LIMIT: Advice = advice(
    LIMITING,
    "cache responses of the AI provider, queue requests to it or request a higher limit, because its rate limit was reached",
);
pub const AI: Advice = advice(
    CACHING,
    "cache responses of the AI provider or use a smaller model, because it answered more slowly or failed under load",
);
pub const NETWORK: Advice = advice(
    COMPRESSION,
    "compress and shorten responses, or add bandwidth, because packets were lost",
);
pub const TIMEOUTS: Advice = advice(
    POOLING,
    "reuse connections and raise the backlog of the server, because connections timed out",
);
pub const DISK: Advice = advice(
    LOGGING,
    "write less, such as fewer log lines per request, because the disk was busy all the time",
);
pub const LEAK: Advice = advice(
    LEAKS,
    "compare heap profiles of the start and the end of the run, because memory grew under a constant load",
);
pub const KEPT: Advice = advice(
    LEAKS,
    "run the scenario soak to see whether memory grows, because it was not released after the spike",
);
pub const OPEN: Advice = advice(
    LEAKS,
    "release what each request opens, because the number grew under a constant load",
);
pub const HELD: Advice = advice(
    POOLING,
    "return connections on every path, also after errors, because more and more of them stayed in use",
);
pub const DRIFT: Advice = advice(
    QUERIES,
    "look for queries over tables that grow and for lists that are never emptied, because responses slowed down under a constant load",
);
pub const ERRORS: Advice = advice(
    LOGS,
    "read the errors of the service's log (`slod runs show RUN --log FILE`), because more and more requests failed",
);
pub const BREAK: Advice = advice(
    ENDPOINTS,
    "profile the service at the load at which it broke, and optimize its slowest requests",
);
pub const RESTART: Advice = advice(
    LOGS,
    "find out why the process ended, in the service's log of that time, the logs of its supervisor and those of the kernel, because it ended during the run",
);
/// Advice for a fault under a lower load than the service handled.
pub const NOT_LOAD: Advice = advice(
    LOGS,
    "look for a restart, a cold start, a long pause or the start of more instances in the service's log of that time, because the service handled a higher load",
);
pub const OVERLOAD: Advice = advice(
    LIMITING,
    "reject requests early when too many wait, because work from the spike was still being done after it",
);
/// Advice for responses slower than the objective.
pub const SLOW: Advice = advice(
    ENDPOINTS,
    "optimize the slowest requests or add resources, because responses took longer than allowed",
);
/// Advice for more errors than the objective allows.
pub const FAILED: Advice = advice(
    LOGS,
    "read the errors of the service's log (`slod runs show RUN --log FILE`), because more requests failed than allowed",
);
/// Advice for requests that no service received.
pub const UNREACHED: Advice = advice(
    LOGS,
    "look for a restart in the service's log, and check its address, name and certificate, because most of the failed requests did not reach it",
);
/// Advice for requests rejected by a rate limit.
pub const REFUSED: Advice = advice(
    LIMITING,
    "raise the rate limit or reduce the load, because the service rejected requests with status 429",
);
/// Advice for less throughput than the objective.
pub const FEW: Advice = advice(
    SCALING,
    "add instances or shorten the work of each request, because the service handled fewer requests than required",
);
