//! Limits failed logins, for each peer and in all. An attempt counts as failed until it succeeds,
//! so that attempts at the same time are limited as well.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The time in which failures are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Failures of one peer within the window.
const PER_PEER: u32 = 10;
/// Failures in all within the window; peers that logged in before do not depend on it.
const IN_ALL: u32 = 200;
/// How long a successful login counts as one from before.
const TRUSTED_FOR: Duration = Duration::from_secs(3600);
/// Peers that are remembered.
const MAX_PEERS: usize = 4096;

#[derive(Debug, Default)]
pub struct Limiter(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    all: Failures,
    peers: HashMap<IpAddr, PeerRecord>,
}

#[derive(Clone, Copy, Debug, Default)]
struct PeerRecord {
    failures: Failures,
    last_success: Option<Instant>,
}

/// Failures since the first one of a window.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    count: u32,
    since: Option<Instant>,
}

impl Failures {
    /// Forgets a window that is over.
    fn at(&mut self, now: Instant) -> &mut Self {
        let is_over = |since: Instant| now.saturating_duration_since(since) >= WINDOW;
        if self.since.is_some_and(is_over) {
            *self = Self::default();
        }
        self
    }

    fn add(&mut self, now: Instant) {
        self.count += 1;
        self.since.get_or_insert(now);
    }

    fn remaining(&self, now: Instant) -> Duration {
        let passed = self.since.map(|since| now.saturating_duration_since(since));
        WINDOW.saturating_sub(passed.unwrap_or_default())
    }
}

impl PeerRecord {
    fn is_trusted(&self, now: Instant) -> bool {
        let is_recent = |at: Instant| now.saturating_duration_since(at) < TRUSTED_FOR;
        self.last_success.is_some_and(is_recent)
    }
}

impl Limiter {
    /// Counts an attempt, or fails with the time after which another one is accepted.
    pub fn begin(&self, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut table = self.table();
        let mut record = table.peers.get(&network(peer)).copied().unwrap_or_default();
        let own = record.failures.at(now);
        if own.count >= PER_PEER {
            return Err(own.remaining(now));
        }
        own.add(now);
        let all = table.all.at(now);
        if all.count >= IN_ALL && !record.is_trusted(now) {
            return Err(all.remaining(now));
        }
        all.add(now);
        table.keep(network(peer), record, now);
        Ok(())
    }

    /// Notes that the attempt that began was successful.
    pub fn succeeded(&self, peer: IpAddr, now: Instant) {
        let mut table = self.table();
        table.all.count = table.all.count.saturating_sub(1);
        if let Some(record) = table.peers.get_mut(&network(peer)) {
            record.failures.count = record.failures.count.saturating_sub(1);
            record.last_success = Some(now);
        }
    }

    /// No holder of this lock can panic half-way through a change.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn keep(&mut self, peer: IpAddr, record: PeerRecord, now: Instant) {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&peer) {
            self.peers
                .retain(|_, record| record.failures.at(now).count > 0 || record.is_trusted(now));
        }
        // Failures are few, because of the limit in all: such a full table is of successful peers.
        if self.peers.len() < MAX_PEERS || self.peers.contains_key(&peer) {
            self.peers.insert(peer, record);
        }
    }
}

/// A peer has a whole /64 of IPv6 to itself.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + number).into())
    }

    #[test]
    fn a_peer_is_limited_until_its_window_is_over() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let begin = |secs| limiter.begin(peer(1), start + Duration::from_secs(secs));
        for second in 0..10 {
            assert_eq!(begin(second), Ok(()));
        }
        assert_eq!(begin(10), Err(Duration::from_secs(50)));
        assert_eq!(limiter.begin(peer(2), start), Ok(()));
        assert_eq!(begin(60), Ok(()));
        let mapped = "::ffff:10.0.0.2".parse().expect("an address");
        for _ in 0..9 {
            assert_eq!(limiter.begin(mapped, start), Ok(()));
        }
        assert!(limiter.begin(peer(2), start).is_err());
    }

    #[test]
    fn success_is_not_counted() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        for _ in 0..1000 {
            assert_eq!(limiter.begin(peer(1), now), Ok(()));
            limiter.succeeded(peer(1), now);
        }
    }

    #[test]
    fn many_peers_are_limited_in_all_but_not_one_that_logged_in() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        limiter.begin(peer(0), now).expect("the first");
        limiter.succeeded(peer(0), now);
        let accepted = (1..100_000).filter(|number| limiter.begin(peer(*number), now).is_ok());
        assert_eq!(accepted.count(), 200);
        assert_eq!(limiter.begin(peer(0), now), Ok(()));
        assert!(limiter.table().peers.len() <= 201);
        let later = now + WINDOW;
        assert_eq!(limiter.begin(peer(5000), later), Ok(()));
    }

    #[test]
    fn the_table_is_bounded() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        for number in 0..10_000 {
            limiter.begin(peer(number), now).expect("no failures");
            limiter.succeeded(peer(number), now);
        }
        assert_eq!(limiter.table().peers.len(), MAX_PEERS);
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let limiter = Limiter::default();
        let now = Instant::now();
        let address = |host: u128| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) + host));
        let accepted = (0..100).filter(|host| limiter.begin(address(*host), now).is_ok());
        assert_eq!(accepted.count(), 10);
    }
}
