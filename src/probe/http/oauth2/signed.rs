//! A request with the token of its attempt.

use super::{Token, TokenSource};
use crate::outcome::Outcome;
use crate::probe::Trace;
use crate::probe::dial::{Failure, Progress};
use crate::probe::http::request::Request;
use crate::units::show_duration;
use http::StatusCode;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The request of one attempt.
#[derive(Debug)]
pub struct Signed<'a> {
    pub request: Cow<'a, Request>,
    token: Option<(&'a Arc<TokenSource>, Arc<Token>)>,
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
        let token = source.current()?;
        progress.record("token", || {
            let left = token.left(Instant::now()).as_secs();
            let left = show_duration(Duration::from_secs(left));
            format!("from {}, used for another {left}", source.target())
        });
        let mut request = request.clone();
        request.authorize(token.header.clone());
        Ok(Self {
            request: Cow::Owned(request),
            token: Some((source, token)),
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
        let is_rejected = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if let Some((source, token)) = self.token.as_ref().filter(|_| is_rejected) {
            source.rejected(token);
        }
    }

    /// Removes the token from the texts of an attempt.
    pub fn redact(&self, outcome: &mut Outcome, trace: &mut Trace) {
        let Some((_, token)) = &self.token else {
            return;
        };
        trace.redact(&token.redactions);
        if let Some(message) = &mut outcome.detail.message {
            *message = token.redactions.clean(message).into();
        }
    }
}
