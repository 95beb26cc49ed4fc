//! Declarations of config keys. A key is declared once, as a constant with its name, the form of its
//! value, its default and its documentation, which the reader, the errors and the docs use.

use super::form::{Form, Structure};

/// A key whose value has the form `F`.
#[derive(Clone, Copy, Debug)]
pub struct Key<F> {
    pub name: &'static str,
    pub form: F,
    pub need: Need,
    /// One or two sentences for the docs.
    pub doc: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    /// The default value in config syntax.
    Default(&'static str),
}

/// The keys of one section.
pub type Keys = &'static [&'static dyn Declared];

/// A key without the type of its value.
pub trait Declared: Sync {
    fn name(&self) -> &'static str;
    fn form(&self) -> &dyn Form;
    fn need(&self) -> Need;
    fn doc(&self) -> &'static str;

    /// The name of the key that reads the value from a file, if there is one.
    fn file_name(&self) -> Option<String> {
        let structure = self.form().structure();
        let has_file = matches!(structure, Structure::Secret | Structure::ValueOrFile);
        has_file.then(|| format!("{}_file", self.name()))
    }
}

impl<F> Key<F> {
    pub const fn required(name: &'static str, form: F, doc: &'static str) -> Self {
        Self {
            name,
            form,
            need: Need::Required,
            doc,
        }
    }

    pub const fn optional(name: &'static str, form: F, doc: &'static str) -> Self {
        Self {
            name,
            form,
            need: Need::Optional,
            doc,
        }
    }

    pub const fn with_default(
        name: &'static str,
        form: F,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            form,
            need: Need::Default(default),
            doc,
        }
    }

    pub const fn default(&self) -> Option<&'static str> {
        match self.need {
            Need::Default(text) => Some(text),
            Need::Required | Need::Optional => None,
        }
    }
}

impl<F: Form> Declared for Key<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn form(&self) -> &dyn Form {
        &self.form
    }

    fn need(&self) -> Need {
        self.need
    }

    fn doc(&self) -> &'static str {
        self.doc
    }
}
