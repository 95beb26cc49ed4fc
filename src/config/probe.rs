//! Reads the probes of a service.

use super::draft::Located;
use super::keys::probe as key;
use super::model::ProbeSpec;
use super::name::Names;
use crate::outcome::{Measures, ProbeKey};
use crate::probe::{KINDS, Kind, Probe, redacted};
use crate::units;
use crate::yaml::{Key, List, Mapping, Node, Section, Spot, shown_name};
use std::sync::Arc;
use std::time::Duration;

/// Interval and timeout of a probe; `None` if invalid, which was reported.
#[derive(Clone, Copy, Default)]
pub(super) struct Pace {
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
}

impl Pace {
    /// Reports a timeout above the interval.
    pub(super) fn check(&self, section: &Section<'_>) -> Option<()> {
        let (interval, timeout) = (self.interval?, self.timeout?);
        if timeout <= interval {
            return Some(());
        }
        section.error(
            "timeout-exceeds-interval",
            &key::TIMEOUT,
            format!(
                "the timeout of {} is longer than the interval of {}",
                units::show_duration(timeout),
                units::show_duration(interval)
            ),
            "attempts of a probe must not overlap: lower the timeout, or raise the interval",
        );
        None
    }

    fn read(self, section: &Section<'_>) -> Option<(Duration, Duration)> {
        let interval = section.get_or(&key::INTERVAL, self.interval);
        let inherited = interval.and_then(|interval| Some(self.timeout?.min(interval)));
        let timeout = section.get_or(&key::TIMEOUT, inherited);
        Self { interval, timeout }.check(section)?;
        Some((interval?, timeout?))
    }
}

/// The names of all probes of a list, and the valid probes.
pub(super) fn read_list<'n>(
    parent: &Section<'n>,
    list: &Key<List<Mapping>>,
    service: &Arc<str>,
    defaults: Pace,
) -> (Vec<String>, Vec<Located<'n, ProbeSpec>>) {
    let mut names = Names::of("probe");
    if parent.has(list) && parent.list(list).is_empty() {
        parent.error(
            "empty-list",
            list,
            "no probe is configured",
            "add at least one, such as `- { name: health, http: { url: \"http://127.0.0.1:8000/health\" } }`",
        );
    }
    let mut known = Vec::new();
    let mut probes = Vec::new();
    for section in parent.sections(list) {
        let name = names.take(&section, &key::NAME);
        known.extend(name.clone());
        let pace = defaults.read(&section);
        let kind = kind(&section);
        if let (Some(name), Some((interval, timeout)), Some(kind)) = (name, pace, kind) {
            let key = ProbeKey {
                service: service.clone(),
                probe: name.into(),
            };
            let value = ProbeSpec {
                key,
                interval,
                timeout,
                kind: kind.name,
                measures: kind.measures,
                fingerprint: kind.fingerprint,
                // Set after the objectives of all services are read.
                thresholds: Arc::default(),
                probe: kind.probe,
            };
            probes.push(Located { value, section });
        }
    }
    (known, probes)
}

struct ReadKind {
    name: &'static str,
    measures: &'static Measures,
    probe: Arc<dyn Probe>,
    fingerprint: u64,
}

/// Reads the one kind of a probe.
fn kind(section: &Section<'_>) -> Option<ReadKind> {
    let (kind, node) = chosen_kind(section)?;
    let path = section.spot().below(kind.name);
    let inner = section.reader().section(node, &path, kind.keys)?;
    let read = section.reader().traced(node, || (kind.read)(&inner));
    Some(ReadKind {
        name: kind.name,
        measures: &kind.measures,
        probe: redacted(read.value?, read.redactions),
        fingerprint: read.fingerprint,
    })
}

/// Returns the first kind of a probe, with its settings. Unknown keys, further kinds and the lack of one are
/// reported.
fn chosen_kind<'a>(section: &Section<'a>) -> Option<(&'static Kind, &'a Node)> {
    let mut found: Option<(&'static Kind, &Node)> = None;
    let mut unknown = false;
    for (name, key, value) in section.undeclared() {
        let at = Spot::of(key, section.spot().below(&shown_name(&name)));
        let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
            let near = report_unknown(section, &shown_name(&name), &at);
            section.publish_misspelled(&name, near.as_deref(), value);
            unknown = true;
            continue;
        };
        match found {
            None => found = Some((*kind, value)),
            // A duplicate key has been reported already.
            Some((first, _)) if first.name == name => {}
            Some((first, _)) => section.reader().error(
                "several-kinds",
                &at,
                format!(
                    "a probe has exactly one kind, but this one has `{}` and `{name}`",
                    first.name
                ),
                "split it into two probes",
            ),
        }
    }
    if found.is_none() && !unknown {
        section.reader().error(
            "missing-kind",
            section.spot(),
            "this probe has no kind",
            format!(
                "add one of {} as a key, with its settings below it",
                kind_names()
            ),
        );
    }
    found
}

/// Reports an unknown key, and returns the name that was most likely intended: a kind if the value is
/// a mapping, otherwise a key.
fn report_unknown(section: &Section<'_>, name: &str, at: &Spot) -> Option<String> {
    let near = section.nearest_name(name, KINDS.iter().map(|kind| kind.name));
    let is_kind = |name: &str| KINDS.iter().any(|kind| kind.name == name);
    let (code, message, help) = match &near {
        Some(near) => (
            if is_kind(near) {
                "unknown-kind"
            } else {
                "unknown-key"
            },
            format!(
                "unknown {} `{name}`",
                if is_kind(near) { "probe kind" } else { "key" }
            ),
            format!("did you mean `{near}`?"),
        ),
        None if matches!(name, "type" | "kind") => (
            "unknown-key",
            format!("unknown key `{name}`"),
            "the kind is a key, with its settings below it: `http: { url: ... }`".to_owned(),
        ),
        None => (
            "unknown-kind",
            format!("`{name}` is neither a probe kind nor a probe key"),
            section.place_of(name).unwrap_or_else(|| {
                let keys: Vec<String> = section.names().collect();
                format!("kinds: {}; keys: {}", kind_names(), keys.join(", "))
            }),
        ),
    };
    section.reader().error(code, at, message, help);
    near
}

fn kind_names() -> String {
    let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    names.join(", ")
}
