//! `slod probe SERVICE --metrics`: which time series has which role.

use super::exit;
use super::failure::{CommandResult, Failure};
use super::output::show;
use super::run::on_this_thread;
use super::unknown_name::unknown_name;
use crate::clock::Clock;
use crate::config::{Config, MetricsSpec};
use crate::format::numbers;
use crate::observe::scrape::{RoleValue, Scraper, ServiceMetrics, surplus_errors, ways_to_find};
use crate::probe::Trace;
use crate::report::table::{drawn, plain};
use crate::roles::{Role, RoleKind};
use crate::text::printable;
use std::fmt::Write as _;

/// How many of the ways to detect a role are shown if none of them matched.
const WAYS: usize = 2;

pub fn run(config: &Config, service: &str) -> CommandResult {
    let Some(spec) = config.metrics().find(|spec| *spec.service == *service) else {
        return Err(Failure::usage(unknown(config, service)));
    };
    on_this_thread(async {
        let mut scraper = Scraper::new(spec.clone());
        let metrics = scraper.scrape(&Clock::system(), Trace::silent()).await;
        let values = scraper.raw_values();
        show(&described(spec, &metrics, &values));
        let is_scraped = metrics.scrape.error.is_none();
        Ok(if is_scraped { exit::OK } else { exit::NO })
    })
}

fn unknown(config: &Config, service: &str) -> String {
    if config.services.iter().any(|one| *one.name == *service) {
        return format!("{service} has no metrics: add `metrics: {{ url: ... }}` to it");
    }
    let known = config.metrics().map(|spec| &*spec.service);
    unknown_name("service with metrics", service, known)
}

fn described(spec: &MetricsSpec, metrics: &ServiceMetrics, values: &[(Role, f64)]) -> String {
    let target = spec.redactions.clean(&spec.endpoint.target()).into_owned();
    let took = numbers::latency(metrics.scrape.took);
    let mut out = format!("{} metrics {}\n", spec.service, printable(&target));
    if let Some(error) = &metrics.scrape.error {
        writeln!(out, "  FAILED in {took}: {}", printable(error)).unwrap_or_default();
        return out;
    }
    let samples = numbers::plural(metrics.scrape.samples, "sample");
    writeln!(out, "  {samples} in {took}\n").unwrap_or_default();
    out += &found(metrics, values);
    if metrics.scrape.dropped.total() > 0 {
        let dropped = numbers::plural(metrics.scrape.dropped.total(), "sample");
        let why = match &metrics.scrape.example {
            Some(example) => spec.redactions.clean(example),
            None => metrics.scrape.dropped.to_string().into(),
        };
        writeln!(out, "\n{dropped} ignored: {}", printable(&why)).unwrap_or_default();
    }
    if let Some(surplus) = surplus(values) {
        writeln!(out, "\nWARNING: {surplus}").unwrap_or_default();
    }
    out += &not_found(spec, metrics);
    out
}

/// What is wrong if the page counts more errors than requests.
fn surplus(values: &[(Role, f64)]) -> Option<String> {
    let total = |role| values.iter().find(|(of, _)| *of == role);
    let (_, requests) = total(Role::Requests)?;
    let (_, errors) = total(Role::Errors)?;
    surplus_errors(*requests, *errors)
}

/// Table of the detected roles.
fn found(metrics: &ServiceMetrics, values: &[(Role, f64)]) -> String {
    if metrics.roles.is_empty() {
        return "No roles found.\n".to_owned();
    }
    let mut table = plain(&["ROLE", "VALUE", "SERIES", "SELECTOR", "FOUND BY"]);
    for view in &metrics.roles {
        let value = values.iter().find(|(role, _)| *role == view.role);
        let value = match (&view.value, value) {
            // Only a bucket for +Inf: a summary, or a native histogram in a format that cannot express it.
            (None, Some(_)) if view.role.kind() == RoleKind::Histogram && view.series > 0 => {
                "no buckets: a summary, or a native histogram in a response that is not protobuf"
                    .to_owned()
            }
            (None, _) if view.role.kind() == RoleKind::Limit => "no limit".to_owned(),
            (None, _) => "too many series".to_owned(),
            (Some(RoleValue::Histogram(_)), Some((_, count))) => format!("{count} observed"),
            (_, Some((_, value))) => numbers::any(*value),
            (_, None) => "0".to_owned(),
        };
        table.add_row([
            view.role.name().to_owned(),
            value,
            view.series.to_string(),
            printable(&view.selector).into_owned(),
            view.library.unwrap_or("the config").to_owned(),
        ]);
    }
    drawn(table, &[1, 2]) + "\n"
}

/// The roles without a time series: configured ones first, then all others.
fn not_found(spec: &MetricsSpec, metrics: &ServiceMetrics) -> String {
    let missing = Role::ALL.into_iter();
    let missing: Vec<Role> = missing
        .filter(|role| metrics.role(*role).is_none())
        .collect();
    if missing.is_empty() {
        return String::new();
    }
    let mut table = plain(&["NOT FOUND", "LOOKED FOR"]);
    for role in missing {
        let ways = ways_to_find(spec, role);
        let more = ways.len().saturating_sub(WAYS);
        let mut shown = ways.into_iter().take(WAYS).collect::<Vec<_>>().join(", ");
        if more > 0 {
            write!(shown, " and {more} more").unwrap_or_default();
        }
        if shown.is_empty() {
            "not configured".clone_into(&mut shown);
        }
        table.add_row([role.name().to_owned(), printable(&shown).into_owned()]);
    }
    format!("\n{}\n", drawn(table, &[]))
}
