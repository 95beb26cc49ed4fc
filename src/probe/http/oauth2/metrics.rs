//! Metric families of token sources.

use super::{SOURCES, TokenSource};
use crate::exposition::{Described, Family, Sink, write_each};
use std::sync::{Arc, Weak};
use tokio::time::Instant;

const LABELS: &[&str] = &["token_url", "client_id"];

/// The numbers of the sources with one address and client, which may differ in their scopes.
struct Numbers {
    token_url: String,
    client_id: String,
    requests: u64,
    failures: u64,
    is_valid: bool,
}

const FAMILIES: &[Described<Numbers>] = &[
    (
        Family::counter(
            "slod_oauth2_token_requests_total",
            LABELS,
            "Requests for OAuth 2.0 tokens that were answered or failed.",
        ),
        |samples, one| samples.count(one.requests),
    ),
    (
        Family::counter(
            "slod_oauth2_token_failures_total",
            LABELS,
            "Requests for OAuth 2.0 tokens without a token. The log and `slod probe` show why.",
        ),
        |samples, one| samples.count(one.failures),
    ),
    (
        Family::gauge(
            "slod_oauth2_token_valid",
            "",
            LABELS,
            "1 if there is a token that can be used, otherwise 0: attempts that need it are void.",
        ),
        |samples, one| samples.count(one.is_valid.into()),
    ),
];

/// All families, for the docs.
pub fn families() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().map(|(family, _)| family)
}

/// Writes all families, unless no source is configured.
pub fn write(sink: &mut dyn Sink) {
    let sources: Vec<Arc<TokenSource>> = {
        let sources = SOURCES.lock();
        sources.values().filter_map(Weak::upgrade).collect()
    };
    if sources.is_empty() {
        return;
    }
    let all = summed(&sources);
    write_each(
        sink,
        FAMILIES,
        &all.iter(),
        |labels, one| {
            labels.push("token_url", &one.token_url);
            labels.push("client_id", &one.client_id);
        },
        |write, samples, one| write(samples, one),
    );
}

fn summed(sources: &[Arc<TokenSource>]) -> Vec<Numbers> {
    let mut all: Vec<Numbers> = Vec::new();
    for source in sources {
        let (token_url, client_id) = (source.target(), &source.endpoint.client_id);
        let cache = source.cache.lock();
        let is_valid = cache.usable(Instant::now()).is_some();
        let same = |one: &&mut Numbers| one.token_url == token_url && one.client_id == *client_id;
        if let Some(one) = all.iter_mut().find(same) {
            one.requests += cache.requests;
            one.failures += cache.failures;
            one.is_valid &= is_valid;
        } else {
            all.push(Numbers {
                token_url,
                client_id: client_id.clone(),
                requests: cache.requests,
                failures: cache.failures,
                is_valid,
            });
        }
    }
    all
}
