//! Rate limits reported by a server.

/// One limit, such as requests per minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What is limited, such as `requests` or `tokens`.
    pub name: Box<str>,
    /// The remaining amount until the limit resets.
    pub remaining: u64,
    pub limit: Option<u64>,
}

impl RateLimit {
    /// The remaining share; `None` if the limit itself is unknown.
    pub fn share(&self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        Some((self.remaining as f64 / limit as f64).min(1.0))
    }
}

/// The limits in one response, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimits(Vec<RateLimit>);

impl RateLimits {
    /// Maximum number of limits: each becomes a label value.
    pub const MAX: usize = 8;

    /// Adds a limit, or replaces the one with the same name. Limits beyond [`RateLimits::MAX`] are dropped.
    pub fn put(&mut self, limit: RateLimit) {
        match self.0.binary_search_by(|one| one.name.cmp(&limit.name)) {
            Ok(at) => self.0[at] = limit,
            Err(at) if self.0.len() < Self::MAX => self.0.insert(at, limit),
            Err(_) => {}
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &RateLimit> {
        self.0.iter()
    }

    /// The limit with the smallest remaining share, if any is known.
    pub fn tightest(&self) -> Option<&RateLimit> {
        let known = self.iter().filter_map(|one| Some((one.share()?, one)));
        let tightest = known.min_by(|(one, _), (other, _)| one.total_cmp(other));
        tightest.map(|(_, limit)| limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str, remaining: u64, limit: Option<u64>) -> RateLimit {
        RateLimit {
            name: name.into(),
            remaining,
            limit,
        }
    }

    #[test]
    fn the_tightest_share_is_known_and_the_number_of_limits_bounded() {
        let mut limits = RateLimits::default();
        assert_eq!(limits.tightest(), None);
        limits.put(limit("requests", 50, Some(100)));
        limits.put(limit("tokens", 100, Some(1000)));
        limits.put(limit("unknown", 0, None));
        limits.put(limit("nothing", 0, Some(0)));
        assert_eq!(limits.tightest(), Some(&limit("tokens", 100, Some(1000))));
        limits.put(limit("tokens", 900, Some(1000)));
        let tightest = limit("requests", 50, Some(100));
        assert_eq!(limits.tightest(), Some(&tightest));
        for number in 0..100 {
            limits.put(limit(&format!("more{number}"), 0, None));
        }
        assert_eq!(limits.iter().count(), RateLimits::MAX);
        assert_eq!(limits.tightest(), Some(&tightest));
    }
}
