//! From one page to the next: the rule chosen for each role, totals, and rates. Pure.

use super::alternation::Alternation;
use super::counter::{Counter, Falls, Total};
use super::dropped::DropCause;
use super::plan::{Plan, Rule};
use super::pools::{PoolShape, Pools, pools};
use super::quantile::{make_monotonic, quantile};
use super::scan::{RuleSamples, Scanned};
use super::series::Page;
use super::view::{HistogramView, QUANTILES, RoleValue, RoleView, ScrapeView, ServiceMetrics};
use crate::roles::{Ecosystem, Role, RoleKind};
use crate::units::whole;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The time over which rates are measured.
const RATE_WINDOW: Duration = Duration::from_mins(1);
/// The time over which quantiles are estimated.
const QUANTILE_WINDOW: Duration = Duration::from_mins(5);
/// The minimum time between two snapshots, which limits their number.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(5);
/// The roles whose totals are kept in snapshots.
const REMEMBERED: [Role; 9] = [
    Role::Requests,
    Role::Errors,
    Role::RequestDuration,
    Role::LlmRequests,
    Role::LlmErrors,
    Role::LlmTokensIn,
    Role::LlmTokensOut,
    Role::LlmDuration,
    Role::LlmTimeToFirstToken,
];
/// Those of the service's own requests.
const OF_REQUESTS: [Role; 3] = [Role::Requests, Role::Errors, Role::RequestDuration];

/// The history of a service's metrics.
#[derive(Debug, Default)]
pub struct History {
    counters: HashMap<usize, Counter>,
    /// Whether the last page had series of any role. The page of an exporter whose target is down
    /// has none, and what the target counted meanwhile is not an increase.
    had_roles: bool,
    alternation: Alternation,
    /// When the last page was scraped, since the watch started.
    last: Option<Duration>,
    snapshots: VecDeque<Snapshot>,
}

/// The totals at one time.
#[derive(Debug)]
struct Snapshot {
    /// Since the watch started.
    at: Duration,
    /// The totals of [`REMEMBERED`], with the index of the rule that found each.
    totals: [Option<(usize, Total)>; REMEMBERED.len()],
}

/// The rules chosen for the roles.
type Chosen = [Option<usize>; Role::COUNT];

impl History {
    /// Takes the page of a scrape that started `at`, measured since the watch started.
    pub fn follow(
        &mut self,
        plan: &Plan,
        service: &Arc<str>,
        scanned: &Scanned,
        at: Duration,
        interval: Duration,
    ) -> ServiceMetrics {
        let pause = self.last.replace(at).map(|last| at.saturating_sub(last));
        let gap = pause.unwrap_or(interval).as_secs_f64() / interval.as_secs_f64();
        let uncounted = self.count(plan, scanned, gap);
        let chosen = choose(plan, scanned);
        self.forget(at, interval);
        let mut metrics = ServiceMetrics::unknown(service.clone());
        let mut dropped = scanned.dropped;
        dropped.add(DropCause::Change, uncounted);
        metrics.scrape = ScrapeView {
            samples: scanned.samples,
            dropped,
            example: scanned.example.clone(),
            error: self
                .alternation
                .is_found()
                .then(|| self.alternation.to_string()),
            ..ScrapeView::default()
        };
        let roles = chosen.iter().flatten();
        metrics.roles = roles
            .filter_map(|at| self.view(plan.rule(*at)?, *at, scanned))
            .collect();
        if let Some((pools, shape)) = found_pools(plan, &chosen, scanned) {
            metrics.pool_usage = pools.fullest;
            metrics.fullest_pool = pools.name;
            if shape == PoolShape::PerUser {
                metrics.set_gauge(Role::DbPoolMax, pools.max);
            }
        }
        self.measure(&chosen, at, interval, &mut metrics);
        self.remember(&chosen, at);
        metrics
    }

    /// Adds the increases since the last page, which was `gap` intervals ago. Returns how many series
    /// could not be counted.
    fn count(&mut self, plan: &Plan, scanned: &Scanned, gap: f64) -> u64 {
        let mut uncounted = 0;
        let is_counted = |rule_at: usize| {
            let kind = plan.rule(rule_at).map(|rule| rule.role.kind());
            matches!(kind, Some(RoleKind::Counter | RoleKind::Histogram))
        };
        let is_of_requests = |rule_at: usize| {
            let role = plan.rule(rule_at).map(|rule| rule.role);
            role.is_some_and(|role| OF_REQUESTS.contains(&role))
        };
        let rules = scanned.by_rule.iter();
        let rules = rules.filter(|(rule_at, found)| found.is_known && is_counted(**rule_at));
        let page = |(rule_at, found): (&usize, &RuleSamples)| {
            let bounds = plan.rule(*rule_at).map(|rule| plan.bounds(rule.role));
            let page = Page::of(found, bounds.unwrap_or_default());
            (*rule_at, found.is_partial, page)
        };
        let pages: Vec<_> = rules.map(page).collect();
        let moved = pages.iter().filter_map(|(rule_at, _, page)| {
            let counter = self.counters.get(rule_at)?;
            Some(counter.moved(page))
        });
        let (fell, rose) = moved.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        self.alternation.take(fell, rose);
        let falls = self.falls(&pages, gap);
        for (rule_at, is_partial, page) in pages {
            let from_zero = self.had_roles && !is_partial;
            let counter = self.counters.entry(rule_at);
            let counter =
                counter.or_insert_with(|| Counter::new(from_zero, is_of_requests(rule_at)));
            if is_partial {
                continue;
            }
            if self.alternation.is_found() {
                counter.pass_over(page);
            } else {
                uncounted += counter.follow(page, falls);
            }
        }
        self.had_roles = scanned.has_series();
        uncounted
    }

    /// Whether the counters that fell were reset. All of them are judged by those of requests: a
    /// page that lacks a part of the requests lacks the same part of the errors.
    fn falls(&self, pages: &[(usize, bool, Page)], gap: f64) -> Falls {
        let mut counters = pages.iter().filter_map(|(rule_at, _, page)| {
            let counter = self.counters.get(rule_at)?;
            Some(counter.may_be_reset(page, gap))
        });
        if counters.all(|may_be_reset| may_be_reset) {
            Falls::Reset
        } else {
            Falls::Doubtful
        }
    }

    /// Drops snapshots that are no longer needed. After a pause, rates start anew.
    fn forget(&mut self, at: Duration, interval: Duration) {
        let longest = stale_after(interval).max(RATE_WINDOW);
        let paused = |last: &Snapshot| at.saturating_sub(last.at) > longest;
        if self.snapshots.back().is_some_and(paused) {
            self.snapshots.clear();
        }
        let oldest = at.saturating_sub(QUANTILE_WINDOW.max(interval) + interval);
        while self.snapshots.len() > 1 && self.snapshots[0].at < oldest {
            self.snapshots.pop_front();
        }
    }

    fn remember(&mut self, chosen: &Chosen, at: Duration) {
        let is_due = |last: &Snapshot| at.saturating_sub(last.at) >= SNAPSHOT_EVERY;
        if self.snapshots.back().is_none_or(is_due) {
            let totals = REMEMBERED.map(|role| {
                let rule_at = chosen[role as usize]?;
                Some((rule_at, self.counters.get(&rule_at)?.total.clone()))
            });
            self.snapshots.push_back(Snapshot { at, totals });
        }
    }

    fn measure(
        &self,
        chosen: &Chosen,
        at: Duration,
        interval: Duration,
        metrics: &mut ServiceMetrics,
    ) {
        // Includes a scrape that started slightly late.
        let since = |window: Duration| at.saturating_sub(window + interval / 2);
        let minute = since(RATE_WINDOW);
        let rate = |role| {
            let (start, [counted]) = self.increases([role], chosen, minute)?;
            let span = at.saturating_sub(start).as_secs_f64();
            (span > 0.0).then(|| counted.value / span)
        };
        let ratio = |all, part| {
            let (_, [all, part]) = self.increases([all, part], chosen, minute)?;
            (all.value > 0.0).then(|| (part.value / all.value).min(1.0))
        };
        metrics.requests_per_second = rate(Role::Requests);
        metrics.error_ratio = ratio(Role::Requests, Role::Errors);
        metrics.llm_requests_per_second = rate(Role::LlmRequests);
        metrics.llm_error_ratio = ratio(Role::LlmRequests, Role::LlmErrors);
        let tokens = [Role::LlmTokensIn, Role::LlmTokensOut].map(rate);
        metrics.llm_tokens_per_second = tokens.into_iter().flatten().reduce(|a, b| a + b);
        let quantiles = |role| {
            let (_, [durations]) = self.increases([role], chosen, since(QUANTILE_WINDOW))?;
            quantiles(&durations)
        };
        metrics.quantiles = quantiles(Role::RequestDuration);
        metrics.llm_quantiles = quantiles(Role::LlmDuration);
        metrics.first_token_quantiles = quantiles(Role::LlmTimeToFirstToken);
    }

    /// The increases of roles since the first snapshot from `oldest` on that has all of them, found
    /// by the same rules; or since the last one if scrapes are further apart.
    fn increases<const N: usize>(
        &self,
        roles: [Role; N],
        chosen: &Chosen,
        oldest: Duration,
    ) -> Option<(Duration, [Total; N])> {
        let of = |snapshot: &Snapshot| {
            let mut totals = [const { None }; N];
            for (total, role) in totals.iter_mut().zip(roles) {
                *total = Some(self.increase(role, chosen, snapshot)?);
            }
            Some((snapshot.at, totals.map(Option::unwrap_or_default)))
        };
        let mut recent = self.snapshots.iter().filter(|one| one.at >= oldest);
        let found = recent.find_map(of);
        found.or_else(|| of(self.snapshots.back()?))
    }

    /// The increase of a role since a snapshot, if the same rule found it then.
    fn increase(&self, role: Role, chosen: &Chosen, start: &Snapshot) -> Option<Total> {
        let rule_at = chosen[role as usize]?;
        let place = REMEMBERED.iter().position(|one| *one == role)?;
        let (then, earlier) = start.totals[place].as_ref()?;
        let now = &self.counters.get(&rule_at)?.total;
        (*then == rule_at).then(|| now.since(earlier))?
    }

    fn view(&self, rule: &Rule, rule_at: usize, scanned: &Scanned) -> Option<RoleView> {
        let found = scanned.by_rule.get(&rule_at)?;
        let value = match rule.role.kind() {
            _ if found.is_partial => None,
            RoleKind::Gauge => Some(sum(found))
                .filter(|sum| sum.is_finite())
                .map(RoleValue::Gauge),
            RoleKind::Limit => limit(rule, found).map(RoleValue::Gauge),
            RoleKind::State => {
                let is_set = found.points.iter().any(|point| point.value != 0.0);
                Some(RoleValue::Gauge(f64::from(u8::from(is_set))))
            }
            RoleKind::Counter => {
                let counter = self.counters.get(&rule_at);
                counter.map(|counter| RoleValue::Counter(counter.total.value))
            }
            RoleKind::Histogram => {
                let counter = self.counters.get(&rule_at);
                counter
                    .and_then(|counter| histogram(&counter.total))
                    .map(RoleValue::Histogram)
            }
        };
        Some(RoleView {
            role: rule.role,
            selector: rule.written.as_str().into(),
            library: rule.library.map(|library| library.name),
            series: found.len(),
            value,
        })
    }
}

/// How long a service's values are shown without a successful scrape.
pub fn stale_after(interval: Duration) -> Duration {
    interval * 5 / 2
}

fn sum(found: &RuleSamples) -> f64 {
    found.points.iter().map(|point| point.value).sum()
}

/// The sum of limits, or `None` if one of them means no limit: 0 (unless it is a part of a sum of
/// several metrics, such as `max_overflow`), a negative number, infinity, or the largest number of
/// an integer type.
fn limit(rule: &Rule, found: &RuleSamples) -> Option<f64> {
    let mut points = found.points.iter();
    points
        .all(|point| is_limit(rule, point.value))
        .then(|| sum(found))
}

fn is_limit(rule: &Rule, value: f64) -> bool {
    let has_parts = rule
        .selector
        .as_ref()
        .is_some_and(|selector| selector.name().is_none());
    let least = if has_parts { 0.0 } else { f64::MIN_POSITIVE };
    (least..f64::from(i32::MAX)).contains(&value)
}

/// The database pools of a page, if their series can be distinguished.
fn found_pools(plan: &Plan, chosen: &Chosen, scanned: &Scanned) -> Option<(Pools, PoolShape)> {
    let found = |role: Role| {
        let at = chosen[role as usize]?;
        Some((plan.rule(at)?, scanned.by_rule.get(&at)?))
    };
    let (_, in_use) = found(Role::DbPoolInUse)?;
    let (rule, limits) = found(Role::DbPoolMax)?;
    let is_per_user = rule.library.is_some_and(Ecosystem::has_pools_per_user);
    let shape = if is_per_user {
        PoolShape::PerUser
    } else {
        PoolShape::Labels
    };
    let pools = pools(in_use, limits, shape, |value| is_limit(rule, value))?;
    Some((pools, shape))
}

/// Chooses the rule of each role: its selector, or the first of the table that finds series. A
/// counter without series is 0 if its metric exists.
fn choose(plan: &Plan, scanned: &Scanned) -> Chosen {
    let mut chosen: Chosen = [None; Role::COUNT];
    for role in Role::ALL {
        let anchor = role.anchor().and_then(|anchor| chosen[anchor as usize]);
        let anchor = anchor.and_then(|at| plan.rule(at));
        let fits = |rule: &Rule| match (rule.library, anchor) {
            (Some(library), Some(anchor)) => anchor
                .library
                .is_some_and(|other| other.name == library.name),
            _ => true,
        };
        let candidates = plan.rules_of(role).filter(|(_, rule)| fits(rule));
        let found: Vec<_> = candidates
            .filter_map(|(at, _)| Some((at, scanned.by_rule.get(&at)?)))
            .collect();
        let with_series = found.iter().find(|(_, found)| found.has_series());
        let is_counter = role.kind() == RoleKind::Counter;
        let zero = found.iter().find(|(_, found)| is_counter && found.is_known);
        chosen[role as usize] = with_series.or(zero).map(|(at, _)| *at);
    }
    chosen
}

/// Converts cumulative counts to a histogram of integers; `None` if there never was a bucket.
fn histogram(total: &Total) -> Option<HistogramView> {
    if total.buckets.is_empty() && total.restarts == 0 {
        return None;
    }
    let mut buckets = total.all_buckets();
    make_monotonic(&mut buckets);
    let mut before = 0;
    let counts = buckets.into_iter().map(|(_, count)| {
        let count = whole(count);
        let own = count - before;
        before = count;
        own
    });
    Some(HistogramView {
        counts: counts.collect(),
        bounds: total.buckets.iter().map(|(bound, _)| *bound).collect(),
        sum: total.sum,
    })
}

fn quantiles(total: &Total) -> Option<[f64; 3]> {
    let mut buckets = total.all_buckets();
    make_monotonic(&mut buckets);
    let mut values = [0.0; QUANTILES.len()];
    for (value, (q, _)) in values.iter_mut().zip(QUANTILES) {
        *value = quantile(q, &buckets, total.is_native)?;
    }
    Some(values)
}
