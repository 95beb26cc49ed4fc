//! Repeated scrapes of one service.

use super::breakers::Breakers;
use super::dropped::DropCause;
use super::history::{History, stale_after};
use super::page::PageReader;
use super::plan::Plan;
use super::scan::{Point, RuleSamples, Scan, Scanned, Slot, is_usable};
use super::view::{RoleView, ScrapeView, ServiceMetrics};
use crate::clock::Clock;
use crate::config::MetricsSpec;
use crate::probe::http::Totaled;
use crate::probe::{Attempt, Trace};
use crate::roles::{Role, RoleKind};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// The first scrapes of all services are spread over this time.
const SPREAD_MS: u64 = 1000;

/// The latest metrics of a service.
#[derive(Clone, Debug)]
pub struct Latest {
    pub metrics: Arc<ServiceMetrics>,
    /// The start of the last successful scrape.
    pub since: Option<Instant>,
    /// Whether a scrape has completed.
    pub is_scraped: bool,
}

impl Latest {
    pub fn unknown(spec: &MetricsSpec) -> Self {
        Self {
            metrics: Arc::new(ServiceMetrics::unknown(spec.service.clone())),
            since: None,
            is_scraped: false,
        }
    }

    /// The metrics to show now; values that are too old are omitted.
    pub fn at(&self, now: Instant, interval: Duration) -> Arc<ServiceMetrics> {
        let age = self.since.map(|since| now.saturating_duration_since(since));
        if age.is_some_and(|age| age <= stale_after(interval)) {
            return self.metrics.clone();
        }
        Arc::new(self.metrics.without_values())
    }
}

/// Scrapes at the interval of the spec until the task is aborted.
pub async fn watch(spec: Arc<MetricsSpec>, clock: Clock, latest: watch::Sender<Latest>) {
    let mut scraper = Scraper::new(spec.clone());
    let offset = RandomState::new().hash_one(&spec.service) % SPREAD_MS;
    let first = Instant::now() + Duration::from_millis(offset);
    let mut tick = interval_at(first, spec.interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut was_failing, mut had_surplus) = (false, false);
    loop {
        tick.tick().await;
        let started = Instant::now();
        let result = scraper.scrape(&clock, Trace::silent()).await;
        match (&result.scrape.error, was_failing) {
            (Some(error), false) => {
                tracing::warn!("{}: cannot read its metrics: {error}", spec.service);
            }
            (None, true) => tracing::info!("{}: reading its metrics works again", spec.service),
            _ => {}
        }
        was_failing = result.scrape.error.is_some();
        if !was_failing {
            let surplus = result.surplus_errors();
            if let Some(surplus) = surplus.as_deref().filter(|_| !had_surplus) {
                tracing::warn!("{}: {surplus}", spec.service);
            }
            had_surplus = surplus.is_some();
        }
        latest.send_modify(|latest| latest.take(result, started));
    }
}

impl Latest {
    /// A failed scrape keeps the values until they are too old.
    pub(super) fn take(&mut self, mut scraped: ServiceMetrics, started: Instant) {
        self.is_scraped = true;
        let has_failed = scraped.scrape.error.is_some();
        scraped.scrape.failures = self.metrics.scrape.failures + u64::from(has_failed);
        if has_failed {
            let mut metrics = (*self.metrics).clone();
            metrics.scrape = scraped.scrape;
            self.metrics = Arc::new(metrics);
        } else {
            self.since = Some(started);
            self.metrics = Arc::new(scraped);
        }
    }
}

/// Scrapes one service repeatedly.
#[derive(Debug)]
pub struct Scraper {
    spec: Arc<MetricsSpec>,
    plan: Plan,
    history: History,
    breakers: Breakers,
    hasher: RandomState,
    begun: Instant,
    /// The values on the last page.
    raw: Vec<(Role, f64)>,
}

impl Scraper {
    pub fn new(spec: Arc<MetricsSpec>) -> Self {
        Self {
            plan: Plan::new(&spec),
            spec,
            history: History::default(),
            breakers: Breakers::default(),
            hasher: RandomState::new(),
            begun: Instant::now(),
            raw: Vec::new(),
        }
    }

    /// Scrapes once. Errors are part of the result.
    pub async fn scrape(&mut self, clock: &Clock, trace: Trace) -> ServiceMetrics {
        let spec = self.spec.clone();
        spec.endpoint.prepare(spec.timeout).await;
        let mut attempt = Attempt::new(clock.now(), spec.timeout, trace);
        let result = self.read(&mut attempt).await;
        let took = attempt.started.elapsed();
        match result {
            Ok(scanned) => {
                let at = attempt.started.saturating_duration_since(self.begun);
                let (service, interval) = (&spec.service, spec.interval);
                let history = &mut self.history;
                let mut metrics = history.follow(&self.plan, service, &scanned, at, interval);
                metrics.scrape.took = took;
                metrics.at = Some(attempt.wall);
                let breakers = &mut self.breakers;
                metrics.breakers = breakers.follow(&self.plan, &metrics, &scanned, attempt.wall);
                self.raw = raw_values(&self.plan, &metrics, &scanned);
                metrics
            }
            Err(error) => ServiceMetrics {
                scrape: ScrapeView {
                    error: Some(spec.endpoint.cleaned(spec.redactions.cleaned(error))),
                    took,
                    ..ScrapeView::default()
                },
                ..ServiceMetrics::unknown(spec.service.clone())
            },
        }
    }

    /// The values on the last page: the total of a counter, the count of a histogram.
    pub fn raw_values(&self) -> Vec<(Role, f64)> {
        self.raw.clone()
    }

    async fn read(&self, attempt: &mut Attempt) -> Result<Scanned, String> {
        let endpoint = &self.spec.endpoint;
        if let Some(paths) = &self.plan.paths {
            let totals = endpoint.get_totals(attempt, paths.clone()).await?;
            return Ok(of_document(&self.plan, &totals));
        }
        let now_ms = attempt.wall.0;
        let mut page = PageReader::new(Scan::new(&self.plan, &self.hasher, now_ms));
        endpoint.get(attempt, &mut page).await?;
        page.finish()
    }
}

fn raw_values(plan: &Plan, metrics: &ServiceMetrics, scanned: &Scanned) -> Vec<(Role, f64)> {
    let value = |view: &RoleView| {
        let mut rules = plan.rules_of(view.role);
        let (at, _) = rules.find(|(_, rule)| *rule.written == *view.selector)?;
        let found = scanned.by_rule.get(&at)?;
        let natives = found.natives.iter();
        let natives = natives.fold(0.0, |total, point| total + point.count);
        let counted = found.points.iter().filter(|point| match view.role.kind() {
            RoleKind::Histogram => point.slot == Slot::Count,
            _ => true,
        });
        let total = counted.fold(natives, |total, point| total + point.value);
        // The limit of a pool may apply several times.
        let limit = metrics.number(view.role);
        let total = limit
            .filter(|_| view.role.kind() == RoleKind::Limit)
            .unwrap_or(total);
        let is_state = view.role.kind() == RoleKind::State;
        Some((
            view.role,
            if is_state {
                f64::from(u8::from(total != 0.0))
            } else {
                total
            },
        ))
    };
    metrics.roles.iter().filter_map(value).collect()
}

/// The totals of a JSON document, one per rule.
fn of_document(plan: &Plan, totals: &[Totaled]) -> Scanned {
    let mut scanned = Scanned::default();
    for (at, found) in totals.iter().enumerate() {
        let total = found.total;
        let rule = plan.rule(at);
        if let (Some(rule), Some(text), None) = (rule, &found.example, &scanned.example) {
            let example = format!(
                "`{}` of `{}` is {text}, which is not a number",
                rule.written, rule.role
            );
            scanned.example = Some(example);
        }
        let kind = rule.map(|rule| rule.role.kind());
        let is_usable = |value: &f64| kind.is_some_and(|kind| is_usable(kind, *value));
        let point = total.filter(is_usable).map(|value| Point {
            key: 0,
            slot: Slot::Value,
            value,
        });
        scanned.samples += u64::from(total.is_some()) + found.unusable;
        let dropped = u64::from(total.is_some() && point.is_none()) + found.unusable;
        scanned.dropped.add(DropCause::Value, dropped);
        let found = RuleSamples {
            is_known: point.is_some(),
            points: point.into_iter().collect(),
            ..RuleSamples::default()
        };
        scanned.by_rule.insert(at, found);
    }
    scanned
}
