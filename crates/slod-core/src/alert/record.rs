//! What is recorded of an alert.

use super::tier::Tier;
use crate::outcome::Timestamp;
use std::sync::Arc;

/// Which alert it is: at most one of each fires at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    pub service: Arc<str>,
    pub slo: Arc<str>,
    pub tier: &'static Tier,
}

/// One alert from the moment it began to fire.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRecord {
    pub key: AlertKey,
    pub from: Timestamp,
    /// `None` while it fires.
    pub to: Option<Timestamp>,
    /// Share of the error budget that was spent when it fired; `None` while the budget was unknown.
    pub spent: Option<f64>,
    /// Whether a faster tier of the same objective was firing already, so that nobody is notified.
    pub inhibited: bool,
}
