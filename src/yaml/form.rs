//! The forms that values have, and those that hold others: sections, lists and maps.

use super::key::Keys;
use super::secret::Secret;

/// The form of a value.
pub trait Form: Sync {
    /// What is valid, for the docs.
    fn describe(&self) -> String;

    /// What is inside.
    fn structure(&self) -> Structure {
        Structure::Value
    }

    /// All valid values, where they are a closed set of words.
    fn words(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// What a value consists of, as far as the docs, masking and unknown keys need it.
#[derive(Clone, Copy)]
pub enum Structure {
    Value,
    /// A value that is never shown; also as `NAME_file`.
    Secret,
    /// A value that may be a secret in part, such as an address with a token in its path; also as
    /// `NAME_file`.
    ValueOrFile,
    /// Any names, each with a value.
    Map {
        is_secret: bool,
    },
    /// One key that names a probe kind, with that kind's keys below it.
    ProbeKind,
    /// Keys, below a path with this suffix: `[]` for the items of a list.
    Mapping {
        suffix: &'static str,
        keys: Keys,
    },
}

impl Structure {
    /// Whether values may be shown: no part of them is declared as a secret.
    pub(super) fn is_public(self) -> bool {
        match self {
            Self::Value | Self::ValueOrFile => true,
            Self::Secret | Self::ProbeKind => false,
            Self::Map { is_secret } => !is_secret,
            Self::Mapping { keys, .. } => {
                let mut inner = keys.iter();
                inner.all(|key| key.form().structure().is_public())
            }
        }
    }
}

/// A form of single values.
pub trait Scalar: Form {
    type Value;

    /// What is valid, for an error about a written value.
    fn expected(&self, written: &str) -> String;

    fn parse(&self, text: &str) -> Option<Self::Value>;

    /// What a text that cannot be parsed may have been meant as. What is not valid either is left out
    /// by the caller.
    fn likely(&self, _written: &str) -> Vec<String> {
        Vec::new()
    }

    /// Why a value that could be parsed is refused, and what is valid.
    fn check(&self, _value: &Self::Value) -> Result<(), OutOfRange> {
        Ok(())
    }
}

/// A value of the right form that is too small or too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    pub message: String,
    pub help: String,
}

/// A value that is never shown; also as `NAME_file`.
#[derive(Clone, Copy, Debug)]
pub struct SecretText;

impl Form for SecretText {
    fn describe(&self) -> String {
        "secret".to_owned()
    }

    fn structure(&self) -> Structure {
        Structure::Secret
    }
}

/// Any names, each with a value that is never shown.
#[derive(Clone, Copy, Debug)]
pub struct SecretMap {
    /// For errors.
    pub expected: &'static str,
}

impl Form for SecretMap {
    fn describe(&self) -> String {
        "names, each with: secret".to_owned()
    }

    fn structure(&self) -> Structure {
        Structure::Map { is_secret: true }
    }
}

impl Scalar for SecretText {
    type Value = Secret;

    fn expected(&self, _: &str) -> String {
        "text".to_owned()
    }

    fn parse(&self, text: &str) -> Option<Secret> {
        Some(Secret::new(text))
    }
}

/// A section of its own.
#[derive(Clone, Copy)]
pub struct Mapping(pub Keys);

impl Form for Mapping {
    fn describe(&self) -> String {
        "mapping, see below".to_owned()
    }

    fn structure(&self) -> Structure {
        Structure::Mapping {
            suffix: "",
            keys: self.0,
        }
    }
}

/// The key whose name is that of a probe kind.
#[derive(Clone, Copy, Debug)]
pub struct ProbeKind;

impl Form for ProbeKind {
    fn describe(&self) -> String {
        "mapping, see [Probe kinds](#probe-kinds)".to_owned()
    }

    fn structure(&self) -> Structure {
        Structure::ProbeKind
    }
}

/// Any number of items, or up to a number.
#[derive(Clone, Copy, Debug)]
pub struct List<F> {
    pub item: F,
    pub max: Option<usize>,
}

impl<F> List<F> {
    pub const fn of(item: F) -> Self {
        Self { item, max: None }
    }

    pub const fn up_to(max: usize, item: F) -> Self {
        Self {
            item,
            max: Some(max),
        }
    }
}

impl<F: Form> Form for List<F> {
    fn describe(&self) -> String {
        let max = self.max.map(|max| format!(" up to {max}"));
        format!(
            "list of{}: {}",
            max.unwrap_or_default(),
            self.item.describe()
        )
    }

    fn structure(&self) -> Structure {
        match self.item.structure() {
            Structure::Mapping { keys, .. } => Structure::Mapping { suffix: "[]", keys },
            other => other,
        }
    }
}

/// Any names, each with a value.
#[derive(Clone, Copy, Debug)]
pub struct Map<F> {
    pub item: F,
    /// What a value that is left out is read as; without it, such a value is an error.
    pub null: Option<&'static str>,
}

impl<F> Map<F> {
    pub const fn of(item: F) -> Self {
        Self { item, null: None }
    }
}

impl<F: Form> Form for Map<F> {
    fn describe(&self) -> String {
        format!("names, each with: {}", self.item.describe())
    }

    fn structure(&self) -> Structure {
        Structure::Map {
            is_secret: !self.item.structure().is_public(),
        }
    }
}
