//! Reads what is sampled of the system, and the processes of a service.

use super::keys::{self, MATCH, OBSERVE, PROCESS, SAMPLINGS};
use super::model::{FoundBy, ObserveSpec, Pattern, ProcessSpec};
use super::name::Names;
use super::read::{duration_within, written};
use crate::probe::pattern::text_regex;
use crate::yaml::Section;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// More groups of processes than a service is made of; each one costs metrics.
const MAX_PROCESSES: usize = 50;
const FINDERS: [&str; 4] = ["match", "pid_file", "port", "cgroup"];

pub(super) fn read(root: &Section<'_>) -> Option<ObserveSpec> {
    let interval = written(keys::DEFAULT_SAMPLING);
    let exclude = whole(keys::DEFAULT_EXCLUDE);
    let Some(section) = root.section("observe", OBSERVE) else {
        return Some(ObserveSpec {
            interval: interval?,
            host: true,
            network: true,
            network_exclude: exclude?,
            processes: true,
        });
    };
    let exclude = if section.has("network_exclude") {
        section.parse("network_exclude", "a regular expression", whole)
    } else {
        exclude
    };
    let on = |name| section.bool(name).unwrap_or(true);
    Some(ObserveSpec {
        host: on("host"),
        network: on("network"),
        processes: on("processes"),
        interval: duration_within(&section, "interval", SAMPLINGS, interval)?,
        network_exclude: exclude?,
    })
}

/// A pattern that a whole text must match.
fn whole(text: &str) -> Option<Pattern> {
    // Tried as it was written first: brackets around it must not make it valid.
    text_regex(text)?;
    text_regex(&format!("^(?:{text})$")).map(Pattern)
}

/// The processes of a service that are free of faults.
pub(super) fn processes(parent: &Section<'_>, service: &Arc<str>) -> Vec<ProcessSpec> {
    let mut names = Names::of("process");
    let items = parent.list("processes");
    if items.len() > MAX_PROCESSES {
        parent.error(
            "out-of-range",
            "processes",
            format!("{} are too many", items.len()),
            format!("expected at most {MAX_PROCESSES}"),
        );
    }
    items
        .into_iter()
        .take(MAX_PROCESSES)
        .filter_map(|(at, node)| parent.reader().section(node, &at.path, PROCESS))
        .filter_map(|section| {
            let found_by = found_by(&section)?;
            let name = if section.has("name") {
                names.take(&section)
            } else {
                names.claim(&section, made_of(&found_by))
            };
            Some(ProcessSpec {
                service: service.clone(),
                name: name?.into(),
                found_by,
            })
        })
        .collect()
}

fn found_by(section: &Section<'_>) -> Option<FoundBy> {
    let given: Vec<_> = FINDERS.into_iter().filter(|way| section.has(way)).collect();
    if let [first, second, ..] = given[..] {
        let message = format!("`{first}` and `{second}` are two ways to find a process");
        section.error("conflict", second, message, "keep one of them");
        return None;
    }
    match given.first().copied() {
        Some("match") => looks(section),
        Some("pid_file") => section.path("pid_file").map(FoundBy::PidFile),
        Some("port") => {
            let port = section.integer("port", 1..=i64::from(u16::MAX))?;
            u16::try_from(port).ok().map(FoundBy::Port)
        }
        Some(_) => {
            let expected = "a path below /sys/fs/cgroup, such as system.slice/concierge.service";
            section
                .parse("cgroup", expected, cgroup)
                .map(FoundBy::Cgroup)
        }
        None => {
            section.reader().error(
                "missing-key",
                section.spot(),
                "nothing tells how the process is found",
                format!("add one of {}", FINDERS.join(", ")),
            );
            None
        }
    }
}

fn looks(section: &Section<'_>) -> Option<FoundBy> {
    let inner = section.section("match", MATCH)?;
    let name = inner.text("name");
    let cmdline = inner.parse("cmdline", "a regular expression", |text| {
        text_regex(text).map(Pattern)
    });
    if !inner.has("name") && !inner.has("cmdline") {
        let help = "add `name`, `cmdline`, or both";
        section.error("missing-key", "match", "this matches every process", help);
    }
    // A part that was given and is faulty must not widen the match.
    let sound = name.is_some() == inner.has("name") && cmdline.is_some() == inner.has("cmdline");
    (sound && (name.is_some() || cmdline.is_some())).then_some(FoundBy::Looks { name, cmdline })
}

/// Only ever below the root of the control groups.
fn cgroup(text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    let path = path.strip_prefix("/sys/fs/cgroup").unwrap_or(path);
    let path = path.strip_prefix("/").unwrap_or(path);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    (path.components().count() > 0 && path.components().all(plain)).then(|| path.to_owned())
}

/// What a process without a name of its own is called.
fn made_of(found_by: &FoundBy) -> String {
    let last = |path: &Path| {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    match found_by {
        FoundBy::Looks {
            name: Some(name), ..
        } => name.replace('/', "-"),
        FoundBy::Looks { .. } => "cmdline".to_owned(),
        FoundBy::PidFile(path) | FoundBy::Cgroup(path) => last(path),
        FoundBy::Port(port) => format!("port-{port}"),
    }
}
