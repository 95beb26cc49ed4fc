//! Forms on a page that acknowledge or silence a firing alert.

use super::frame::{View, Writer};
use super::parts::decisions_path;
use crate::alert::{AlertRecord, AlertRules};
use crate::web::fields::LINE_MAX;
use maud::{Markup, html};

/// How long a silence can last, in hours, and the words for it.
pub const SILENCE_HOURS: [(u64, &str); 5] = [
    (1, "1 hour"),
    (4, "4 hours"),
    (12, "12 hours"),
    (24, "1 day"),
    (168, "1 week"),
];
/// The field of the silenced alerts, and its value for all alerts of the service.
pub const SILENCED: &str = "alerts";
pub const OF_SERVICE: &str = "service";

/// How a page offers to acknowledge and silence an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision<'a> {
    Nothing,
    /// A link to the forms.
    Link,
    /// The forms, and whether they are unfolded.
    Forms(DecisionForms<'a>, bool),
}

/// What the forms depend on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecisionForms<'a> {
    pub rules: &'a AlertRules,
    pub writer: Writer,
}

impl Decision<'_> {
    /// A link for readers who may write.
    pub fn link(view: View<'_>) -> Self {
        view.writer.map_or(Self::Nothing, |_| Self::Link)
    }
}

impl DecisionForms<'_> {
    pub(super) fn of(&self, alert: &AlertRecord, is_open: bool) -> Markup {
        let to = |what: &str| format!("alerts/{}/{what}", self.rules.fingerprint(alert));
        html! {
            details open[is_open] {
                summary { "Acknowledge or silence" }
                @if alert.acknowledged.is_none() {
                    form.filter.decision method="post" action=(to("acknowledge")) {
                        (self.author())
                        input name="note" aria-label="Note" placeholder="note" maxlength=(LINE_MAX);
                        button { "Acknowledge" }
                    }
                }
                form.filter.decision method="post" action=(to("silence")) {
                    (self.author())
                    input name="reason" aria-label="Reason" placeholder="reason" required maxlength=(LINE_MAX);
                    select name=(SILENCED) aria-label="Silenced alerts" {
                        option value="" { "this alert" }
                        @if !alert.key.service.is_empty() {
                            option value=(OF_SERVICE) { "all alerts of " (alert.key.service) }
                        }
                    }
                    select name="hours" aria-label="Duration" {
                        @for (hours, words) in SILENCE_HOURS { option value=(hours) { (words) } }
                    }
                    button { "Silence" }
                }
            }
        }
    }

    fn author(&self) -> Markup {
        html! {
            @if !self.writer.has_name {
                input name="author" aria-label="Your name" placeholder="your name" autocomplete="name" required maxlength=(LINE_MAX);
            }
        }
    }
}

/// A link to the forms of an alert on the page of all alerts.
pub fn link(alert: &AlertRecord, root: &str) -> Markup {
    html! {
        @if alert.acknowledged.is_none() && alert.silenced_by.is_none() {
            ", " a href={ (root) (decisions_path(&alert.key.words())) } { "acknowledge" }
        }
    }
}
