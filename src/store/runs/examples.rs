//! Descriptions of failures as bytes.

use super::fields::{read_text, text};
use crate::outcome::Cause;
use crate::store::counts::{Bytes, Corrupt, put};

pub fn write(out: &mut Vec<u8>, examples: &[(Cause, String)]) {
    put(out, examples.len() as u64);
    for (cause, words) in examples {
        put(out, u64::from(cause.code()));
        text(out, words);
    }
}

pub fn read(bytes: &mut Bytes<'_>) -> Result<Vec<(Cause, String)>, Corrupt> {
    let count: usize = bytes.small()?;
    let example = |bytes: &mut Bytes<'_>| {
        let cause = Cause::from_code(bytes.small()?).ok_or(Corrupt)?;
        Ok((cause, read_text(bytes)?))
    };
    (0..count).map(|_| example(bytes)).collect()
}
