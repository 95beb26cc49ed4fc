//! Combines the results of several addresses of one name.

use super::Failure;
use crate::outcome::{Cause, Verdict, VoidReason};
use std::fmt::Write as _;
use std::net::IpAddr;
use tokio::time::Instant;

/// How long to wait for an address, with this many addresses left: its share of the remaining time.
pub fn share_end(deadline: Instant, left: usize) -> Instant {
    let now = Instant::now();
    let shares = u32::try_from(left).unwrap_or(u32::MAX);
    now + deadline.saturating_duration_since(now) / shares
}

/// Combines the failures of all addresses. The verdict and the address are those of the most
/// informative failure. The result is void only if every address failed for a reason on this
/// machine, or if slod was stalled while it waited for one of them.
pub fn combined(doing: &str, failures: &[(IpAddr, Failure)]) -> (Option<IpAddr>, Failure) {
    // Of equally informative failures, the first one is used.
    let most = failures
        .iter()
        .rev()
        .max_by_key(|(_, failure)| rank(failure.verdict));
    let Some(&(address, Failure { verdict, .. })) = most else {
        return (None, Failure::bad(Cause::Dns, "the name has no address"));
    };
    let mut message = format!("{doing} ");
    for (index, (_, failure)) in failures.iter().enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        write!(message, "{separator}{}", failure.message).unwrap_or_default();
    }
    (Some(address), Failure { verdict, message })
}

/// Ranks how much a verdict says about the service: a response most, no response less, no route
/// even less, and a local failure nothing. A stall outranks all of them: whether that address would
/// have responded is unknown, and those tried after it had too little time.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Void(VoidReason::Stalled) => 4,
        Verdict::Void(_) => 0,
        Verdict::Bad(Cause::Unreachable) => 1,
        Verdict::Bad(Cause::Timeout) => 2,
        Verdict::Bad(_) | Verdict::Good => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::deadline::{LATE, Overdue};
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn of(errors: &[i32]) -> (Option<IpAddr>, Failure) {
        let failures = errors.iter().enumerate().map(|(index, number)| {
            let address = if index == 0 {
                IpAddr::from(Ipv4Addr::LOCALHOST)
            } else {
                IpAddr::from(Ipv6Addr::LOCALHOST)
            };
            let error = std::io::Error::from_raw_os_error(*number);
            (address, Failure::io(&error, &address.to_string()))
        });
        combined("connecting to", &failures.collect::<Vec<_>>())
    }

    #[test]
    fn the_most_informative_failure_decides() {
        use libc::*;
        let refused = Verdict::Bad(Cause::Refused);
        let unreachable = Verdict::Bad(Cause::Unreachable);
        let resources = Verdict::Void(VoidReason::Resources);
        let cases = [
            (&[ECONNREFUSED, EADDRNOTAVAIL][..], refused),
            (&[EADDRNOTAVAIL, ECONNREFUSED], refused),
            (&[ECONNREFUSED, EAFNOSUPPORT], refused),
            (&[EMFILE, ENETUNREACH], unreachable),
            (&[ENETUNREACH, ETIMEDOUT], Verdict::Bad(Cause::Timeout)),
            (&[ETIMEDOUT, ECONNREFUSED], refused),
            (&[ECONNREFUSED, ENETUNREACH], refused),
            (&[EMFILE, EMFILE], resources),
            (&[EADDRNOTAVAIL], resources),
        ];
        for (errors, wanted) in cases {
            let (_, failure) = of(errors);
            assert_eq!(failure.verdict, wanted, "{errors:?}: {}", failure.message);
        }
        let addresses = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last)));
        for other in [
            Overdue::Timeout.failure(""),
            Failure::bad(Cause::Refused, ""),
        ] {
            let stalled = Overdue::Stalled(LATE).failure("");
            let failures = [(addresses[0], stalled), (addresses[1], other)];
            let (_, failure) = combined("asking", &failures);
            assert_eq!(failure.verdict, Verdict::Void(VoidReason::Stalled));
        }
        let (address, failure) = of(&[EADDRNOTAVAIL, ECONNREFUSED]);
        assert_eq!(address, Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(
            failure.message,
            "connecting to 127.0.0.1: this machine has no suitable address or no free port to connect from; ::1: connection refused"
        );
    }
}
