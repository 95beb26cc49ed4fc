//! The distinct messages of an hour.

use super::counts::{Bytes, Corrupt, put};
use crate::outcome::Record;

/// Maximum size of an hour's distinct messages in bytes; further messages are dropped. A failing
/// service repeats its messages.
const MESSAGES_MAX: usize = 4096;

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
            let keepable = !text.is_empty() && !text.contains('\n');
            if keepable && size + text.len() < MESSAGES_MAX && !texts.contains(text) {
                size += text.len() + 1;
                texts.push(text.clone());
            }
        }
        Self(texts)
    }

    pub fn index(&self, record: &Record) -> u64 {
        let wanted = record.outcome.detail.message.as_ref();
        let found = self.0.iter().position(|text| Some(text) == wanted);
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
        let (packed, rest) = bytes.0.split_at_checked(len).ok_or(Corrupt)?;
        bytes.0 = rest;
        if packed.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let text = zstd::bulk::decompress(packed, MESSAGES_MAX).map_err(|_| Corrupt)?;
        let text = std::str::from_utf8(&text).map_err(|_| Corrupt)?;
        Ok(Self(text.split('\n').map(Box::from).collect()))
    }
}
