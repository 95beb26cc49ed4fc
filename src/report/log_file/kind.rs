//! Classification of log lines.

use serde::Serialize;

/// The first kind that matches counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

    /// Classifies a line; `None` if it is not of interest.
    pub fn of(line: &str) -> Option<Self> {
        let line = line.to_ascii_lowercase();
        // A level below warning decides, whatever else the line contains.
        let level = level(&line);
        if matches!(level, Some("info" | "debug" | "trace" | "notice")) {
            let about = Self::matching(&line);
            return about
                .filter(|kind| !matches!(kind, Self::Error | Self::Warning | Self::Timeout));
        }
        Self::matching(&line)
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

/// The level stated by a line: `level=info`, `"level":"info"`, `INFO:`, `[info]`, ` INFO `.
fn level(line: &str) -> Option<&'static str> {
    const LEVELS: [&str; 7] = [
        "info", "debug", "trace", "notice", "warn", "error", "critical",
    ];
    let begin: String = line.chars().take(200).collect();
    let mut words = begin.split(|c: char| c.is_whitespace() || "[](){}<>|,;=:\"'".contains(c));
    words.find_map(|word| {
        LEVELS
            .into_iter()
            .find(|level| word == *level || (*level == "warn" && word == "warning"))
    })
}
