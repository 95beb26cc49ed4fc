//! The objects of the files, which refer to each other by their names.

use crate::import::document::At;

/// Annotations with the keys of an objective: what `slod export openslo` writes.
const ANNOTATION: &str = "slod/";
/// All objects.
pub(super) struct Objects<'a>(pub Vec<At<'a>>);

impl<'a> Objects<'a> {
    pub fn of(&self, kind: &str) -> impl Iterator<Item = At<'a>> {
        let is = |at: &&At<'a>| at.get(&["kind"]).and_then(At::text).as_deref() == Some(kind);
        let found: Vec<At<'a>> = self.0.iter().filter(is).copied().collect();
        found.into_iter()
    }

    pub fn named(&self, kind: &str, name: &str) -> Option<At<'a>> {
        self.of(kind)
            .find(|at| self::name(*at).as_deref() == Some(name))
    }

    /// What a place refers to, or has itself.
    pub fn resolve(&self, kind: &str, reference: &str, at: At<'a>) -> Option<At<'a>> {
        let Some(name) = at.get(&[reference]).and_then(At::text) else {
            return Some(at);
        };
        let found = self.named(kind, &name);
        if found.is_none() {
            at.remark(format!("left out: no file has the {kind} `{name}`"));
        }
        found
    }
}

fn name(at: At<'_>) -> Option<String> {
    at.path(&["metadata", "name"])?.text()
}

/// Its name in a config, if the one of the object was made from it.
pub(super) fn own_name(at: At<'_>) -> Option<String> {
    annotation(at, "name").or_else(|| name(at))
}

/// Names what the metadata of an object has and a config has no place for.
pub(super) fn metadata(at: At<'_>) {
    let Some(metadata) = at.get(&["metadata"]) else {
        return;
    };
    if let Some(name) = metadata.get(&["displayName"]) {
        name.remark("`displayName` is left out: a config has only names");
    }
    let is_service = at.get(&["kind"]).and_then(At::text).as_deref() == Some("Service");
    let labels = metadata.get(&["labels"]).filter(|_| !is_service);
    if let Some(labels) = labels.filter(|labels| !labels.entries().is_empty()) {
        labels.remark("`labels` is left out: only services have labels");
    }
    let annotations = metadata.get(&["annotations"]);
    for (name, at) in annotations.map(At::entries).unwrap_or_default() {
        if !name.starts_with(ANNOTATION) {
            at.remark(format!("the annotation `{name}` is left out"));
        }
    }
}

pub(super) fn annotation(at: At<'_>, name: &str) -> Option<String> {
    let key = format!("{ANNOTATION}{name}");
    at.path(&["metadata", "annotations"])?.get(&[&key])?.text()
}
