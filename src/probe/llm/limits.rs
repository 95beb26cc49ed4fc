//! Parses the rate-limit headers of an answer: the formats of OpenAI, Together and Anthropic, and of others
//! with similar names. Pure.

use crate::outcome::{RateLimit, RateLimits, Timestamp};
use chrono::DateTime;
use http::HeaderMap;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

/// Maximum length of the name of a limit in characters; it becomes a label value.
const NAME_MAX: usize = 40;
/// Maximum wait; longer waits requested by a server are reduced to this.
const RETRY_MAX: Duration = Duration::from_hours(7 * 24);

/// What a rate-limit header contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LimitField {
    Limit,
    Remaining,
}

/// Returns the rate limits of an answer. Missing values are unknown, and a limit without a remaining amount
/// is omitted. Negative values are unknown, too, except for the remaining amount of a known limit, which is
/// overdrawn. A proxy may return its own limits (`x-ratelimit-...`) and those of the provider (LiteLLM's
/// `llm_provider-x-ratelimit-...`, or the same headers again); the tighter one is kept.
pub fn rate_limits(headers: &HeaderMap) -> RateLimits {
    let mut found: BTreeMap<(String, &str), Fields> = BTreeMap::new();
    for (name, value) in headers {
        let Some((name, owner, part)) = limit_name(name.as_str()) else {
            continue;
        };
        let Some(number) = value.to_str().ok().and_then(leading_number) else {
            continue;
        };
        let fields = found.entry((name, owner)).or_default();
        match part {
            LimitField::Limit => fields.limits.push(number),
            LimitField::Remaining => fields.remaining.push(number),
        }
    }
    let mut tightest: BTreeMap<String, RateLimit> = BTreeMap::new();
    for ((name, _), fields) in found {
        for one in fields.rate_limits(&name) {
            let share = |one: &RateLimit| one.share().unwrap_or(f64::INFINITY);
            match tightest.entry(name.clone()) {
                Entry::Occupied(mut known) if share(&one) < share(known.get()) => {
                    known.insert(one);
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(free) => {
                    free.insert(one);
                }
            }
        }
    }
    let mut limits = RateLimits::default();
    for limit in tightest.into_values() {
        limits.put(limit);
    }
    limits
}

/// The numbers of the headers of one limit, in the order of the headers.
#[derive(Debug, Default)]
struct Fields {
    limits: Vec<i64>,
    remaining: Vec<i64>,
}

impl Fields {
    fn rate_limits(&self, name: &str) -> impl Iterator<Item = RateLimit> {
        let remaining = self.remaining.iter().enumerate();
        remaining.filter_map(move |(at, remaining)| {
            let limit = self.limits.get(at).copied();
            let limit = limit.and_then(|limit| u64::try_from(limit).ok());
            let overdrawn = limit.filter(|limit| *limit > 0).map(|_| 0);
            Some(RateLimit {
                name: name.into(),
                remaining: u64::try_from(*remaining).ok().or(overdrawn)?,
                limit,
            })
        })
    }
}

/// Parses the name of a rate-limit header, and returns the name of the limit, the prefix that identifies
/// its owner, and the field. `x-ratelimit-remaining-tokens`, `anthropic-ratelimit-tokens-remaining` and
/// Together's `x-tokenlimit-remaining` are about `tokens`; `x-ratelimit-remaining` alone is about requests,
/// and LiteLLM's `x-ratelimit-key-remaining-tokens` is about `key_tokens`.
fn limit_name(header: &str) -> Option<(String, &str, LimitField)> {
    let (owner, rest, default) = match (
        header.split_once("ratelimit-"),
        header.split_once("tokenlimit-"),
    ) {
        (Some((owner, rest)), _) => (owner, rest, "requests"),
        (None, Some((owner, rest))) => (owner, rest, "tokens"),
        (None, None) => return None,
    };
    let words: Vec<_> = rest.split(['-', '_']).collect();
    let part = |word: &str| match word {
        "limit" => Some(LimitField::Limit),
        "remaining" => Some(LimitField::Remaining),
        _ => None,
    };
    let at = match words.as_slice() {
        [first, ..] if part(first).is_some() => 0,
        [.., last] if part(last).is_some() => words.len() - 1,
        _ => {
            let mut found = (0..words.len()).filter(|at| part(words[*at]).is_some());
            let only = found.next()?;
            // More of them are part of the name.
            found.next().is_none().then_some(only)?
        }
    };
    let found = part(words[at])?;
    let name = [&words[..at], &words[at + 1..]].concat();
    let name = if name.is_empty() {
        default.to_owned()
    } else {
        name.join("_")
    };
    (name.len() <= NAME_MAX).then_some((name, owner, found))
}

/// Parses an integer at the start, which may be followed by a policy: `100;w=60`.
fn leading_number(text: &str) -> Option<i64> {
    let text = text.trim();
    let sign = usize::from(text.starts_with('-'));
    let digits = text.bytes().skip(sign).take_while(u8::is_ascii_digit);
    let (number, rest) = text.split_at(sign + digits.count());
    let ends = rest.is_empty() || rest.starts_with(['.', ',', ';', ' ']);
    number.parse().ok().filter(|_| ends)
}

/// How long the server asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str, unit: f64| {
        let seconds = text.parse::<f64>().ok()? / unit;
        let wait = Duration::try_from_secs_f64(seconds).ok()?;
        Some(wait.min(RETRY_MAX))
    };
    if let Some(wait) = text("retry-after-ms").and_then(|text| number(text, 1000.0)) {
        return Some(wait);
    }
    let text = text("retry-after")?;
    number(text, 1.0).or_else(|| {
        let date = DateTime::parse_from_rfc2822(text).ok()?;
        let wait = u64::try_from(date.timestamp_millis() - now.0).unwrap_or(0);
        Some(Duration::from_millis(wait).min(RETRY_MAX))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        });
        lines.collect()
    }

    fn found(lines: &[(&str, &str)]) -> Vec<(String, u64, Option<u64>)> {
        let limits = rate_limits(&headers(lines));
        let limits = limits.iter();
        limits
            .map(|one| (one.name.to_string(), one.remaining, one.limit))
            .collect()
    }

    fn is(name: &str, remaining: u64, limit: Option<u64>) -> (String, u64, Option<u64>) {
        (name.to_owned(), remaining, limit)
    }

    #[test]
    fn the_forms_of_providers_are_read() {
        let openai = [
            ("x-ratelimit-limit-requests", "5000"),
            ("x-ratelimit-remaining-requests", "4999"),
            ("x-ratelimit-reset-requests", "12ms"),
            ("x-ratelimit-limit-tokens", "160000"),
            ("x-ratelimit-remaining-tokens", "159976"),
            ("x-ratelimit-reset-tokens", "6m30s"),
            ("x-ratelimit-limit-project-tokens", "1000"),
            ("x-ratelimit-remaining-project-tokens", "0"),
            ("x-ratelimit-remaining-tokens_usage_based", "7"),
        ];
        assert_eq!(
            found(&openai),
            [
                is("project_tokens", 0, Some(1000)),
                is("requests", 4999, Some(5000)),
                is("tokens", 159_976, Some(160_000)),
                is("tokens_usage_based", 7, None),
            ]
        );
        let together = [
            ("x-ratelimit-limit", "10"),
            ("x-ratelimit-remaining", "9"),
            ("x-ratelimit-reset", "1"),
            ("x-tokenlimit-limit", "3000"),
            ("x-tokenlimit-remaining", "2990"),
        ];
        assert_eq!(
            found(&together),
            [is("requests", 9, Some(10)), is("tokens", 2990, Some(3000))]
        );
        let anthropic = [
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
            ("anthropic-ratelimit-input-tokens-limit", "40000"),
            ("anthropic-ratelimit-input-tokens-remaining", "39000"),
        ];
        assert_eq!(
            found(&anthropic),
            [
                is("input_tokens", 39_000, Some(40_000)),
                is("requests", 49, Some(50)),
            ]
        );
        let others = [
            ("ratelimit-limit", "100, 100;w=60"),
            ("ratelimit-remaining", "50;w=60"),
            ("x-ratelimit-limit-tokens-per-minute", "2000000"),
            ("x-ratelimit-remaining-tokens-per-minute", "1999000"),
        ];
        assert_eq!(
            found(&others),
            [
                is("requests", 50, Some(100)),
                is("tokens_per_minute", 1_999_000, Some(2_000_000)),
            ]
        );
    }

    #[test]
    fn the_tighter_limit_of_proxy_and_provider_is_kept() {
        let litellm = |own: &'static str| {
            found(&[
                ("x-ratelimit-limit-requests", "10"),
                ("x-ratelimit-remaining-requests", own),
                ("llm_provider-x-ratelimit-limit-requests", "1000"),
                ("llm_provider-x-ratelimit-remaining-requests", "500"),
                ("llm_provider-x-ratelimit-remaining-tokens", "7"),
            ])
        };
        let tokens = is("tokens", 7, None);
        assert_eq!(litellm("2"), [is("requests", 2, Some(10)), tokens.clone()]);
        assert_eq!(litellm("9"), [is("requests", 500, Some(1000)), tokens]);
    }

    #[test]
    fn limits_of_the_keys_of_a_proxy_are_found() {
        let litellm = [
            ("x-ratelimit-model_per_key-limit-requests", "100"),
            ("x-ratelimit-model_per_key-remaining-requests", "1"),
            ("x-ratelimit-key-limit-tokens", "1000"),
            ("x-ratelimit-key-remaining-tokens", "-20"),
        ];
        let wanted = [
            is("key_tokens", 0, Some(1000)),
            is("model_per_key_requests", 1, Some(100)),
        ];
        assert_eq!(found(&litellm), wanted);
        let twice = [
            ("x-ratelimit-limit-requests", "10"),
            ("x-ratelimit-limit-requests", "1000"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-remaining-requests", "999"),
        ];
        assert_eq!(found(&twice), [is("requests", 0, Some(10))]);
        assert_eq!(found(&[("x-ratelimit-a-limit-of-limit-b", "1")]), []);
    }

    #[test]
    fn unknown_values_are_absent() {
        for lines in [
            &[("x-ratelimit-remaining-tokens", "-1")][..],
            &[("x-ratelimit-remaining-tokens", "")],
            &[("x-ratelimit-remaining-tokens", "12ms")],
            &[("x-ratelimit-limit-tokens", "100")],
            &[("x-ratelimit-over-limit", "no")],
            &[("x-ratelimit-reset", "5")],
            &[("x-ratelimit-remaining-tokens", "99999999999999999999")],
            &[("x-request-id", "1")],
        ] {
            assert_eq!(found(lines), [], "{lines:?}");
        }
        let azure = [
            ("x-ratelimit-limit-requests", "-1"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-limit-tokens", "-1"),
            ("x-ratelimit-remaining-tokens", "-1"),
            ("x-ratelimit-reset-tokens", "0"),
            ("x-ratelimit-renewalperiod-tokens", "60"),
            ("azureml-model-session", "d008-20240215231538"),
        ];
        assert_eq!(found(&azure), [is("requests", 0, None)]);
        // Bedrock returns no limit headers; the limit is only recognized by the status.
        let bedrock = [
            ("x-amzn-bedrock-input-token-count", "12"),
            ("x-amzn-bedrock-output-token-count", "34"),
            ("x-amzn-bedrock-invocation-latency", "560"),
            ("x-amzn-errortype", "ThrottlingException"),
        ];
        assert_eq!(found(&bedrock), []);
    }

    #[test]
    fn hostile_headers_give_few_limits() {
        let lines: Vec<_> = (0..500)
            .map(|number| (format!("x-ratelimit-remaining-{number}"), "1"))
            .collect();
        let lines: Vec<_> = lines
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        assert_eq!(found(&lines).len(), RateLimits::MAX);
        let long = format!("x-ratelimit-remaining-{}", "x".repeat(1000));
        assert_eq!(found(&[(&long, "1")]), []);
    }

    #[test]
    fn the_time_to_wait_is_read_in_every_form() {
        let now = Timestamp::from_secs(1_445_412_470);
        let wait = |lines: &[(&str, &str)]| retry_after(&headers(lines), now);
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(wait(&[("retry-after", "20")]), seconds(20));
        assert_eq!(
            wait(&[("retry-after", "0.5")]),
            Some(Duration::from_millis(500))
        );
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(wait(&[("retry-after", date)]), seconds(10));
        let past = "Tue, 21 Oct 2014 07:28:00 GMT";
        assert_eq!(wait(&[("retry-after", past)]), seconds(0));
        let both = [("retry-after", "20"), ("retry-after-ms", "1500")];
        assert_eq!(wait(&both), Some(Duration::from_millis(1500)));
        for odd in ["", "soon", "-5", "NaN", "inf"] {
            assert_eq!(wait(&[("retry-after", odd)]), None, "{odd}");
        }
        assert_eq!(wait(&[("retry-after", "1e300")]), None);
        assert_eq!(wait(&[("retry-after", "99999999")]), Some(RETRY_MAX));
        assert_eq!(wait(&[]), None);
    }
}
