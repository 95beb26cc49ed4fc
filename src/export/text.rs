//! Texts with values from the environment, the data and earlier answers, and the sources of these
//! values. Pure.

use super::literal;
use http::header::LOCATION;
use slod_load::Escape;

/// The path, a header or the body of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptText(pub Vec<ScriptPart>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptPart {
    Plain(String),
    /// The name of an environment variable. Secrets are never part of a script, which reads them
    /// from its environment.
    Environment(String),
    /// A value in the table `of`, which is `captured` or `data`.
    Value {
        of: String,
        name: String,
        escape: Escape,
    },
}

/// A value in an answer that later steps use.
#[derive(Clone, Debug)]
pub struct ScriptCapture {
    pub name: String,
    pub from: ScriptSource,
}

#[derive(Clone, Debug)]
pub enum ScriptSource {
    /// The path from the root of the document.
    Json(Vec<Key>),
    /// The name in lower case, and an expression for the value.
    Header(String, Option<String>),
    /// The `Location` header, and an expression for a part of it.
    Location(Option<String>),
    Cookie(String),
    Regex(String),
}

/// A step of a path in a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Name(String),
    Index(usize),
}

/// The syntax in which a language writes the parts of a text.
pub struct Dialect {
    /// The table of environment variables.
    pub environment: &'static str,
    pub percent: &'static str,
    pub target: &'static str,
    pub json_text: &'static str,
    pub json_value: &'static str,
}

impl ScriptText {
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![ScriptPart::Plain(text.into())])
    }

    pub fn environment(name: impl Into<String>) -> Self {
        Self(vec![ScriptPart::Environment(name.into())])
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            ScriptPart::Environment(name) => Some(name.as_str()),
            ScriptPart::Plain(_) | ScriptPart::Value { .. } => None,
        })
    }

    pub(super) fn starts_with_target(&self) -> bool {
        let first = self.0.first();
        matches!(
            first,
            Some(ScriptPart::Value {
                escape: Escape::Target,
                ..
            })
        )
    }

    pub(super) fn uses(&self, table: &str) -> bool {
        let uses = |part: &ScriptPart| matches!(part, ScriptPart::Value { of, .. } if of == table);
        self.0.iter().any(uses)
    }

    /// The text as an expression.
    pub(super) fn expression(&self, dialect: &Dialect) -> String {
        let parts: Vec<String> = self.0.iter().map(|part| part.expression(dialect)).collect();
        if parts.is_empty() {
            literal("")
        } else {
            parts.join(" + ")
        }
    }
}

impl ScriptPart {
    fn expression(&self, dialect: &Dialect) -> String {
        match self {
            Self::Plain(text) => literal(text),
            Self::Environment(name) => format!("{}[{}]", dialect.environment, literal(name)),
            Self::Value { of, name, escape } => {
                let value = format!("{of}[{}]", literal(name));
                match escape {
                    Escape::AsIs => value,
                    Escape::Percent => format!("{}({value})", dialect.percent),
                    Escape::Target => format!("{}({value})", dialect.target),
                    Escape::JsonText => format!("{}({value})", dialect.json_text),
                    Escape::JsonValue => format!("{}({value})", dialect.json_value),
                }
            }
        }
    }
}

impl ScriptSource {
    /// The path of a `JSONPath` query that has only names and indexes; an error for others.
    pub fn json(query: &str) -> Result<Self, String> {
        json_path(query).map(Self::Json)
    }

    /// An expression has the same meaning in all languages; an error for others.
    pub fn header(name: &str, pattern: Option<&str>) -> Result<Self, String> {
        let pattern = pattern.map(portable).transpose()?;
        Ok(match name.to_ascii_lowercase() {
            name if name == LOCATION.as_str() => Self::Location(pattern),
            name => Self::Header(name, pattern),
        })
    }

    /// An expression with the same meaning in all languages; an error for others.
    pub fn regex(pattern: &str) -> Result<Self, String> {
        portable(pattern).map(Self::Regex)
    }
}

/// The steps of a `JSONPath` query that has only names and indexes; an error for others.
pub(super) fn json_path(query: &str) -> Result<Vec<Key>, String> {
    let fault = || {
        format!(
            "the JSONPath {query} has parts other than names and indexes, which scripts do not support"
        )
    };
    let mut rest = query.strip_prefix('$').ok_or_else(fault)?;
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let (key, after) = step(rest).ok_or_else(fault)?;
        keys.push(key);
        rest = after;
    }
    Ok(keys)
}

/// An expression with the same meaning in all languages; an error for others.
pub(super) fn portable(pattern: &str) -> Result<String, String> {
    let special = pattern.replace("(?:", "(");
    if ["(?", "\\p", "\\P", "\\A", "\\z", "[[", "&&"]
        .iter()
        .any(|one| special.contains(one))
    {
        return Err(format!(
            "the regular expression {pattern} uses syntax that not all tools support"
        ));
    }
    Ok(pattern.to_owned())
}

/// The path to a value, as a list literal in either language.
pub(super) fn path_literal(keys: &[Key]) -> String {
    format!("[{}]", super::joined(keys.iter().map(Key::literal)))
}

impl Key {
    fn literal(&self) -> String {
        match self {
            Self::Name(name) => literal(name),
            Self::Index(index) => index.to_string(),
        }
    }
}

/// The first step of a query, and the rest of it.
fn step(rest: &str) -> Option<(Key, &str)> {
    if let Some(rest) = rest.strip_prefix('.') {
        let is_word = |c: char| c == '_' || c.is_alphanumeric();
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        return (end > 0).then(|| (Key::Name(rest[..end].to_owned()), &rest[end..]));
    }
    let inside = rest.strip_prefix('[')?;
    let quote = inside.chars().next()?;
    if matches!(quote, '\'' | '"') {
        let (name, rest) = inside[1..].split_once(quote)?;
        let rest = rest.strip_prefix(']')?;
        return (!name.contains('\\')).then(|| (Key::Name(name.to_owned()), rest));
    }
    let (place, rest) = inside.split_once(']')?;
    Some((Key::Index(place.trim().parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_queries_become_paths() {
        let path = |query| match ScriptSource::json(query) {
            Ok(ScriptSource::Json(keys)) => keys.iter().map(Key::literal).collect::<Vec<_>>(),
            _ => panic!("{query} is simple"),
        };
        assert_eq!(path("$"), [""; 0]);
        assert_eq!(
            path("$.a.b_1[0]['c d']"),
            ["\"a\"", "\"b_1\"", "0", "\"c d\""]
        );
        for other in ["$..a", "$.a[*]", "$.a[?@.b]", "$.a[-1]", "a"] {
            assert!(ScriptSource::json(other).is_err(), "{other}");
        }
        assert!(ScriptSource::regex("(?:a)(b)").is_ok());
        assert!(ScriptSource::regex("(?i)a").is_err());
    }
}
