//! Rules for requests: those of the web configuration file, and `web` of the config.

use super::file::{RateLimit, WebFile};
use super::password::{Digests, Users};
use crate::config::{Role, WebSpec};
use parking_lot::Mutex;
use ring::hmac::Tag;
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug)]
pub struct Rules {
    pub file: WebFile,
    pub users: Users,
    pub allowed_hosts: Vec<String>,
    pub certificate_role: Role,
    tokens: Vec<Token>,
    user_roles: Vec<(String, Role)>,
    /// Whether writes need no authentication if none is configured.
    pub anonymous_writes: bool,
    digests: Digests,
    bucket: Option<Bucket>,
}

#[derive(Debug)]
struct Token {
    name: Arc<str>,
    digest: Tag,
    role: Role,
}

impl Rules {
    pub fn new(file: WebFile, web: &WebSpec, is_loopback: bool, digests: &Digests) -> Self {
        let tokens = web.tokens.iter().map(|token| Token {
            name: token.name.as_str().into(),
            digest: digests.of(&[token.token.reveal()]),
            role: token.role,
        });
        Self {
            users: Users::new(file.users.clone(), digests.clone()),
            allowed_hosts: web.allowed_hosts.clone(),
            certificate_role: web.certificate_role,
            tokens: tokens.collect(),
            user_roles: web.user_roles.clone(),
            anonymous_writes: is_loopback || web.allow_unauthenticated_writes,
            digests: digests.clone(),
            bucket: file.rate_limit.map(Bucket::new),
            file,
        }
    }

    /// Whether requests need a password or a token.
    pub fn needs_login(&self) -> bool {
        !self.users.is_empty() || self.takes_tokens()
    }

    pub fn takes_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Whether all clients must authenticate.
    pub fn authenticates(&self) -> bool {
        self.file.authenticates() || self.takes_tokens()
    }

    pub fn user_role(&self, user: &str) -> Role {
        let role = self.user_roles.iter().find(|(name, _)| name == user);
        role.map_or(Role::Write, |(_, role)| *role)
    }

    /// Owner of a token. All tokens are compared, so that response times reveal nothing.
    pub fn owner(&self, token: &str) -> Option<(Arc<str>, Role)> {
        let mut owner = None;
        for known in &self.tokens {
            if self.digests.is_same(&[token], &known.digest) {
                owner = Some((known.name.clone(), known.role));
            }
        }
        owner
    }

    /// Whether another request is within the rate limit.
    pub fn has_room(&self, now: Instant) -> bool {
        self.bucket.as_ref().is_none_or(|bucket| bucket.take(now))
    }
}

#[derive(Debug)]
struct Bucket {
    limit: RateLimit,
    /// Available requests, and the time of that count.
    free: Mutex<Option<(f64, Instant)>>,
}

impl Bucket {
    fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            free: Mutex::new(None),
        }
    }

    fn take(&self, now: Instant) -> bool {
        let most = f64::from(self.limit.burst);
        let mut free = self.free.lock();
        let (before, at) = free.unwrap_or((most, now));
        let passed = now.saturating_duration_since(at).as_secs_f64();
        let now_free = (before + passed / self.limit.interval.as_secs_f64()).min(most);
        let is_free = now_free >= 1.0;
        *free = Some((if is_free { now_free - 1.0 } else { now_free }, now));
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_rate_limit_allows_a_burst_and_then_one_an_interval() {
        let interval = Duration::from_secs(1);
        let bucket = Bucket::new(RateLimit { interval, burst: 3 });
        let start = Instant::now();
        let taken = |after| bucket.take(start + Duration::from_millis(after));
        let results = [0, 0, 0, 0, 999, 1000, 1001, 2000, 9000, 9000, 9000, 9000].map(taken);
        let expected = [
            true, true, true, false, false, true, false, true, true, true, true, false,
        ];
        assert_eq!(results, expected);
    }
}
