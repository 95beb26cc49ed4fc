//! Errors that routers and hosts report instead of a reply. Pure.

use crate::outcome::Cause;
use crate::probe::dial::Failure;
use std::net::IpAddr;

/// An ICMP or `ICMPv6` error message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    pub is_v6: bool,
    pub kind: u8,
    pub code: u8,
    /// The address that sent it.
    pub from: Option<IpAddr>,
}

impl Report {
    /// Whether the sender must fragment the packet, since IPv6 routers never do. The kernel has already
    /// stored the path MTU.
    pub const fn is_too_large(&self) -> bool {
        self.is_v6 && self.kind == 2
    }

    /// The failure for a report; every report means that the packet was not delivered.
    pub fn failure(&self, target: IpAddr) -> Failure {
        let words = if self.is_v6 {
            self.words_v6()
        } else {
            self.words_v4()
        };
        let message = match self.from {
            Some(from) if from != target => format!("{target}: {from} reports: {words}"),
            _ => format!("{target}: {words}"),
        };
        Failure::bad(Cause::Unreachable, message)
    }

    /// According to RFC 792, RFC 1122 and RFC 1812.
    const fn words_v4(&self) -> &'static str {
        match (self.kind, self.code) {
            (3, 0 | 6 | 8 | 11) => "no route to the network",
            (3, 1 | 7 | 12) => "no route to the host",
            (3, 4) => TOO_LARGE,
            (3, 9 | 10 | 13) => FORBIDDEN,
            (3, _) => "the host is unreachable",
            (11, 0) => TTL_EXCEEDED,
            (11, _) => "not all fragments arrived in time",
            _ => "the packet is invalid",
        }
    }

    /// According to RFC 4443.
    const fn words_v6(&self) -> &'static str {
        match (self.kind, self.code) {
            (1, 0) => "no route to the network",
            (1, 1 | 5 | 6) => FORBIDDEN,
            (1, 3) => "no route to the host",
            (1, _) => "the host is unreachable",
            (2, _) => TOO_LARGE,
            (3, 0) => TTL_EXCEEDED,
            (3, _) => "not all fragments arrived in time",
            _ => "the packet is invalid",
        }
    }
}

const FORBIDDEN: &str = "rejected by a firewall or a route";
const TTL_EXCEEDED: &str = "dropped by a router: the path has more routers than `ttl` allows";
/// The kernel also reports this for a packet that its own link cannot carry.
pub const TOO_LARGE: &str =
    "the packet is too large for the path and must not be fragmented: lower `payload_size`";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Verdict;

    #[test]
    fn every_report_is_a_sentence() {
        let target: IpAddr = [192, 0, 2, 1].into();
        for is_v6 in [false, true] {
            for (kind, code) in (0..=12).flat_map(|kind| (0..=20).map(move |code| (kind, code))) {
                let from = Some([198, 51, 100, 1].into());
                let failure = Report {
                    is_v6,
                    kind,
                    code,
                    from,
                }
                .failure(target);
                assert_eq!(failure.verdict, Verdict::Bad(Cause::Unreachable));
                let start = "192.0.2.1: 198.51.100.1 reports: ";
                assert!(failure.message.starts_with(start), "{}", failure.message);
            }
        }
        let said = |is_v6, kind, code| {
            let from = Some(target);
            Report {
                is_v6,
                kind,
                code,
                from,
            }
            .failure(target)
            .message
        };
        assert!(said(false, 11, 0).contains("`ttl`"));
        assert!(said(true, 3, 0).contains("`ttl`"));
        assert!(said(false, 3, 4).contains("`payload_size`"));
        assert!(said(true, 2, 0).contains("`payload_size`"));
        let report = |is_v6, kind| Report {
            is_v6,
            kind,
            code: 0,
            from: None,
        };
        assert!(report(true, 2).is_too_large());
        assert!(!report(false, 2).is_too_large() && !report(true, 1).is_too_large());
        assert_eq!(said(false, 3, 1), "192.0.2.1: no route to the host");
    }
}
