//! Resolves names to addresses.

use super::lookup::{Lookups, Question};
use super::{Failure, Progress};
use crate::outcome::{Cause, Measurement, Verdict, VoidReason};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::time::Instant;

/// The divisor of the remaining time that an attempt waits for a resolver thread; the service is
/// not responsible for this wait.
const SHARE: u32 = 10;

/// The address families that may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Family {
    #[default]
    Any,
    V4,
    V6,
}

impl Family {
    pub const fn fits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// The host to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Address(IpAddr),
    Name(Box<str>),
}

impl Host {
    /// The host of a URL; `None` if it has none.
    pub fn of(url: &url::Url) -> Option<Self> {
        url.host().map(Self::from)
    }
}

impl<Name: Into<Box<str>>> From<url::Host<Name>> for Host {
    fn from(host: url::Host<Name>) -> Self {
        match host {
            url::Host::Domain(name) => Self::Name(name.into()),
            url::Host::Ipv4(address) => Self::Address(address.into()),
            url::Host::Ipv6(address) => Self::Address(address.into()),
        }
    }
}

/// Returns all usable addresses in the resolver's order, with port 0. A link-local address has the scope
/// (network interface) that the resolver found. Nothing is cached: each attempt resolves the name as a new
/// user would.
pub async fn resolve(
    host: &Host,
    family: Family,
    progress: &mut Progress<'_>,
) -> Result<Vec<SocketAddr>, Failure> {
    let usable = match host {
        Host::Address(address) if !family.fits(*address) => Err(Failure::bad(
            Cause::Dns,
            format!("{address} is not an address of the configured IP version"),
        )),
        Host::Address(address) => Ok(vec![SocketAddr::new(*address, 0)]),
        Host::Name(name) => look_up(name, family, progress).await,
    };
    progress.record("resolve", || match &usable {
        Ok(addresses) => {
            let shown: Vec<_> = addresses.iter().map(|one| one.ip().to_string()).collect();
            shown.join(", ")
        }
        Err(failure) => failure.message.clone(),
    });
    usable
}

async fn look_up(
    name: &str,
    family: Family,
    progress: &mut Progress<'_>,
) -> Result<Vec<SocketAddr>, Failure> {
    progress.enter(Measurement::Resolve);
    let question = Question {
        name: name.into(),
        family,
    };
    let left = progress
        .deadline()
        .saturating_duration_since(Instant::now());
    match Lookups::system().find(question, left / SHARE).await {
        Ok(addresses) => Ok(addresses.to_vec()),
        Err(failure) if is_localhost(name) && unknown(failure.verdict) => Ok(loopback(family)),
        Err(failure) => Err(failure),
    }
}

/// Whether the system does not know the name, in any of the ways that a resolver reports it.
fn unknown(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Bad(Cause::Dns) | Verdict::Void(VoidReason::Network)
    )
}

/// Whether the name means this machine: `localhost` or a name below it (RFC 6761).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// The addresses of `localhost` on a machine whose resolver does not know the name.
fn loopback(family: Family) -> Vec<SocketAddr> {
    let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    both.into_iter()
        .filter(|address| family.fits(*address))
        .map(|address| SocketAddr::new(address, 0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_localhost_mean_this_machine() {
        for name in ["localhost", "localhost.", "app.localhost", "a.b.localhost."] {
            assert!(is_localhost(name), "{name}");
        }
        for name in ["localhost.test", "mylocalhost", ".localhost.test", "local"] {
            assert!(!is_localhost(name), "{name}");
        }
        assert_eq!(
            loopback(Family::V4),
            [SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]
        );
        assert_eq!(
            loopback(Family::V6),
            [SocketAddr::from((Ipv6Addr::LOCALHOST, 0))]
        );
        assert_eq!(loopback(Family::Any).len(), 2);
    }
}
