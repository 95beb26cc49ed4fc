//! What all parts of a module's import share.

use super::keys::Keys;
use super::value::{Map, Value};
use crate::import::check::{Check, Fault, ROUNDS_MAX, item};
use crate::import::document::{At, Spot};
use crate::text::{Names, from_go};
use crate::yaml::Secret;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

const PREFIX: &str = "BLACKBOX";
/// Maximum length of the module's part in a variable name, in characters.
const NAME_MAX: usize = 48;

/// Environment variables in place of secrets.
#[derive(Default)]
pub(super) struct Variables(RefCell<SecretVariables>);

#[derive(Default)]
struct SecretVariables {
    names: Names,
    /// Variable names by the module and key, by the position of the value, and by the value: a line can have several.
    given: BTreeMap<(String, String, Secret), String>,
    /// Number of values by the module and key, and by the position.
    counts: HashMap<(String, String), usize>,
    /// The position of the value of each variable.
    origins: BTreeMap<String, String>,
}

impl Variables {
    /// A reference to the variable for a secret of a module.
    pub fn reference(&self, module: &str, what: &str, value: &str, spot: &Spot) -> String {
        let word = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let module: String = module.chars().take(NAME_MAX).map(word).collect();
        let what_word: String = what.chars().take(NAME_MAX).map(word).collect();
        let base = format!("{PREFIX}_{module}_{what_word}");
        let origin = format!("`{what}` in {spot}");
        let mut variables = self.0.borrow_mut();
        let key = (base, origin, Secret::new(value));
        if let Some(name) = variables.given.get(&key) {
            return format!("${{{name}}}");
        }
        let name = variables
            .names
            .give(key.0.clone(), |base, number| format!("{base}_{number}"));
        let count = variables
            .counts
            .entry((key.0.clone(), key.1.clone()))
            .or_default();
        *count += 1;
        let origin = match *count {
            1 => key.1.clone(),
            number => format!("{}, number {number} on this line", key.1),
        };
        variables.origins.insert(name.clone(), origin);
        let reference = format!("${{{name}}}");
        variables.given.insert(key, name);
        reference
    }

    /// The instructions for the user.
    pub fn into_to_do(self) -> Vec<String> {
        let all = self.0.into_inner().origins;
        let title = "Secrets are not copied. Set in the environment of slod:";
        let title = (!all.is_empty()).then(|| title.to_owned());
        let named = all.into_iter();
        let named = named.map(|(name, origin)| format!("  {name}: the value of {origin}"));
        title.into_iter().chain(named).collect()
    }
}

/// The module being imported.
pub(super) struct Context<'a> {
    pub module: &'a str,
    pub variables: &'a Variables,
    pub check: Check<'a>,
}

impl Context<'_> {
    /// The variable for a secret, which is never copied.
    pub fn secret(&self, what: &str, at: At<'_>) -> Value {
        let value = at.raw().unwrap_or_default();
        Value::Text(self.reference(what, &value, &at.spot()))
    }

    pub fn reference(&self, what: &str, value: &str, spot: &Spot) -> String {
        self.variables.reference(self.module, what, value, spot)
    }

    /// The expressions that slod supports.
    pub fn expressions(&self, items: &[At<'_>]) -> Result<Vec<String>, String> {
        let mut valid = Vec::new();
        for at in items {
            valid.extend(self.expression(*at, &super::keys::text(*at)?));
        }
        Ok(valid)
    }

    /// An expression in Go's syntax, rewritten for slod; `None` after a remark that slod does not support it.
    pub fn expression(&self, at: At<'_>, regex: &str) -> Option<String> {
        let regex = from_go(regex);
        let expect = Map::of([("body", Value::List(vec![Value::plain(&regex)]))]);
        let keys = [
            ("url", Value::plain("http://x/")),
            ("expect", Value::Map(expect)),
        ];
        let probe = Map::of([
            ("name", Value::plain("x")),
            ("http", Value::Map(Map::of(keys))),
        ]);
        match fault_of(self.check, &probe, &Map::default()) {
            None => Some(regex),
            Some(fault) => {
                at.remark(format!("the expression is left out: {fault}"));
                None
            }
        }
    }
}

/// Adds a remark on `source_ip_address`: slod lets the system choose it.
pub(super) fn source_address(keys: &Keys<'_>) {
    let why = "slod lets the system choose the source address";
    keys.left_out("source_ip_address", why);
}

/// A file path. Relative paths of the exporter start in its working directory.
pub(super) fn file_path(at: At<'_>, path: &str) -> Value {
    if !path.starts_with('/') {
        at.remark(format!(
            "`{path}` is relative to the working directory of the exporter; in slod, it is relative to the folder of the config"
        ));
    }
    Value::plain(path)
}

/// Imports the address family. The exporter tries one address, of the preferred family if there is one.
pub(super) fn ip_version(keys: &Keys<'_>, probe: &mut Map) -> Result<(), String> {
    let preferred = keys.get("preferred_ip_protocol");
    let version = match preferred.and_then(At::raw).as_deref() {
        None | Some("") => None,
        Some("ip4") => Some("4"),
        Some("ip6") => Some("6"),
        Some(_) => {
            let at = preferred.unwrap_or(keys.at);
            return Err(at.fault("`preferred_ip_protocol` is invalid", "ip4 or ip6"));
        }
    };
    if keys.boolean("ip_protocol_fallback")? == Some(false) {
        probe.set("ip_version", Value::plain(version.unwrap_or("6")));
    } else if let (Some(version), Some(at)) = (version, preferred) {
        at.remark(format!(
            "`preferred_ip_protocol` is left out: the exporter tries one address, preferring IPv{version}, whereas slod tries the addresses of the host until one answers; `ip_version: {version}` probes IPv{version} only"
        ));
    }
    Ok(())
}

/// Number of probes that are checked together, so that their config stays far below the size limit.
const CHECKED_MAX: usize = 1_000;

/// The error of a probe or of labels; `None` if they are valid.
pub(super) fn fault_of(check: Check<'_>, probe: &Map, labels: &Map) -> Option<String> {
    let faults = check(&config([service(probe, labels)]));
    faults.into_iter().next().map(|fault| fault.message)
}

/// The error of each of these probes.
pub(super) fn faults_of(check: Check<'_>, probes: &[Map]) -> Vec<Option<String>> {
    probes
        .chunks(CHECKED_MAX)
        .flat_map(|probes| faults_together(check, probes))
        .collect()
}

/// Checks probes together. Some errors are reported only if there are no others, so that the remaining probes are
/// checked again.
fn faults_together(check: Check<'_>, probes: &[Map]) -> Vec<Option<String>> {
    let mut found: Vec<Option<String>> = vec![None; probes.len()];
    for _ in 0..ROUNDS_MAX {
        let left: Vec<usize> = (0..probes.len())
            .filter(|at| found[*at].is_none())
            .collect();
        let services = left.iter().map(|at| service(&probes[*at], &Map::default()));
        let faults = if left.is_empty() {
            Vec::new()
        } else {
            check(&config(services))
        };
        if faults.is_empty() {
            return found;
        }
        for Fault { path, message } in faults {
            let place = item(&path, "services").and_then(|(place, _)| left.get(place));
            match place {
                Some(at) => drop(found[*at].get_or_insert(message)),
                // The error concerns all probes.
                None => found.iter_mut().for_each(|own| {
                    own.get_or_insert_with(|| message.clone());
                }),
            }
        }
    }
    found
}

fn service(probe: &Map, labels: &Map) -> Map {
    let mut service = Map::default();
    service.set_map("labels", labels.clone());
    service.set("probes", Value::List(vec![Value::Map(probe.clone())]));
    service.set("objectives", Value::List(Vec::new()));
    service
}

fn config(services: impl IntoIterator<Item = Map>) -> String {
    let named = services.into_iter().enumerate().map(|(number, service)| {
        let name = Map::of([("name", Value::Text(format!("x{number}")))]);
        Value::Map(name.and(&service))
    });
    let services = Value::List(named.collect());
    serde_yaml::to_string(&Map::of([("services", services)])).unwrap_or_default()
}
