//! Alerts about problems of slod itself.

use crate::alert::{AlertKey, CONFIG_RELOAD_FAILED, STORE_FAILING, Sign, Source, Urgency};

/// The state of slod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelfState {
    /// Why the store cannot be written; `None` if it can.
    pub store: Option<String>,
    /// Whether the last reload of the config failed.
    pub reload_failed: bool,
}

impl SelfState {
    pub fn signs(&self) -> [Sign; 2] {
        let failed =
            "the config was not reloaded; the old one stays active (the log has the reason)";
        [
            sign(STORE_FAILING, "SlodStoreFailing", self.store.clone()),
            sign(
                CONFIG_RELOAD_FAILED,
                "SlodConfigReloadFailed",
                self.reload_failed.then(|| failed.to_owned()),
            ),
        ]
    }
}

/// These never page, since probing continues.
fn sign(name: &str, alertname: &str, trouble: Option<String>) -> Sign {
    let source = Source::Sign {
        sign: name.into(),
        subject: "".into(),
    };
    let service = "".into();
    Sign {
        key: AlertKey { service, source },
        alertname: alertname.into(),
        urgency: Urgency::Ticket,
        is_present: Some(trouble.is_some()),
        evidence: trouble.unwrap_or_default().into(),
        chart: "".into(),
    }
}
