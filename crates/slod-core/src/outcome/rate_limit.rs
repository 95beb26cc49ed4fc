//! What a server says of the limits that it puts on its clients.

/// One limit, such as requests per minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What is limited, such as `requests` or `tokens`.
    pub name: Box<str>,
    /// What is left until the limit is reset.
    pub remaining: u64,
    pub limit: Option<u64>,
}

impl RateLimit {
    /// The share that is left; `None` if the limit itself is not known.
    pub fn share(&self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        Some((self.remaining as f64 / limit as f64).min(1.0))
    }
}

/// The limits of one answer, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimits(Vec<RateLimit>);

impl RateLimits {
    /// Limits that are kept: each becomes the value of a label.
    pub const MAX: usize = 8;

    /// Takes a limit, which replaces one of the same name. One more than [`RateLimits::MAX`] is
    /// dropped.
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

    /// The limit of which the smallest share is left, if any is known.
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
