//! What `${captured.NAME}` and `${data.NAME}` can refer to at a position.

use crate::config::sequence::{SpecPart, SpecText};
use crate::diagnostic::{nearest, some_of};
use crate::yaml::{Node, Piece, Reader, Spot};
use slod_load::{Escape, Reference};

const CAPTURED: &str = "captured";
const DATA: &str = "data";

pub struct Scope<'a> {
    /// Names of the values captured by earlier steps.
    pub captured: Vec<String>,
    /// Columns of the data file; `None` without a valid one.
    pub columns: Option<&'a [String]>,
    /// Whether a data file is configured at all.
    pub has_data: bool,
}

impl Scope<'_> {
    /// Parses the text of a value. `escape` determines the escaping of each reference from the text
    /// before it. Errors are reported.
    pub fn text(
        &self,
        reader: &Reader<'_>,
        node: &Node,
        at: &Spot,
        escape: impl Fn(&str) -> Escape,
    ) -> Option<SpecText> {
        let Some(written) = node.value.scalar() else {
            let what = node.value.kind();
            let message = format!("invalid value: {what}");
            reader.error("invalid-value", at, message, "expected a string");
            return None;
        };
        let (mut parts, mut before) = (Vec::new(), String::new());
        for piece in reader.pieces(&written, at, &[CAPTURED, DATA])? {
            parts.push(match piece {
                Piece::Plain(text) => {
                    before.push_str(&text);
                    SpecPart::Plain(text)
                }
                Piece::Variable { name, value } => {
                    before.push_str(&value);
                    SpecPart::Variable { name, value }
                }
                Piece::Reference { scope, name } => SpecPart::Value {
                    of: self.resolve(reader, at, scope, &name)?,
                    escape: escape(&before),
                    name: format!("{scope}.{name}"),
                },
            });
        }
        Some(SpecText(parts))
    }

    fn resolve(
        &self,
        reader: &Reader<'_>,
        at: &Spot,
        scope: &'static str,
        name: &str,
    ) -> Option<Reference> {
        let (known, message) = if scope == CAPTURED {
            let message = format!("no earlier step captures `{name}`");
            (self.captured.as_slice(), message)
        } else if let Some(columns) = self.columns {
            (columns, format!("the data file has no column `{name}`"))
        } else {
            // An invalid data file has been reported already.
            if !self.has_data {
                let message = format!("`${{data.{name}}}` requires a data file");
                let help = "add `data: FILE` to `load`: a CSV file with a header, or JSON lines";
                reader.error("unknown-reference", at, message, help);
            }
            return None;
        };
        if let Some(place) = known.iter().position(|one| one == name) {
            return Some(if scope == CAPTURED {
                Reference::Captured(place)
            } else {
                Reference::Data(place)
            });
        }
        let help = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "add `capture` to a step before this one".to_owned(),
            None => format!("valid here: {}", some_of(known.iter().map(String::as_str))),
        };
        reader.error("unknown-reference", at, message, help);
        None
    }
}
