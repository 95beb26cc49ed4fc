//! Limits failed logins per peer and subject, per peer, and in total. An attempt counts as failed until it
//! succeeds, so that concurrent attempts are limited too.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Window in which failures are counted.
const WINDOW: Duration = Duration::from_mins(1);
/// How long a peer is trusted after a successful login.
const TRUSTED_FOR: Duration = Duration::from_hours(1);
/// Maximum number of entries of each table.
const MAX_ENTRIES: usize = 4096;

/// Accepted failures per minute.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Per peer and subject, such as a user: others at the same address, such as that of a proxy, are not
    /// affected.
    pub per_subject: u32,
    /// Per peer, unless it logged in within the last hour.
    pub per_peer: u32,
    /// In total; does not apply to peers that logged in within the last hour.
    pub in_all: u32,
}

/// Limits for passwords and tokens of users and scripts.
pub const LOGINS: Limits = Limits {
    per_subject: 10,
    per_peer: 60,
    in_all: 200,
};
/// Limits for tokens of heartbeats: jobs that retry with a replaced token must not be locked out for long,
/// because a rejected report leads to a page.
pub const HEARTBEATS: Limits = Limits {
    per_subject: 100,
    per_peer: 1000,
    in_all: 2000,
};

#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    hasher: RandomState,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    all: Failures,
    peers: HashMap<IpAddr, PeerRecord>,
    subjects: HashMap<(IpAddr, u64), Failures>,
}

#[derive(Clone, Copy, Debug, Default)]
struct PeerRecord {
    failures: Failures,
    last_success: Option<Instant>,
}

/// Failures since the start of a window.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    count: u32,
    since: Option<Instant>,
}

impl Failures {
    /// Reset if the window has passed.
    fn at(self, now: Instant) -> Self {
        let is_over = |since: Instant| now.saturating_duration_since(since) >= WINDOW;
        if self.since.is_some_and(is_over) {
            Self::default()
        } else {
            self
        }
    }

    fn check(self, limit: u32, now: Instant) -> Result<(), Duration> {
        if self.count < limit {
            return Ok(());
        }
        let passed = self.since.map(|since| now.saturating_duration_since(since));
        Err(WINDOW.saturating_sub(passed.unwrap_or_default()))
    }

    fn with_one_more(self, now: Instant) -> Self {
        Self {
            count: self.count.saturating_add(1),
            since: self.since.or(Some(now)),
        }
    }

    fn with_one_less(self) -> Self {
        Self {
            count: self.count.saturating_sub(1),
            ..self
        }
    }
}

impl PeerRecord {
    fn is_trusted(&self, now: Instant) -> bool {
        let is_recent = |at: Instant| now.saturating_duration_since(at) < TRUSTED_FOR;
        self.last_success.is_some_and(is_recent)
    }
}

impl Limiter {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hasher: RandomState::new(),
            table: Mutex::default(),
        }
    }

    /// Counts an attempt; the error is the time until another one is accepted.
    pub fn begin(&self, peer: IpAddr, subject: &str, now: Instant) -> Result<(), Duration> {
        let (peer, key) = self.keys(peer, subject);
        let mut table = self.table.lock();
        let own = table
            .subjects
            .get(&key)
            .copied()
            .unwrap_or_default()
            .at(now);
        own.check(self.limits.per_subject, now)?;
        let mut record = table.peers.get(&peer).copied().unwrap_or_default();
        record.failures = record.failures.at(now);
        let all = table.all.at(now);
        if !record.is_trusted(now) {
            record.failures.check(self.limits.per_peer, now)?;
            all.check(self.limits.in_all, now)?;
        }
        table.make_room(&peer, &key, now)?;
        record.failures = record.failures.with_one_more(now);
        table.all = all.with_one_more(now);
        table.peers.insert(peer, record);
        table.subjects.insert(key, own.with_one_more(now));
        Ok(())
    }

    /// Records that a started attempt succeeded.
    pub fn succeeded(&self, peer: IpAddr, subject: &str, now: Instant) {
        let (peer, key) = self.keys(peer, subject);
        let mut table = self.table.lock();
        table.all = table.all.with_one_less();
        if let Some(record) = table.peers.get_mut(&peer) {
            record.failures = record.failures.with_one_less();
            record.last_success = Some(now);
        }
        if let Some(own) = table.subjects.get_mut(&key) {
            *own = own.with_one_less();
            if own.count == 0 {
                table.subjects.remove(&key);
            }
        }
    }

    /// Subjects have any length, so their hash is used.
    fn keys(&self, peer: IpAddr, subject: &str) -> (IpAddr, (IpAddr, u64)) {
        let peer = network(peer);
        (peer, (peer, self.hasher.hash_one(subject)))
    }
}

impl Table {
    /// Evicts entries for one more of each; fails if that is impossible.
    fn make_room(
        &mut self,
        peer: &IpAddr,
        key: &(IpAddr, u64),
        now: Instant,
    ) -> Result<(), Duration> {
        let has_room = |table: &Self| {
            (table.peers.len() < MAX_ENTRIES || table.peers.contains_key(peer))
                && (table.subjects.len() < MAX_ENTRIES || table.subjects.contains_key(key))
        };
        if !has_room(self) {
            self.subjects.retain(|_, own| own.at(now).count > 0);
            self.peers
                .retain(|_, record| record.failures.at(now).count > 0);
        }
        has_room(self).then_some(()).ok_or(WINDOW)
    }
}

/// A peer usually owns a whole /64 of IPv6.
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

    fn limiter() -> (Limiter, Instant) {
        (Limiter::new(LOGINS), Instant::now())
    }

    #[test]
    fn a_user_of_a_peer_is_limited_until_the_window_is_over() {
        let (limiter, start) = limiter();
        let begin = |user, secs| limiter.begin(peer(1), user, start + Duration::from_secs(secs));
        for second in 0..10 {
            assert_eq!(begin("ada", second), Ok(()));
        }
        assert_eq!(begin("ada", 10), Err(Duration::from_secs(50)));
        assert_eq!(begin("bob", 10), Ok(()));
        assert_eq!(limiter.begin(peer(2), "ada", start), Ok(()));
        assert_eq!(begin("ada", 60), Ok(()));
    }

    #[test]
    fn addresses_of_one_peer_are_one() {
        let (limiter, now) = limiter();
        let begin = |address: String| {
            let address = address.parse().expect("an address");
            limiter.begin(address, "ada", now).is_ok()
        };
        assert_eq!(
            (0..100)
                .filter(|n| begin(format!("2001:db8::{n:x}")))
                .count(),
            10
        );
        assert_eq!(
            (0..100)
                .filter(|n| begin(format!("2001:db8:0:{n:x}::1")))
                .count(),
            99
        );
        let mapped = ["10.0.0.1", "::ffff:10.0.0.1"]
            .into_iter()
            .cycle()
            .take(100);
        assert_eq!(mapped.filter(|text| begin((*text).to_owned())).count(), 10);
    }

    #[test]
    fn success_is_not_counted() {
        let (limiter, now) = limiter();
        for _ in 0..1000 {
            assert_eq!(limiter.begin(peer(1), "ada", now), Ok(()));
            limiter.succeeded(peer(1), "ada", now);
        }
        assert_eq!(limiter.table.lock().subjects.len(), 0);
    }

    #[test]
    fn many_users_and_many_peers_are_limited_unless_they_logged_in_before() {
        let (limiter, now) = limiter();
        limiter.begin(peer(0), "ada", now).expect("the first");
        limiter.succeeded(peer(0), "ada", now);
        let users = (0..1000).map(|number| format!("user {number}"));
        let accepted = users.filter(|user| limiter.begin(peer(1), user, now).is_ok());
        assert_eq!(accepted.count(), 60);
        let accepted = (2..1000).filter(|number| limiter.begin(peer(*number), "ada", now).is_ok());
        assert_eq!(accepted.count(), 140);
        assert_eq!(limiter.begin(peer(0), "ada", now), Ok(()));
        assert_eq!(limiter.begin(peer(2000), "ada", now + WINDOW), Ok(()));
    }

    #[test]
    fn the_tables_are_bounded() {
        let (limiter, now) = limiter();
        for number in 0..4200 {
            limiter
                .begin(peer(number), "ada", now)
                .expect("no failures");
            limiter.succeeded(peer(number), "ada", now);
        }
        assert!(limiter.table.lock().peers.len() <= MAX_ENTRIES);
        limiter.begin(peer(5000), "ada", now).expect("no failures");
        limiter.succeeded(peer(5000), "ada", now);
        let users = (0..5000).map(|number| format!("user {number}"));
        let accepted = users.filter(|user| limiter.begin(peer(5000), user, now).is_ok());
        assert_eq!(accepted.count(), MAX_ENTRIES);
        assert!(limiter.begin(peer(5000), "ada", now + WINDOW).is_ok());
        assert_eq!(limiter.table.lock().subjects.len(), 1);
    }
}
