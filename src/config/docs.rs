//! `docs/CONFIGURATION.md`, made from the declared keys.

use super::keys::ROOT;
use super::load::codes;
use crate::probe::Kind;
use crate::yaml::{Key, Need, Shape};
use std::fmt::{self, Write as _};

const INTRO: &str = "# Configuration

The config is one YAML file; `config/slod.yaml` is an example that explains itself. `slod check --config FILE`
tells every fault of it at once, with its place and what was expected there.

- Durations: `500ms`, `10s`, `1h30m`, `30d`. Ratios: `99.9%` or `0.999`. Sizes: `64KiB`, `1MB`. Rates: `100/s`, `200/min`.
- `${NAME}` in a value is replaced by the environment variable; `$${` stands for a literal `${`.
- A secret or an address `NAME` may stand in a file: `NAME_file: PATH`. Relative paths start at the config file's folder.
- Unknown keys are errors. A list of one item may be written without brackets.
- A changed config is taken over by a reload if it has no errors; otherwise the old one stays in force.

This page is made from the source code.
";

/// The whole page.
pub fn markdown(kinds: &[&'static dyn Kind]) -> String {
    let mut page = DocsPage {
        text: INTRO.to_owned(),
        shown: Vec::new(),
    };
    page.text += "\n## The file\n\n";
    page.table(ROOT);
    page.nested("", ROOT);
    page.text += "\n## Probe kinds\n";
    for kind in kinds {
        let (name, summary, example) = (kind.name(), kind.summary(), kind.example());
        page.push(format_args!(
            "\n### {name}\n\n{summary}\n\n```yaml\n{name}: {example}\n```\n\n"
        ));
        page.table(kind.keys());
        page.nested(name, kind.keys());
    }
    page.text += "\n## What `slod check` can say\n\nProbe kinds may add codes of their own.\n\n";
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
    shown: Vec<(&'static [Key], String)>,
}

impl DocsPage {
    fn push(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        self.text.write_fmt(text).unwrap_or_default();
    }

    fn table(&mut self, keys: &[Key]) {
        self.text += "| key | value | default | meaning |\n|---|---|---|---|\n";
        for key in keys {
            let default = match key.need {
                Need::Required => "**required**".to_owned(),
                Need::Default("") => String::new(),
                Need::Default(text) => format!("`{text}`"),
            };
            let name = match key.shape {
                Shape::ProbeKind => "*a probe kind*".to_owned(),
                Shape::Secret | Shape::Url => format!("`{0}` or `{0}_file`", key.name),
                _ => format!("`{}`", key.name),
            };
            let shape = shape(key.shape);
            self.push(format_args!(
                "| {name} | {shape} | {default} | {} |\n",
                key.doc
            ));
        }
    }

    /// The sections below these keys, each under its full path.
    fn nested(&mut self, path: &str, keys: &'static [Key]) {
        for key in keys {
            let (suffix, inner) = innermost(key.shape);
            let Shape::Section(keys) = inner else {
                continue;
            };
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{}{suffix}", key.name);
            self.push(format_args!("\n### `{path}`\n\n"));
            let before = self
                .shown
                .iter()
                .find(|(shown, _)| std::ptr::eq(*shown, keys));
            if let Some((_, same)) = before.cloned() {
                self.push(format_args!("The same keys as `{same}`.\n"));
                continue;
            }
            self.shown.push((keys, path.clone()));
            self.table(keys);
            self.nested(&path, keys);
        }
    }
}

/// What lists and maps are of, and how their items are written in a path.
fn innermost(shape: Shape) -> (String, Shape) {
    match shape {
        Shape::List(item) => {
            let (rest, inner) = innermost(*item);
            (format!("[]{rest}"), inner)
        }
        Shape::Map(item) => {
            let (rest, inner) = innermost(*item);
            (format!(".*{rest}"), inner)
        }
        other => (String::new(), other),
    }
}

fn shape(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Url => "URL".to_owned(),
        Shape::Bool => "`true` or `false`".to_owned(),
        Shape::Integer(from, to) => format!("whole number from {from} to {to}"),
        Shape::Duration => "duration".to_owned(),
        Shape::Ratio => "ratio".to_owned(),
        Shape::Size => "size".to_owned(),
        Shape::Rate => "rate".to_owned(),
        Shape::Choice(words) => format!("`{}`", words.join("`, `")),
        Shape::File => "path".to_owned(),
        Shape::Secret => "secret".to_owned(),
        Shape::Section(_) => "mapping, see below".to_owned(),
        Shape::List(item) => format!("list of: {}", self::shape(*item)),
        Shape::Map(item) => format!("names, each with: {}", self::shape(*item)),
        Shape::ProbeKind => "mapping, see [Probe kinds](#probe-kinds)".to_owned(),
    }
}
