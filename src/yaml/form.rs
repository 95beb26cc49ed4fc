//! The forms of values, and of sections, lists and maps.

use super::key::Keys;
use super::secret::Secret;

/// The form of a value.
pub trait Form: Sync {
    /// What is valid, for the docs.
    fn describe(&self) -> String;

    /// The inner structure of the value.
    fn structure(&self) -> Structure {
        Structure::Value
    }

    /// All valid values, if they are a closed set.
    fn words(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// The structure of a value, for the docs, for masking and for unknown keys.
#[derive(Clone, Copy)]
pub enum Structure {
    Value,
    /// A value that is never shown; can be set with `NAME_file`.
    Secret,
    /// A value that may contain a secret, such as a URL with a token in its path; can be set with
    /// `NAME_file`.
    ValueOrFile,
    /// Arbitrary names with values.
    Map {
        is_secret: bool,
    },
    /// A single key that names a probe kind, with that kind's keys below it.
    ProbeKind,
    /// A section. `suffix` is appended to the path: `[]` for the items of a list.
    Mapping {
        suffix: &'static str,
        keys: Keys,
    },
}

impl Structure {
    /// Whether values can be shown, because no part of them is declared as a secret.
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

/// The form of a scalar value.
pub trait Scalar: Form {
    type Value;

    /// What is valid, for an error about the value `written`.
    fn expected(&self, written: &str) -> String;

    fn parse(&self, text: &str) -> Option<Self::Value>;

    /// Suggestions for a value that cannot be parsed. The caller drops those that are invalid.
    fn likely(&self, _written: &str) -> Vec<String> {
        Vec::new()
    }

    /// Why a value that can be parsed is rejected, and what is valid.
    fn check(&self, _value: &Self::Value) -> Result<(), OutOfRange> {
        Ok(())
    }
}

/// A well-formed value that is too small or too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    pub message: String,
    pub help: String,
}

/// A value that is never shown; can be set with `NAME_file`.
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

/// Arbitrary names with values that are never shown.
#[derive(Clone, Copy, Debug)]
pub struct SecretMap {
    /// For errors.
    pub expected: &'static str,
}

impl Form for SecretMap {
    fn describe(&self) -> String {
        "map: secret".to_owned()
    }

    fn structure(&self) -> Structure {
        Structure::Map { is_secret: true }
    }
}

impl Scalar for SecretText {
    type Value = Secret;

    fn expected(&self, _: &str) -> String {
        "a string".to_owned()
    }

    fn parse(&self, text: &str) -> Option<Secret> {
        Some(Secret::new(text))
    }
}

/// A nested section.
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

/// A key with the name of a probe kind.
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

/// A list, optionally with a maximum number of items.
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
        let max = self.max.map(|max| format!(" (at most {max})"));
        format!("list{}: {}", max.unwrap_or_default(), self.item.describe())
    }

    fn structure(&self) -> Structure {
        match self.item.structure() {
            Structure::Mapping { keys, .. } => Structure::Mapping { suffix: "[]", keys },
            other => other,
        }
    }
}

/// Arbitrary names with values.
#[derive(Clone, Copy, Debug)]
pub struct Map<F> {
    pub item: F,
    /// The value used for null; if `None`, null is an error.
    pub null: Option<&'static str>,
}

impl<F> Map<F> {
    pub const fn of(item: F) -> Self {
        Self { item, null: None }
    }
}

impl<F: Form> Form for Map<F> {
    fn describe(&self) -> String {
        format!("map: {}", self.item.describe())
    }

    fn structure(&self) -> Structure {
        Structure::Map {
            is_secret: !self.item.structure().is_public(),
        }
    }
}
