//! `${NAME}`: values from the environment, and in some texts references to values of a load run.

use super::{Reader, Spot};
use std::env;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Plain(String),
    /// An environment variable.
    Variable {
        name: String,
        value: String,
    },
    /// `${SCOPE.NAME}`
    Reference {
        scope: &'static str,
        name: String,
    },
}

/// The value of an environment variable. Invalid UTF-8 becomes U+FFFD, which readers reject.
pub fn from_environment(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Removes final line breaks, which a value has if it was stored with `echo`.
pub(in crate::yaml) fn without_final_line_break(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r'])
}

impl Reader<'_> {
    /// Replaces `${NAME}` with the value of the environment variable, and `$${` with `${`.
    pub(in crate::yaml) fn expand(&self, text: &str, at: &Spot) -> Option<String> {
        let pieces = self.pieces(text, at, &[])?;
        let text = pieces.into_iter().map(|piece| match piece {
            Piece::Plain(text) | Piece::Variable { value: text, .. } => text,
            Piece::Reference { name, .. } => name,
        });
        Some(text.collect())
    }

    /// Splits a text that can contain variables and references to values of these scopes.
    pub fn pieces(&self, text: &str, at: &Spot, scopes: &[&'static str]) -> Option<Vec<Piece>> {
        let (mut pieces, mut plain) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                plain.push_str(&rest[..start]);
                plain.push('{');
                rest = &rest[start + 2..];
                continue;
            }
            plain.push_str(&rest[..start]);
            let tail = &rest[start + 2..];
            let Some(end) = tail.find('}') else {
                self.error(
                    "invalid-value",
                    at,
                    "`${` without a closing `}`",
                    "write ${NAME}, or $${ for a literal ${",
                );
                return None;
            };
            if !plain.is_empty() {
                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            }
            pieces.push(match reference(&tail[..end], scopes) {
                Some(reference) => reference,
                None => self.variable_piece(&rest[start..start + end + 3], at)?,
            });
            rest = &tail[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Some(pieces)
    }

    /// The value of a variable, written with braces.
    fn variable_piece(&self, written: &str, at: &Spot) -> Option<Piece> {
        let name = &written[2..written.len() - 1];
        let value = self.variable(name, at)?;
        self.note_outside(value.as_bytes());
        self.variables.borrow_mut().extend(at.place);
        self.redact(&value, written);
        Some(Piece::Variable {
            name: name.to_owned(),
            value,
        })
    }

    fn variable(&self, name: &str, at: &Spot) -> Option<String> {
        let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if name.is_empty() || !name.chars().all(word) {
            self.error(
                "invalid-value",
                at,
                // The text is not shown, because it may be part of a secret.
                "`${...}` does not contain a valid environment variable name",
                "write ${NAME}, without a default value, or $${ for a literal ${",
            );
            return None;
        }
        let value = (self.env)(name).map(|value| without_final_line_break(&value).to_owned());
        let is_text = |value: &String| !value.contains(char::REPLACEMENT_CHARACTER);
        if value.as_ref().is_some_and(|value| !is_text(value)) {
            self.error(
                "invalid-value",
                at,
                format!("the environment variable {name} is not UTF-8"),
                "set it to UTF-8 text; to read a file, use a key such as `password_file`",
            );
        } else if value.is_none() {
            self.error(
                "unset-variable",
                at,
                format!("the environment variable {name} is not set"),
                "set it in slod's environment, or write the value here",
            );
        }
        value.filter(is_text)
    }
}

fn reference(text: &str, scopes: &[&'static str]) -> Option<Piece> {
    let (scope, name) = text.split_once('.')?;
    let scope = scopes.iter().find(|known| **known == scope)?;
    Some(Piece::Reference {
        scope,
        name: name.to_owned(),
    })
}
