//! Connects to one of several addresses as browsers, curl and Go do (RFC 8305, "Happy Eyeballs").

use super::{Connection, Failure, Progress, combined, share_end};
use crate::outcome::Measurement;
use crate::probe::deadline::{Overdue, within};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How long to wait for an address before trying the next one in parallel (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// How many addresses are tried until the end of the attempt. Earlier ones are given up sooner, so that a name
/// with hundreds of unresponsive addresses uses few sockets.
const LAST: u32 = 8;

/// Connects to the address that answers first. The next address is tried when one failed, or has not answered
/// within the head start or its share of the remaining time, whichever is less. The ports of `addresses` are ignored.
pub async fn connect(
    addresses: &[SocketAddr],
    port: u16,
    progress: &mut Progress<'_>,
) -> Result<Connection, Failure> {
    progress.enter(Measurement::Connect);
    let mut left = alternating(addresses);
    for target in &mut left {
        target.set_port(port);
    }
    let mut running = FuturesUnordered::new();
    let mut silent = Vec::new();
    let mut failures = Vec::new();
    let overdue = loop {
        if let Some(target) = left.pop_front() {
            progress.detail.address = Some(target.ip());
            silent.push(target);
            let end = silent_until(progress.deadline(), left.len());
            running.push(attempt(target, end));
        }
        let next = next_start(progress.deadline(), left.len());
        match within(next, running.next()).await {
            Ok(Some((target, result))) => {
                silent.retain(|other| *other != target);
                match result {
                    Ok(stream) => {
                        progress.detail.address = Some(target.ip());
                        progress.record("connect", || format!("{target}: connected"));
                        note(target, &silent, progress);
                        return Ok(Connection::Left(stream));
                    }
                    Err(failure) => {
                        progress.record("connect", || failure.message.clone());
                        failures.push((target.ip(), failure));
                    }
                }
            }
            Ok(None) => break Overdue::Timeout,
            Err(overdue) if left.is_empty() => break overdue,
            Err(_) => progress.record("connect", || waits(&silent)),
        }
    };
    let silent = silent.into_iter();
    failures.extend(silent.map(|target| (target.ip(), no_answer(target, overdue))));
    let (address, failure) = combined("connecting to", &failures);
    progress.detail.address = address;
    Err(failure)
}

async fn attempt(target: SocketAddr, end: Instant) -> (SocketAddr, Result<TcpStream, Failure>) {
    let result = match within(end, TcpStream::connect(target)).await {
        // A probe sends one small request; waiting to fill a segment would only delay it.
        Ok(Ok(stream)) => match stream.set_nodelay(true) {
            Ok(()) => Ok(stream),
            Err(error) => Err(Failure::io(&error, "setting up the connection")),
        },
        Ok(Err(error)) => Err(Failure::io(&error, &target.to_string())),
        Err(overdue) => Err(no_answer(target, overdue)),
    };
    (target, result)
}

fn no_answer(target: SocketAddr, overdue: Overdue) -> Failure {
    overdue.failure(format!("{target}: no answer"))
}

/// The resolver's order, with IPv4 and IPv6 alternating: if one of them is not routed, the second attempt
/// connects.
fn alternating(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let is_first = |one: &&SocketAddr| addresses[0].is_ipv6() == one.is_ipv6();
    let (first, second): (Vec<&SocketAddr>, Vec<_>) = addresses.iter().partition(is_first);
    let longest = first.len().max(second.len());
    let turns = (0..longest).flat_map(|turn| [first.get(turn), second.get(turn)]);
    turns.flatten().map(|address| **address).collect()
}

/// When the next address is tried if none answers before, with this many addresses left.
fn next_start(deadline: Instant, left: usize) -> Instant {
    let share = share_end(deadline, left + 1);
    if left == 0 {
        share
    } else {
        share.min(Instant::now() + HEAD_START)
    }
}

/// How long an address may take to answer, with this many addresses left.
fn silent_until(deadline: Instant, left: usize) -> Instant {
    if u32::try_from(left).is_ok_and(|left| left < LAST) {
        return deadline;
    }
    let now = Instant::now();
    let step = next_start(deadline, left).saturating_duration_since(now);
    deadline.min(now + step * LAST)
}

fn waits(silent: &[SocketAddr]) -> String {
    format!("no answer yet from {}; trying the next one", list(silent))
}

/// Records which addresses did not answer before another one did: users may notice the delay, and some clients
/// wait longer.
fn note(connected: SocketAddr, silent: &[SocketAddr], progress: &mut Progress<'_>) {
    if silent.is_empty() {
        return;
    }
    let is_other = silent
        .iter()
        .all(|one| one.is_ipv6() != connected.is_ipv6());
    let version = match silent[0] {
        SocketAddr::V6(_) if is_other => "IPv6 failed: ",
        SocketAddr::V4(_) if is_other => "IPv4 failed: ",
        _ => "",
    };
    let silent = list(silent);
    let message = format!(
        "{version}no answer from {silent}; connected to {}",
        connected.ip()
    );
    progress.record("connect", || message.clone());
    progress.detail.say(message);
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses = addresses.iter().map(SocketAddr::ip);
    let addresses: Vec<_> = addresses.map(|one| one.to_string()).collect();
    addresses.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_versions_alternate() {
        for (resolved, tried) in [
            ("::1 ::2 ::3 1.1.1.1", "::1 1.1.1.1 ::2 ::3"),
            ("1.1.1.1 1.1.1.2 ::1 ::2", "1.1.1.1 ::1 1.1.1.2 ::2"),
            ("::1 ::2", "::1 ::2"),
            ("", ""),
        ] {
            let addresses: Vec<SocketAddr> = resolved
                .split_whitespace()
                .map(|one| SocketAddr::new(one.parse().expect("an address"), 0))
                .collect();
            let order = Vec::from(alternating(&addresses));
            assert_eq!(list(&order).replace(',', ""), tried, "{resolved}");
        }
    }
}
