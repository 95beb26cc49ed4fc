//! The metrics of a simulated service: those of an application with a client library, about
//! synthetic traffic.

use super::Profile;
use super::incident::Trouble;
use crate::outcome::Timestamp;
use std::fmt::Write as _;
use std::time::Duration;

/// Synthetic requests per second.
const RATE: f64 = 20.0;
/// Requests that are made up at once: a page that nobody asked for in a while skips the rest.
const AT_ONCE: u32 = 2000;
const BOUNDS: [f64; 8] = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5];
const POOL: u32 = 20;

/// What was counted since the service started.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Until when, since the start.
    until: Duration,
    good: u64,
    failed: u64,
    trips: u64,
    is_open: bool,
    buckets: [u64; BOUNDS.len()],
    seconds: f64,
}

impl Traffic {
    /// Adds the requests until `now`, since the service started.
    pub fn advance(&mut self, profile: Profile, trouble: Trouble, now: Duration, at: Timestamp) {
        let mut random = fastrand::Rng::new();
        let span = now.saturating_sub(self.until).as_secs_f64();
        let expected = (span * RATE).min(f64::from(AT_ONCE));
        // Whole requests: the rest is of the next page.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let requests = expected.floor() as u32;
        self.until += Duration::from_secs_f64(f64::from(requests) / RATE);
        if requests == AT_ONCE {
            self.until = now;
        }
        let is_failing = matches!(trouble, Trouble::Failing);
        for _ in 0..requests {
            let mut took = profile.latency(at, &mut random);
            if let Trouble::Slow(more) = trouble {
                took += more;
            }
            self.count(took.as_secs_f64(), is_failing && random.u8(0..4) > 0);
        }
        self.trips += u64::from(is_failing && !self.is_open);
        self.is_open = is_failing;
    }

    fn count(&mut self, seconds: f64, is_failed: bool) {
        if is_failed {
            self.failed += 1;
        } else {
            self.good += 1;
        }
        self.seconds += seconds;
        for (bucket, bound) in self.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
    }

    /// As text 0.0.4.
    pub fn page(&self) -> String {
        let (all, busy) = (self.good + self.failed, fastrand::u32(2..POOL));
        let mut page = String::new();
        let mut family = |name: &str, kind: &str, samples: &[(&str, f64)]| {
            writeln!(page, "# TYPE {name} {kind}").unwrap_or_default();
            for (suffix, value) in samples {
                writeln!(page, "{name}{suffix} {value}").unwrap_or_default();
            }
        };
        let (good, failed) = (self.good as f64, self.failed as f64);
        let requests = [("{status=\"200\"}", good), ("{status=\"503\"}", failed)];
        family("http_requests_total", "counter", &requests);
        let waiting = f64::from(busy.saturating_sub(POOL / 2));
        for (name, value) in [
            ("http_requests_inprogress", f64::from(busy)),
            ("job_queue_depth", waiting),
            ("db_pool_connections_in_use", f64::from(busy)),
            ("db_pool_connections_max", f64::from(POOL)),
            ("db_pool_connections_waiting", waiting),
            ("circuit_breaker_open", f64::from(u8::from(self.is_open))),
        ] {
            family(name, "gauge", &[("", value)]);
        }
        let trips = self.trips as f64;
        for (name, value) in [
            ("circuit_breaker_trips_total", trips),
            ("cache_hits_total", good * 0.75),
            ("cache_misses_total", good * 0.25),
            ("worker_restarts_total", trips),
            ("connection_timeouts_total", failed),
            ("llm_requests_total", all as f64),
            ("llm_errors_total", failed),
            ("llm_prompt_tokens_total", good * 500.0),
            ("llm_completion_tokens_total", good * 120.0),
            ("llm_rate_limit_hits_total", trips),
        ] {
            family(name, "counter", &[("", value.floor())]);
        }
        for name in [
            "http_request_duration_seconds",
            "llm_request_duration_seconds",
            "llm_time_to_first_token_seconds",
        ] {
            self.histogram(&mut page, name, all);
        }
        page
    }

    fn histogram(&self, page: &mut String, name: &str, all: u64) {
        let buckets = self.buckets.iter().zip(BOUNDS);
        let buckets: Vec<String> = buckets
            .map(|(count, bound)| format!("{name}_bucket{{le=\"{bound:?}\"}} {count}\n"))
            .collect();
        let buckets = buckets.concat();
        write!(
            page,
            "# TYPE {name} histogram\n{buckets}{name}_bucket{{le=\"+Inf\"}} {all}\n{name}_sum {}\n{name}_count {all}\n",
            self.seconds
        )
        .unwrap_or_default();
    }
}
