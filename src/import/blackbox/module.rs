//! The modules of `blackbox.yml`.

use super::context::{Context, Variables};
use super::keys::Keys;
use super::prometheus::{self, ScrapedTarget};
use super::value::Map;
use super::{dns, grpc, http, icmp, tcp, websocket};
use crate::import::check::Check;
use crate::import::document::{At, Remarks, Spot};
use crate::text::slug;
use std::collections::BTreeSet;
use std::time::Duration;

/// Maximum number of modules in a file.
const MODULES_MAX: usize = 1_000;
/// Maximum length of a label in a host name, in characters.
const LABEL_MAX: usize = 60;

/// A prober, each of which has an equivalent probe kind in slod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Prober {
    Http,
    Tcp,
    Dns,
    Icmp,
    Grpc,
    Unix,
    WebSocket,
}

impl Prober {
    const ALL: [Self; 7] = [
        Self::Http,
        Self::Tcp,
        Self::Dns,
        Self::Icmp,
        Self::Grpc,
        Self::Unix,
        Self::WebSocket,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Dns => "dns",
            Self::Icmp => "icmp",
            Self::Grpc => "grpc",
            Self::Unix => "unix",
            Self::WebSocket => "websocket",
        }
    }

    /// The name of slod's probe kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Unix => Self::Tcp.name(),
            _ => self.name(),
        }
    }
}

pub(super) struct Module {
    pub name: String,
    pub prober: Prober,
    pub timeout: Option<Duration>,
    /// The keys of the probe kind, without those of the address.
    pub keys: Map,
    pub spot: Spot,
}

impl Module {
    /// A placeholder target, whose name never resolves (RFC 6761), or whose socket does not exist.
    pub fn placeholder(&self) -> ScrapedTarget {
        let host = format!("{}.invalid", slug(&self.name, LABEL_MAX));
        let address = match self.prober {
            Prober::Http => format!("http://{host}/"),
            Prober::WebSocket => format!("ws://{host}/"),
            Prober::Unix => format!("/run/{host}"),
            Prober::Tcp | Prober::Grpc => format!("{host}:443"),
            Prober::Dns | Prober::Icmp => host,
        };
        prometheus::placeholder(&self.name, address, self.spot.clone())
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
    let Some(prober) = probers.find(|prober| prober.name() == name) else {
        let known = Prober::ALL.map(Prober::name).join(", ");
        let message = if name.is_empty() {
            "`prober` is missing"
        } else {
            "unknown prober"
        };
        let place = keys.get("prober").unwrap_or(at);
        return Err(place.fault(message, format!("one of {known}")));
    };
    let timeout = keys.duration("timeout")?;
    let part = options(&keys, prober, of)?;
    for other in Prober::ALL.into_iter().filter(|other| *other != prober) {
        keys.left_out(other.name(), "it belongs to another prober");
    }
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
        Prober::Unix => tcp::read_unix,
        Prober::WebSocket => websocket::read,
    };
    match keys.keys(prober.name())? {
        Some(own) => read(&own, of),
        None => read(&Keys::none(keys.at), of),
    }
}
