//! A script with Kubernetes manifests that run it on several machines: Locust's master and workers,
//! or a `TestRun` of the k6 operator.

use super::template::{code, render};
use super::{Script, Tool};
use crate::text::slug;
use minijinja::Value;

/// Maximum length of an object name, minus the added suffixes.
const NAME_MAX: usize = 50;

pub(super) fn write(script: &Script, tool: Tool, workers: u32) -> String {
    let (tool_name, file) = match tool {
        Tool::Locust => ("locust", "locustfile.py"),
        Tool::K6 => ("k6", "script.js"),
    };
    let name = name(&script.service, &script.scenario.name);
    render(
        include_str!("templates/kubernetes.yaml.jinja"),
        [
            ("name", code(name)),
            ("tool", code(tool_name)),
            ("file", code(file)),
            ("script", code(script.write(tool))),
            // Quoted, since an unquoted `NO` would be a boolean.
            (
                "secrets",
                script.variables().into_iter().map(Value::from).collect(),
            ),
            ("workers", workers.into()),
        ],
    )
}

/// The name of the object.
fn name(service: &str, scenario: &str) -> String {
    slug(&format!("load-{service}-{scenario}"), NAME_MAX)
}
