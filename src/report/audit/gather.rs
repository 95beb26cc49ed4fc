//! Gathers the facts of the checklist from the store and from current responses of the probed addresses.

use super::facts::{AddressFacts, AnswerFacts, ContainerFacts, Facts, PoolFacts, RunFacts};
use crate::config::{ProbeSpec, ServiceSpec};
use crate::load::Figures;
use crate::outcome::{Timestamp, Verdict, millis};
use crate::probe::http::ResponseFacts;
use crate::sample::{SeriesKey, Step};
use crate::stats::quantile::needed;
use crate::store::{SeriesInfo, Store, StoreError};
use crate::trend::{GrowthRules, GrowthVerdict, Windows, growth};
use crate::units::{HOUR, whole};
use chrono::DateTime;
use http::HeaderMap;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED,
    RETRY_AFTER,
};
use std::time::Duration;

/// Gives a day 144 windows.
const WINDOW: Duration = Duration::from_mins(10);
/// Minimum memory growth: 5% and 16 MiB, as in the verdict of a soak test.
const LEAK: GrowthRules = GrowthRules {
    share: 0.05,
    floor: 16.0 * 1_048_576.0,
    limit: None,
};
const TOO_MANY_REQUESTS: u32 = 429;
/// How many of the newest load runs of a service are searched for a rate limit.
const RUNS: u32 = 5;

/// Reads the last `span` of a service; `responses` are the current responses of its probes' addresses.
pub fn gather(
    service: &ServiceSpec,
    responses: Vec<(&ProbeSpec, Result<ResponseFacts, String>)>,
    store: &Store,
    now: Timestamp,
    span: Duration,
) -> Result<Facts, StoreError> {
    let history = History {
        store,
        all: store.series()?,
        service: &service.name,
        span: (now.before(span), now),
    };
    let pool = history.fullest_pool()?;
    let cache = both(
        history.increase("slod_service_cache_hits_total")?,
        history.increase("slod_service_cache_misses_total")?,
    );
    let written = both(
        history.increase("slod_process_written_bytes_total")?,
        history.increase("slod_service_requests_total")?,
    );
    let breaker_trips = history.increase("slod_service_circuit_breaker_trips_total")?;
    let breaker_open = history.highest("slod_service_circuit_breaker_open")?;
    let containers = history.containers()?;
    let mut refused = 0;
    let mut addresses = Vec::new();
    for (spec, response) in responses {
        let ([p50, p95], count) = history.probe(spec, now)?;
        refused += count;
        addresses.push(AddressFacts {
            url: spec.probe.target(),
            answer: response.map(|response| answer(&response, now)),
            p50,
            p95,
        });
    }
    Ok(Facts {
        span,
        addresses,
        has_metrics: service.metrics.is_some(),
        pool,
        cache,
        has_breaker: breaker_trips.is_some() || breaker_open.is_some(),
        breaker_trips,
        refused,
        run: run(store, &service.name)?,
        written,
        memory: history.memory()?,
        bare_processes: service.processes.len().saturating_sub(containers.len()),
        containers,
    })
}

fn both(one: Option<f64>, other: Option<f64>) -> Option<(f64, f64)> {
    one.zip(other)
}

/// The newest load run of a service that reached a rate limit, or else the one with the highest rate.
fn run(store: &Store, service: &str) -> Result<Option<RunFacts>, StoreError> {
    let mut fastest: Option<RunFacts> = None;
    for stored in store.runs(Some(service), RUNS)? {
        let Some((_, run)) = store.run(stored.id)? else {
            continue;
        };
        let figures = Figures::of(&run.windows);
        let found = RunFacts {
            id: stored.id,
            scenario: stored.scenario,
            requests: figures.completed,
            rate: figures.rate(),
            rejected: figures.rate_limited,
            retry_after: run.retry_after(),
        };
        if found.rejected > 0 {
            return Ok(Some(found));
        }
        let is_faster = |known: &RunFacts| found.rate > known.rate;
        if found.requests > 0 && fastest.as_ref().is_none_or(is_faster) {
            fastest = Some(found);
        }
    }
    Ok(fastest)
}

fn answer(response: &ResponseFacts, now: Timestamp) -> AnswerFacts {
    let text = |name: HeaderName| header(&response.headers, &name);
    AnswerFacts {
        status: response.status,
        length: response.length,
        asked_compressed: response.asked_compressed,
        content_type: text(CONTENT_TYPE),
        content_encoding: text(CONTENT_ENCODING),
        cache_control: text(CACHE_CONTROL),
        expires_later: expires_later(&response.headers, now),
        has_validator: response.headers.contains_key(ETAG)
            || response.headers.contains_key(LAST_MODIFIED),
        retry_after: text(RETRY_AFTER),
    }
}

/// Whether `Expires` is later than `Date`, or than now without one. Any text that is not a date, such as `0`,
/// has expired (RFC 9111, section 5.3).
fn expires_later(headers: &HeaderMap, now: Timestamp) -> bool {
    let date = |name| {
        let text = headers.get(name)?.to_str().ok()?;
        DateTime::parse_from_rfc2822(text).ok()
    };
    let sent = date(DATE).map_or(now, |date| Timestamp(date.timestamp_millis()));
    date(EXPIRES).is_some_and(|date| date.timestamp_millis() > sent.0)
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(
        String::from_utf8_lossy(value.as_bytes())
            .chars()
            .take(100)
            .collect(),
    )
}

/// Stored history of one service in a span.
struct History<'a> {
    store: &'a Store,
    all: Vec<SeriesInfo>,
    service: &'a str,
    span: (Timestamp, Timestamp),
}

impl History<'_> {
    fn named(&self, name: &str) -> impl Iterator<Item = &SeriesInfo> {
        let selector = SeriesKey::new(name, [("service", self.service)]);
        self.all
            .iter()
            .filter(move |info| info.key.matches(&selector))
    }

    fn steps(&self, info: &SeriesInfo) -> Result<Vec<Step>, StoreError> {
        let limit = usize::MAX;
        let steps = self.store.steps(info, self.span, Some(WINDOW), limit)?;
        Ok(steps.unwrap_or_default())
    }

    /// Maximum of a gauge; `None` without samples.
    fn highest(&self, name: &str) -> Result<Option<f64>, StoreError> {
        let mut all = Vec::new();
        for info in self.named(name) {
            all.extend(self.most(info)?);
        }
        Ok(all.into_iter().reduce(f64::max))
    }

    /// The pool with the highest usage; a pool that requests waited for ranks higher.
    fn fullest_pool(&self) -> Result<Option<PoolFacts>, StoreError> {
        let fill = |pool: &PoolFacts| {
            let share = pool.max.map_or(0.0, |max| pool.in_use / max);
            (pool.waiting.unwrap_or_default() > 0.0, share)
        };
        let mut fullest: Option<PoolFacts> = None;
        for info in self.named("slod_service_db_pool_in_use") {
            let Some(in_use) = self.most(info)? else {
                continue;
            };
            let pool = PoolFacts {
                in_use,
                max: self.of_same("slod_service_db_pool_max", info)?,
                waiting: self.of_same("slod_service_db_pool_waiting", info)?,
            };
            if fullest.is_none_or(|known| fill(&pool) > fill(&known)) {
                fullest = Some(pool);
            }
        }
        Ok(fullest)
    }

    /// Maximum of the gauge that has the same labels as another one.
    fn of_same(&self, name: &str, other: &SeriesInfo) -> Result<Option<f64>, StoreError> {
        let is_same = |info: &&SeriesInfo| info.key.labels().eq(other.key.labels());
        let found = self.named(name).find(is_same);
        found.map_or(Ok(None), |info| self.most(info))
    }

    fn most(&self, info: &SeriesInfo) -> Result<Option<f64>, StoreError> {
        let steps = self.steps(info)?;
        Ok(steps.iter().map(|step| step.max).reduce(f64::max))
    }

    /// Total increase of the counters with a name; `None` if there are none.
    fn increase(&self, name: &str) -> Result<Option<f64>, StoreError> {
        let mut sum = None;
        for info in self.named(name) {
            let steps = self.steps(info)?;
            let increase: f64 = steps.iter().filter_map(|step| step.increase).sum();
            sum = Some(sum.unwrap_or(0.0) + increase);
        }
        Ok(sum)
    }

    /// Memory trend of the process group that grows fastest.
    fn memory(&self) -> Result<Option<GrowthVerdict>, StoreError> {
        let mut worst = None;
        for info in self.named("slod_process_anonymous_memory_bytes") {
            let steps = self.steps(info)?;
            let verdict = growth(windows(&steps).view(), &LEAK);
            let is_worse = match (&worst, &verdict) {
                (Some(GrowthVerdict::Growing(known)), GrowthVerdict::Growing(other)) => {
                    other.per_hour > known.per_hour
                }
                (None, _) | (Some(_), GrowthVerdict::Growing(_)) => true,
                _ => false,
            };
            if is_worse {
                worst = Some(verdict);
            }
        }
        Ok(worst)
    }

    fn containers(&self) -> Result<Vec<ContainerFacts>, StoreError> {
        let mut found = Vec::new();
        for info in self.named("slod_container_memory_bytes") {
            let Some(process) = info.key.label("process") else {
                continue;
            };
            let limit = |name: &str| -> Result<Option<f64>, StoreError> {
                let labels = [("service", self.service), ("process", process)];
                let key = SeriesKey::new(name, labels);
                let Some(info) = self.all.iter().find(|info| info.key == key) else {
                    return Ok(None);
                };
                Ok(self.steps(info)?.last().map(|step| step.last))
            };
            found.push(ContainerFacts {
                process: process.to_owned(),
                memory_limit: limit("slod_container_memory_limit_bytes")?,
                cpu_limit: limit("slod_container_cpu_limit")?,
            });
        }
        Ok(found)
    }

    /// Median and 95th percentile of a probe's last hour, if enough attempts are stored, and the number of
    /// attempts of the span that were rate limited.
    fn probe(
        &self,
        spec: &ProbeSpec,
        now: Timestamp,
    ) -> Result<([Option<Duration>; 2], u64), StoreError> {
        let (from, to) = self.span;
        let (mut latencies, mut refused) = (Vec::new(), 0);
        self.store
            .for_each_outcome(&spec.key, from, to, &[], |record| {
                refused += u64::from(record.outcome.code == Some(TOO_MANY_REQUESTS));
                if record.at >= now.before(HOUR) && record.outcome.verdict == Verdict::Good {
                    latencies.push(record.outcome.latency);
                }
            })?;
        latencies.sort_unstable();
        let quantile = |q: f64| {
            let is_enough = latencies.len() as u64 >= needed(q);
            let rank =
                usize::try_from(whole((latencies.len() as f64 * q).ceil())).unwrap_or(usize::MAX);
            latencies
                .get(rank.saturating_sub(1))
                .copied()
                .filter(|_| is_enough)
        };
        Ok(([0.5, 0.95].map(quantile), refused))
    }
}

/// Values of consecutive windows.
struct Values(Vec<Option<f64>>);

impl Values {
    fn view(&self) -> Windows<'_> {
        Windows {
            width: WINDOW,
            values: &self.0,
        }
    }
}

/// The minimum of each step, the level to which garbage collectors return.
fn windows(steps: &[Step]) -> Values {
    let width = millis(WINDOW);
    let mut values = Vec::new();
    for step in steps {
        let place = (step.at.0 - steps[0].at.0) / width;
        values.resize(usize::try_from(place).unwrap_or_default(), None);
        values.push(Some(step.min));
    }
    Values(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn expires_counts_from_the_date_of_the_response() {
        let now = Timestamp(0);
        for (expires, date, expected) in [
            (
                "Mon, 30 Nov 2026 10:00:00 GMT",
                Some("Mon, 30 Nov 2026 09:00:00 GMT"),
                true,
            ),
            (
                "Mon, 30 Nov 2026 09:00:00 GMT",
                Some("Mon, 30 Nov 2026 09:00:00 GMT"),
                false,
            ),
            ("Mon, 30 Nov 2026 09:00:00 GMT", None, true),
            ("0", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(EXPIRES, HeaderValue::from_static(expires));
            if let Some(date) = date {
                headers.insert(DATE, HeaderValue::from_static(date));
            }
            assert_eq!(expires_later(&headers, now), expected, "{expires}");
        }
        assert!(!expires_later(&HeaderMap::new(), now));
    }
}
