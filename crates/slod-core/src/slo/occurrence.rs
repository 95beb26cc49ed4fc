//! Paginated occurrences of corrections, latest first.

use super::correction::Correction;
use crate::outcome::{Timestamp, millis};
use std::cmp::Reverse;
use std::time::Duration;

/// How far back and ahead occurrences of repeated corrections are listed.
pub const LISTED_BACK: Duration = Duration::from_hours(400 * 24);
pub const LISTED_AHEAD: Duration = Duration::from_hours(2 * 24);
/// The time range that is searched first. It grows while few occurrences are found.
const FIRST_STEP: Duration = Duration::from_hours(24);
const LONGEST_STEP: Duration = Duration::from_hours(32 * 24);

/// A time span that a correction excludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence<'a> {
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    pub correction: &'a Correction,
}

/// A position in the list: after the occurrence with this start and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub from: Timestamp,
    pub id: String,
}

impl Cursor {
    /// The representation in a URL.
    pub fn text(&self) -> String {
        format!("{}.{}", self.from.0, self.id)
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (from, id) = text.split_once('.')?;
        let known = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let from = Timestamp(from.parse().ok()?);
        let id = id.to_owned();
        id.chars().all(known).then_some(Self { from, id })
    }
}

impl Occurrence<'_> {
    pub fn cursor(&self) -> Cursor {
        Cursor {
            from: self.from,
            id: self.correction.id.clone(),
        }
    }

    /// The sort key of the list.
    fn key(&self) -> (Reverse<Timestamp>, &str) {
        (Reverse(self.from), &self.correction.id)
    }

    fn is_after(&self, cursor: &Cursor) -> bool {
        self.key() > (Reverse(cursor.from), &cursor.id)
    }
}

/// The latest occurrences after the cursor as of `now`, at most `limit`.
pub fn latest<'a>(
    corrections: &[&'a Correction],
    now: Timestamp,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Vec<Occurrence<'a>> {
    let oldest = now.before(LISTED_BACK);
    let planned = now.after(LISTED_AHEAD);
    let (repeated, single): (Vec<&Correction>, Vec<&Correction>) =
        corrections.iter().partition(|one| one.repeats.is_some());
    let wanted = |one: &Occurrence<'_>| cursor.is_none_or(|cursor| one.is_after(cursor));
    let once = single.into_iter().map(|correction| Occurrence {
        from: correction.from,
        to: correction.to,
        correction,
    });
    let mut found: Vec<Occurrence<'a>> = once.filter(wanted).collect();
    let mut end = cursor.map_or(planned, |cursor| {
        planned.min(Timestamp(cursor.from.0.saturating_add(1)))
    });
    let mut step = FIRST_STEP;
    while !repeated.is_empty() && end > oldest {
        let begin = Timestamp((end.0 - millis(step)).max(oldest.0));
        for correction in &repeated {
            let inside = correction.occurrences(begin, end).into_iter();
            let fresh = inside.filter(|(from, _)| *from >= begin);
            let all = fresh.map(|(from, to)| Occurrence {
                from,
                to,
                correction,
            });
            found.extend(all.filter(wanted));
        }
        if found.iter().filter(|one| one.from >= begin).count() >= limit {
            break;
        }
        (end, step) = (begin, (step * 2).min(LONGEST_STEP));
    }
    found.sort_by(|a, b| a.key().cmp(&b.key()));
    found.truncate(limit);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::recurrence::Recurrence;
    use crate::units::HOUR_MS;

    const NOW: Timestamp = Timestamp(1_793_491_200_000);

    fn correction(id: &str, hours: i64, rule: Option<&str>) -> Correction {
        let from = Timestamp(NOW.0 + hours * HOUR_MS);
        let repeats = |text| Recurrence::parse(text, from, crate::units::Tz::UTC).expect("a rule");
        Correction {
            id: id.into(),
            from,
            to: Timestamp(from.0 + HOUR_MS),
            repeats: rule.map(repeats),
            services: vec![],
            slos: vec![],
            reason: "a deploy".into(),
            author: "ada".into(),
        }
    }

    #[test]
    fn all_pages_make_up_the_whole_list() {
        let all = [
            correction("config-1", -100 * 24, Some("FREQ=DAILY")),
            correction("config-2", -100 * 24, Some("FREQ=DAILY")),
            correction("1", -3 * 24, None),
            correction("2", 90 * 24, None),
            correction("3", -900 * 24, None),
        ];
        let all: Vec<_> = all.iter().collect();
        let (mut pages, mut cursor) = (Vec::new(), None);
        loop {
            let page = latest(&all, NOW, cursor.as_ref(), 7);
            let Some(last) = page.last() else { break };
            let text = last.cursor().text();
            cursor = Cursor::parse(&text);
            assert_eq!(cursor, Some(last.cursor()));
            pages.extend(page);
        }
        let whole = latest(&all, NOW, None, 10_000);
        assert_eq!(pages, whole);
        // A hundred days back, today and one day ahead, each twice, and three single ones.
        assert_eq!(whole.len(), 2 * 102 + 3);
        assert_eq!(whole[0].correction.id, "2");
        assert_eq!(whole.last().map(|one| &*one.correction.id), Some("3"));
        assert!(whole.windows(2).all(|pair| pair[0].key() < pair[1].key()));
    }

    #[test]
    fn an_invalid_cursor_is_rejected() {
        for text in ["", "1", "x.1", "1.<b>"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
