//! The generated file: rule groups for Prometheus or its operator.

use super::labels::Labels;
use super::names::Names;
use super::{ObjectiveRules, yaml};
use serde::Serialize;
use serde::ser::Serializer;

/// The format of the generated rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// A rule file.
    Prometheus,
    /// One or more `PrometheusRule` objects per service for the Prometheus operator, named `PREFIX-SERVICE`.
    Operator { prefix: String },
}

#[derive(Serialize)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Serialize)]
pub(super) struct Group {
    #[serde(serialize_with = "yaml::text")]
    pub name: String,
    pub interval: &'static str,
    pub rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Rule {
    Recording(Recording),
    Alerting(Alerting),
}

#[derive(Serialize)]
pub(super) struct Recording {
    pub record: String,
    #[serde(serialize_with = "expression")]
    pub expr: String,
    #[serde(serialize_with = "yaml::texts")]
    pub labels: Labels,
}

#[derive(Serialize)]
pub(super) struct Alerting {
    pub alert: String,
    #[serde(serialize_with = "expression")]
    pub expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_firing_for: Option<String>,
    #[serde(serialize_with = "yaml::texts")]
    pub labels: Labels,
    #[serde(serialize_with = "yaml::texts")]
    pub annotations: Labels,
}

/// The object of the Prometheus operator.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PrometheusRule {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: RuleFile,
}

#[derive(Serialize)]
struct Metadata {
    name: String,
    labels: Labels,
}

/// The rules of an objective have about 15 KB. etcd limits objects to 1.5 MB, and the operator limits rule files to
/// 512 KiB.
const OBJECTIVES_PER_OBJECT: usize = 10;

/// Writes the rules of these objectives part by part; those of a service must be adjacent.
pub(super) fn write(
    slos: &[ObjectiveRules<'_>],
    format: &Format,
    take: &mut dyn FnMut(&str) -> bool,
) -> Result<(), String> {
    match format {
        Format::Prometheus => write_groups(slos, take),
        Format::Operator { prefix } => {
            let mut names = Names::default();
            let services = slos.chunk_by(|one, next| one.service.name == next.service.name);
            let objects = services.flat_map(|service| service.chunks(OBJECTIVES_PER_OBJECT));
            for (at, slos) in objects.enumerate() {
                let written = yaml::write(&object(prefix, slos, &mut names))?;
                if (at > 0 && !take("---\n")) || !take(&written) {
                    break;
                }
            }
            Ok(())
        }
    }
}

/// Writes a rule file whose list of groups continues with each objective.
fn write_groups(
    slos: &[ObjectiveRules<'_>],
    take: &mut dyn FnMut(&str) -> bool,
) -> Result<(), String> {
    const KEY: &str = "groups:\n";
    if slos.is_empty() {
        take(&yaml::write(&rule_file(slos))?);
    }
    for (at, slo) in slos.chunks(1).enumerate() {
        let written = yaml::write(&rule_file(slo))?;
        let groups = written.strip_prefix(KEY).filter(|_| at > 0);
        if !take(groups.unwrap_or(&written)) {
            break;
        }
    }
    Ok(())
}

fn rule_file(slos: &[ObjectiveRules<'_>]) -> RuleFile {
    RuleFile {
        groups: slos.iter().flat_map(ObjectiveRules::groups).collect(),
    }
}

fn object(prefix: &str, slos: &[ObjectiveRules<'_>], names: &mut Names) -> PrometheusRule {
    let service = slos.first().map_or("", |one| &one.service.name);
    let labels = [("name", "slod"), ("instance", prefix)];
    let labels = labels.map(|(name, value)| {
        let name = format!("app.kubernetes.io/{name}");
        (name, value.to_owned())
    });
    PrometheusRule {
        api_version: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: Metadata {
            name: names.give(&format!("{prefix}-{service}")),
            labels: Labels::from(labels),
        },
        spec: rule_file(slos),
    }
}

/// Writes longer expressions as block scalars.
fn expression<S: Serializer>(expr: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if expr.contains('\n') {
        serde_yaml::LitStr(expr).serialize(serializer)
    } else {
        serializer.serialize_str(expr)
    }
}
