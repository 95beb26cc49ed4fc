//! Names to addresses.

use super::{Failure, Progress};
use crate::outcome::{Cause, Phase};
use hickory_resolver::TokioResolver;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

/// Which addresses may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Family {
    #[default]
    Any,
    V4,
    V6,
}

impl Family {
    fn fits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Address(IpAddr),
    Name(Box<str>),
}

impl Host {
    /// The host of a URL; `None` if it has none.
    pub fn of(url: &url::Url) -> Option<Self> {
        match url.host()? {
            url::Host::Domain(name) => Some(Self::Name(name.into())),
            url::Host::Ipv4(address) => Some(Self::Address(address.into())),
            url::Host::Ipv6(address) => Some(Self::Address(address.into())),
        }
    }
}

/// The system's resolver configuration with the cache off: each attempt resolves as a new user's
/// would. `None` where the system has none.
fn resolver() -> Option<&'static TokioResolver> {
    static RESOLVER: OnceLock<Option<TokioResolver>> = OnceLock::new();
    let build = || {
        let mut builder = TokioResolver::builder_tokio().ok()?;
        builder.options_mut().cache_size = 0;
        builder.build().ok()
    };
    RESOLVER.get_or_init(build).as_ref()
}

/// All usable addresses, in the resolver's order.
pub async fn resolve(
    host: &Host,
    family: Family,
    progress: &mut Progress<'_>,
) -> Result<Vec<IpAddr>, Failure> {
    let found = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) if &**name == "localhost" => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        Host::Name(name) => look_up(name, progress).await?,
    };
    let usable: Vec<_> = found
        .into_iter()
        .filter(|address| family.fits(*address))
        .collect();
    progress.tell("resolve", || {
        let shown: Vec<_> = usable.iter().map(ToString::to_string).collect();
        shown.join(", ").clone()
    });
    if usable.is_empty() {
        return Err(Failure::bad(
            Cause::Dns,
            "the name has no address of the wanted IP version",
        ));
    }
    Ok(usable)
}

async fn look_up(name: &str, progress: &mut Progress<'_>) -> Result<Vec<IpAddr>, Failure> {
    progress.enter(Phase::Resolve);
    let resolver = resolver().ok_or_else(|| {
        Failure::bad(
            Cause::Dns,
            "the system has no usable resolver configuration",
        )
    })?;
    let found = resolver.lookup_ip(name).await;
    let found = found
        .map_err(|error| Failure::bad(Cause::Dns, format!("{name} does not resolve: {error}")))?;
    Ok(found.iter().collect())
}
