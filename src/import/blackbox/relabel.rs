//! Evaluates `relabel_configs` as Prometheus does.

use super::keys::Keys;
use crate::import::document::At;
use crate::text::from_go;
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
/// Maximum number of rules of a scrape config.
const RULES_MAX: usize = 200;
/// Maximum number of labels of a target. Each rule can double them.
const LABELS_MAX: usize = 500;
/// Maximum length of a name or value of a label in bytes. Each rule can multiply it.
const LENGTH_MAX: usize = 16 << 10;
const TOO_LONG: &str = "a label is longer than 16 KiB";
const TOO_MANY: &str = "it has more than 500 labels";

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
    if let Some(at) = items.get(RULES_MAX) {
        let message = format!("there are more than {RULES_MAX} rules");
        return Err(at.fault(message, "fewer rules"));
    }
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

/// Applies the rules to the labels of a target. Returns why it is left out if they drop it, or make it too large.
pub(super) fn apply(rules: &[Rule], labels: Labels) -> Result<Labels, &'static str> {
    rules.iter().try_fold(labels, |labels, rule| {
        let labels = rule.apply(labels)?;
        if labels.len() > LABELS_MAX {
            return Err(TOO_MANY);
        }
        Ok(labels)
    })
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
        let whole = format!("^(?s:{})$", from_go(&pattern));
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

    fn apply(&self, mut labels: Labels) -> Result<Labels, &'static str> {
        let value = self.value(&labels)?;
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
            Action::Replace => self.replace(&value, &mut labels)?,
            Action::Lowercase => set(&mut labels, self.target.clone(), value.to_lowercase()),
            Action::Uppercase => set(&mut labels, self.target.clone(), value.to_uppercase()),
            Action::LabelDrop => labels.retain(|name, _| !matches(name)),
            Action::LabelKeep => labels.retain(|name, _| matches(name)),
            Action::LabelMap => {
                for (name, value) in labels.clone() {
                    if let Some(new) = self.expanded(&name, &self.replacement)? {
                        set(&mut labels, new, value);
                    }
                }
            }
            _ => {}
        }
        is_kept
            .then_some(labels)
            .ok_or("it is dropped by `relabel_configs`")
    }

    /// The joined values of the source labels.
    fn value(&self, labels: &Labels) -> Result<String, &'static str> {
        let of = |name: &String| labels.get(name).map_or("", String::as_str);
        let mut value = String::new();
        for (place, name) in self.sources.iter().enumerate() {
            let separator = if place > 0 { &*self.separator } else { "" };
            value.extend([separator, of(name)]);
            if value.len() > LENGTH_MAX {
                return Err(TOO_LONG);
            }
        }
        Ok(value)
    }

    /// Without a match, nothing changes.
    fn replace(&self, value: &str, labels: &mut Labels) -> Result<(), &'static str> {
        let (target, new) = (
            self.expanded(value, &self.target)?,
            self.expanded(value, &self.replacement)?,
        );
        if let (Some(target), Some(new)) = (target, new) {
            set(labels, target, new);
        }
        Ok(())
    }

    /// Expands a template with the groups of the match; `None` without one.
    fn expanded(&self, text: &str, template: &str) -> Result<Option<String>, &'static str> {
        let Some(found) = self.regex.captures(text) else {
            return Ok(None);
        };
        // Each group is at most as long as the text.
        let groups = template.matches('$').count();
        if template.len() + groups * text.len() > LENGTH_MAX {
            return Err(TOO_LONG);
        }
        let mut out = String::new();
        found.expand(template, &mut out);
        Ok(Some(out))
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
