//! Classification of log lines.

use super::access::Response;
use super::level::Level;
use serde::Serialize;

/// The first kind that matches counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    CircuitBreaker,
    SlowQuery,
    PoolExhausted,
    OutOfMemory,
    Timeout,
    RateLimited,
    Error,
    Warning,
}

/// In lower case. A kind matches if one of its groups does, and a group if the line contains all of its words.
type Words = &'static [&'static [&'static str]];

const PATTERNS: [(LogKind, Words); 8] = [
    (
        LogKind::CircuitBreaker,
        &[
            &["circuit breaker", "open"],
            &["circuitbreaker", "open"],
            &["circuit_breaker", "open"],
            &["circuit", "tripped"],
        ],
    ),
    (
        LogKind::SlowQuery,
        &[
            &["slow query"],
            &["slow_query"],
            // PostgreSQL with log_min_duration_statement; slow query log of MySQL.
            &["duration:", " ms", "statement:"],
            &["duration:", " ms", "execute"],
            &["# query_time:"],
        ],
    ),
    (
        LogKind::PoolExhausted,
        &[
            &["queuepool limit"],
            &["pool", "exhausted"],
            &["remaining connection slots"],
            &["too many connections"],
            &["too many clients"],
            &["connection is not available, request timed out"],
        ],
    ),
    (
        LogKind::OutOfMemory,
        &[
            &["out of memory"],
            &["outofmemory"],
            &["memoryerror"],
            &["oomkilled"],
            &["oom-kill"],
        ],
    ),
    (
        LogKind::Timeout,
        &[&["timed out"], &["timeout"], &["deadline exceeded"]],
    ),
    (
        LogKind::RateLimited,
        &[&["rate limit"], &["ratelimit"], &["too many requests"]],
    ),
    (
        LogKind::Error,
        &[
            &["error"],
            &["critical"],
            // nginx.
            &["[crit]"],
            &["[alert]"],
            &["[emerg]"],
            &["fatal"],
            &["panic"],
            &["traceback (most recent call last)"],
            &["exception"],
        ],
    ),
    (LogKind::Warning, &[&["warn"]]),
];

impl LogKind {
    pub const ALL: [Self; PATTERNS.len()] = {
        let mut all = [Self::Error; PATTERNS.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = PATTERNS[at].0;
            at += 1;
        }
        all
    };

    /// Classifies a line; `None` if it is not of interest. The level that it states decides whether it is an error
    /// or a warning, whatever words it contains.
    pub fn of(line: &str) -> Option<Self> {
        if let Some(response) = Response::of(line) {
            return response.kind();
        }
        let kind = Self::matching(&line.to_ascii_lowercase());
        match (Level::stated(line), kind) {
            (Some(Level::Low), Some(Self::Error | Self::Warning | Self::Timeout)) => None,
            (Some(Level::Warning), None | Some(Self::Error)) => Some(Self::Warning),
            (Some(Level::Error), None | Some(Self::Warning)) => Some(Self::Error),
            (_, kind) => kind,
        }
    }

    fn matching(line: &str) -> Option<Self> {
        let fits = |words: Words| {
            words
                .iter()
                .any(|group| group.iter().all(|word| line.contains(word)))
        };
        PATTERNS
            .iter()
            .find(|(_, words)| fits(words))
            .map(|(kind, _)| *kind)
    }

    /// Title of the kind.
    pub const fn title(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "circuit breaker opened",
            Self::SlowQuery => "slow queries",
            Self::PoolExhausted => "connection pool exhausted",
            Self::OutOfMemory => "out of memory",
            Self::Timeout => "timeouts",
            Self::RateLimited => "rate limited",
            Self::Error => "errors",
            Self::Warning => "warnings",
        }
    }
}
