//! The form on a page that silences a firing alert, with a preview of what the silence would mute.

use super::alerts::{Stage, item};
use super::decision_forms::Decision;
use super::frame::{HOME, Writer};
use super::query::PageQuery;
use crate::alert::{AlertRecord, AlertRules, Matcher, Silence};
use crate::format::numbers;
use crate::outcome::Timestamp;
use crate::units::DAY;
use crate::web::fields::LINE_MAX;
use maud::{Markup, html};
use std::time::Duration;

/// How long a silence can last, in hours, and the words for it.
pub const HOURS: [(u64, &str); 5] = [
    (1, "1 hour"),
    (4, "4 hours"),
    (12, "12 hours"),
    (24, "1 day"),
    (168, "1 week"),
];
/// The fields: which alerts are silenced, with its value for all of the service, for how long, why, and who does it.
pub const SILENCED: &str = "alerts";
pub const OF_SERVICE: &str = "service";
pub const LASTS: &str = "hours";
pub const REASON: &str = "reason";
pub const AUTHOR: &str = "author";
/// The button that shows the preview; its value is the fingerprint of the alert.
const PREVIEW: &str = "preview";
/// Labels that distinguish an alert from the others of its service. Its tier and severity are not among them: a
/// silence of a burning objective is meant for all its tiers.
const OWN_LABELS: [&str; 5] = ["service", "instance", "slo", "signal", "subject"];
/// How far back alerts in a preview may have fired.
pub const RECENT: Duration = DAY.saturating_mul(7);
/// Maximum number of firing and of resolved alerts in a preview; the command lists more.
const ROWS: usize = 20;

/// The fields of a form as the reader sent them for a preview.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    fingerprint: String,
    is_whole: bool,
    hours: String,
    reason: String,
    author: String,
}

impl Preview {
    pub fn of(query: PageQuery<'_>) -> Option<Self> {
        let value = |name| query.value(name).unwrap_or_default();
        Some(Self {
            fingerprint: query.value(PREVIEW)?,
            is_whole: value(SILENCED) == OF_SERVICE,
            hours: value(LASTS),
            reason: value(REASON),
            author: value(AUTHOR),
        })
    }

    pub fn is_of(&self, alert: &AlertRecord, rules: &AlertRules) -> bool {
        rules.fingerprint(alert) == self.fingerprint
    }

    /// The alerts that the silence of an alert would mute: firing ones, and those that resolved within [`RECENT`].
    pub fn muted(
        &self,
        alert: &AlertRecord,
        (firing, over): (&[AlertRecord], &[AlertRecord]),
        rules: &AlertRules,
        at: Timestamp,
    ) -> Markup {
        // Labels of an alert are valid matchers, unless they are longer than a silence can have.
        let matchers = match matchers(alert, rules, self.is_whole) {
            Ok(matchers) => matchers,
            Err(why) => return html! { section #preview { div.card { p { (why) } } } },
        };
        let silence = Silence {
            id: 0,
            matchers,
            from: Timestamp(0),
            to: Timestamp(i64::MAX),
            author: String::new(),
            reason: String::new(),
        };
        let since = at.before(RECENT);
        let is_recent = |one: &&AlertRecord| one.to.is_none_or(|to| to > since);
        let matching = |alerts: &'_ [AlertRecord]| -> Vec<AlertRecord> {
            let alerts = alerts.iter().filter(is_recent);
            let found = alerts.filter(|one| silence.matches(&rules.labels(one)));
            found.cloned().collect()
        };
        let (mut firing, over) = (matching(firing), matching(over));
        firing.sort_by_key(|one| (one.urgency, one.is_inhibited()));
        let texts: Vec<String> = silence.matchers.iter().map(ToString::to_string).collect();
        html! {
            section #preview {
                h2 { "Preview of the silence" }
                div.card {
                    p {
                        bdi { (texts.join(" ")) } " would mute "
                        (numbers::plural(firing.len() as u64, "firing alert")) ", and would have muted "
                        (numbers::plural(over.len() as u64, "other")) " of the last 7 days."
                    }
                    (rows(&firing, Stage::Firing, at))
                    (rows(&over, Stage::Over, at))
                }
            }
        }
    }
}

fn rows(alerts: &[AlertRecord], stage: Stage, at: Timestamp) -> Markup {
    let more = alerts.len().saturating_sub(ROWS);
    html! {
        ul.failures { @for one in alerts.iter().take(ROWS) { (item(one, stage, None, HOME, at, Decision::Nothing)) } }
        @if more > 0 { p.quiet { "and " (numbers::count(more as u64)) " more" } }
    }
}

/// Matchers of an alert, or of all alerts of its service.
pub fn matchers(
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

/// The form, with the fields of a preview. The preview is a link with the same fields, so it needs no script.
pub(super) fn form(
    alert: &AlertRecord,
    rules: &AlertRules,
    writer: Writer,
    preview: Option<&Preview>,
) -> Markup {
    let nothing = Preview::default();
    let sent = preview.unwrap_or(&nothing);
    let fingerprint = rules.fingerprint(alert);
    html! {
        form.filter.decision method="post" action={ "alerts/" (fingerprint) "/silence" } {
            (author(writer, &sent.author))
            input name=(REASON) value=(sent.reason) aria-label="Reason" placeholder="reason" required maxlength=(LINE_MAX);
            select name=(SILENCED) aria-label="Silenced alerts" {
                option value="" { "this alert" }
                @if !alert.key.service.is_empty() {
                    option value=(OF_SERVICE) selected[sent.is_whole] { "all alerts of " (alert.key.service) }
                }
            }
            select name=(LASTS) aria-label="Duration" {
                @for (hours, words) in HOURS { option value=(hours) selected[hours.to_string() == sent.hours] { (words) } }
            }
            button { "Silence" }
            button name=(PREVIEW) value=(fingerprint) formmethod="get" formaction="alerts#preview" formnovalidate { "Preview" }
        }
    }
}

/// The field of the reader's name, unless the reader is authenticated.
pub(super) fn author(writer: Writer, sent: &str) -> Markup {
    html! {
        @if !writer.has_name {
            input name=(AUTHOR) value=(sent) aria-label="Your name" placeholder="your name" autocomplete="name" required maxlength=(LINE_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{AlertKey, Condition, TIERS, Urgency};

    fn alert(key: AlertKey) -> AlertRecord {
        AlertRecord::new(key, "SlodAny", Urgency::Page, Timestamp(0), "")
    }

    fn burn(service: &str, slo: &str) -> AlertRecord {
        let condition = Condition::Tier(TIERS[0]);
        alert(AlertKey::budget(service.into(), slo.into(), condition))
    }

    #[test]
    fn a_silence_of_an_alert_covers_all_tiers_of_its_objective() {
        let texts = |alert: &AlertRecord, is_whole| -> Vec<String> {
            let rules = AlertRules {
                instance: "host".to_owned(),
                ..AlertRules::default()
            };
            let found = matchers(alert, &rules, is_whole).expect("valid");
            found.iter().map(ToString::to_string).collect()
        };
        let own = ["service=\"web\"", "slo=\"errors\""];
        assert_eq!(texts(&burn("web", "errors"), false), own);
        assert_eq!(texts(&burn("web", "errors"), true), ["service=\"web\""]);
        let sign = AlertKey::sign("".into(), "disk_full_soon".into(), "/data".into());
        let of_host = [
            "instance=\"host\"",
            "signal=\"disk_full_soon\"",
            "subject=\"/data\"",
        ];
        assert_eq!(texts(&alert(sign), true), of_host);
    }

    #[test]
    fn a_preview_keeps_the_fields_and_shows_what_would_be_muted() {
        let rules = AlertRules::default();
        let first = burn("web", "errors");
        let query = format!(
            "author=ada&reason=a+%3Cb%3E&alerts=service&hours=12&preview={}",
            rules.fingerprint(&first)
        );
        let preview = Preview::of(PageQuery::of(Some(&query))).expect("asked for");
        assert!(preview.is_of(&first, &rules) && !preview.is_of(&burn("db", "errors"), &rules));
        let writer = Writer { has_name: false };
        let form = form(&first, &rules, writer, Some(&preview)).into_string();
        for kept in [
            "value=\"ada\"",
            "value=\"a &lt;b&gt;\"",
            "<option value=\"service\" selected>",
            "<option value=\"12\" selected>",
        ] {
            assert!(form.contains(kept), "{kept}: {form}");
        }
        let now = Timestamp(0).after(2 * RECENT);
        let ended = |slo: &str, to: Timestamp| AlertRecord {
            to: Some(to),
            ..burn("web", slo)
        };
        let firing = [first.clone(), burn("web", "uptime"), burn("db", "errors")];
        let over = [ended("recent", now), ended("old", Timestamp(1))];
        let muted = preview
            .muted(&first, (&firing, &over), &rules, now)
            .into_string();
        let counts = "would mute 2 firing alerts, and would have muted 1 other of the last 7 days";
        assert!(muted.contains(counts), "{muted}");
        assert!(
            muted.contains("uptime") && muted.contains("recent"),
            "{muted}"
        );
        assert!(!muted.contains("old") && !muted.contains("db"), "{muted}");
    }

    /// A mount point may be longer than the value of a matcher.
    #[test]
    fn a_preview_says_why_its_silence_would_be_refused() {
        let rules = AlertRules::default();
        let long = format!("/{}", "d".repeat(1000));
        let full = alert(AlertKey::sign(
            "".into(),
            "disk_full_soon".into(),
            long.as_str().into(),
        ));
        let now = Timestamp(0).after(RECENT);
        let firing = std::slice::from_ref(&full);
        let shown = Preview::default().muted(&full, (firing, &[]), &rules, now);
        let shown = shown.into_string();
        let why = "the value of the matcher `subject` has more than 1000 characters";
        assert!(
            shown.contains(why) && !shown.contains("would mute"),
            "{shown}"
        );
    }
}
