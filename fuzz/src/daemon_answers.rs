//! What subcommands show of the answers of a daemon. The address may belong to another program.

use super::Run;
use serde::de::DeserializeOwned;
use serde_json::Value;
use slod::report::alerts::{AlertEntry, with_evidence};
use slod::report::corrections::{self, CorrectionEntry};
use slod::report::markers::{self, MarkerEntry};
use slod::report::series::{self, SeriesEntry, SeriesRange};
use slod::report::signals::HealthAnswer;
use slod::report::silences::{self, SilenceEntry};
use slod::report::status::Status;
use slod::text::printable_lines;

/// Columns of a terminal.
const WIDTH: usize = 80;

/// The text of a document; `None` if it has another form.
type Shown = fn(Value) -> Option<String>;

const ANSWERS: [Shown; 8] = [
    |json| shown(json, Status::to_text),
    |json| shown(json, |status: &Status| status.to_text_within(WIDTH)),
    |json| shown(json, HealthAnswer::to_text),
    |json| shown(json, |all: &Vec<AlertEntry>| with_evidence(all)),
    |json| {
        shown(json, |all: &Vec<SeriesEntry>| {
            let found = series::chosen(all, "a{b=\"c\"}");
            found.map_or_else(|error| error, |one| one.series.clone()) + &series::list_to_text(all)
        })
    },
    |json| shown(json, SeriesRange::to_text),
    |json| shown(json, |all: &Vec<SilenceEntry>| silences::to_text(all)),
    |json| {
        let markers = shown(json.clone(), |all: &Vec<MarkerEntry>| markers::to_text(all));
        let corrections = |all: &Vec<CorrectionEntry>| corrections::to_text(all);
        markers.or_else(|| shown(json, corrections))
    },
];

fn shown<T: DeserializeOwned>(json: Value, to_text: impl Fn(&T) -> String) -> Option<String> {
    serde_json::from_value(json)
        .ok()
        .map(|answer| to_text(&answer))
}

/// The first byte is the kind of the answer. What is shown of it controls no terminal.
pub fn daemon_answers() -> Run {
    Box::new(|data| {
        let Some((first, rest)) = data.split_first() else {
            return;
        };
        let Ok(json) = serde_json::from_slice(rest) else {
            return;
        };
        let answer = ANSWERS[usize::from(*first) % ANSWERS.len()];
        let text = answer(json).unwrap_or_default();
        let shown = printable_lines(&text);
        let obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!shown.contains(obeyed), "{shown:?}");
    })
}
