//! The forms of alerts and silences on pages. A browser returns to the page of firing alerts afterwards.

use super::{ACKNOWLEDGEMENT, end_silence, keep_silence, record};
use crate::alert::{AlertRecord, AlertRules, Matcher, Silence};
use crate::web::WebState;
use crate::web::auth::Identity;
use crate::web::fields::LINE_MAX;
use crate::web::page::decision_forms::{OF_SERVICE, SILENCE_HOURS, SILENCED};
use crate::web::problem::Problem;
use crate::web::request::FormBody;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use std::time::Duration;

/// Labels that distinguish an alert from the others of its service. Its tier and severity are not among them: a
/// silence of a burning objective is meant for all its tiers.
const OWN_LABELS: [&str; 5] = ["service", "instance", "slo", "signal", "subject"];

type Redirect = (StatusCode, [(HeaderName, &'static str); 1]);

/// Relative, so that it also works below the path prefix of a proxy.
const BACK: Redirect = (
    StatusCode::SEE_OTHER,
    [(header::LOCATION, "../../alerts?state=firing")],
);

pub async fn acknowledge(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(fingerprint): Path<String>,
    body: FormBody,
) -> Result<Redirect, Problem> {
    let new = body.only(ACKNOWLEDGEMENT, &["note", "author"])?;
    record(&state, by, &fingerprint, &new).await?;
    Ok(BACK)
}

pub async fn silence(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(fingerprint): Path<String>,
    body: FormBody,
) -> Result<Redirect, Problem> {
    let new = body.only("invalid silence", &[SILENCED, "hours", "reason", "author"])?;
    let hours = new.required_text("hours")?.parse().ok();
    let hours = hours.filter(|hours| SILENCE_HOURS.iter().any(|(known, _)| known == hours));
    let hours = hours.ok_or_else(|| new.fault("`hours` must be one of the offered values"))?;
    let is_whole = new.text(SILENCED)? == Some(OF_SERVICE);
    let now = state.clock.now();
    let view = state.alerts.borrow().clone();
    let alert = super::find(&view, &fingerprint)?;
    let silence = Silence {
        id: 0,
        matchers: matchers(alert, &view.rules, is_whole).map_err(|fault| new.fault(fault))?,
        from: now,
        to: now.after(Duration::from_hours(hours)),
        author: new.author(&by)?,
        reason: new.line("reason", 1..=LINE_MAX)?,
    };
    keep_silence(&state, by, silence, now).await?;
    Ok(BACK)
}

pub async fn end(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(id): Path<String>,
    body: FormBody,
) -> Result<Redirect, Problem> {
    body.only("invalid request", &[])?;
    end_silence(&state, by, &id).await?;
    Ok(BACK)
}

/// Matchers of an alert, or of all alerts of its service.
fn matchers(
    alert: &AlertRecord,
    rules: &AlertRules,
    is_whole: bool,
) -> Result<Vec<Matcher>, String> {
    let labels = rules.labels(alert);
    let names: &[&str] = if is_whole && !alert.key.service.is_empty() {
        &["service"]
    } else {
        &OWN_LABELS
    };
    let own = names.iter().filter_map(|name| labels.get_key_value(*name));
    own.map(|(name, value)| Matcher::new(name, value, true, false))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{AlertKey, Condition, TIERS, Urgency};
    use crate::outcome::Timestamp;

    fn texts(key: AlertKey, is_whole: bool) -> Vec<String> {
        let alert = AlertRecord::new(key, "SlodAny", Urgency::Page, Timestamp(0), "");
        let rules = AlertRules {
            instance: "host".to_owned(),
            ..AlertRules::default()
        };
        let found = matchers(&alert, &rules, is_whole).expect("valid");
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_silence_of_an_alert_covers_all_tiers_of_its_objective() {
        let burn = Condition::Tier(TIERS[0]);
        let budget = AlertKey::budget("web".into(), "errors".into(), burn);
        let own = ["service=\"web\"", "slo=\"errors\""];
        assert_eq!(texts(budget.clone(), false), own);
        assert_eq!(texts(budget, true), ["service=\"web\""]);
        let sign = AlertKey::sign("".into(), "disk_full_soon".into(), "/data".into());
        let of_host = [
            "instance=\"host\"",
            "signal=\"disk_full_soon\"",
            "subject=\"/data\"",
        ];
        assert_eq!(texts(sign, true), of_host);
    }
}
