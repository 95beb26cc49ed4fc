//! Imports objectives of other tools as a config. Everything without an equivalent is reported with its file and
//! line. Pure: the caller reads the files.

pub mod annotations;
mod draft;
mod openslo;
mod query;
mod sli;
mod sloth;
mod tiers;

use super::check::Check;
use super::document::{Document, Remarks};
use super::written::{Imported, write};
use crate::diagnostic::Source;
use draft::Draft;

/// A format of objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenSLO` v1.
    OpenSlo,
    /// Sloth's own files, the objects of its operator, and its alert windows.
    Sloth,
}

impl Format {
    /// Reads files that may refer to each other. An error is an unreadable file, or files without any objective.
    /// `check` returns the errors of a config; what it rejects is left out.
    pub fn read(self, inputs: &[Source], check: Check<'_>) -> Result<Imported, String> {
        let remarks = Remarks::default();
        let mut documents = Vec::new();
        for input in inputs {
            documents.extend(Document::all(input)?);
        }
        let mut draft = Draft::default();
        match self {
            Self::OpenSlo => openslo::read(&documents, &remarks, &mut draft),
            Self::Sloth => sloth::read(&documents, &remarks, &mut draft),
        }
        let invalid = draft.finish(&remarks, check).err();
        let remarks = remarks.finish();
        if draft.is_empty() || invalid.is_some() {
            let why = invalid.map(|why| format!("\n  {why}")).into_iter();
            let why = why.chain(remarks.iter().map(|remark| format!("\n  {remark}")));
            return Err(format!(
                "no objective could be imported{}",
                why.collect::<String>()
            ));
        }
        write(&draft, remarks, &[])
    }
}

#[cfg(test)]
mod tests;
