//! Addresses to one connection.

use super::{Failure, Progress};
use crate::outcome::{Cause, Measurement, Verdict};
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Connects to the first address that answers, in the resolver's order. An address that stays
/// silent may take no more than its share of the time that is left.
pub async fn connect(
    addresses: &[IpAddr],
    port: u16,
    progress: &mut Progress<'_>,
) -> Result<TcpStream, Failure> {
    progress.enter(Measurement::Connect);
    let mut failures = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let end = share_end(progress.deadline(), addresses.len() - index);
        let target = SocketAddr::new(*address, port);
        progress.detail.address = Some(*address);
        let failure = match timeout_at(end, TcpStream::connect(target)).await {
            Ok(Ok(stream)) => {
                progress.record("connect", || format!("{target}: connected"));
                // A probe sends one small request: waiting to fill a segment only delays it.
                stream
                    .set_nodelay(true)
                    .map_err(|error| Failure::io(&error, "setting up the connection"))?;
                return Ok(stream);
            }
            Ok(Err(error)) => Failure::io(&error, &target.to_string()),
            Err(_elapsed) => Failure::bad(Cause::Timeout, format!("{target}: no answer")),
        };
        progress.record("connect", || failure.message.clone());
        failures.push((*address, failure));
    }
    let (address, failure) = together("connecting to", &failures);
    progress.detail.address = address;
    Err(failure)
}

/// Until when an address may stay silent if this many are left: its share of the time.
pub fn share_end(deadline: Instant, left: usize) -> Instant {
    let now = Instant::now();
    let shares = u32::try_from(left).unwrap_or(u32::MAX);
    now + deadline.saturating_duration_since(now) / shares
}

/// What the failures of all addresses say together: the verdict, and the address, of the one that
/// says most about the service. It is void only if that was the reason at every address.
pub fn together(doing: &str, failures: &[(IpAddr, Failure)]) -> (Option<IpAddr>, Failure) {
    // The first of those that say the same.
    let most = failures
        .iter()
        .rev()
        .max_by_key(|(_, failure)| says(failure.verdict));
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

/// How much a verdict says about the service: an answer from there most, no answer less, no way to
/// there even less, and what failed here nothing.
fn says(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Void(_) => 0,
        Verdict::Bad(Cause::Unreachable) => 1,
        Verdict::Bad(Cause::Timeout) => 2,
        Verdict::Bad(_) | Verdict::Good => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::VoidReason;
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
        together("connecting to", &failures.collect::<Vec<_>>())
    }

    #[test]
    fn the_address_that_says_most_decides_and_all_are_named() {
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
        let (address, failure) = of(&[EADDRNOTAVAIL, ECONNREFUSED]);
        assert_eq!(address, Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(
            failure.message,
            "connecting to 127.0.0.1: this machine has no suitable address or no free port to connect from; ::1: connection refused"
        );
    }
}
