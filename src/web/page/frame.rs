//! Frame of every page.

use super::headline::Headline;
use super::parts::{ICONS, icon, moment};
use super::query::{PageQuery, RELOAD as RELOADS, UNFOLD};
use super::style;
use crate::format::numbers;
use crate::outcome::Timestamp;
use crate::report::health::HealthLevel;
use crate::text::printable_lines;
use maud::{DOCTYPE, Markup, html};
use std::time::Duration;

/// Reload interval of a page if requested.
pub const RELOAD: Duration = Duration::from_secs(30);

/// Snapshots come every few seconds; a page with an older one is marked as outdated.
const OUTDATED: Duration = Duration::from_mins(1);

/// Relative path from the front page to itself.
pub const HOME: &str = "./";

/// A reader who may make changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Whether their name is known from a login.
    pub has_name: bool,
}

/// Context of a request: the query, the time, and the reader.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub now: Timestamp,
    /// Selections of the reader.
    pub query: PageQuery<'a>,
    /// Why outcomes cannot be written to the store, if so.
    pub store_trouble: Option<&'a str>,
    /// Pages offer no changes to other readers.
    pub writer: Option<Writer>,
}

impl View<'_> {
    #[must_use]
    pub fn of(self, writer: Option<Writer>) -> Self {
        Self { writer, ..self }
    }

    /// Whether collapsed sections are expanded: a reload would collapse them again.
    pub fn unfolds(self) -> bool {
        self.query.has(UNFOLD)
    }

    fn reloads(self) -> bool {
        self.query.has(RELOADS)
    }
}

/// Content of a page and metadata for its frame.
pub struct Page<'a> {
    pub headline: Headline<'a>,
    /// Content below the headline.
    pub below: Markup,
    /// Relative path from the page to the root: `./`, `../`.
    pub root: &'a str,
    /// Time of the snapshot.
    pub at: Timestamp,
    pub content: Markup,
}

impl Page<'_> {
    pub fn render(self, view: View<'_>) -> String {
        self.render_every(view.reloads().then_some(RELOAD), view)
    }

    /// Renders with a different reload interval, or without reloading.
    pub fn render_every(self, reload: Option<Duration>, view: View<'_>) -> String {
        let age = view.now.since(self.at);
        let headline = self.headline.past((age > OUTDATED).then_some(age));
        let page = Self { headline, ..self };
        // Every page contains external text, and all of it passes through here.
        let document = page.document(reload, view).into_string();
        printable_lines(&document).into_owned()
    }

    fn document(&self, reload: Option<Duration>, view: View<'_>) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (self.headline.title()) " – slod" }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="same-origin";
                    meta name="robots" content="noindex";
                    @if let Some(every) = reload { meta http-equiv="refresh" content=(every.as_secs()); }
                    link rel="icon" href=(tab_icon(self.headline.level));
                    link rel="stylesheet" href={ (self.root) (style::NAME) "?v=" (*style::HASH) };
                }
                body {
                    (ICONS)
                    (self.header(view))
                    main { (store_trouble(view)) (self.headline.markup(&self.below)) (self.content) }
                    (self.footer(reload, view))
                }
            }
        }
    }

    fn header(&self, view: View<'_>) -> Markup {
        html! {
            header.top {
                nav aria-label="Main" {
                    // Spaces for readers without the style sheet.
                    a.mark href=(self.root) { "slod" span.quiet { " status" } } " "
                    a href=(self.root) { "All services" } " "
                    a href={ (self.root) "alerts" } { "Alerts" } " "
                    a href={ (self.root) "series" } { "Series" } " "
                    a href={ (self.root) "runs" } { "Load runs" } " "
                    a href={ (self.root) "notifications" } { "Notifications" }
                }
                p.quiet {
                    "As of " (moment(self.at)) ", "
                    (numbers::age(view.now.since(self.at)))
                }
            }
        }
    }

    fn footer(&self, reload: Option<Duration>, view: View<'_>) -> Markup {
        html! {
            footer.quiet {
                p {
                    @if let Some(every) = reload {
                        span { "This page reloads every " (every.as_secs()) " s" }
                        @if view.reloads() {
                            a href=(view.query.without(RELOADS)) { "Stop reloading" }
                        }
                    } @else {
                        a href=(view.query.with(RELOADS, "")) { "Reload every " (RELOAD.as_secs()) " s" }
                    }
                    " "
                    @if self.content.0.contains("<details") {
                        @if view.unfolds() {
                            a href=(view.query.without(UNFOLD)) { "Fold" }
                        } @else {
                            a href=(view.query.with(UNFOLD, "")) { "Unfold all" }
                        }
                    }
                }
                p {
                    a href={ (self.root) "runbook" } { "Runbook" } " "
                    a href={ (self.root) "metrics" } { "Metrics" } " "
                    a href={ (self.root) "api/v1/services" } { "API" } " "
                    span { "slod " (env!("CARGO_PKG_VERSION")) }
                }
            }
        }
    }
}

/// The level as a color and a shape, visible in a browser tab.
fn tab_icon(level: HealthLevel) -> String {
    let (color, shape) = match level {
        HealthLevel::Ok => ("2f9e64", "M16 2a14 14 0 1 0 .1 0z"),
        HealthLevel::Warn => ("c67c11", "M16 2 31 30H1z"),
        HealthLevel::Bad => ("cf3440", "M2 2h28v28H2z"),
        HealthLevel::Idle => ("868e99", "M4 12h24v8H4z"),
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath fill='%23{color}' d='{shape}'/%3E%3C/svg%3E"
    )
}

fn store_trouble(view: View<'_>) -> Markup {
    html! {
        @if let Some(trouble) = view.store_trouble {
            p.notice role="alert" { (icon(HealthLevel::Bad)) span { (capitalized(trouble)) } }
        }
    }
}

pub fn capitalized(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}
