//! When a token is used, renewed and given up. Pure: the time is an argument.

use super::answer::Granted;
use crate::probe::http::request::Request;
use crate::yaml::Redactions;
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The lifetime of a token whose answer has none.
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);
/// A shorter lifetime would end before the attempt that the token is for.
const MIN_LIFETIME: Duration = Duration::from_secs(5);
/// Longer lifetimes, such as `expires_in: 1e300`, are cut.
const MAX_LIFETIME: Duration = Duration::from_hours(24 * 30);
/// A token is not used in the last part of its lifetime, since it could expire on the way; at most a
/// quarter of its lifetime.
const UNUSED: Duration = Duration::from_secs(10);
/// A token is renewed when this much of its lifetime is left; at most half of its lifetime.
const RENEWED: Duration = Duration::from_secs(70);
/// How often a rejection by a target can invalidate a token.
const INVALIDATED_EVERY: Duration = Duration::from_mins(1);
/// The pause after the first failed request; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const MAX_PAUSE: Duration = Duration::from_mins(5);

/// A token that was granted.
#[derive(Debug)]
pub struct Token {
    /// The value of `Authorization`, marked as sensitive.
    pub(super) header: HeaderValue,
    /// Removes the token from texts.
    pub(super) redactions: Redactions,
    unused_from: Instant,
    renewed_from: Instant,
}

impl Token {
    /// `None` if the token is not valid in a header.
    pub(super) fn new(granted: &Granted, now: Instant) -> Option<Self> {
        let header = Request::secret(&format!("Bearer {}", granted.token.reveal()))?;
        let mut redactions = Redactions::default();
        redactions.add(granted.token.reveal(), "<secret>");
        let lifetime = granted.lifetime.unwrap_or(DEFAULT_LIFETIME);
        let lifetime = lifetime.clamp(MIN_LIFETIME, MAX_LIFETIME);
        Some(Self {
            header,
            redactions,
            unused_from: now + lifetime.saturating_sub(UNUSED.min(lifetime / 4)),
            renewed_from: now + lifetime.saturating_sub(RENEWED.min(lifetime / 2)),
        })
    }

    /// How long it can still be used.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.unused_from.saturating_duration_since(now)
    }
}

/// Why there is no new token, and when it is requested again.
#[derive(Debug)]
struct Refusal {
    message: String,
    pause: Duration,
    until: Instant,
}

/// The token of one configuration, and the state of its requests.
#[derive(Debug, Default)]
pub(super) struct Cache {
    token: Option<Arc<Token>>,
    refusal: Option<Refusal>,
    is_requested: bool,
    invalidated: Option<Instant>,
    /// Requests that were answered or failed.
    pub(super) requests: u64,
    pub(super) failures: u64,
}

impl Cache {
    /// The token, unless it is about to expire.
    pub(super) fn usable(&self, now: Instant) -> Option<&Arc<Token>> {
        let token = self.token.as_ref();
        token.filter(|token| now < token.unused_from)
    }

    /// The token, even if it has expired.
    pub(super) fn latest(&self) -> Option<&Arc<Token>> {
        self.token.as_ref()
    }

    /// Why there is no token, once a request failed.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.refusal
            .as_ref()
            .map(|refusal| refusal.message.as_str())
    }

    pub(super) fn is_requested(&self) -> bool {
        self.is_requested
    }

    /// Whether to request a token now; then the request has begun.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let is_young = |token: &Arc<Token>| now < token.renewed_from;
        let pauses = |refusal: &Refusal| now < refusal.until;
        let is_due = !self.token.as_ref().is_some_and(is_young)
            && !self.refusal.as_ref().is_some_and(pauses);
        let begins = is_due && !self.is_requested;
        self.is_requested |= begins;
        begins
    }

    /// Takes a new token. Returns whether the last request had failed.
    pub(super) fn granted(&mut self, token: Token) -> bool {
        self.is_requested = false;
        self.requests += 1;
        self.token = Some(Arc::new(token));
        self.refusal.take().is_some()
    }

    /// Takes the failure of a request. Returns whether its message is new.
    pub(super) fn refused(&mut self, message: String, now: Instant) -> bool {
        self.is_requested = false;
        self.requests += 1;
        self.failures += 1;
        let last = self.refusal.take();
        let is_new = last.as_ref().is_none_or(|last| last.message != message);
        let pause = last.map_or(FIRST_PAUSE, |last| (last.pause * 2).min(MAX_PAUSE));
        self.refusal = Some(Refusal {
            message,
            pause,
            until: now + pause,
        });
        is_new
    }

    /// Gives up a token that a target rejected, unless a newer one has replaced it.
    pub(super) fn rejected(&mut self, token: &Arc<Token>, now: Instant) {
        let is_current = self
            .token
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, token));
        let last = self.invalidated;
        let is_early = last.is_some_and(|last| now < last + INVALIDATED_EVERY);
        if is_current && !is_early {
            self.token = None;
            self.invalidated = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Secret;

    fn token(now: Instant, lifetime: Option<u64>) -> Token {
        let granted = Granted {
            token: Secret::new("abcdefgh".to_owned()),
            lifetime: lifetime.map(Duration::from_secs),
        };
        Token::new(&granted, now).expect("valid")
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_renewed_before_it_expires_and_used_meanwhile() {
        let now = Instant::now();
        let mut cache = Cache::default();
        assert!(cache.usable(now).is_none());
        assert!(
            cache.begin(now) && !cache.begin(now),
            "one request at a time"
        );
        cache.granted(token(now, Some(600)));
        assert!(cache.usable(now + s(589)).is_some());
        assert!(cache.usable(now + s(590)).is_none());
        assert!(!cache.begin(now + s(529)));
        assert!(cache.begin(now + s(530)));
        assert!(
            cache.usable(now + s(530)).is_some(),
            "used while it is renewed"
        );
    }

    #[test]
    fn lifetimes_that_are_short_or_absent_or_huge_are_usable() {
        let now = Instant::now();
        for (lifetime, used, renewed) in [
            (Some(0), 3, 3),
            (Some(20), 14, 10),
            (None, 3589, 3530),
            (Some(u64::MAX), 30 * 86_400 - 11, 30 * 86_400 - 70),
        ] {
            let mut cache = Cache::default();
            cache.granted(token(now, lifetime));
            assert!(cache.usable(now + s(used)).is_some(), "{lifetime:?}");
            assert!(cache.begin(now + s(renewed)), "{lifetime:?}");
        }
    }

    #[test]
    fn failed_requests_pause_ever_longer() {
        let mut now = Instant::now();
        let mut cache = Cache::default();
        for pause in [5, 10, 20, 40, 80, 160, 300, 300] {
            assert!(cache.begin(now));
            cache.refused("no".to_owned(), now);
            assert!(!cache.begin(now + s(pause - 1)), "{pause}");
            now += s(pause);
        }
        assert!(cache.begin(now));
        assert!(cache.granted(token(now, None)), "it had failed");
        assert_eq!(
            (cache.refusal(), cache.requests, cache.failures),
            (None, 9, 8)
        );
    }

    #[test]
    fn only_a_new_reason_is_reported() {
        let now = Instant::now();
        let mut cache = Cache::default();
        let reported = ["a", "a", "b"].map(|why| cache.refused(why.to_owned(), now));
        assert_eq!(reported, [true, false, true]);
    }

    #[test]
    fn a_rejection_invalidates_the_current_token_once_a_minute() {
        let now = Instant::now();
        let mut cache = Cache::default();
        cache.granted(token(now, None));
        let first = cache.usable(now).expect("granted").clone();
        cache.rejected(&first, now);
        assert!(cache.usable(now).is_none() && cache.begin(now));
        cache.granted(token(now, None));
        cache.rejected(&first, now + s(61));
        let second = cache.usable(now).expect("another one").clone();
        cache.rejected(&second, now + s(59));
        assert!(cache.usable(now).is_some(), "too early");
        cache.rejected(&second, now + s(61));
        assert!(cache.usable(now).is_none());
    }
}
