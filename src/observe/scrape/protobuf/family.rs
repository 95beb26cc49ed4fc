//! Splits a page into metrics as its bytes arrive.

use super::samples::Labelled;
use crate::exposition::message::{self, Kind, Metric};
use crate::observe::scrape::parse::excerpt;
use crate::observe::scrape::scan::Scan;
use prost::Message;
use prost::encoding::{WireType, decode_varint};

/// Maximum size in bytes of one metric with its labels and buckets. A larger one is skipped and
/// counted.
pub const METRIC_MAX: u64 = 256 * 1024;
/// Maximum length in bytes of a family's name.
const NAME_MAX: u64 = 4096;
/// Maximum number of families and metrics of a page; more are an error.
pub const MESSAGES_MAX: u64 = 1_000_000;
/// Maximum length in bytes of a varint.
const VARINT_MAX: usize = 10;
const NAME: u64 = message::NAME as u64;
const KIND: u64 = message::KIND as u64;
const METRIC: u64 = message::METRIC as u64;

/// The state of reading a page.
#[derive(Debug, Default)]
pub struct Families {
    /// Bytes that arrived and are not read yet: less than a metric and one chunk of the page.
    pending: Vec<u8>,
    /// Unread bytes of the family. If 0, a length follows.
    left: u64,
    /// Remaining bytes of a skipped field.
    skipped: u64,
    name: String,
    kind: i32,
    messages: u64,
    labelled: Labelled,
}

/// A field of a family.
struct Field {
    number: u64,
    /// The value of a varint, or the length of bytes.
    value: u64,
    has_bytes: bool,
    /// The length of the tag and length prefix, which precede the bytes.
    head: usize,
}

impl Families {
    /// Reads everything that is complete.
    pub fn read(&mut self, part: &[u8], scan: &mut Scan<'_>) -> Result<(), String> {
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(part);
        let mut rest = pending.as_slice();
        while let Some(length) = self.next(rest, scan)? {
            rest = &rest[length..];
        }
        let used = pending.len() - rest.len();
        pending.drain(..used);
        self.pending = pending;
        Ok(())
    }

    /// Returns an error unless the page ended between two families.
    pub fn finish(self) -> Result<(), String> {
        if self.left > 0 || !self.pending.is_empty() {
            return Err("the page in protobuf ends within a message: it is incomplete".to_owned());
        }
        Ok(())
    }

    /// Reads the next item and returns its length; `None` if it has not arrived completely.
    fn next(&mut self, rest: &[u8], scan: &mut Scan<'_>) -> Result<Option<usize>, String> {
        if self.skipped > 0 {
            let length = usize::try_from(self.skipped)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            self.skipped -= length as u64;
            self.left -= length as u64;
            return Ok((length > 0).then_some(length));
        }
        if self.left == 0 {
            let Some((length, size)) = varint(rest)? else {
                return Ok(None);
            };
            self.begin(length)?;
            return Ok(Some(size));
        }
        let Some(field) = field(rest)? else {
            return Ok(None);
        };
        let length = if field.has_bytes { field.value } else { 0 };
        let size = length.saturating_add(field.head as u64);
        if size > self.left {
            return Err(format!(
                "a field of {} is longer than the message",
                self.place()
            ));
        }
        let is_kept = match field.number {
            NAME => field.has_bytes && length <= NAME_MAX,
            METRIC => field.has_bytes && length <= METRIC_MAX,
            _ => false,
        };
        if !is_kept {
            self.pass_over(&field, scan)?;
            self.skipped = length;
            self.left -= field.head as u64;
            return Ok(Some(field.head));
        }
        // At most `METRIC_MAX`.
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some(bytes) = rest.get(field.head..size) else {
            return Ok(None);
        };
        self.left -= size as u64;
        self.take(field.number, bytes, scan)?;
        Ok(Some(size))
    }

    fn begin(&mut self, length: u64) -> Result<(), String> {
        self.left = length;
        self.name.clear();
        self.kind = 0;
        self.count()
    }

    /// Skips the bytes of a field.
    fn pass_over(&mut self, field: &Field, scan: &mut Scan<'_>) -> Result<(), String> {
        match field.number {
            NAME => return Err("the name of a family is not valid".to_owned()),
            KIND if !field.has_bytes => self.kind = i32::try_from(field.value).unwrap_or(-1),
            METRIC => {
                self.count()?;
                scan.drop_unread();
            }
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, field: u64, bytes: &[u8], scan: &mut Scan<'_>) -> Result<(), String> {
        if field == NAME {
            let name = std::str::from_utf8(bytes);
            let name = name.map_err(|_| "the name of a family is not valid UTF-8".to_owned())?;
            name.clone_into(&mut self.name);
            scan.describe(name);
            return Ok(());
        }
        self.count()?;
        if self.name.is_empty() {
            return Err("a family has metrics before its name".to_owned());
        }
        let kind = Kind::try_from(self.kind);
        let kind = kind.map_err(|_| format!("the type of {} is not known", self.place()))?;
        let metric = Metric::decode(bytes);
        let metric = metric.map_err(|_| format!("a metric of {} is not valid", self.place()))?;
        let taken = self.labelled.take(&self.name, kind, &metric, scan);
        taken.map_err(|fault| format!("a metric of {}: {fault}", self.place()))
    }

    fn count(&mut self) -> Result<(), String> {
        self.messages += 1;
        if self.messages > MESSAGES_MAX {
            return Err(format!("the page has more than {MESSAGES_MAX} messages"));
        }
        Ok(())
    }

    /// The name of the family, for messages.
    fn place(&self) -> String {
        if self.name.is_empty() {
            "a family without a name".to_owned()
        } else {
            format!("`{}`", excerpt(&self.name))
        }
    }
}

/// Decodes a varint and its length; `None` if more bytes are needed.
fn varint(bytes: &[u8]) -> Result<Option<(u64, usize)>, String> {
    let start = &bytes[..bytes.len().min(VARINT_MAX)];
    let end = start.iter().position(|byte| byte & 0x80 == 0);
    let Some(end) = end else {
        let is_whole = start.len() == VARINT_MAX;
        return if is_whole {
            Err("a number is too long: this is not protobuf".to_owned())
        } else {
            Ok(None)
        };
    };
    let value = decode_varint(&mut &start[..=end]);
    let value = value.map_err(|_| "a number is too large: this is not protobuf".to_owned())?;
    Ok(Some((value, end + 1)))
}

fn field(bytes: &[u8]) -> Result<Option<Field>, String> {
    let Some((tag, tag_size)) = varint(bytes)? else {
        return Ok(None);
    };
    let kind = WireType::try_from(tag & 7).ok();
    let mut field = Field {
        number: tag >> 3,
        value: 0,
        has_bytes: true,
        head: tag_size,
    };
    match kind {
        Some(WireType::Varint | WireType::LengthDelimited) => {
            let Some((value, size)) = varint(&bytes[tag_size..])? else {
                return Ok(None);
            };
            field.value = value;
            field.head += size;
            field.has_bytes = kind == Some(WireType::LengthDelimited);
        }
        // Numbers of fixed size are skipped like bytes.
        Some(WireType::SixtyFourBit) => field.value = 8,
        Some(WireType::ThirtyTwoBit) => field.value = 4,
        _ => return Err("a field has an invalid type: this is not protobuf".to_owned()),
    }
    Ok(Some(field))
}
