//! `docs/CONFIGURATION.md`, made from the declared keys.

use super::keys::ROOT;
use super::load::codes;
use crate::probe::Kind;
use crate::yaml::{Declared, Keys, Need, Structure};
use std::fmt::{self, Write as _};

const INTRO: &str = "# Configuration

The config is one YAML file; `config/slod.yaml` is a commented example. `slod check --config FILE`
reports all errors at once, with line numbers and what is valid there.

- Durations: `500ms`, `10s`, `1h30m`, `30d`. Ratios: `99.9%` or `0.999`. Sizes: `64KiB`, `1MB`.
- `${NAME}` in a value is replaced by the environment variable, which must be set; `$${` stands for a literal `${`.
- A secret or an address `NAME` can be read from a file: `NAME_file: PATH`. Relative paths are relative to the config file's directory.
- Unknown keys are errors. A list of one item may be written without brackets.
- What repeats can be written once: anchors, aliases and merge keys of YAML are supported (`http: &api { ... }`, then `http: { <<: *api, url: ... }`).
- A reload applies a changed config if it has no errors; otherwise the old one stays active.

This page is generated from the source code.
";

const TEXTS: &str = r#"
## Texts of messages

`title` and `text` of a receiver are templates in the [syntax of Jinja](https://jinja.palletsprojects.com/en/stable/templates/).
`slod check` reports a field or a filter that does not exist, and `slod notify test NAME --dry-run` shows the request
with an example. Fields of a message:

| field | meaning |
|---|---|
| `status` | `FIRING`, `FIRING 3` or `RESOLVED` |
| `firing`, `resolved` | numbers of alerts |
| `summary` | that of the only alert, or what fires and of which services |
| `list` | a line for each of up to ten alerts |
| `alertname`, `service`, `severity`, `description`, `chart`, `page_url`, `runbook_url`, `label.NAME`, `annotation.NAME` | what all alerts of the message have in common, otherwise empty |
| `alerts` | the alerts, those that fire first. Each has `status` (`firing` or `resolved`), `summary`, `description`, `chart` (what a warning sign was found in, or the error ratio over the long window of a burn rate, as characters of different heights; empty for others), `alertname`, `service`, `severity`, `page_url` (of the service), `runbook_url`, `label.NAME`, `annotation.NAME`, `starts_at`, `ends_at` (UTC; empty while it fires) and `duration` |

Filters are those of Jinja, such as `upper`, `length`, `join(", ")` and `replace`; `default("...")` stands for a field that
is empty. A line that only has a `{% ... %}` leaves no empty line:

```yaml
receivers:
  - name: oncall
    slack: { url_file: slack-url }
    title: "{{ status }}: {{ service | default('several services') }}"
    text: |
      {% for alert in alerts if alert.status == "firing" %}
      {{ alert.severity | upper }} {{ alert.summary }} ({{ alert.duration }}, team {{ alert.label.team | default("unknown") }})
      {% endfor %}
      {% if runbook_url %}
      Runbook: {{ runbook_url }}
      {% endif %}
```

Each receiver escapes the texts as its service needs it, and cuts what is too long for it. A template that fails for a
message, takes too long or makes more than some megabytes is replaced by the default texts for it, and
`slod_notification_template_failures_total` counts that.
"#;

/// The whole page.
pub fn markdown(kinds: &[&'static dyn Kind]) -> String {
    let mut page = DocsPage {
        text: INTRO.to_owned(),
        shown: Vec::new(),
    };
    page.text += "\n## The file\n\n";
    page.table("", ROOT);
    page.nested("", ROOT);
    page.text += TEXTS;
    page.text += "\n## Probe kinds\n";
    for kind in kinds {
        let (name, summary, example) = (kind.name(), kind.summary(), kind.example());
        page.push(format_args!(
            "\n### {name}\n\n{summary}\n\n```yaml\n{name}: {example}\n```\n\n"
        ));
        let measured = kind.measures().measurements.iter();
        let measured: Vec<_> = measured.map(|one| format!("`{}`", one.label())).collect();
        if !measured.is_empty() {
            let measured = measured.join(", ");
            page.push(format_args!(
                "Measures, apart from the latency: {measured}.\n\n"
            ));
        }
        page.table(name, kind.keys());
        page.nested(name, kind.keys());
    }
    page.text += "\n## Diagnostics of `slod check`\n\nProbe kinds can add their own codes.\n\n";
    page.text += "| code | severity | meaning |\n|---|---|---|\n";
    for code in codes() {
        let severity = code.severity.label();
        page.push(format_args!(
            "| `{}` | {severity} | {} |\n",
            code.code, code.meaning
        ));
    }
    page.text
}

struct DocsPage {
    text: String,
    /// Sections that have a table already, with their path.
    shown: Vec<(Keys, String)>,
}

impl DocsPage {
    fn push(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        self.text.write_fmt(text).unwrap_or_default();
    }

    fn table(&mut self, path: &str, keys: Keys) {
        self.text += "| key | value | default | meaning |\n|---|---|---|---|\n";
        for key in keys {
            let row = row(*key);
            self.text += &match section(path, *key) {
                Some((below, _)) => row.replacen(BELOW, &link("mapping", &below), 1),
                None => row,
            };
        }
    }

    /// The sections below these keys, each under its full path.
    fn nested(&mut self, path: &str, keys: Keys) {
        for key in keys {
            let Some((path, keys)) = section(path, *key) else {
                continue;
            };
            self.push(format_args!("\n### `{path}`\n\n"));
            let mut shown = self.shown.iter();
            let before = shown.find(|(shown, _)| are_same(shown, keys));
            if let Some((_, same)) = before.cloned() {
                let same = link(&format!("`{same}`"), &same);
                self.push(format_args!("The same keys as {same}.\n"));
                continue;
            }
            self.shown.push((keys, path.clone()));
            self.table(&path, keys);
            self.nested(&path, keys);
        }
    }
}

/// How the form of a mapping refers to its section.
const BELOW: &str = "mapping, see below";

/// The path and the keys of the section that a key below `path` has, if it has one.
fn section(path: &str, key: &dyn Declared) -> Option<(String, Keys)> {
    let Structure::Mapping { suffix, keys } = key.form().structure() else {
        return None;
    };
    let dot = if path.is_empty() { "" } else { "." };
    Some((format!("{path}{dot}{}{suffix}", key.name()), keys))
}

/// A link to the section of a path, whose anchor has only the letters of its heading.
fn link(text: &str, path: &str) -> String {
    let anchor: String = path.chars().filter(|c| !".[]".contains(*c)).collect();
    format!("[{text}](#{anchor})")
}

fn row(key: &dyn Declared) -> String {
    let default = match key.need() {
        Need::Required => "**required**".to_owned(),
        Need::Optional => String::new(),
        // A bar would end the cell.
        Need::Default(text) => format!("`{}`", text.replace('|', "\\|").replace('\n', "\\n")),
    };
    let name = match (key.form().structure(), key.file_name()) {
        (Structure::ProbeKind, _) => "*a probe kind*".to_owned(),
        (_, Some(file)) => format!("`{}` or `{file}`", key.name()),
        _ => format!("`{}`", key.name()),
    };
    let (form, doc) = (key.form().describe(), key.doc());
    format!("| {name} | {form} | {default} | {doc} |\n")
}

/// Whether two sections say the same. Their addresses do not show it: the compiler may keep several
/// copies of a constant, or one of two that are equal.
fn are_same(a: Keys, b: Keys) -> bool {
    let mut pairs = a.iter().zip(b);
    a.len() == b.len()
        && pairs.all(|(a, b)| {
            row(*a) == row(*b)
                && match (a.form().structure(), b.form().structure()) {
                    (
                        Structure::Mapping { suffix, keys },
                        Structure::Mapping {
                            suffix: other,
                            keys: others,
                        },
                    ) => suffix == other && are_same(keys, others),
                    (Structure::Mapping { .. }, _) | (_, Structure::Mapping { .. }) => false,
                    _ => true,
                }
        })
}
