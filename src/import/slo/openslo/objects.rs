//! The objects in the files, which refer to each other by name.

use crate::import::document::At;
use crate::import::slo::annotations::{NAME, PREFIX};
use std::collections::HashMap;

/// All objects.
pub(super) struct Objects<'a> {
    /// With their kinds.
    all: Vec<(String, At<'a>)>,
    /// The first of each kind and name.
    places: HashMap<(String, String), usize>,
}

impl<'a> Objects<'a> {
    pub fn new(all: impl Iterator<Item = At<'a>>) -> Self {
        let kind = |at: At<'a>| at.get(&["kind"]).and_then(At::text).unwrap_or_default();
        let all: Vec<_> = all.map(|at| (kind(at), at)).collect();
        let mut places = HashMap::new();
        for (place, (kind, at)) in all.iter().enumerate() {
            if let Some(name) = name(*at) {
                places.entry((kind.clone(), name)).or_insert(place);
            }
        }
        Self { all, places }
    }

    pub fn all(&self) -> impl Iterator<Item = At<'a>> + '_ {
        self.all.iter().map(|(_, at)| *at)
    }

    pub fn of<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = At<'a>> + 's {
        let of_kind = self.all.iter().filter(move |(own, _)| own == kind);
        of_kind.map(|(_, at)| *at)
    }

    pub fn named(&self, kind: &str, name: &str) -> Option<At<'a>> {
        let place = self.places.get(&(kind.to_owned(), name.to_owned()))?;
        Some(self.all[*place].1)
    }

    /// The inline object, or the object that is referred to by name.
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

/// The name in the config, if the name of the object was derived from it.
pub(super) fn own_name(at: At<'_>) -> Option<String> {
    annotation(at, NAME).or_else(|| name(at))
}

/// Adds remarks on metadata of an object that a config cannot have.
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
        if !name.starts_with(PREFIX) {
            at.remark(format!("the annotation `{name}` is left out"));
        }
    }
}

pub(super) fn annotation(at: At<'_>, name: &str) -> Option<String> {
    at.path(&["metadata", "annotations"])?.get(&[name])?.text()
}
