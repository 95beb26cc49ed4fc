//! The record of an alert.

use super::{Condition, TIERS, Tier, Urgency};
use crate::outcome::Timestamp;
use std::sync::Arc;

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The budget of an objective.
    Budget { slo: Arc<str>, condition: Condition },
    /// A warning sign or a problem of slod itself, and its subject within the service.
    Sign { sign: Arc<str>, subject: Arc<str> },
}

/// The identity of an alert. At most one alert with the same key fires at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    /// Empty for the host, and for slod itself.
    pub service: Arc<str>,
    pub source: Source,
}

/// One alert, from the moment it fired.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRecord {
    pub key: AlertKey,
    /// `SlodBudgetBurnPage1h`
    pub alertname: Arc<str>,
    pub urgency: Urgency,
    pub from: Timestamp,
    /// `None` while firing.
    pub to: Option<Timestamp>,
    /// Why it ended; empty while firing.
    pub ended_because: Arc<str>,
    /// Share of the error budget that was spent when it fired. `None` for signs, and while the budget was
    /// unknown.
    pub spent: Option<f64>,
    /// The evidence when it fired, as a sentence.
    pub summary: Arc<str>,
    /// The evidence when its condition was last met.
    pub evidence: Arc<str>,
    /// A sparkline of the values that the sign was found in. Lost at a restart until the next evaluation.
    pub chart: Arc<str>,
    /// What explains the alert, so that nobody is notified: a faster tier of the same objective, a page for
    /// another objective of the service, or a service that this one depends on.
    pub inhibited_by: Option<Inhibitor>,
    /// The silence that keeps it from notifying.
    pub silenced_by: Option<i64>,
    /// What held it back at first, and until when; empty if nothing did.
    pub held_back: Arc<str>,
    /// Whether receivers have been notified.
    pub notified: bool,
    pub acknowledged: Option<Arc<Acknowledgement>>,
}

/// What keeps an alert from notifying.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inhibitor {
    /// A faster tier, by its number.
    Tier(u8),
    /// Another objective of the same service.
    Objective(Arc<str>),
    /// A service that it depends on.
    Service(Arc<str>),
}

/// A person acknowledged the alert. Valid until it resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    pub at: Timestamp,
    pub by: String,
    /// May be empty.
    pub note: String,
}

impl Inhibitor {
    /// Whether the cause is another objective or service.
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Service(_) | Self::Objective(_))
    }

    /// What people read, who know objectives and services, but not the numbers of tiers: `a faster tier`,
    /// `objective errors`, `service database`.
    pub fn described(&self) -> String {
        match self {
            Self::Tier(_) => "a faster tier".to_owned(),
            other => other.words(),
        }
    }

    /// The name in the store and in the API: `tier 1`, `objective errors`, `service database`.
    pub fn words(&self) -> String {
        match self {
            Self::Tier(number) => format!("tier {number}"),
            Self::Objective(name) => format!("objective {name}"),
            Self::Service(name) => format!("service {name}"),
        }
    }

    /// The inverse of [`Inhibitor::words`].
    pub fn parse(words: &str) -> Option<Self> {
        match words.split_once(' ')? {
            ("tier", number) => number.parse().ok().map(Self::Tier),
            ("objective", name) => Some(Self::Objective(name.into())),
            ("service", name) => Some(Self::Service(name.into())),
            _ => None,
        }
    }
}

impl AlertKey {
    pub fn budget(service: Arc<str>, slo: Arc<str>, condition: Condition) -> Self {
        let source = Source::Budget { slo, condition };
        Self { service, source }
    }

    pub fn sign(service: Arc<str>, sign: Arc<str>, subject: Arc<str>) -> Self {
        let source = Source::Sign { sign, subject };
        Self { service, source }
    }

    /// The objective, for a budget alert.
    pub fn slo(&self) -> Option<&str> {
        match &self.source {
            Source::Budget { slo, .. } => Some(slo),
            Source::Sign { .. } => None,
        }
    }

    /// The condition, for a budget alert.
    pub fn condition(&self) -> Option<&Condition> {
        match &self.source {
            Source::Budget { condition, .. } => Some(condition),
            Source::Sign { .. } => None,
        }
    }

    /// The burn-rate tier, for a burn alert.
    pub fn tier(&self) -> Option<&Tier> {
        self.condition().and_then(Condition::tier)
    }

    /// `web/errors`, `web/memory_growing`, `web/memory_growing (worker)`
    pub fn words(&self) -> String {
        let of_service = |name: &str| match &*self.service {
            "" => name.to_owned(),
            service => format!("{service}/{name}"),
        };
        match &self.source {
            Source::Budget { slo, .. } => of_service(slo),
            Source::Sign { sign, subject } if subject.is_empty() => of_service(sign),
            Source::Sign { sign, subject } => format!("{} ({subject})", of_service(sign)),
        }
    }
}

impl AlertRecord {
    /// An alert that begins now and has not been notified yet.
    pub fn new(
        key: AlertKey,
        alertname: impl Into<Arc<str>>,
        urgency: Urgency,
        from: Timestamp,
        evidence: impl Into<Arc<str>>,
    ) -> Self {
        let evidence = evidence.into();
        Self {
            key,
            alertname: alertname.into(),
            urgency,
            from,
            to: None,
            ended_because: "".into(),
            spent: None,
            summary: evidence.clone(),
            evidence,
            chart: "".into(),
            inhibited_by: None,
            silenced_by: None,
            held_back: "".into(),
            notified: false,
            acknowledged: None,
        }
    }

    /// The path of its runbook section: `runbook#slodmemorygrowing`. Custom tiers share one section.
    pub fn runbook(&self) -> String {
        let name = self.alertname.to_lowercase();
        let is_known = |tier: &Tier| {
            TIERS
                .iter()
                .any(|one| (one.long, one.urgency) == (tier.long, tier.urgency))
        };
        match self.key.tier() {
            Some(tier) if !is_known(tier) => "runbook#slodbudgetburn".to_owned(),
            _ => format!("runbook#{name}"),
        }
    }

    pub const fn is_inhibited(&self) -> bool {
        self.inhibited_by.is_some()
    }

    /// Whether both are records of the same alert, possibly at different times.
    pub fn is_same(&self, other: &Self) -> bool {
        self.from == other.from && self.key == other.key
    }
}
