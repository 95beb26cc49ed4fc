//! The rules that find the metrics of one service: its own selectors, and the table of well-known
//! names for roles without one. Pure.

use super::native;
use super::parse::SortedLabels;
use crate::config::{MetricsSource, MetricsSpec};
use crate::probe::http::JsonTotal;
use crate::roles::{Ecosystem, Role, RoleKind, Selector, TABLE, breaker_state};
use crate::units::seconds_of_name;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// One way to find a role.
#[derive(Debug)]
pub struct Rule {
    pub role: Role,
    /// As written in the config, for messages.
    pub written: String,
    /// `None` for a JSON document.
    pub selector: Option<Selector>,
    /// The library that uses these names; `None` for a selector of the config.
    pub library: Option<&'static Ecosystem>,
    /// The factor applied to values.
    pub scale: f64,
}

/// Which value of the rule's metric a sample is: that of a gauge or counter, or a part of a
/// histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SampleKind {
    Value,
    Bucket,
    Sum,
    Count,
}

/// A rule that samples of a name may match: its index in [`Plan::rule`].
pub type Interest = (usize, SampleKind);

/// All rules of one service.
#[derive(Debug)]
pub struct Plan {
    own: Index,
    /// Roles with a selector in the config.
    fixed: [bool; Role::COUNT],
    pub paths: Option<Arc<[JsonTotal]>>,
    /// The path of the page.
    page: String,
    /// The latency thresholds of the service's objectives in seconds.
    thresholds: Vec<f64>,
    /// The bounds at which native histograms are read, without and with these thresholds.
    bounds: Vec<f64>,
    duration_bounds: Vec<f64>,
}

/// Rules by the names of their samples.
#[derive(Debug, Default)]
struct Index {
    rules: Vec<Rule>,
    by_name: HashMap<String, Vec<Interest>>,
    /// Rules whose names are given by a pattern.
    patterns: Vec<usize>,
}

/// The rules of the table, which all services share.
static WELL_KNOWN: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index::default();
    for library in TABLE.iter().copied() {
        for row in library.rows {
            // A test parses every row.
            if let Ok(selector) = Selector::parse(row.selector) {
                index.add(rule(row.role, selector, Some(library), row.scale));
            }
        }
    }
    index
});

fn rule(role: Role, selector: Selector, library: Option<&'static Ecosystem>, scale: f64) -> Rule {
    Rule {
        role,
        written: selector.to_string(),
        selector: Some(selector),
        library,
        scale,
    }
}

impl Plan {
    pub fn new(spec: &MetricsSpec) -> Self {
        let mut own = Index::default();
        let mut paths = None;
        match &spec.source {
            MetricsSource::Page(selectors) => {
                for (role, selector) in selectors {
                    let scale = scale_of(*role, selector);
                    own.add(rule(*role, selector.clone(), None, scale));
                }
            }
            MetricsSource::Json(found) => {
                let path = |(role, path): &(Role, JsonTotal)| match role.kind() {
                    RoleKind::State => path.clone().with_words(breaker_state),
                    _ => path.clone(),
                };
                paths = Some(found.iter().map(path).collect());
                own.rules.extend(found.iter().map(|(role, path)| Rule {
                    role: *role,
                    written: path.to_string(),
                    selector: None,
                    library: None,
                    scale: 1.0,
                }));
            }
        }
        let mut fixed = [paths.is_some(); Role::COUNT];
        for rule in &own.rules {
            fixed[rule.role as usize] = true;
        }
        let thresholds = spec.thresholds.iter().map(Duration::as_secs_f64);
        let thresholds: Vec<f64> = thresholds.filter(|seconds| *seconds > 0.0).collect();
        Self {
            own,
            fixed,
            paths,
            page: spec.endpoint.path().trim_end_matches('/').to_owned(),
            bounds: native::bounds(&[]),
            duration_bounds: native::bounds(&thresholds),
            thresholds,
        }
    }

    /// The latency thresholds of the service's objectives in seconds.
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// The upper bounds, in seconds, at which native histograms of a role are read.
    pub fn bounds(&self, role: Role) -> &[f64] {
        match role {
            Role::RequestDuration => &self.duration_bounds,
            _ => &self.bounds,
        }
    }

    pub fn rule(&self, at: usize) -> Option<&Rule> {
        let own = self.own.rules.len();
        match at.checked_sub(own) {
            None => self.own.rules.get(at),
            Some(at) => WELL_KNOWN.rules.get(at),
        }
    }

    /// The rules for a role, in order of precedence.
    pub fn rules_of(&self, role: Role) -> impl Iterator<Item = (usize, &Rule)> {
        let own = self.own.rules.iter().enumerate();
        let known = WELL_KNOWN.rules.iter().enumerate();
        let known = known.map(|(at, rule)| (self.own.rules.len() + at, rule));
        let is_fixed = self.fixed[role as usize];
        own.chain(known.filter(move |_| !is_fixed))
            .filter(move |(_, rule)| rule.role == role)
    }

    /// Whether a series of well-known names counts the requests for the page itself, which are not
    /// the service's traffic. Behind a proxy, its path may lack a prefix.
    pub fn is_of_page(&self, rule: &Rule, labels: &SortedLabels<'_>) -> bool {
        let is_of_requests = matches!(
            rule.role,
            Role::Requests | Role::Errors | Role::RequestDuration | Role::ActiveConnections
        );
        let is_page = |path: &str| {
            let path = path.trim_end_matches('/');
            path.starts_with('/') && self.page.ends_with(path)
        };
        rule.library.is_some()
            && is_of_requests
            && labels
                .pairs()
                .any(|(name, value)| PATH_LABELS.contains(&name) && is_page(value))
    }

    /// Adds the rules that samples with this name may match.
    pub fn interest_in(&self, name: &str, interest: &mut Vec<Interest>) {
        self.own.interest_in(name, 0, interest);
        WELL_KNOWN.interest_in(name, self.own.rules.len(), interest);
        interest.retain(|(at, _)| {
            let is_own = *at < self.own.rules.len();
            is_own
                || self
                    .rule(*at)
                    .is_some_and(|rule| !self.fixed[rule.role as usize])
        });
    }
}

impl Index {
    fn add(&mut self, rule: Rule) {
        let at = self.rules.len();
        let name = rule.selector.as_ref().and_then(Selector::name);
        match (name, rule.role.kind()) {
            (None, _) => self.patterns.push(at),
            (Some(name), RoleKind::Histogram) => {
                let base = name.strip_suffix("_bucket").unwrap_or(name);
                for (suffix, part) in PARTS {
                    let named = self.by_name.entry(format!("{base}{suffix}"));
                    named.or_default().push((at, part));
                }
            }
            (Some(name), _) => {
                let named = self.by_name.entry(name.to_owned());
                named.or_default().push((at, SampleKind::Value));
            }
        }
        self.rules.push(rule);
    }

    fn interest_in(&self, name: &str, offset: usize, interest: &mut Vec<Interest>) {
        let named = self.by_name.get(name).into_iter().flatten();
        interest.extend(named.map(|(at, part)| (offset + at, *part)));
        for at in &self.patterns {
            let rule = &self.rules[*at];
            let takes = |name: &str| {
                let selector = rule.selector.as_ref();
                selector.is_some_and(|selector| selector.takes_name(name))
            };
            let part = match rule.role.kind() {
                RoleKind::Histogram => {
                    let mut parts = PARTS.iter();
                    let base = |suffix| name.strip_suffix(suffix).is_some_and(takes);
                    parts
                        .find(|(suffix, _)| base(*suffix))
                        .map(|(_, part)| *part)
                }
                _ => takes(name).then_some(SampleKind::Value),
            };
            interest.extend(part.map(|part| (offset + at, part)));
        }
    }
}

/// Labels with the path of a request.
const PATH_LABELS: [&str; 8] = [
    "handler",
    "path",
    "path_template",
    "uri",
    "endpoint",
    "route",
    "http_route",
    "http_target",
];

const PARTS: [(&str, SampleKind); 3] = [
    ("_bucket", SampleKind::Bucket),
    ("_sum", SampleKind::Sum),
    ("_count", SampleKind::Count),
];

/// Durations are in seconds unless the name states another unit.
fn scale_of(role: Role, selector: &Selector) -> f64 {
    let name = selector.name().unwrap_or_default();
    let name = name.strip_suffix("_bucket").unwrap_or(name);
    let unit = seconds_of_name(name).filter(|_| role.kind() == RoleKind::Histogram);
    unit.unwrap_or(1.0)
}

/// The ways to find a role in this service, for messages.
pub fn ways_to_find(spec: &MetricsSpec, role: Role) -> Vec<String> {
    let plan = Plan::new(spec);
    plan.rules_of(role)
        .map(|(_, rule)| rule.written.clone())
        .collect()
}
