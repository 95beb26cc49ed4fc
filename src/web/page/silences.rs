//! Active silences on a page.

use super::parts::moment;
use crate::outcome::Timestamp;
use crate::report::silences::SilenceEntry;
use maud::{Markup, html};

/// Maximum number of rows; the API lists all.
const MAX_ROWS: usize = 20;

/// Active silences: first those that mute nothing, then those that end first.
pub fn silences(all: &[SilenceEntry]) -> Markup {
    let mut active: Vec<&SilenceEntry> = all.iter().filter(|one| one.state == "active").collect();
    active.sort_by_key(|one| (!one.mutes_nothing, one.to));
    let more = active.len().saturating_sub(MAX_ROWS);
    html! {
        @if !active.is_empty() {
            section {
                h2 { "Silences" }
                div.card {
                    ul.failures { @for one in active.iter().take(MAX_ROWS) { (item(one)) } }
                    @if more > 0 { p.quiet { "and " (more) " more" } }
                }
            }
        }
    }
}

fn item(one: &SilenceEntry) -> Markup {
    let until = Timestamp(one.to.timestamp_millis());
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
            span.quiet { "until " (moment(until)) ", by " bdi { (one.author) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let page = silences(&all).into_string();
        let place = |text: &str| page.find(text);
        assert!(place("silence 3") < place("silence 2"), "{page}");
        assert!(place("silence 1").is_none() && place("<web>").is_none());
        assert!(place("has muted no alert for a week") < place("ends soon"));
        assert_eq!(silences(&all[..1]).into_string(), "");
    }
}
