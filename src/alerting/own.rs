//! Alerts about problems of slod itself.

use super::failing::FailingReceivers;
use crate::alert::{
    AlertKey, CONFIG_RELOAD_FAILED, NOTIFICATIONS_FAILING, STORE_FAILING, Sign, Urgency,
};

pub const RELOAD_FAILED: &str =
    "the config was not reloaded; the old one stays active (the log has the reason)";

/// The state of slod.
#[derive(Clone, Debug, Default)]
pub struct SelfState {
    /// Why the store cannot be written; `None` if it can.
    pub store: Option<String>,
    /// Whether the last reload of the config failed.
    pub reload_failed: bool,
    /// The receivers that cannot be notified.
    pub failing: FailingReceivers,
}

impl SelfState {
    pub fn signs(&self) -> [Sign; 3] {
        let unsent = self.failing.lasting();
        [
            sign(STORE_FAILING, "SlodStoreFailing", self.store.clone()),
            sign(
                CONFIG_RELOAD_FAILED,
                "SlodConfigReloadFailed",
                self.reload_failed.then(|| RELOAD_FAILED.to_owned()),
            ),
            Sign {
                // A failure that does not last yet decides nothing.
                is_present: match (&unsent, self.failing.is_empty()) {
                    (Some(_), _) => Some(true),
                    (None, true) => Some(false),
                    (None, false) => None,
                },
                ..sign(NOTIFICATIONS_FAILING, "SlodNotificationsFailing", unsent)
            },
        ]
    }
}

/// These never page, since probing continues.
fn sign(name: &str, alertname: &str, trouble: Option<String>) -> Sign {
    Sign {
        key: AlertKey::sign("".into(), name.into(), "".into()),
        alertname: alertname.into(),
        urgency: Urgency::Ticket,
        is_present: Some(trouble.is_some()),
        evidence: trouble.unwrap_or_default().into(),
        chart: "".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::failing::LASTING;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn receivers_that_fail_for_long_are_a_problem() {
        let state = SelfState::default();
        let look = || {
            let [_, _, sign] = state.signs();
            (sign.is_present, sign.evidence.to_string())
        };
        assert_eq!(look(), (Some(false), String::new()));
        state.failing.failed("chat", "HTTP 404: no_service");
        assert_eq!(look(), (None, String::new()), "it may be short");
        tokio::time::advance(LASTING.saturating_sub(Duration::from_secs(1))).await;
        state.failing.failed("mail", "no response within 10s");
        state.failing.failed("chat", "HTTP 403");
        assert_eq!(look().0, None);
        tokio::time::advance(Duration::from_secs(1)).await;
        let evidence = "messages to `chat` have failed for more than 10m: HTTP 403";
        assert_eq!(look(), (Some(true), evidence.to_owned()));
        state.failing.settled("chat");
        assert_eq!(look().0, None, "the other one");
        state.failing.settled("mail");
        assert_eq!(look().0, Some(false));
    }
}
