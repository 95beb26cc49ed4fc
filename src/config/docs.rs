//! `docs/CONFIGURATION.md`, generated from the declared keys.

use super::keys::ROOT;
use super::lint::codes;
use crate::probe::KINDS;
use crate::yaml::{Declared, Keys, Need, Structure};
use std::fmt::{self, Write as _};

const INTRO: &str = "# Configuration

The config is a single YAML file; `config/slod.yaml` is a commented example. `slod check --config FILE`
reports all errors at once, with line numbers and valid values.

- Durations: `500ms`, `10s`, `1h30m`, `30d`. Ratios: `99.9%` or `0.999`. Sizes: `64KiB`, `1MB`.
- `${NAME}` in a value is replaced with the environment variable, which must be set; `$${` is a literal `${`. Final line breaks of variables, and of files with secrets, are removed.
- The value of a secret or URL `NAME` can be read from a file: `NAME_file: PATH`. Relative paths are relative to the config file's directory.
- Unknown keys are errors. A list with a single item can be written without brackets.
- YAML anchors, aliases and merge keys are supported (`http: &api { ... }`, then `http: { <<: *api, url: ... }`).
- A reload applies a changed config if it has no errors; otherwise the previous config stays active.

This page is generated from the source code.
";

const TEXTS: &str = r#"
## Texts of messages

The `title` and `text` of a receiver are templates in [Jinja syntax](https://jinja.palletsprojects.com/en/stable/templates/).
`slod check` reports unknown fields and filters, and `slod notify test NAME --dry-run` shows the request for an example
message. Fields of a message:

| field | meaning |
|---|---|
| `status` | `FIRING`, `FIRING 3` or `RESOLVED`; `MAINTENANCE` for announcements of maintenance, `REMINDER` for those of silences |
| `firing`, `resolved` | number of firing and of resolved alerts |
| `summary` | the summary of the only alert, or of all alerts by kind and service |
| `list` | one line per alert with its severity, its evidence, since when it fires, and what held it back or why it ended. Up to ten, pages first; the others are counted |
| `alertname`, `service`, `severity`, `description`, `chart`, `page_url`, `runbook_url`, `label.NAME`, `annotation.NAME` | the value that all alerts of the message share; empty if they differ |
| `alerts` | the alerts, firing ones first. Each has `status` (`firing` or `resolved`), `summary`, `description`, `chart` (a sparkline of the samples behind a warning sign, or of the error ratio over a burn rate's long window; empty for other alerts), `alertname`, `service`, `severity`, `page_url` (the service's page), `runbook_url`, `label.NAME`, `annotation.NAME` (`held_back`: what held it back at first; `ended_because`: why it was resolved), `starts_at`, `ends_at` (UTC; empty while firing) and `duration` |

Jinja's filters are available, such as `upper`, `length`, `join(", ")` and `replace`; `default("...")` replaces an empty
field. A line that contains only a `{% ... %}` tag leaves no empty line:

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

For `slack`, `teams`, `discord` and `telegram`, values are escaped: they arrive as text and mention nobody. The template itself
may contain markup, such as `**{{ summary }}**` for Discord, and `{{ summary | safe }}` inserts a value without escaping. Texts are
truncated as each receiver requires. If a template fails for a message, takes too long
or produces more than a few megabytes, the default templates are used for that message and
`slod_notification_template_failures_total` is incremented.
"#;

/// The whole page.
pub fn markdown() -> String {
    let mut page = DocsPage {
        text: INTRO.to_owned(),
        shown: Vec::new(),
    };
    page.text += "\n## The file\n\n";
    page.table("", ROOT);
    page.nested("", ROOT);
    page.text += TEXTS;
    page.text += "\n## Probe kinds\n";
    for kind in KINDS {
        let (name, summary, example) = (kind.name, kind.summary, kind.example);
        page.push(format_args!(
            "\n### {name}\n\n{summary}\n\n```yaml\n{name}: {example}\n```\n\n"
        ));
        let measured = kind.measures.measurements.iter();
        let measured: Vec<_> = measured.map(|one| format!("`{}`", one.label())).collect();
        if !measured.is_empty() {
            let measured = measured.join(", ");
            page.push(format_args!(
                "Measures {measured}, in addition to the latency.\n\n"
            ));
        }
        page.table(name, kind.keys);
        page.nested(name, kind.keys);
    }
    page.text +=
        "\n## Diagnostics of `slod check`\n\n| code | severity | meaning |\n|---|---|---|\n";
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
    /// Sections that have been written, with their paths.
    shown: Vec<(Keys, String)>,
}

impl DocsPage {
    fn push(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
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

    /// Writes the sections below these keys, each under its full path.
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
                self.push(format_args!("Same keys as {same}.\n"));
                continue;
            }
            self.shown.push((keys, path.clone()));
            self.table(&path, keys);
            self.nested(&path, keys);
        }
    }
}

/// The description of a mapping, which is replaced with a link to its section.
const BELOW: &str = "mapping, see below";

/// The path and the keys of the section of a key below `path`, if it has one.
fn section(path: &str, key: &dyn Declared) -> Option<(String, Keys)> {
    let Structure::Mapping { suffix, keys } = key.form().structure() else {
        return None;
    };
    let dot = if path.is_empty() { "" } else { "." };
    Some((format!("{path}{dot}{}{suffix}", key.name()), keys))
}

/// A link to the section of a path. Its anchor omits the punctuation of the heading.
fn link(text: &str, path: &str) -> String {
    let anchor: String = path.chars().filter(|c| !".[]".contains(*c)).collect();
    format!("[{text}](#{anchor})")
}

fn row(key: &dyn Declared) -> String {
    let default = match key.need() {
        Need::Required => "**required**".to_owned(),
        Need::Optional => String::new(),
        // A `|` would end the table cell.
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

/// Whether two sections have the same rows. Addresses cannot be compared: the compiler may duplicate a
/// constant, or merge equal ones.
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
