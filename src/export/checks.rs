//! Conditions on responses, as calls of the functions in the scripts. Pure.

use super::text::{Key, json_path, path_literal, portable};
use super::{joined, literal};

/// A condition on a response other than its status.
#[derive(Clone, Debug)]
pub struct ScriptCheck {
    /// Its name in reports.
    pub name: String,
    pub test: ScriptTest,
}

#[derive(Clone, Debug)]
pub enum ScriptTest {
    /// The name in lower case, and the expression.
    Header(String, String),
    NotHeader(String, String),
    Body(String),
    NotBody(String),
    Json {
        path: Vec<Key>,
        operator: &'static str,
        operand: String,
    },
    NoJson(Vec<Key>),
}

impl ScriptTest {
    /// An error if an expression has a different meaning in some language.
    pub fn header(name: &str, pattern: &str, is_wanted: bool) -> Result<Self, String> {
        let (name, pattern) = (name.to_ascii_lowercase(), portable(pattern)?);
        Ok(if is_wanted {
            Self::Header(name, pattern)
        } else {
            Self::NotHeader(name, pattern)
        })
    }

    pub fn body(pattern: &str, is_wanted: bool) -> Result<Self, String> {
        let pattern = portable(pattern)?;
        Ok(if is_wanted {
            Self::Body(pattern)
        } else {
            Self::NotBody(pattern)
        })
    }

    /// An error if the query has more than names and indexes.
    pub fn json(query: &str, operator: &'static str, operand: &str) -> Result<Self, String> {
        let operand = match operator {
            "~" => portable(operand)?,
            _ => operand.to_owned(),
        };
        Ok(Self::Json {
            path: json_path(query)?,
            operator,
            operand,
        })
    }

    pub fn no_json(query: &str) -> Result<Self, String> {
        json_path(query).map(Self::NoJson)
    }

    pub(super) const fn is_of_header(&self) -> bool {
        matches!(self, Self::Header(..) | Self::NotHeader(..))
    }

    /// A call with the response and these arguments; the functions have the same names and parameters in
    /// all languages.
    pub(super) fn call(&self) -> String {
        let call = |function: &str, arguments: &[String]| {
            format!(
                "{function}(response, {})",
                joined(arguments.iter().cloned())
            )
        };
        match self {
            Self::Header(name, pattern) => {
                call("header_matches", &[literal(name), literal(pattern)])
            }
            Self::NotHeader(name, pattern) => {
                call("header_differs", &[literal(name), literal(pattern)])
            }
            Self::Body(pattern) => call("body_matches", &[literal(pattern)]),
            Self::NotBody(pattern) => call("body_differs", &[literal(pattern)]),
            Self::Json {
                path,
                operator,
                operand,
            } => call(
                "json_is",
                &[path_literal(path), literal(operator), literal(operand)],
            ),
            Self::NoJson(path) => call("json_lacks", &[path_literal(path)]),
        }
    }
}
