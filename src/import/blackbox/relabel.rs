//! Evaluates `relabel_configs` as Prometheus does.

use super::keys::Keys;
use crate::import::document::At;
use regex::Regex;
use std::collections::BTreeMap;

pub(super) type Labels = BTreeMap<String, String>;

const ACTIONS: [(&str, Action); 11] = [
    ("replace", Action::Replace),
    ("keep", Action::Keep),
    ("drop", Action::Drop),
    ("keepequal", Action::KeepEqual),
    ("dropequal", Action::DropEqual),
    ("labelmap", Action::LabelMap),
    ("labeldrop", Action::LabelDrop),
    ("labelkeep", Action::LabelKeep),
    ("lowercase", Action::Lowercase),
    ("uppercase", Action::Uppercase),
    ("hashmod", Action::HashMod),
];
/// Maximum size of a compiled expression in bytes.
const COMPILED_MAX: usize = 2 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
    HashMod,
}

#[derive(Debug)]
pub(super) struct Rule {
    action: Action,
    sources: Vec<String>,
    separator: String,
    regex: Regex,
    target: String,
    replacement: String,
}

/// Reads the rules of a list. Hash rules are omitted: they select a share of the targets for one of several
/// Prometheus instances.
pub(super) fn read(items: &[At<'_>]) -> Result<Vec<Rule>, String> {
    let (mut rules, mut hashes) = (Vec::new(), Vec::new());
    for at in items {
        let rule = Rule::read(*at)?;
        let is_of_hash = rule.sources.iter().any(|source| hashes.contains(source));
        if rule.action == Action::HashMod || is_of_hash {
            at.remark("the rule is left out: it distributes the targets over several Prometheus servers, and slod imports all of them");
            hashes.push(rule.target);
        } else {
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// Applies the rules to the labels of a target; `None` if they drop it.
pub(super) fn apply(rules: &[Rule], labels: Labels) -> Option<Labels> {
    rules
        .iter()
        .try_fold(labels, |labels, rule| rule.apply(labels))
}

impl Rule {
    fn read(at: At<'_>) -> Result<Self, String> {
        let keys = Keys::of(at)?;
        let name = keys
            .filled("action")?
            .unwrap_or_else(|| "replace".to_owned());
        let known = ACTIONS
            .iter()
            .find(|(known, _)| *known == name.to_lowercase());
        let Some((_, action)) = known else {
            let names = ACTIONS.map(|(name, _)| name).join(", ");
            return Err(at.fault("unknown `action`", format!("one of {names}")));
        };
        let pattern = keys.text("regex")?.unwrap_or_else(|| "(.*)".to_owned());
        let whole = format!("^(?s:{pattern})$");
        let built = regex::RegexBuilder::new(&whole)
            .size_limit(COMPILED_MAX)
            .build();
        let Ok(regex) = built else {
            return Err(at.fault(
                "`regex` is not a regular expression",
                "an expression in RE2 syntax",
            ));
        };
        let rule = Self {
            action: *action,
            sources: keys.texts("source_labels")?,
            separator: keys.text("separator")?.unwrap_or_else(|| ";".to_owned()),
            regex,
            target: keys.text("target_label")?.unwrap_or_default(),
            replacement: keys.text("replacement")?.unwrap_or_else(|| "$1".to_owned()),
        };
        let _ = keys.get("modulus");
        keys.rest();
        Ok(rule)
    }

    fn apply(&self, mut labels: Labels) -> Option<Labels> {
        let value = self.value(&labels);
        let target = labels.get(&self.target).cloned().unwrap_or_default();
        let matches = |name: &str| self.regex.is_match(name);
        let is_kept = match self.action {
            Action::Keep => matches(&value),
            Action::Drop => !matches(&value),
            Action::KeepEqual => target == value,
            Action::DropEqual => target != value,
            _ => true,
        };
        match self.action {
            Action::Replace => self.replace(&value, &mut labels),
            Action::Lowercase => set(&mut labels, self.target.clone(), value.to_lowercase()),
            Action::Uppercase => set(&mut labels, self.target.clone(), value.to_uppercase()),
            Action::LabelDrop => labels.retain(|name, _| !matches(name)),
            Action::LabelKeep => labels.retain(|name, _| matches(name)),
            Action::LabelMap => {
                for (name, value) in labels.clone() {
                    if let Some(new) = self.expanded(&name, &self.replacement) {
                        set(&mut labels, new, value);
                    }
                }
            }
            _ => {}
        }
        is_kept.then_some(labels)
    }

    /// The joined values of the source labels.
    fn value(&self, labels: &Labels) -> String {
        let of = |name: &String| labels.get(name).map_or("", String::as_str);
        let values: Vec<&str> = self.sources.iter().map(of).collect();
        values.join(&self.separator)
    }

    /// Without a match, nothing changes.
    fn replace(&self, value: &str, labels: &mut Labels) {
        let (target, new) = (
            self.expanded(value, &self.target),
            self.expanded(value, &self.replacement),
        );
        if let (Some(target), Some(new)) = (target, new) {
            set(labels, target, new);
        }
    }

    /// Expands a template with the groups of the match.
    fn expanded(&self, text: &str, template: &str) -> Option<String> {
        let found = self.regex.captures(text)?;
        let mut out = String::new();
        found.expand(template, &mut out);
        Some(out)
    }
}

/// An empty value removes the label.
fn set(labels: &mut Labels, name: String, value: String) {
    if value.is_empty() {
        labels.remove(&name);
    } else if !name.is_empty() {
        labels.insert(name, value);
    }
}
