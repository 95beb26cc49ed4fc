//! The SLO compliance report over a time range.

mod answer;
mod burn_down;
mod card;
mod cause;
mod chart;
mod corrections;
mod event;
mod html;
pub mod incident;
mod markdown;
pub mod measure;
mod minutes;
pub mod model;
mod past;
mod rows;
mod service;
pub mod span;
mod tables;
mod text;
mod watch;
mod words;

use super::deploys;
use super::walk::each_share;
use crate::config::{Config, ServiceSpec};
use crate::ledger::TrafficHistory;
use crate::outcome::Timestamp;
use crate::slo::correction::CorrectedTime;
use crate::store::{Store, StoreError};
use corrections::Corrections;
use model::{Report, ServiceReport};
use service::ServiceCounting;
use span::Span;
use std::time::Duration;

/// Maximum length of a report's time range: a leap year.
pub const MAX_SPAN: Duration = Duration::from_hours(366 * 24);

/// Maximum number of incidents listed per objective; a review has no time for more.
pub const MAX_INCIDENTS: usize = 20;

/// Minimum coverage for the verdict "met". The unobserved rest could be anything, and with less coverage
/// the verdict would not be reliable.
pub const MIN_COVERAGE: f64 = 0.9;

/// Counts a span of one service.
pub fn of_service(
    config: &Config,
    store: &Store,
    service: &ServiceSpec,
    span: Span,
) -> Result<ServiceReport, StoreError> {
    let corrections = Corrections::read(config, store, span)?;
    let time = CorrectedTime::of(&corrections.in_force);
    let mut counting = [ServiceCounting::new(config, service, store, &time, span)?];
    past::count(&mut counting, store, span)?;
    let [mut counting] = counting;
    counting.add_traffic(store, &TrafficHistory::of(store)?)?;
    Ok(counting.finish())
}

/// Counts a span from the store, with the corrections in force.
pub fn report(config: &Config, store: &Store, span: Span) -> Result<Report, StoreError> {
    let corrections = Corrections::read(config, store, span)?;
    let ahead = store.ahead(span.now)?;
    let time = CorrectedTime::of(&corrections.in_force);
    let services = each_share(config, store, |reader, services| {
        let each = services.iter();
        let each = each.map(|service| ServiceCounting::new(config, service, reader, &time, span));
        let mut each = each.collect::<Result<Vec<_>, _>>()?;
        past::count(&mut each, reader, span)?;
        let traffic = TrafficHistory::of(reader)?;
        for service in &mut each {
            service.add_traffic(reader, &traffic)?;
        }
        Ok(each.into_iter().map(ServiceCounting::finish).collect())
    })?;
    Ok(Report {
        at: span.now.to_utc(),
        from: span.from.to_utc(),
        to: span.to.to_utc(),
        asked_to: (span.asked_to > span.to).then(|| span.asked_to.to_utc()),
        outcomes: services.iter().map(|service| service.outcomes).sum(),
        unreadable_blocks: store.unreadable_blocks(),
        future_outcomes: ahead.outcomes,
        future_until: ahead.last.map(Timestamp::to_utc),
        services,
        corrections: corrections.shown,
        deployments: deploys::in_report(config, store, span)?,
    })
}
