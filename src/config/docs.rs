//! `docs/CONFIGURATION.md`, made from the declared keys.

use super::keys::ROOT;
use super::load::codes;
use crate::probe::Kind;
use crate::yaml::{Key, Need, Shape};
use std::fmt::Write as _;

const INTRO: &str = "# Configuration

The config is one YAML file; `config/slod.yaml` is an example that explains itself. `slod check --config FILE`
tells every fault of it at once, with its place and what was expected there.

- Durations: `500ms`, `10s`, `1h30m`, `30d`. Ratios: `99.9%` or `0.999`. Sizes: `64KiB`, `1MB`. Rates: `100/s`, `200/min`.
- `${NAME}` in a value is replaced by the environment variable; `$${` stands for a literal `${`.
- A secret `NAME` may stand in a file: `NAME_file: PATH`. Relative paths start at the config file's folder.
- Unknown keys are errors. A list of one item may be written without brackets.
- A changed config is taken over by a reload if it has no errors; otherwise the old one stays in force.

This page is made from the source code.
";

/// The whole page.
pub fn markdown(kinds: &[&'static dyn Kind]) -> String {
    let mut page = INTRO.to_owned();
    section(&mut page, "The file", ROOT);
    nested(&mut page, "", ROOT);
    push(&mut page, "\n## Probe kinds\n");
    for kind in kinds {
        push(
            &mut page,
            &format!(
                "\n### {name}\n\n{}\n\n```yaml\n{name}: {}\n```\n\n",
                kind.summary(),
                kind.example(),
                name = kind.name()
            ),
        );
        table(&mut page, kind.keys());
        nested(&mut page, kind.name(), kind.keys());
    }
    push(
        &mut page,
        "\n## What `slod check` can say\n\n| code | meaning |\n|---|---|\n",
    );
    for (code, meaning) in codes() {
        push(&mut page, &format!("| `{code}` | {meaning} |\n"));
    }
    page
}

fn push(page: &mut String, text: &str) {
    page.push_str(text);
}

fn section(page: &mut String, title: &str, keys: &[Key]) {
    push(page, &format!("\n## {title}\n\n"));
    table(page, keys);
}

fn table(page: &mut String, keys: &[Key]) {
    push(
        page,
        "| key | value | default | meaning |\n|---|---|---|---|\n",
    );
    for key in keys {
        let default = match key.need {
            Need::Required => "**required**".to_owned(),
            Need::Default("") => String::new(),
            Need::Default(text) => format!("`{text}`"),
        };
        let name = match key.shape {
            Shape::ProbeKind => "*a probe kind*".to_owned(),
            Shape::Secret => format!("`{0}` or `{0}_file`", key.name),
            _ => format!("`{}`", key.name),
        };
        let row = format!(
            "| {name} | {} | {default} | {} |\n",
            shape(key.shape),
            key.doc
        );
        push(page, &row);
    }
}

/// The sections below these keys, each under its full path.
fn nested(page: &mut String, path: &str, keys: &[Key]) {
    for key in keys {
        let path = if path.is_empty() {
            key.name.to_owned()
        } else {
            format!("{path}.{}", key.name)
        };
        let (suffix, inner) = innermost(key.shape);
        if let Shape::Section(keys) = inner {
            let path = format!("{path}{suffix}");
            push(page, &format!("\n#### `{path}`\n\n"));
            table(page, keys);
            nested(page, &path, keys);
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
        Shape::Choice(words) => {
            let mut text = String::new();
            for (index, word) in words.iter().enumerate() {
                let joint = if index == 0 { "" } else { ", " };
                write!(text, "{joint}`{word}`").unwrap_or_default();
            }
            text
        }
        Shape::File => "path".to_owned(),
        Shape::Secret => "secret".to_owned(),
        Shape::Section(_) => "mapping, see below".to_owned(),
        Shape::List(item) => format!("list of: {}", self::shape(*item)),
        Shape::Map(item) => format!("names, each with: {}", self::shape(*item)),
        Shape::ProbeKind => "mapping, see [Probe kinds](#probe-kinds)".to_owned(),
    }
}
