//! A request with the token of its attempt.

use super::{Token, TokenSource};
use crate::outcome::Outcome;
use crate::probe::Trace;
use crate::probe::dial::{Failure, Progress};
use crate::probe::http::request::Request;
use crate::units::show_duration;
use http::{HeaderValue, StatusCode};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A token that requests are sent with.
#[derive(Debug)]
pub struct HeldToken {
    pub(super) source: Arc<TokenSource>,
    pub(super) token: Arc<Token>,
}

impl HeldToken {
    /// The value of `Authorization`, marked as sensitive.
    pub fn header(&self) -> &HeaderValue {
        &self.token.header
    }

    /// Takes the status of an answer, which may mean that the token is not valid.
    pub fn note(&self, status: u16) {
        if matches!(status, 401 | 403) {
            self.source.rejected(&self.token);
        }
    }

    /// Removes the token from a text.
    pub fn cleaned(&self, text: String) -> String {
        self.token.redactions.cleaned(text)
    }
}

/// The request of one attempt.
#[derive(Debug)]
pub struct Signed<'a> {
    pub request: Cow<'a, Request>,
    token: Option<HeldToken>,
}

impl<'a> Signed<'a> {
    /// Adds the current token, if the request needs one. A failure if there is none.
    pub fn new(
        request: &'a Request,
        tokens: Option<&'a Arc<TokenSource>>,
        progress: &mut Progress<'_>,
    ) -> Result<Self, Failure> {
        let Some(source) = tokens else {
            return Ok(Self::unsigned(request));
        };
        let held = source.held()?;
        progress.record("token", || {
            let left = held.token.left(Instant::now()).as_secs();
            let left = show_duration(Duration::from_secs(left));
            format!("from {}, used for another {left}", source.target())
        });
        let mut request = request.clone();
        request.authorize(held.header().clone());
        Ok(Self {
            request: Cow::Owned(request),
            token: Some(held),
        })
    }

    /// A request without a token.
    pub fn unsigned(request: &'a Request) -> Self {
        Self {
            request: Cow::Borrowed(request),
            token: None,
        }
    }

    /// Takes the status of an answer of the configured origin, which may mean that the token is not valid.
    pub fn note(&self, status: StatusCode) {
        if let Some(held) = &self.token {
            held.note(status.as_u16());
        }
    }

    /// Removes the token from the texts of an attempt.
    pub fn redact(&self, outcome: &mut Outcome, trace: &mut Trace) {
        let Some(HeldToken { token, .. }) = &self.token else {
            return;
        };
        trace.redact(&token.redactions);
        if let Some(message) = &mut outcome.detail.message {
            *message = token.redactions.clean(message).into();
        }
    }
}
