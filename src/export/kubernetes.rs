//! A script with the manifests that run it on several machines: Locust's master and workers, or a
//! `TestRun` of the k6 operator.

use super::{Script, Tool, literal};
use std::fmt::Write as _;

/// Longest name of an object, less what is added to it.
const NAME_MAX: usize = 50;

pub(super) fn write(script: &Script, tool: Tool, workers: u32) -> String {
    let name = name(&script.service, &script.scenario.name);
    let file = match tool {
        Tool::Locust => "locustfile.py",
        Tool::K6 => "script.js",
    };
    let mut text = format!(
        "apiVersion: v1
kind: ConfigMap
metadata: {{ name: {name} }}
data:
  {file}: |
"
    );
    for line in script.write(tool).lines() {
        writeln!(text, "    {line}").unwrap_or_default();
    }
    let secrets = script.variables();
    match tool {
        Tool::Locust => locust(&mut text, &name, &secrets, workers),
        Tool::K6 => k6(&mut text, &name, &secrets, workers),
    }
    text
}

/// Lower case letters, digits and dashes.
fn name(service: &str, scenario: &str) -> String {
    let words = format!("load-{service}-{scenario}");
    let clean: String = words
        .chars()
        .map(|c| match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => c,
            _ => '-',
        })
        .take(NAME_MAX)
        .collect();
    clean.trim_end_matches('-').to_owned()
}

/// The script's variables, from a secret that has to exist.
fn environment(text: &mut String, indent: &str, name: &str, secrets: &[&str]) {
    if !secrets.is_empty() {
        writeln!(text, "{indent}env:").unwrap_or_default();
    }
    // Quoted: `NO` would be a boolean.
    for secret in secrets.iter().map(|secret| literal(secret)) {
        writeln!(
            text,
            "{indent}  - {{ name: {secret}, valueFrom: {{ secretKeyRef: {{ name: {name}, key: {secret} }} }} }}"
        )
        .unwrap_or_default();
    }
}

fn k6(text: &mut String, name: &str, secrets: &[&str], workers: u32) {
    write!(
        text,
        "---
# https://github.com/grafana/k6-operator
apiVersion: k6.io/v1alpha1
kind: TestRun
metadata: {{ name: {name} }}
spec:
  parallelism: {workers}
  script: {{ configMap: {{ name: {name}, file: script.js }} }}
  runner:
    resources: {{ requests: {{ cpu: \"1\", memory: 512Mi }}, limits: {{ memory: 2Gi }} }}
"
    )
    .unwrap_or_default();
    environment(text, "    ", name, secrets);
}

fn locust(text: &mut String, name: &str, secrets: &[&str], workers: u32) {
    for (role, kind, count, arguments) in [
        (
            "master",
            "Job",
            None,
            format!("--master --headless --expect-workers {workers}"),
        ),
        (
            "worker",
            "Deployment",
            Some(workers),
            format!("--worker --master-host {name}"),
        ),
    ] {
        let api = if kind == "Job" { "batch/v1" } else { "apps/v1" };
        let labels = format!("{{ app: {name}, role: {role} }}");
        write!(
            text,
            "---
apiVersion: {api}
kind: {kind}
metadata: {{ name: {name}-{role} }}
spec:
"
        )
        .unwrap_or_default();
        match count {
            Some(count) => writeln!(
                text,
                "  replicas: {count}\n  selector: {{ matchLabels: {labels} }}"
            ),
            None => writeln!(text, "  backoffLimit: 0"),
        }
        .unwrap_or_default();
        let restart = if count.is_none() {
            "      restartPolicy: Never\n"
        } else {
            ""
        };
        write!(
            text,
            "  template:
    metadata: {{ labels: {labels} }}
    spec:
{restart}      automountServiceAccountToken: false
      securityContext: {{ runAsNonRoot: true, runAsUser: 1000, seccompProfile: {{ type: RuntimeDefault }} }}
      volumes: [ {{ name: script, configMap: {{ name: {name} }} }} ]
      containers:
        - name: locust
          image: locustio/locust
          args: [ {} ]
          volumeMounts: [ {{ name: script, mountPath: /script, readOnly: true }} ]
          securityContext: {{ allowPrivilegeEscalation: false, capabilities: {{ drop: [ ALL ] }} }}
          resources: {{ requests: {{ cpu: \"1\", memory: 512Mi }}, limits: {{ memory: 1Gi }} }}
",
            ["-f", "/script/locustfile.py"]
                .into_iter()
                .chain(arguments.split(' '))
                .map(|word| format!("\"{word}\""))
                .collect::<Vec<_>>()
                .join(", ")
        )
        .unwrap_or_default();
        environment(text, "          ", name, secrets);
    }
    write!(
        text,
        "---
apiVersion: v1
kind: Service
metadata: {{ name: {name} }}
spec:
  selector: {{ app: {name}, role: master }}
  ports: [ {{ name: workers, port: 5557 }} ]
"
    )
    .unwrap_or_default();
}
