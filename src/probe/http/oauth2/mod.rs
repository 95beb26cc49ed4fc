//! OAuth 2.0 client credentials: one source of tokens for each configuration, shared by all requests
//! that have it. Tokens are requested outside of attempts, so their latency does not include it.

mod answer;
mod cache;
pub mod keys;
pub mod metrics;
mod request;
mod signed;

use super::request::Request;
use crate::outcome::VoidReason;
use crate::probe::dial::Failure;
use crate::yaml::{Redactions, Section};
use cache::{Cache, Token};
use http::header::AUTHORIZATION;
use keys::OAUTH2;
use parking_lot::Mutex;
use request::TokenEndpoint;
pub use signed::{HeldToken, Signed};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// The sources of all configs in use, by the fingerprints of their settings. A reload thus keeps tokens.
static SOURCES: Mutex<BTreeMap<u64, Weak<TokenSource>>> = Mutex::new(BTreeMap::new());

/// The tokens of one configuration.
#[derive(Debug)]
pub struct TokenSource {
    endpoint: TokenEndpoint,
    cache: Mutex<Cache>,
    /// Notified when a request has ended.
    ended: Notify,
    /// Secrets to remove from messages.
    redactions: Redactions,
}

/// Reads `oauth2`, if there is any; `None` also after reporting its errors. `request` is the request that
/// the tokens are for.
pub fn read(parent: &Section<'_>, request: Option<&Request>) -> Option<Arc<TokenSource>> {
    let section = parent.section(&OAUTH2)?;
    if request.is_some_and(|request| request.headers.contains_key(AUTHORIZATION)) {
        let message = "`oauth2` and other credentials are mutually exclusive";
        let help = "remove `bearer`, `basic_auth` or the header Authorization";
        parent.error("conflict", &OAUTH2, message, help);
    }
    let node = parent.node_of(&OAUTH2)?;
    let read = parent
        .reader()
        .traced_within(node, || TokenEndpoint::read(&section));
    let endpoint = read.value?;
    let mut sources = SOURCES.lock();
    sources.retain(|_, source| source.strong_count() > 0);
    let known = sources.get(&read.fingerprint).and_then(Weak::upgrade);
    Some(known.unwrap_or_else(|| {
        let source = Arc::new(TokenSource {
            endpoint,
            cache: Mutex::default(),
            ended: Notify::new(),
            redactions: read.redactions,
        });
        sources.insert(read.fingerprint, Arc::downgrade(&source));
        source
    }))
}

impl TokenSource {
    /// Waits for a token, unless there is one, or its last request failed recently.
    pub async fn prepare(self: Arc<Self>, wait: Duration) {
        let deadline = Instant::now() + wait;
        loop {
            // Created first, so that no end is missed.
            let ended = self.ended.notified();
            self.renew();
            if !self.is_awaited() || timeout_at(deadline, ended).await.is_err() {
                return;
            }
        }
    }

    fn is_awaited(&self) -> bool {
        let cache = self.cache.lock();
        cache.is_requested() && cache.usable(Instant::now()).is_none()
    }

    /// The current token; it is renewed if necessary. Without one, the failure of an attempt.
    pub fn held(self: &Arc<Self>) -> Result<HeldToken, Failure> {
        self.renew();
        let cache = self.cache.lock();
        if let Some(token) = cache.usable(Instant::now()) {
            return Ok(HeldToken {
                source: self.clone(),
                token: token.clone(),
            });
        }
        let target = self.target();
        let message = match cache.refusal() {
            Some(why) => format!("no OAuth 2.0 token from {target}: {why}"),
            None => format!("no OAuth 2.0 token from {target} yet: its answer is awaited"),
        };
        Err(Failure::void(VoidReason::Token, message))
    }

    /// The last token that was granted, even if it has expired; it is renewed if necessary. `None` if there is
    /// none, or it was rejected.
    pub fn latest(self: &Arc<Self>) -> Option<HeldToken> {
        self.renew();
        let token = self.cache.lock().latest()?.clone();
        let source = self.clone();
        Some(HeldToken { source, token })
    }

    /// Starts a request if one is due.
    fn renew(self: &Arc<Self>) {
        if self.cache.lock().begin(Instant::now()) {
            let mut pending = Pending {
                source: self.clone(),
                has_ended: false,
            };
            tokio::spawn(async move { pending.request().await });
        }
    }

    fn take(&self, result: Result<Token, String>) {
        let target = self.target();
        match result {
            Ok(token) => {
                if self.cache.lock().granted(token) {
                    tracing::info!("{target} grants OAuth 2.0 tokens again");
                }
            }
            Err(why) => {
                let why = self.redactions.cleaned(why);
                if self.cache.lock().refused(why.clone(), Instant::now()) {
                    tracing::warn!("no OAuth 2.0 token from {target}: {why}");
                }
            }
        }
        self.ended.notify_waiters();
    }

    /// Gives up a token that a target rejected.
    fn rejected(&self, token: &Arc<Token>) {
        self.cache.lock().rejected(token, Instant::now());
    }

    /// Removes the current token from a message.
    pub fn cleaned(&self, message: String) -> String {
        let token = self.cache.lock().usable(Instant::now()).cloned();
        match token {
            Some(token) => token.redactions.cleaned(message),
            None => message,
        }
    }

    /// The address of the token endpoint, for display.
    fn target(&self) -> String {
        self.redactions.cleaned(self.endpoint.target())
    }
}

/// A request for a token. If it is dropped, as with its runtime, another one can begin.
struct Pending {
    source: Arc<TokenSource>,
    has_ended: bool,
}

impl Pending {
    async fn request(&mut self) {
        let granted = self.source.endpoint.request().await;
        let token = granted.and_then(|granted| {
            let token = Token::new(&granted, Instant::now());
            token.ok_or_else(|| "its `access_token` is not valid in a header".to_owned())
        });
        self.has_ended = true;
        self.source.take(token);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.has_ended {
            self.source
                .take(Err("the request was interrupted".to_owned()));
        }
    }
}
