//! A script with the manifests that run it on several machines: Locust's master and workers, or a
//! `TestRun` of the k6 operator.

use super::template::render;
use super::{Script, Tool, literal};
use crate::text::slug;
use minijinja::Value;

/// Longest name of an object, less what is added to it.
const NAME_MAX: usize = 50;

pub(super) fn write(script: &Script, tool: Tool, workers: u32) -> String {
    let (tool_name, file) = match tool {
        Tool::Locust => ("locust", "locustfile.py"),
        Tool::K6 => ("k6", "script.js"),
    };
    // Quoted: `NO` would be a boolean.
    let secrets = script.variables().into_iter().map(literal);
    render(
        include_str!("templates/kubernetes.yaml"),
        [
            ("name", name(&script.service, &script.scenario.name).into()),
            ("tool", tool_name.into()),
            ("file", file.into()),
            ("script", script.write(tool).into()),
            ("secrets", secrets.collect::<Vec<_>>().into()),
            ("workers", Value::from(workers)),
        ],
    )
}

/// Of the object.
fn name(service: &str, scenario: &str) -> String {
    slug(&format!("load-{service}-{scenario}"), NAME_MAX)
}
