//! Active and planned silences on a page.

use super::frame::{HOME, View};
use super::parts::moment;
use crate::outcome::Timestamp;
use crate::report::silences::SilenceEntry;
use maud::{Markup, html};

/// Which silences a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Active ones, with links to the page of all.
    Active,
    /// Active and planned ones, with forms that end them.
    All,
}

impl Shown {
    /// Maximum number of rows; the API lists all.
    const fn rows(self) -> usize {
        match self {
            Self::Active => 20,
            Self::All => 200,
        }
    }

    fn has(self, one: &SilenceEntry) -> bool {
        one.state == "active" || self == Self::All && one.state == "planned"
    }
}

/// Silences: first those that mute nothing, then those that end first.
pub fn section(all: &[SilenceEntry], shown: Shown, view: View<'_>) -> Markup {
    let mut rows: Vec<&SilenceEntry> = all.iter().filter(|one| shown.has(one)).collect();
    rows.sort_by_key(|one| (!one.mutes_nothing, one.to));
    let more = rows.len().saturating_sub(shown.rows());
    html! {
        @if !rows.is_empty() {
            section #silences {
                h2 { "Silences" }
                div.card {
                    ul.failures { @for one in rows.iter().take(shown.rows()) { (item(one, shown, view)) } }
                    @if more > 0 { p.quiet { "and " (more) " more" } }
                }
            }
        }
    }
}

fn item(one: &SilenceEntry, shown: Shown, view: View<'_>) -> Markup {
    let [from, until] = [one.from, one.to].map(|at| Timestamp(at.timestamp_millis()));
    html! {
        li {
            span.cause.plain { "silence " (one.id) }
            span.message dir="auto" {
                bdi { (one.matchers.join(" ")) } ": " bdi { (one.reason) }
                @if one.mutes_nothing {
                    br; span.quiet { "has muted no alert for a week; end it if it is not needed" }
                }
                @if one.ends_soon { br; span.quiet { "ends soon; then its alerts notify again" } }
            }
            span.quiet {
                @if one.state == "planned" { "from " (moment(from)) " " }
                "until " (moment(until)) ", by " bdi { (one.author) }
                @if view.writer.is_some() && shown == Shown::Active {
                    ", " a href={ (HOME) "alerts?state=firing#silences" } { "end" }
                }
            }
            @if view.writer.is_some() && shown == Shown::All {
                form.filter.decision method="post" action={ "silences/" (one.id) "/end" } {
                    button aria-label={ "End silence " (one.id) } { "End" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::page::{PageQuery, Writer};

    fn rendered(all: &[SilenceEntry], shown: Shown, writer: Option<Writer>) -> String {
        let view = View {
            now: Timestamp(0),
            query: PageQuery::NONE,
            store_trouble: None,
            writer,
        };
        section(all, shown, view).into_string()
    }

    fn entry(id: i64, state: &str, mutes_nothing: bool, ends_soon: bool) -> SilenceEntry {
        SilenceEntry {
            id,
            matchers: vec!["service=\"<web>\"".to_owned()],
            from: Timestamp::from_secs(0).to_utc(),
            to: Timestamp::from_secs(1000 - id).to_utc(),
            author: "ada".to_owned(),
            reason: "upgrade".to_owned(),
            state: state.to_owned(),
            mutes_nothing,
            ends_soon,
            remarks: Vec::new(),
        }
    }

    #[test]
    fn forgotten_silences_come_first_and_ended_ones_are_left_out() {
        let all = [
            entry(1, "over", false, false),
            entry(2, "active", false, true),
            entry(3, "active", true, false),
        ];
        let page = rendered(&all, Shown::Active, None);
        let place = |text: &str| page.find(text);
        assert!(place("silence 3") < place("silence 2"), "{page}");
        assert!(place("silence 1").is_none() && place("<web>").is_none());
        assert!(place("has muted no alert for a week") < place("ends soon"));
        assert_eq!(rendered(&all[..1], Shown::All, None), "");
    }

    #[test]
    fn readers_who_may_write_can_end_silences() {
        let all = [
            entry(1, "over", false, false),
            entry(2, "active", false, false),
            entry(3, "planned", false, false),
        ];
        let writer = Some(Writer { has_name: false });
        let forms = |page: &str| -> Vec<String> {
            let actions = page.split("action=\"").skip(1);
            let read = |rest: &str| rest.split('"').next().map(str::to_owned);
            actions.filter_map(read).collect()
        };
        let list = rendered(&all, Shown::All, writer);
        assert_eq!(forms(&list), ["silences/3/end", "silences/2/end"]);
        let overview = rendered(&all, Shown::Active, writer);
        assert!(
            overview.contains("alerts?state=firing#silences") && !overview.contains("silence 3")
        );
        for shown in [Shown::Active, Shown::All] {
            let page = rendered(&all, shown, None);
            assert!(
                page.contains("silence 2") && !page.contains("/end") && !page.contains("href"),
                "{page}"
            );
        }
    }
}
