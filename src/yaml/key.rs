//! Declarations of config keys: data for the reader, the docs and editors.

/// A key that a section understands.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub need: Need,
    /// One or two sentences for the docs.
    pub doc: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    /// Left out, it is this (as it would be written), or has no effect where this is empty.
    Default(&'static str),
}

/// What a value looks like.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    Text,
    /// Also as `NAME_file`: its path may hold a token.
    Url,
    Bool,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// `500ms`, `10s`, `5m`, `2h`, `30d`
    Duration,
    /// `99.9%` or `0.999`
    Ratio,
    /// `64KiB`
    Size,
    /// `100/s`, `200/min`
    Rate,
    Choice(&'static [&'static str]),
    /// A path, relative to the config file.
    File,
    /// A value that is never shown; also as `NAME_file`.
    Secret,
    Section(&'static [Key]),
    List(&'static Shape),
    /// Any names, each with such a value.
    Map(&'static Shape),
    /// One key that names a probe kind, with that kind's keys below it.
    ProbeKind,
}

impl Shape {
    /// Whether values may be shown: no part of them is declared as a secret.
    pub(super) const fn is_public(self) -> bool {
        match self {
            Self::Secret | Self::ProbeKind => false,
            Self::List(item) | Self::Map(item) => item.is_public(),
            Self::Section(keys) => {
                let mut at = 0;
                while at < keys.len() {
                    if !keys[at].shape.is_public() {
                        return false;
                    }
                    at += 1;
                }
                true
            }
            _ => true,
        }
    }

    /// Whether `NAME_file` may stand for `NAME`.
    pub(super) const fn has_file(self) -> bool {
        matches!(self, Self::Secret | Self::Url)
    }
}

impl Key {
    pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            need: Need::Required,
            doc,
        }
    }

    pub const fn optional(
        name: &'static str,
        shape: Shape,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            shape,
            need: Need::Default(default),
            doc,
        }
    }
}
