//! The subset of `OpenSLO` v1 objects that is exported.

use crate::rules::yaml;
use crate::slo::calendar::Period;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) type Map = BTreeMap<String, String>;

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Service,
    Sli,
    Slo,
    AlertPolicy,
    AlertNotificationTarget,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::Sli => "SLI",
            Self::Slo => "SLO",
            Self::AlertPolicy => "AlertPolicy",
            Self::AlertNotificationTarget => "AlertNotificationTarget",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Spec {
    Service(Described),
    Sli(Sli),
    Slo(Slo),
    AlertPolicy(AlertPolicy),
    Target(Target),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub name: String,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "yaml::optional"
    )]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "yaml::texts")]
    pub labels: Map,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "yaml::texts")]
    pub annotations: Map,
}

#[derive(Serialize)]
pub(super) struct Described {
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "yaml::optional"
    )]
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sli {
    ratio_metric: RatioMetric,
}

#[derive(Serialize)]
struct RatioMetric {
    counter: bool,
    bad: Metric,
    total: Metric,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    metric_source: MetricSource,
}

#[derive(Serialize)]
struct MetricSource {
    #[serde(rename = "type")]
    kind: &'static str,
    spec: Query,
}

#[derive(Serialize)]
struct Query {
    query: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Slo {
    pub description: String,
    pub service: String,
    pub indicator_ref: String,
    pub time_window: [TimeWindow; 1],
    pub budgeting_method: &'static str,
    pub objectives: [SloObjective; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alert_policies: Vec<Map>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimeWindow {
    duration: String,
    is_rolling: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    calendar: Option<CalendarStart>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CalendarStart {
    start_time: &'static str,
    time_zone: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SloObjective {
    pub display_name: String,
    pub target: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_slice_target: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_slice_window: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertPolicy {
    pub alert_when_no_data: bool,
    pub alert_when_resolved: bool,
    pub alert_when_breaching: bool,
    pub conditions: [Condition; 1],
    pub notification_targets: [Map; 1],
}

#[derive(Serialize)]
pub(super) struct Condition {
    pub kind: &'static str,
    pub metadata: Metadata,
    pub spec: AlertCondition,
}

#[derive(Serialize)]
pub(super) struct AlertCondition {
    pub severity: &'static str,
    pub condition: Burn,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Burn {
    pub kind: &'static str,
    pub op: &'static str,
    pub threshold: f64,
    pub lookback_window: &'static str,
    pub alert_after: &'static str,
}

#[derive(Serialize)]
pub(super) struct Target {
    target: &'static str,
    description: &'static str,
}

impl From<Slo> for Spec {
    fn from(slo: Slo) -> Self {
        Self::Slo(slo)
    }
}

impl From<AlertPolicy> for Spec {
    fn from(policy: AlertPolicy) -> Self {
        Self::AlertPolicy(policy)
    }
}

impl Object {
    pub fn new(kind: Kind, metadata: Metadata, spec: impl Into<Spec>) -> Self {
        Self {
            api_version: "openslo/v1",
            kind: kind.name(),
            metadata,
            spec: spec.into(),
        }
    }
}

impl TimeWindow {
    pub fn rolling(duration: String) -> Self {
        Self {
            duration,
            is_rolling: true,
            calendar: None,
        }
    }

    /// Starts on a Monday at the start of a year.
    pub fn calendar(period: Period, time_zone: &'static str) -> Self {
        let duration = match period {
            Period::Week => "1w",
            Period::Month => "1M",
            Period::Quarter => "1Q",
            Period::Year => "1Y",
        };
        Self {
            duration: duration.to_owned(),
            is_rolling: false,
            calendar: Some(CalendarStart {
                start_time: "2024-01-01 00:00:00",
                time_zone,
            }),
        }
    }
}

pub(super) fn service(metadata: Metadata, description: Option<String>) -> Object {
    Object::new(
        Kind::Service,
        metadata,
        Spec::Service(Described { description }),
    )
}

pub(super) fn sli(metadata: Metadata, bad: String, total: String) -> Object {
    let metric = |query| Metric {
        metric_source: MetricSource {
            kind: "Prometheus",
            spec: Query { query },
        },
    };
    let ratio_metric = RatioMetric {
        counter: true,
        bad: metric(bad),
        total: metric(total),
    };
    Object::new(Kind::Sli, metadata, Spec::Sli(Sli { ratio_metric }))
}

pub(super) fn target(name: &str) -> Object {
    let metadata = Metadata {
        name: name.to_owned(),
        display_name: None,
        labels: Map::new(),
        annotations: Map::new(),
    };
    let spec = Target {
        target: "slod",
        description: "The receivers that slod's routes select by the labels of an alert",
    };
    Object::new(Kind::AlertNotificationTarget, metadata, Spec::Target(spec))
}

pub(super) fn reference(key: &str, name: String) -> Map {
    Map::from([(key.to_owned(), name)])
}
