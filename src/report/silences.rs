//! Lists of silences: JSON and a table.

use super::table::{drawn, plain};
use crate::alert::{Matcher, Silence};
use crate::format::times;
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A silence in the API.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SilenceEntry {
    pub id: i64,
    /// `service="web"`
    pub matchers: Vec<String>,
    pub from: DateTime<Utc>,
    /// Exclusive.
    pub to: DateTime<Utc>,
    pub author: String,
    pub reason: String,
    /// `planned`, `active` or `over`
    pub state: String,
    /// Whether it is active and has not muted an alert for a week.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mutes_nothing: bool,
    /// Whether it is active and ends soon: within 15 minutes, or a tenth of its length if that is shorter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_soon: bool,
    /// Of a new silence: its labels and values that no alert of the config can have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

impl SilenceEntry {
    pub fn of(silence: &Silence, now: Timestamp) -> Self {
        let state = match silence.is_active(now) {
            true => "active",
            false if now < silence.from => "planned",
            false => "over",
        };
        Self {
            id: silence.id,
            matchers: silence.matchers.iter().map(Matcher::to_string).collect(),
            from: silence.from.to_utc(),
            to: silence.to.to_utc(),
            author: silence.author.clone(),
            reason: silence.reason.clone(),
            state: state.to_owned(),
            mutes_nothing: false,
            ends_soon: silence.ends_soon(now),
            remarks: Vec::new(),
        }
    }

    /// Formats the state, such as `active, mutes nothing`.
    fn state_in_words(&self) -> String {
        let marks = [
            (self.mutes_nothing, "mutes nothing"),
            (self.ends_soon, "ends soon"),
        ];
        let marks = marks.iter().filter(|(is_it, _)| *is_it);
        let words = marks.map(|(_, words)| *words);
        let all: Vec<&str> = std::iter::once(&*self.state).chain(words).collect();
        all.join(", ")
    }

    /// Converts silences, and marks those that mute nothing.
    pub fn list(
        store: &Store,
        silences: &[Silence],
        now: Timestamp,
    ) -> Result<Vec<Self>, StoreError> {
        let forgotten = store.silences_without_effect(silences, now)?;
        let entry = |silence: &Silence| Self {
            mutes_nothing: forgotten.contains(&silence.id),
            ..Self::of(silence, now)
        };
        Ok(silences.iter().map(entry).collect())
    }
}

/// Renders one line per silence.
pub fn to_text(silences: &[SilenceEntry]) -> String {
    if silences.is_empty() {
        return "No silences.\n".to_owned();
    }
    let mut table = plain(&[
        "ID",
        "STATE",
        "FROM (UTC)",
        "TO (UTC)",
        "MATCHERS",
        "AUTHOR",
        "REASON",
    ]);
    for one in silences {
        table.add_row([
            one.id.to_string(),
            one.state_in_words(),
            times::second(one.from),
            times::second(one.to),
            one.matchers.join(" "),
            one.author.clone(),
            one.reason.clone(),
        ]);
    }
    drawn(table, &[0]) + "\n"
}
