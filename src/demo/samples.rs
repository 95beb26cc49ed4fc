//! A generated month of samples: the traffic of the simulated services, and the resource usage of
//! their processes.

use super::history::History;
use super::incident::Trouble;
use super::past::{self, Effect, PROBER_DOWN};
use super::profile::load;
use super::traffic::Traffic;
use super::{PROCESS, SERVICES};
use crate::observe::{
    COLLECTORS, ProcessView, QUANTILES, RoleValue, RoleView, ScrapeView, SeriesNames,
    ServiceMetrics, SystemView, histogram_quantile,
};
use crate::outcome::Timestamp;
use crate::roles::Role;
use crate::store::Tick;
use crate::units::whole;
use fastrand::Rng;
use std::iter::successors;
use std::sync::Arc;
use std::time::Duration;

/// The last hours are sampled as often as trends require, older ones as charts of days require.
const RECENT: Duration = Duration::from_hours(3);
const FINE: Duration = Duration::from_secs(30);
const COARSE: Duration = Duration::from_mins(10);
/// Number of samples per commit.
const COMMIT: usize = 500;

const MIB: f64 = 1024.0 * 1024.0;
const THREADS: u64 = 12;

/// One service while its history is generated.
struct Service {
    number: u32,
    name: Arc<str>,
    traffic: Traffic,
    /// The state at the preceding sample.
    before: Traffic,
    cpu_seconds: f64,
    random: Rng,
}

impl History {
    /// The samples of the whole month in order of time, in batches for one commit each.
    pub fn samples(self) -> impl Iterator<Item = Vec<Tick>> {
        let mut names = SeriesNames::default();
        let mut services: Vec<Service> = (0..).zip(&SERVICES).map(Service::new).collect();
        let mut ticks = self
            .sampled()
            .map(move |(at, step)| self.tick(&mut names, &mut services, at, step));
        let batches = std::iter::from_fn(move || Some(ticks.by_ref().take(COMMIT).collect()));
        batches.take_while(|batch: &Vec<Tick>| !batch.is_empty())
    }

    /// The times of samples, with the time since the preceding one.
    fn sampled(self) -> impl Iterator<Item = (Timestamp, Duration)> {
        let recent = self.to.before(RECENT).hour();
        let every = |from: Timestamp, to: Timestamp, step: Duration| {
            let times = successors(Some(from), move |at| Some(at.after(step)));
            times
                .take_while(move |at| *at < to)
                .map(move |at| (at, step))
        };
        let all = every(self.from, recent, COARSE).chain(every(recent, self.to, FINE));
        all.filter(move |(at, _)| !PROBER_DOWN.contains(self.before_end(*at)))
    }

    fn tick(
        self,
        names: &mut SeriesNames,
        services: &mut [Service],
        at: Timestamp,
        step: Duration,
    ) -> Tick {
        let since = Duration::from_millis(at.0.abs_diff(self.from.0));
        let mut view = SystemView {
            at,
            ..SystemView::default()
        };
        for service in services {
            service.advance((since, at), self.before_end(at), step);
            view.processes.push(service.process(at));
            view.services.push(Arc::new(service.metrics(at, step)));
        }
        names.tick(at, |sink| {
            for collector in COLLECTORS {
                (collector.write)(sink, &view);
            }
        })
    }
}

impl Service {
    fn new((number, profile): (u32, &super::Profile)) -> Self {
        Self {
            number,
            name: profile.name.into(),
            traffic: Traffic::default(),
            before: Traffic::default(),
            cpu_seconds: 0.0,
            random: Rng::with_seed(number.into()),
        }
    }

    fn advance(&mut self, now: (Duration, Timestamp), before_end: Duration, step: Duration) {
        let trouble = match past::effect(self.number, before_end) {
            Some(Effect::Fails(_)) => Trouble::Failing,
            Some(Effect::Slow(more)) => Trouble::Slow(more),
            Some(Effect::FailsEvery(_)) | None => Trouble::None,
        };
        self.before = self.traffic.clone();
        let profile = SERVICES[self.number as usize];
        self.traffic
            .advance(profile, trouble, now, &mut self.random);
        self.cpu_seconds += self.cpu(now.1) * step.as_secs_f64();
    }

    /// As a share of all processors.
    fn cpu(&self, at: Timestamp) -> f64 {
        0.02 + 0.1 * load(at) + 0.002 * self.traffic.busy as f64
    }

    fn process(&mut self, at: Timestamp) -> ProcessView {
        let (cpu, noise) = (self.cpu(at), self.random.f64());
        let memory = whole(MIB * (38.0 + 3.0 * load(at) + noise));
        let files = 20 + self.traffic.busy;
        ProcessView {
            service: self.name.clone(),
            name: PROCESS.into(),
            count: 1,
            cpu_seconds: self.cpu_seconds,
            cpu_usage: Some(cpu),
            cpu_usage_max: Some(cpu),
            resident_bytes: Some(memory),
            resident_max_bytes: Some(memory),
            anonymous_bytes: Some(memory / 2),
            threads: Some(THREADS),
            open_fds: Some(files),
            ..ProcessView::default()
        }
    }

    fn metrics(&self, at: Timestamp, step: Duration) -> ServiceMetrics {
        let requests = |traffic: &Traffic| traffic.good + traffic.failed;
        let new = requests(&self.traffic) - requests(&self.before);
        let failed = self.traffic.failed - self.before.failed;
        let roles = Role::ALL.into_iter().map(|role| RoleView {
            role,
            selector: "".into(),
            library: None,
            series: 1,
            value: Some(self.traffic.value(role)),
        });
        ServiceMetrics {
            at: Some(at),
            scrape: ScrapeView::default(),
            roles: roles.collect(),
            requests_per_second: Some(new as f64 / step.as_secs_f64()),
            error_ratio: (new > 0).then(|| failed as f64 / new as f64),
            quantiles: self.quantiles(Role::RequestDuration),
            llm_quantiles: self.quantiles(Role::LlmDuration),
            first_token_quantiles: self.quantiles(Role::LlmTimeToFirstToken),
            ..ServiceMetrics::unknown(self.name.clone())
        }
    }

    /// Of the requests since the preceding sample.
    fn quantiles(&self, role: Role) -> Option<[f64; 3]> {
        let histogram = |traffic: &Traffic| match traffic.value(role) {
            RoleValue::Histogram(histogram) => Some(histogram),
            RoleValue::Gauge(_) | RoleValue::Counter(_) => None,
        };
        let (now, before) = (histogram(&self.traffic)?, histogram(&self.before)?);
        let mut total = 0.0;
        let bounds = now.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = now.counts.iter().zip(&before.counts);
        let buckets = bounds.zip(counts).map(|(bound, (now, before))| {
            total += (now - before) as f64;
            (bound, total)
        });
        let buckets: Vec<_> = buckets.collect();
        let [p50, p95, p99] =
            QUANTILES.map(|(quantile, _)| histogram_quantile(quantile, &buckets, false));
        Some([p50?, p95?, p99?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::SeriesKind;

    const REQUESTS: &str = r#"slod_service_requests_total{service="rag"}"#;
    const ERRORS: &str = r#"slod_service_error_ratio{service="concierge"}"#;
    const P95: &str =
        r#"slod_service_request_duration_quantile_seconds{quantile="0.95",service="concierge"}"#;
    const MEMORY: &str = r#"slod_process_resident_memory_bytes{process="server",service="rag"}"#;

    /// Some series of a month that ends at a fixed time.
    fn month<const N: usize>(names: [&str; N]) -> [Vec<(Timestamp, f64)>; N] {
        let history = History::before(Timestamp::from_secs(1_795_000_000));
        let mut found = [const { Vec::new() }; N];
        for tick in history.samples().flatten() {
            for (key, kind, value) in &tick.samples {
                let of_family = |name: &&str| name.starts_with(key.name());
                if names.iter().any(of_family)
                    && let Some(index) = names.iter().position(|name| *name == key.to_string())
                {
                    let is_counter = *kind == SeriesKind::Counter;
                    assert_eq!(is_counter, names[index].contains("_total"));
                    found[index].push((tick.at, *value));
                }
            }
        }
        found
    }

    #[test]
    fn a_month_has_days_an_outage_and_a_slow_afternoon_and_no_leak() {
        let [requests, errors, p95, memory] = month([REQUESTS, ERRORS, P95, MEMORY]);
        assert!(requests.is_sorted_by_key(|(_, count)| *count));
        let rates = requests.windows(2).map(|pair| {
            let span = (pair[1].0.0 - pair[0].0.0) as f64 / 1000.0;
            (pair[1].1 - pair[0].1) / span
        });
        let rates: Vec<_> = rates.collect();
        let lowest = rates.iter().copied().fold(f64::MAX, f64::min);
        let highest = rates.iter().copied().fold(0.0, f64::max);
        assert!((9.0..11.0).contains(&lowest), "{lowest}");
        assert!((29.0..31.0).contains(&highest), "{highest}");
        let failing = errors.iter().filter(|(_, ratio)| *ratio > 0.5).count();
        assert!((1..=3).contains(&failing), "17 minutes: {failing}");
        let slow = p95.iter().filter(|(_, seconds)| *seconds > 1.0).count();
        assert!((12..=14).contains(&slow), "130 minutes: {slow}");
        let usual = 38.0 * MIB..42.0 * MIB;
        assert!(memory.iter().all(|(_, bytes)| usual.contains(bytes)));
    }
}
