//! Reads what is sampled from the system, and the processes of a service.

use super::keys::{self, observe as key, service};
use super::model::{FoundBy, ObserveSpec, ProcessSpec};
use super::name::{MAX_LENGTH, Names};
use crate::yaml::{Declared, Section};
use std::path::Path;
use std::sync::Arc;

pub(super) fn read(document: &Section<'_>) -> Option<ObserveSpec> {
    let section = document.section_or_empty(&keys::OBSERVE)?;
    let (interval, root) = (section.get(&key::INTERVAL), section.path(&key::ROOT));
    let switches = key::SWITCHES.map(|switch| Some((switch.name, section.get(switch)?)));
    let disk_exclude = section.get(&key::DISK_EXCLUDE);
    let filesystem_exclude = section.get(&key::FILESYSTEM_EXCLUDE);
    let network_exclude = section.get(&key::NETWORK_EXCLUDE);
    let retention = section.get(&key::RETENTION);
    let switches: Vec<_> = switches.into_iter().collect::<Option<_>>()?;
    let on = switches.into_iter().filter(|(_, is_on)| *is_on);
    Some(ObserveSpec {
        interval: interval?,
        retention: retention?,
        root: root?,
        collectors: on.map(|(name, _)| name).collect(),
        disk_exclude: disk_exclude?,
        filesystem_exclude: filesystem_exclude?,
        network_exclude: network_exclude?,
    })
}

/// Reads the valid processes of a service; errors in the others are reported.
pub(super) fn processes(parent: &Section<'_>, of: &Arc<str>) -> Vec<ProcessSpec> {
    let mut names = Names::of("process");
    parent
        .sections(&service::PROCESSES)
        .filter_map(|section| {
            let found_by = found_by(&section);
            let name = if section.has(&key::NAME) {
                names.take(&section, &key::NAME)
            } else {
                names.claim(&section, &key::NAME, derived_name(found_by.as_ref()?))
            };
            Some(ProcessSpec {
                service: of.clone(),
                name: name?.into(),
                found_by: found_by?,
            })
        })
        .collect()
}

fn found_by(section: &Section<'_>) -> Option<FoundBy> {
    let ways: [&dyn Declared; 4] = [&key::MATCH, &key::PID_FILE, &key::PORT, &key::CGROUP];
    let given: Vec<_> = ways.into_iter().filter(|way| section.has(*way)).collect();
    let [way] = given[..] else {
        report_ways(section, ways, &given);
        return None;
    };
    if way.name() == key::MATCH.name {
        return matching(section);
    }
    let pid_file = || section.path(&key::PID_FILE).map(FoundBy::PidFile);
    let port = || {
        let port = section.get(&key::PORT)?;
        u16::try_from(port).ok().map(FoundBy::Port)
    };
    let cgroup = || section.get(&key::CGROUP).map(FoundBy::Cgroup);
    pid_file().or_else(port).or_else(cgroup)
}

/// Reports a process that is identified in several ways, or in none.
fn report_ways(section: &Section<'_>, ways: [&dyn Declared; 4], given: &[&dyn Declared]) {
    if let [first, second, ..] = given {
        let (first, name) = (first.name(), second.name());
        let message = format!("`{first}` and `{name}` are mutually exclusive");
        section.error("conflict", *second, message, "remove one of them");
    } else {
        let message = "the process is not identified";
        let help = format!("add one of {}", ways.map(Declared::name).join(", "));
        let reader = section.reader();
        reader.error("missing-key", section.spot(), message, help);
    }
}

fn matching(section: &Section<'_>) -> Option<FoundBy> {
    let inner = section.section(&key::MATCH)?;
    let (has_name, has_cmdline) = (inner.has(&key::MATCH_NAME), inner.has(&key::MATCH_CMDLINE));
    let (name, cmdline) = (inner.get(&key::MATCH_NAME), inner.get(&key::MATCH_CMDLINE));
    if !has_name && !has_cmdline {
        let help = "add `name`, `cmdline`, or both";
        section.error(
            "missing-key",
            &key::MATCH,
            "an empty `match` matches every process",
            help,
        );
        return None;
    }
    if !has_name && cmdline.as_ref().is_some_and(|one| one.0.is_match("")) {
        let help = "add `name`, or a part of the command line that is always there";
        let message = "it matches every process";
        inner.error("invalid-value", &key::MATCH_CMDLINE, message, help);
        return None;
    }
    // An invalid key must not widen the match.
    let is_whole = name.is_some() == has_name && cmdline.is_some() == has_cmdline;
    is_whole.then_some(FoundBy::Match { name, cmdline })
}

/// The derived name of a process without `name`: what identifies it, as far as it is valid in a name.
fn derived_name(found_by: &FoundBy) -> String {
    let last = |path: &Path| {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    match found_by {
        FoundBy::Match { name, cmdline } => {
            let expression = cmdline.as_ref().map(|one| one.0.as_str());
            let text = name.as_deref().or(expression).unwrap_or_default();
            let text: String = text.replace('/', "-").chars().take(MAX_LENGTH).collect();
            let is_filler = |c: char| c == '-' || c.is_whitespace();
            text.trim_matches(is_filler).to_owned()
        }
        FoundBy::PidFile(path) | FoundBy::Cgroup(path) => last(path),
        FoundBy::Port(port) => format!("port-{port}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_process_without_a_name_has_that_of_what_identifies_it() {
        let long = "x".repeat(500);
        for (found_by, name) in [
            ("match: { name: bin/uvicorn }", "bin-uvicorn"),
            ("match: { cmdline: 'uvicorn app:app' }", "uvicorn app:app"),
            ("match: { name: celery, cmdline: beat }", "celery"),
            ("match: { cmdline: ' --port 8000$' }", "port 8000$"),
            (&format!("match: {{ cmdline: {long} }}"), &long[..100]),
            ("port: 8000", "port-8000"),
            ("pid_file: /run/web.pid", "web"),
        ] {
            let probe = "{ name: p, tcp: { address: '127.0.0.1:1' } }";
            let text = format!(
                "services: [ {{ name: web, objectives: [], probes: [ {probe} ], processes: [ {{ {found_by} }} ] }} ]"
            );
            let config: Config = text.parse().expect(found_by);
            let process = config.processes().next().expect("one process");
            assert_eq!(&*process.name, name, "{found_by}");
        }
    }
}
