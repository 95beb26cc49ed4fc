//! Objectives that were written for other tools, as a config. What a config has no place for is named with its file
//! and line, and nothing is left out without a word. Pure: the caller reads the files.

pub mod annotations;
mod draft;
mod openslo;
mod query;
mod sli;
mod sloth;
mod tiers;

use super::check::Check;
use super::document::{Document, Input, Remarks};
use super::written::{Imported, write};
use draft::Draft;

/// A format that objectives are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenSLO` v1.
    OpenSlo,
    /// Sloth's own files, the objects of its operator, and its alert windows.
    Sloth,
}

impl Format {
    /// Reads files that may refer to each other. An error is a file that cannot be read at all, or files without
    /// any objective. `check` says what is wrong with a config: what it refuses is left out.
    pub fn read(self, inputs: &[Input], check: Check<'_>) -> Result<Imported, String> {
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
