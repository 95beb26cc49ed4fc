//! The distinct messages of an hour.

use super::counts::{Bytes, Corrupt, put};
use crate::outcome::Record;
use crate::text::beginning;

/// Maximum size of an hour's distinct messages in bytes; further messages are dropped. A failing
/// service repeats its messages.
const MESSAGES_MAX: usize = 4096;
/// Further messages are cut: those that differ only in what they quote from a response become equal, and
/// leave space for others.
const WHOLE_MAX: usize = MESSAGES_MAX / 2;
/// In characters.
const CUT_LENGTH: usize = 40;

/// The distinct messages of an hour; number 0 means none.
#[derive(Default)]
pub struct Texts(Vec<Box<str>>);

impl Texts {
    pub fn of(records: &[Record]) -> Self {
        let (mut texts, mut size) = (Vec::<Box<str>>::new(), 0);
        for text in records
            .iter()
            .filter_map(|r| r.outcome.detail.message.as_ref())
        {
            if text.is_empty() || text.contains('\n') || texts.contains(text) {
                continue;
            }
            let text: Box<str> = if size + text.len() < WHOLE_MAX {
                text.clone()
            } else {
                beginning(text, CUT_LENGTH).into()
            };
            if size + text.len() < MESSAGES_MAX && !texts.contains(&text) {
                size += text.len() + 1;
                texts.push(text);
            }
        }
        Self(texts)
    }

    pub fn index(&self, record: &Record) -> u64 {
        let Some(message) = &record.outcome.detail.message else {
            return 0;
        };
        let position = |wanted: &str| self.0.iter().position(|text| **text == *wanted);
        let found = position(message).or_else(|| position(&beginning(message, CUT_LENGTH)));
        found.map_or(0, |index| index as u64 + 1)
    }

    pub fn get(&self, index: usize) -> Result<Option<Box<str>>, Corrupt> {
        match index {
            0 => Ok(None),
            index => self.0.get(index - 1).cloned().map(Some).ok_or(Corrupt),
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let mut packed = Vec::new();
        if !self.0.is_empty() {
            // Level 3 is the default of zstd; it only fails if memory is exhausted.
            let joined = self.0.join("\n");
            packed = zstd::bulk::compress(joined.as_bytes(), 3).map_err(|_| Corrupt)?;
        }
        put(out, packed.len() as u64);
        out.extend(packed);
        Ok(())
    }

    pub fn read(bytes: &mut Bytes<'_>) -> Result<Self, Corrupt> {
        let len = bytes.small()?;
        let packed = bytes.take(len)?;
        if packed.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let text = zstd::bulk::decompress(packed, MESSAGES_MAX).map_err(|_| Corrupt)?;
        let text = std::str::from_utf8(&text).map_err(|_| Corrupt)?;
        Ok(Self(text.split('\n').map(Box::from).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Cause, Outcome, ProbeKey, Timestamp, Verdict};
    use std::time::Duration;

    fn failed(message: String) -> Record {
        let mut outcome = Outcome::new(Verdict::Bad(Cause::Status), Duration::ZERO);
        outcome.detail.message = Some(message.into());
        Record {
            key: ProbeKey::new("web", "home"),
            at: Timestamp(0),
            interval: Duration::from_secs(10),
            outcome,
        }
    }

    #[test]
    fn messages_that_quote_different_bodies_leave_space_for_others() {
        let status = "status 503, expected 200-299; the body is";
        let quoting = |number: u32| failed(format!("{status} `{{\"request\":{number}}}`"));
        let mut records: Vec<_> = (0..300).map(quoting).collect();
        records.push(failed("connection refused".to_owned()));
        let mut bytes = Vec::new();
        Texts::of(&records).write(&mut bytes).expect("compressed");
        let texts = Texts::read(&mut Bytes(&bytes)).expect("valid");
        let stored = |record: &Record| {
            let index = usize::try_from(texts.index(record)).expect("small");
            texts.get(index).expect("valid").expect("stored")
        };
        assert_eq!(Some(stored(&records[0])), records[0].outcome.detail.message);
        assert_eq!(
            &*stored(&records[299]),
            "status 503, expected 200-299; the body i\u{2026}"
        );
        assert_eq!(&*stored(&records[300]), "connection refused");
        // Merging with late outcomes encodes them once more.
        let again: Vec<_> = records
            .iter()
            .map(|one| failed(stored(one).into()))
            .collect();
        let texts = Texts::of(&again);
        assert!(again.iter().all(|one| texts.index(one) > 0));
    }
}
