//! Forms on a page that acknowledge or silence a firing alert.

use super::frame::{View, Writer};
use super::parts::decisions_path;
use super::silence_form::{self, Preview};
use crate::alert::{AlertRecord, AlertRules};
use crate::web::fields::LINE_MAX;
use maud::{Markup, html};

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
    pub preview: Option<&'a Preview>,
}

impl Decision<'_> {
    /// A link for readers who may write.
    pub fn link(view: View<'_>) -> Self {
        view.writer.map_or(Self::Nothing, |_| Self::Link)
    }
}

impl DecisionForms<'_> {
    pub(super) fn of(&self, alert: &AlertRecord, is_open: bool) -> Markup {
        let to = format!("alerts/{}/acknowledge", self.rules.fingerprint(alert));
        let preview = self.preview.filter(|one| one.is_of(alert, self.rules));
        html! {
            details open[is_open || preview.is_some()] {
                summary { "Acknowledge or silence" }
                @if alert.acknowledged.is_none() {
                    form.filter.decision method="post" action=(to) {
                        (silence_form::author(self.writer, ""))
                        input name="note" aria-label="Note" placeholder="note" maxlength=(LINE_MAX);
                        button { "Acknowledge" }
                    }
                }
                (silence_form::form(alert, self.rules, self.writer, preview))
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
