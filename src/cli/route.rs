//! `slod route`: shows where an alert would go, and why.

use super::failure::CommandResult;
use super::output::{print_error, show};
use super::span::TimeArg;
use super::unknown_name::unknown_name;
use super::{ConfigArg, exit};
use crate::alert::Notice;
use crate::clock::Clock;
use crate::config::AlertLabels;
use crate::format::times;
use crate::receiver::{Decision, Route, group_of};
use crate::units::show_duration;
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct RouteArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Labels of the alert, such as `severity=page service=rag`. Labels of the service and of all alerts are added.
    #[arg(required = true, value_name = "LABEL=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Start of the alert [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<TimeArg>,
}

fn label(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected LABEL=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub fn run(args: &RouteArgs) -> CommandResult {
    let config = args.config.load()?;
    let now = Clock::system().now();
    let from = args.at.map_or(now, |at| at.at(now));
    let mut labels: BTreeMap<_, _> = args.labels.iter().cloned().collect();
    let named = labels.get("service").cloned().unwrap_or_default();
    let mut services = config.services.iter();
    if let Some(service) = services.find(|service| *service.name == *named) {
        for (name, value) in service.labels.iter() {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
    } else if !named.is_empty() {
        let known = config.services.iter().map(|service| &*service.name);
        print_error(&format!("slod: {}", unknown_name("service", &named, known)));
    }
    config.alerts.add_external(&mut labels);
    let notice = Notice {
        labels,
        annotations: BTreeMap::new(),
        from,
        to: None,
    };
    let decisions = config.routing.decide(&notice, from);
    let Some(first) = decisions.first() else {
        print_error("slod: no route matches: nobody is notified");
        return Ok(exit::NO);
    };
    let route = &config.routing.routes[first.route];
    let external = &config.routing.external;
    let group = group(route, external, &notice.labels);
    show(&explained(first.route, route, &decisions, from.0, &group));
    Ok(exit::OK)
}

/// The groups that alerts with these labels are in.
fn group(route: &Route, external: &[String], labels: &BTreeMap<String, String>) -> String {
    let further = external
        .iter()
        .filter(|name| !route.group_by.contains(name));
    let names: Vec<&String> = route.group_by.iter().chain(further).collect();
    let known = names
        .iter()
        .filter_map(|name| Some((*name, labels.get(*name)?.as_str())));
    let known = group_of(known);
    let open = names.iter().map(|name| name.as_str());
    let open = open.filter(|name| AlertLabels::is_own(name) && !labels.contains_key(*name));
    let open: Vec<&str> = open.collect();
    let is_known = known != "{}";
    match (&open[..], is_known) {
        ([], _) => format!("group {known}"),
        (open, true) => format!("group {known}, one for each {}", open.join(" and ")),
        (open, false) => format!("a group for each {}", open.join(" and ")),
    }
}

fn explained(
    number: usize,
    route: &Route,
    decisions: &[Decision<'_>],
    from: i64,
    group: &str,
) -> String {
    let matchers: Vec<_> = route
        .matchers
        .iter()
        .map(|matcher| format!("{}={}", matcher.label, matcher.value))
        .collect();
    let why = match &matchers[..] {
        [] => "matches every alert".to_owned(),
        matchers => format!("matches {}", matchers.join(", ")),
    };
    let hours = if route.at.is_some() {
        ", within its hours"
    } else {
        ""
    };
    let mut text = format!("route {}: {why}{hours}\n", number + 1);
    for decision in decisions {
        let after = Duration::from_millis((decision.due.0 - from).unsigned_abs());
        let receiver = decision.receiver;
        // A receiver that groups by itself has one group, and so has a route without labels to group by.
        let group = match &*decision.group {
            "{}" => "group {}",
            _ => group,
        };
        let when = match (decision.is_held, after.is_zero()) {
            (true, _) => format!("at {} UTC", times::second(decision.due.to_utc())),
            (false, true) => "at once".to_owned(),
            (false, false) => format!("after {}", show_duration(after)),
        };
        let begins = ", when the hours of the route begin";
        let when = match (decision.is_held, decision.escalated_after.is_some()) {
            (false, false) => when,
            (true, false) => format!("{when}{begins}, if still firing"),
            (false, true) => format!("{when} if still firing and not acknowledged"),
            (true, true) => format!("{when}{begins}, if still firing and not acknowledged"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "-> {receiver}: {when}, in {group}");
    }
    text
}
