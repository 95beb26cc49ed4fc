//! The modules of `blackbox.yml`.

use super::context::{Context, Variables};
use super::keys::Keys;
use super::prometheus::{self, ScrapedTarget};
use super::value::Map;
use super::{dns, grpc, http, icmp, tcp};
use crate::import::check::Check;
use crate::import::document::{At, Remarks, Spot};
use crate::text::slug;
use std::collections::BTreeSet;
use std::time::Duration;

/// Maximum number of modules in a file.
const MODULES_MAX: usize = 1_000;
/// Maximum length of a label in a host name, in characters.
const LABEL_MAX: usize = 60;

/// A prober with an equivalent probe kind in slod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Prober {
    Http,
    Tcp,
    Dns,
    Icmp,
    Grpc,
}

impl Prober {
    pub const ALL: [Self; 5] = [Self::Http, Self::Tcp, Self::Dns, Self::Icmp, Self::Grpc];

    /// The name of the prober, and of slod's probe kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Dns => "dns",
            Self::Icmp => "icmp",
            Self::Grpc => "grpc",
        }
    }
}

/// Probers without an equivalent in slod.
const OTHERS: [(&str, &str); 2] = [
    ("unix", "slod has no probes of Unix sockets"),
    (
        "websocket",
        "slod has no probes of WebSockets; an `http` probe with the headers of the handshake and `expect: { status: 101 }` checks that",
    ),
];

pub(super) struct Module {
    pub name: String,
    /// `None` if slod has no equivalent.
    pub prober: Option<Prober>,
    pub timeout: Option<Duration>,
    /// The keys of the probe kind, without those of the address.
    pub keys: Map,
    pub spot: Spot,
}

impl Module {
    /// A placeholder target, whose name never resolves (RFC 6761).
    pub fn placeholder(&self) -> Option<ScrapedTarget> {
        let prober = self.prober?;
        let host = format!("{}.invalid", slug(&self.name, LABEL_MAX));
        let address = match prober {
            Prober::Http => format!("http://{host}/"),
            Prober::Tcp | Prober::Grpc => format!("{host}:443"),
            Prober::Dns | Prober::Icmp => host,
        };
        Some(prometheus::placeholder(
            &self.name,
            address,
            self.spot.clone(),
        ))
    }
}

/// Reads all modules. Unused modules are only checked.
pub(super) fn read_all(
    root: At<'_>,
    used: Option<&BTreeSet<String>>,
    variables: &Variables,
    check: Check<'_>,
) -> Result<Vec<Module>, String> {
    let root = Keys::of(root)?;
    let help = "`modules:` with the modules by name, as in blackbox.yml";
    let Some(modules) = root.get("modules") else {
        return Err(root.at.fault(
            "this is not a blackbox_exporter config: `modules` is missing",
            help,
        ));
    };
    root.rest();
    let entries = Keys::of(modules)?.at.entries();
    if entries.is_empty() || entries.len() > MODULES_MAX {
        let message = format!("there are {} modules", entries.len());
        return Err(modules.fault(message, format!("1 to {MODULES_MAX} modules")));
    }
    let mut all = Vec::new();
    for (name, at) in entries {
        let module = name.as_str();
        if used.is_none_or(|used| used.contains(module)) {
            let of = Context {
                module,
                variables,
                check,
            };
            all.push(read(at, &of)?);
            continue;
        }
        at.remark(format!("module `{name:.60}` is left out: it has no target"));
        let (aside, variables) = (Remarks::default(), &Variables::default());
        let of = Context {
            module,
            variables,
            check,
        };
        read(at.with(&aside), &of)?;
    }
    Ok(all)
}

fn read(at: At<'_>, of: &Context<'_>) -> Result<Module, String> {
    let keys = Keys::of(at)?;
    let name = keys.filled("prober")?.unwrap_or_default();
    let mut probers = Prober::ALL.into_iter();
    let prober = probers.find(|prober| prober.name() == name);
    let other = OTHERS.iter().find(|(other, _)| *other == name);
    let place = keys.get("prober").unwrap_or(at);
    if let Some((_, why)) = other {
        place.remark(format!("module `{:.60}` is left out: {why}", of.module));
    } else if prober.is_none() {
        let known = Prober::ALL.map(Prober::name).join(", ");
        let message = if name.is_empty() {
            "`prober` is missing"
        } else {
            "unknown prober"
        };
        return Err(place.fault(message, format!("one of {known}, unix, websocket")));
    }
    let timeout = keys.duration("timeout")?;
    let part = match prober {
        Some(prober) => options(&keys, prober, of)?,
        None => Map::default(),
    };
    let own = |section: &str| section == name;
    let sections = Prober::ALL
        .map(Prober::name)
        .into_iter()
        .chain(OTHERS.map(|(name, _)| name));
    for section in sections.filter(|section| !own(section)) {
        keys.left_out(section, "it belongs to another prober");
    }
    let _ = other.map(|(name, _)| keys.get(name));
    keys.rest();
    Ok(Module {
        name: of.module.to_owned(),
        prober,
        timeout,
        keys: part,
        spot: at.spot(),
    })
}

/// Imports the options of the prober; without any, its defaults apply.
fn options(keys: &Keys<'_>, prober: Prober, of: &Context<'_>) -> Result<Map, String> {
    let read = match prober {
        Prober::Http => http::read,
        Prober::Tcp => tcp::read,
        Prober::Dns => dns::read,
        Prober::Icmp => icmp::read,
        Prober::Grpc => grpc::read,
    };
    match keys.keys(prober.name())? {
        Some(own) => read(&own, of),
        None => read(&Keys::none(keys.at), of),
    }
}
