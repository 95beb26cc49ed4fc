//! Imports modules of `blackbox_exporter`, and the targets that Prometheus probes with them, as a config of probes.
//! Everything without an equivalent is reported with its file and line. Pure: the caller reads the files.

mod authorization;
mod context;
mod dns;
mod draft;
mod expect;
mod grpc;
mod http;
mod icmp;
mod keys;
mod module;
mod oauth2;
mod prometheus;
mod relabel;
mod target;
mod tcp;
mod tls;
mod value;
mod websocket;

pub use prometheus::Find;

use super::check::Check;
use super::document::{Document, Remarks};
use super::written::{Imported, write};
use crate::diagnostic::Source;
use crate::yaml::SIZE_LIMIT;
use context::{Context, Variables, faults_of};
use draft::{Draft, Probe};
use module::Module;
use prometheus::{ScrapedTarget, Targets};
use std::collections::{BTreeSet, HashMap};
use value::{Map, Value};

/// The files to import.
pub struct Inputs<'a> {
    /// `blackbox.yml`.
    pub modules: &'a Source,
    /// Prometheus configuration files with scrape configs. Without one, every module gets a placeholder target.
    pub targets: &'a [Source],
    pub find: Find<'a>,
    pub check: Check<'a>,
}

/// Imports the modules and their targets. An error is an invalid file, or files without any probe.
pub fn read(inputs: &Inputs<'_>) -> Result<Imported, String> {
    let (remarks, variables) = (Remarks::default(), Variables::default());
    let documents = Document::all(inputs.modules)?;
    let [document] = &documents[..] else {
        let name = &inputs.modules.name;
        return Err(format!(
            "{name} is not a blackbox_exporter config: expected one document with `modules:`"
        ));
    };
    let mut targets = Targets::default();
    for input in inputs.targets {
        prometheus::read(input, inputs.find, &remarks, &mut targets)?;
    }
    let mut found = targets.all;
    let named = found.iter().map(|one| one.module.clone());
    let used: Option<BTreeSet<String>> = (!inputs.targets.is_empty()).then(|| named.collect());
    let root = document.at(&remarks);
    let modules = module::read_all(root, used.as_ref(), &variables, inputs.check)?;
    if used.is_none() {
        found.extend(modules.iter().map(Module::placeholder));
    }
    let draft = probes(inputs, &modules, &found, (&remarks, &variables));
    let remarks = remarks.finish();
    if draft.is_empty() {
        let remarks = remarks.iter().map(ToString::to_string);
        let lines: Vec<String> = std::iter::once("no probe could be imported".to_owned())
            .chain(remarks)
            .collect();
        return Err(lines.join("\n  "));
    }
    let to_do = to_do(inputs, &draft, variables);
    let imported = write(&draft.written(), remarks, &to_do)?;
    if imported.yaml.len() > SIZE_LIMIT {
        return Err(
            "the config would be larger than 4 MiB: import fewer targets at a time".to_owned(),
        );
    }
    Ok(imported)
}

/// The probes of all targets with known modules.
fn probes(
    inputs: &Inputs<'_>,
    modules: &[Module],
    found: &[ScrapedTarget],
    (remarks, variables): (&Remarks, &Variables),
) -> Draft {
    let named: HashMap<&str, &Module> = modules
        .iter()
        .map(|module| (module.name.as_str(), module))
        .collect();
    let read = found.iter().map(|one| {
        let module = named.get(one.module.as_str()).copied();
        (one, probe(inputs, one, module, variables))
    });
    let read: Vec<_> = read.collect();
    let valid = read.iter().filter_map(|(_, probe)| probe.as_ref().ok());
    let written: Vec<Map> = valid.map(|probe| probe.written(None)).collect();
    let mut faults = faults_of(inputs.check, &written).into_iter();
    let mut draft = Draft::default();
    for (one, probe) in read {
        let probe = probe.and_then(|probe| match faults.next().flatten() {
            Some(fault) => Err(format!("module `{:.60}`: {fault}", one.module)),
            None => Ok(probe),
        });
        let added = probe.and_then(|probe| draft.add(one, probe, inputs.check, remarks));
        if let Err(why) = added {
            remarks.add(&one.target.spot, format!("the target is left out: {why}"));
        }
    }
    draft
}

/// The probe of a target, or why there is none.
fn probe(
    inputs: &Inputs<'_>,
    found: &ScrapedTarget,
    module: Option<&Module>,
    variables: &Variables,
) -> Result<Probe, String> {
    let Some(module) = module else {
        let file = &inputs.modules.name;
        return Err(format!("{file} has no module `{:.60}`", found.module));
    };
    let of = Context {
        module: &module.name,
        variables,
        check: inputs.check,
    };
    let keys = target::keys(module, &found.target, &of)?;
    Ok(Probe::new(found, module, keys))
}

/// The tasks that remain for the user.
fn to_do(inputs: &Inputs<'_>, draft: &Draft, variables: Variables) -> Vec<String> {
    let mut lines = vec![
        "The objective in `defaults` is an example, since blackbox_exporter has no objectives."
            .to_owned(),
    ];
    if inputs.targets.is_empty() {
        lines.push("Replace the addresses with `.invalid`: no targets were given (--targets prometheus.yml).".to_owned());
    }
    if draft.has("body_limit", &Value::plain(http::BODY_LIMIT)) {
        let limit = http::BODY_LIMIT;
        lines.push(format!(
            "blackbox_exporter reads bodies of any size; slod is limited to `body_limit: {limit}`."
        ));
    }
    lines.extend(variables.into_to_do());
    lines
}

#[cfg(test)]
mod tests;
