//! Queries to the system's resolver.

use super::Failure;
use super::lookup::{Answer, Question};
use super::resolve::Family;
use crate::outcome::{Cause, Verdict, VoidReason};
use crate::yaml::read_regular;
use dns_lookup::{AddrInfoHints, LookupError, getaddrinfo};
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;

/// File descriptors that a lookup may need.
const DESCRIPTORS: usize = 8;
const RESOLV_CONF: &str = "/etc/resolv.conf";
const RESOLV_CONF_MAX: u64 = 1 << 20;

/// Queries the system's resolver for the wanted address family only. Blocks.
pub(super) fn resolve(question: &Question) -> Answer {
    let hints = AddrInfoHints {
        address: match question.family {
            Family::Any => libc::AF_UNSPEC,
            Family::V4 => libc::AF_INET,
            Family::V6 => libc::AF_INET6,
        },
        socktype: libc::SOCK_STREAM,
        ..AddrInfoHints::default()
    };
    let found = getaddrinfo(Some(&question.name), None, Some(hints));
    let found = found.map_err(|error| refusal(question, error))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.flatten().map(|one| one.sockaddr) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses.into())
}

/// Classifies a failed lookup.
fn refusal(question: &Question, error: LookupError) -> Failure {
    let Question { name, family } = question;
    if !descriptors_left() {
        return Failure::void(
            VoidReason::Resources,
            "no file descriptor is left to resolve names",
        );
    }
    let reason = match (error.error_num(), family) {
        (libc::EAI_AGAIN, _) if !has_name_server() => {
            let message = format!("no name server is configured on this machine ({RESOLV_CONF})");
            return Failure::void(VoidReason::Network, message);
        }
        (libc::EAI_MEMORY, _) => {
            return Failure::void(VoidReason::Resources, "no memory is left to resolve names");
        }
        (libc::EAI_SYSTEM, _) => {
            let failure = Failure::io(&error.into(), &format!("resolving {name}"));
            return match failure.verdict {
                Verdict::Void(_) => failure,
                _ => Failure::bad(Cause::Dns, failure.message),
            };
        }
        (libc::EAI_AGAIN, _) => {
            "no name server answers for it (failure at the server, refused, or silent)"
        }
        (libc::EAI_FAIL, _) => "the name server reports a permanent failure",
        (_, Family::V4) => "it does not exist or has no IPv4 address",
        (_, Family::V6) => "it does not exist or has no IPv6 address",
        (_, Family::Any) => "it does not exist or has no address",
    };
    Failure::bad(Cause::Dns, format!("{name} does not resolve: {reason}"))
}

/// Whether file descriptors are left. The resolver reports a missing descriptor as a missing answer, so
/// this opens some.
fn descriptors_left() -> bool {
    let tried: Result<Vec<File>, _> = (0..DESCRIPTORS).map(|_| File::open("/dev/null")).collect();
    let missing =
        |error: std::io::Error| matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
    !tried.is_err_and(missing)
}

/// Whether a name server is configured. Without one, the resolver queries localhost, where usually none
/// runs.
fn has_name_server() -> bool {
    let text = read_regular(Path::new(RESOLV_CONF), RESOLV_CONF_MAX).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut words = text.lines().map(str::split_whitespace);
    words.any(|mut words| words.next() == Some("nameserver") && words.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_keep_their_network_interface() {
        let question = Question {
            name: "fe80::1%1".into(),
            family: Family::Any,
        };
        let found = resolve(&question).expect("the resolver reads addresses");
        let scopes: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(scopes, ["[fe80::1%1]:0"]);
    }
}
