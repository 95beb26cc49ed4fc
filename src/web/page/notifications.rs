//! Page of notifications: sent messages, responses of receivers, and pending messages.

use super::frame::{HOME, Page, View};
use super::headline::Headline;
use super::parts::{icon, moment};
use super::query::PageQuery;
use crate::alert::Notice;
use crate::format::numbers;
use crate::outcome::Timestamp;
use crate::report::health::HealthLevel;
use crate::store::{Pending, Sent};
use maud::{Markup, html};

/// Maximum number of messages on a page.
pub const ROWS: u32 = 100;

/// Content of the page, read from the store for a request.
#[derive(Debug, Default)]
pub struct Notifications {
    /// The newest first; up to one more than [`ROWS`].
    pub sent: Vec<Sent>,
    /// Earliest due first; up to [`ROWS`].
    pub pending: Vec<Pending>,
    /// Total number of pending notices.
    pub waiting: u64,
    /// Whether the page starts with the newest message.
    pub is_first: bool,
}

pub fn render_notifications(shown: &Notifications, at: Timestamp, view: View<'_>) -> String {
    let page = Page {
        headline: headline(shown),
        below: html! {},
        root: HOME,
        at,
        content: html! { (pending(shown)) (sent(shown, view.query)) },
    };
    page.render(view)
}

/// The state of the delivery, from the pending messages and the newest one.
fn headline(shown: &Notifications) -> Headline<'static> {
    let is_late = |one: &&Pending| one.is_tried && one.failure.is_some();
    let late = shown.pending.iter().filter(is_late).count() as u64;
    let newest = shown.sent.first().map(|one| one.delivered);
    let (level, sentence) = match (late, newest) {
        (1.., _) => {
            let notices = numbers::plural(late, "notice");
            let sentence = format!("Not delivered yet, retrying: {notices}");
            return Headline::new(HealthLevel::Warn, sentence);
        }
        (0, _) if !shown.is_first => (HealthLevel::Idle, "Older messages"),
        (0, None) => (HealthLevel::Idle, "Nothing was sent yet"),
        (0, Some(true)) => (HealthLevel::Ok, "The newest message was delivered"),
        (0, Some(false)) => (HealthLevel::Bad, "The newest message was not delivered"),
    };
    Headline::new(level, sentence.to_owned())
}

fn pending(shown: &Notifications) -> Markup {
    let more = shown.waiting.saturating_sub(shown.pending.len() as u64);
    html! {
        @if !shown.pending.is_empty() {
            section {
                h2 { "Waiting" }
                div.card {
                    ul.failures.events {
                        @for one in &shown.pending {
                            li {
                                span.cause.plain { (if one.is_tried { "tried" } else { "waiting" }) }
                                span.message dir="auto" {
                                    (about(&one.notice))
                                    @if let Some(why) = &one.failure { br; span.quiet { (why) } }
                                }
                                span.quiet { "to " bdi { (one.receiver) } ", due " (moment(one.due)) }
                            }
                        }
                    }
                    @if more > 0 { p.quiet { "and " (numbers::count(more)) " more" } }
                }
            }
        }
    }
}

/// `memory growing, resolved`
fn about(notice: &Notice) -> Markup {
    let summary = notice.annotations.get("summary");
    let name = summary.or_else(|| notice.labels.get("alertname"));
    html! {
        (name.map_or("", String::as_str))
        @if notice.is_resolved() { ", resolved" }
    }
}

fn sent(shown: &Notifications, query: PageQuery<'_>) -> Markup {
    let rows = &shown.sent[..shown.sent.len().min(ROWS as usize)];
    let older = rows.last().filter(|_| shown.sent.len() > rows.len());
    html! {
        section {
            h2 { "Sent" }
            div.card {
                @if rows.is_empty() { p.quiet { "Messages to the `receivers` of the config are listed here." } }
                ul.failures.events { @for one in rows { (message(one)) } }
                @if !shown.is_first { p { a href=(query.without("cursor")) { "Newest" } } }
                @if let Some(last) = older { p { a href=(query.with("cursor", &last.id.to_string())) { "Older" } } }
            }
        }
    }
}

fn message(one: &Sent) -> Markup {
    let (level, word) = if one.delivered {
        (HealthLevel::Ok, "delivered")
    } else {
        (HealthLevel::Bad, "given up")
    };
    html! {
        li {
            span class={ "badge " (level.class()) } { (icon(level)) (word) }
            span.message dir="auto" {
                bdi { (one.receiver) } ": " (counted(one))
                br; span.quiet { (one.answer) }
            }
            span.quiet { (moment(one.at)) }
        }
    }
}

/// `2 firing, 1 resolved`
fn counted(one: &Sent) -> String {
    let part =
        |count: u64, word: &str| (count > 0).then(|| format!("{} {word}", numbers::count(count)));
    let parts = [part(one.firing, "firing"), part(one.resolved, "resolved")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_is_about_the_newest_message() {
        let sent = |delivered: &[bool], is_first| {
            let one = |delivered: &bool| Sent {
                id: 1,
                at: Timestamp(0),
                receiver: "chat".to_owned(),
                group: "{}".to_owned(),
                key: "slod-1".to_owned(),
                firing: 1,
                resolved: 0,
                delivered: *delivered,
                answer: String::new(),
            };
            let shown = Notifications {
                sent: delivered.iter().map(one).collect(),
                is_first,
                ..Notifications::default()
            };
            headline(&shown).title()
        };
        assert!(sent(&[], true).ends_with("Nothing was sent yet"));
        let (delivered, failed) = (sent(&[true, false], true), sent(&[false, true], true));
        assert!(delivered.ends_with("The newest message was delivered"));
        assert!(failed.ends_with("The newest message was not delivered"));
        for older in [sent(&[false], false), sent(&[], false)] {
            assert!(older.ends_with("Older messages"), "{older}");
        }
    }
}
