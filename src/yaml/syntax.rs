//! Explains syntax errors for authors of configs. The parser often reports an error a line too late, so
//! the cause is searched for in the surrounding lines. Help texts never quote the document, which may
//! contain secrets.

use super::odd;
use super::tree::{Node, Value, place};
use crate::diagnostic::{Diagnostic, Place, Severity};

/// A syntax error with its help, more specific than the parser's error.
struct Fault {
    place: Option<Place>,
    message: String,
    help: Option<String>,
}

impl Fault {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            place: None,
            message: message.into(),
            help: Some(help.into()),
        }
    }

    fn at(self, line: usize, column: usize, len: usize) -> Self {
        let place = Some(Place { line, column, len });
        Self { place, ..self }
    }

    fn into_diagnostic(self, place: Option<Place>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: "syntax",
            place: self.place.or(place),
            path: String::new(),
            message: self.message,
            help: self.help,
        }
    }
}

/// The diagnostic for a text that cannot be parsed.
pub(super) fn diagnose(error: &serde_yaml::Error, text: &str) -> Diagnostic {
    let at = error.location().as_ref().map(place);
    explain(error, at, text).into_diagnostic(at)
}

/// Reports lines that are indented with characters that YAML does not treat as spaces: their keys would
/// belong to other sections than they appear to.
pub(super) fn odd_indentation(node: &Node) -> Option<Diagnostic> {
    match &node.value {
        Value::Null | Value::Text(_) => None,
        Value::List(items) => items.iter().find_map(odd_indentation),
        Value::Map(entries) => entries.iter().find_map(|(key, value)| {
            let name = key.value.scalar().unwrap_or_default();
            if !name.starts_with(odd::is_blank) {
                return odd_indentation(value);
            }
            let (_, odd) = odd::first(&name)?;
            Some(odd_fault(&odd).into_diagnostic(Some(key.place)))
        }),
    }
}

fn odd_fault(odd: &str) -> Fault {
    Fault::new(
        format!("the line starts with {odd}, which does not count as indentation"),
        "remove it, and indent with spaces; an editor can show such characters",
    )
}

fn explain(error: &serde_yaml::Error, at: Option<Place>, text: &str) -> Fault {
    use serde_yaml::Error;
    match error.without_snippet() {
        Error::AliasError { error, .. } => explain(error, at, text),
        Error::MultipleDocuments { .. } => Fault::new(
            "the file contains more than one document",
            "keep one document: remove the `---` line between them",
        ),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => Fault::new(
            "the document is nested too deeply",
            "use fewer aliases and nesting levels",
        ),
        Error::UnsupportedTag { tag, .. } => {
            let fault = unknown_tag(tag);
            let place = at.and_then(|at| place_of_tag(at, text));
            Fault { place, ..fault }
        }
        other if other.to_string().contains("recursive reference") => Fault {
            place: None,
            message: "an alias refers to a value that contains it".to_owned(),
            help: None,
        },
        other => {
            let reason = reason(other);
            let found = conflict(text).or_else(|| in_lines(&reason, at?, text));
            found.unwrap_or_else(|| in_words(&reason))
        }
    }
}

/// Reports an unknown tag. Its name is shown only if other programs use it, because otherwise it may be
/// an unquoted password.
fn unknown_tag(tag: &str) -> Fault {
    const OF_OTHERS: [&str; 9] = [
        "env",
        "env_var",
        "vault",
        "secret",
        "include",
        "reference",
        "ref",
        "file",
        "var",
    ];
    let name = tag.trim_start_matches('!');
    let message = if OF_OTHERS.contains(&name.to_ascii_lowercase().as_str()) {
        format!("unknown tag `!{name}`")
    } else {
        "unknown tag".to_owned()
    };
    Fault::new(
        message,
        "write ${NAME} for an environment variable, use a key such as `password_file` for a file, and put a string that starts with `!` in quotes",
    )
}

/// The place of the tag of a value, for which the parser reports only the value's place.
fn place_of_tag(value: Place, text: &str) -> Option<Place> {
    let lines = text.split_inclusive('\n').take(value.line.checked_sub(1)?);
    let start: usize = lines.map(str::len).sum();
    let line = text.get(start..)?.char_indices();
    let column = line.map(|(at, _)| start + at).nth(value.column - 1)?;
    let is_tag = text[column..].starts_with('!');
    let at = if is_tag {
        column
    } else {
        text[..column].rfind('!')?
    };
    // `!!set` has two.
    let at = text[..at].trim_end_matches('!').len();
    let before = text[..at].rsplit('\n').next().unwrap_or_default();
    let tag = text[at..].split(char::is_whitespace).next()?;
    Some(Place {
        line: text[..at].matches('\n').count() + 1,
        column: before.chars().count() + 1,
        len: tag.chars().count(),
    })
}

/// Help for the parser's messages.
const HINTS: &[(&str, &str)] = &[
    ("tab", "indent with spaces: YAML does not allow tabs"),
    ("unclosed", "a bracket or quote is not closed"),
    ("recursion", "use fewer nesting levels"),
    (
        "unknown anchor",
        "put the value in quotes: an initial `*` refers to an anchor, and this one does not exist",
    ),
    (
        "unknown escape",
        r"use single quotes, or write `\\` for a backslash: in double quotes, `\` starts an escape such as `\n`",
    ),
    (
        "block sequence entries are not allowed",
        "start a list on its own line",
    ),
    ("simple key expected", "write `:` and a space after a key"),
    (
        "expected ',' or",
        "separate entries with `,`; a value that contains `: `, `,`, a bracket or a brace needs quotes",
    ),
    (
        "did not find expected",
        "indent all keys of a mapping equally, and all `-` of a list",
    ),
];

fn in_words(reason: &str) -> Fault {
    let unexpected = reason.strip_prefix("unexpected character: `");
    if let Some(character) = unexpected.and_then(|rest| rest.strip_suffix('\'')) {
        // Control characters are escaped.
        let help = if character.starts_with("\\u{") {
            "remove it: a config is UTF-8 text without control characters".to_owned()
        } else {
            format!("put the value in quotes if it starts with `{character}`")
        };
        return Fault::new(
            format!("invalid YAML: unexpected character `{character}`"),
            help,
        );
    }
    let hint = HINTS.iter().find(|(word, _)| reason.contains(word));
    Fault {
        place: None,
        message: format!("invalid YAML: {reason}"),
        help: hint.map(|(_, help)| (*help).to_owned()),
    }
}

/// The parser's message without the position, which is shown separately.
fn reason(error: &serde_yaml::Error) -> String {
    let full = error.to_string();
    let first = full.lines().next().unwrap_or_default();
    let sentence = first.split(" at line ").next().unwrap_or(first);
    sentence.trim().to_owned()
}

/// Detects unresolved Git merge conflicts.
fn conflict(text: &str) -> Option<Fault> {
    let is_marker = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    let index = text.lines().position(is_marker)?;
    let help = "keep one of the two versions, and remove the lines that start with `<<<<<<<`, `=======` and `>>>>>>>`";
    Some(Fault::new("the file contains an unresolved merge conflict", help).at(index + 1, 1, 7))
}

/// A line with its number, from 1.
type Line<'t> = (usize, &'t str);

fn in_lines(reason: &str, at: Place, text: &str) -> Option<Fault> {
    let mut before = None;
    let mut here = None;
    for (index, line) in text.lines().enumerate().take(at.line) {
        let is_content = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if index + 1 == at.line {
            here = Some((at.line, line));
        } else if is_content {
            before = Some((index + 1, line));
        }
    }
    let here = here?;
    let mut lines = [Some(here), before].into_iter().flatten();
    let odd = lines.find_map(|line| odd_blank(line).or_else(|| odd_after_key(line)));
    let odd = odd.or_else(|| odd_sign(here));
    odd.or_else(|| match reason {
        reason if reason.contains("mapping values are not allowed") => {
            misplaced_colon(here, before, at)
        }
        reason if reason.contains("expected '-' indicator") => {
            Some(indentation_of_item(here, text))
        }
        _ => None,
    })
}

/// Reports indentation with characters that YAML does not treat as spaces.
fn odd_blank((number, line): Line<'_>) -> Option<Fault> {
    let content = line.trim_start_matches([' ', '-']);
    let before = line.chars().count() - content.chars().count();
    let (_, odd) = odd::first(content).filter(|_| content.starts_with(odd::is_blank))?;
    Some(odd_fault(&odd).at(number, before + 1, 1))
}

/// Reports a character that hides the end of a key from the parser: it is invisible, or looks like a colon.
fn odd_after_key((number, line): Line<'_>) -> Option<Fault> {
    let start = line.trim_start_matches([' ', '-']);
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let after = start.trim_start_matches(is_word);
    let next = after.strip_prefix(':').unwrap_or(after);
    let is_hiding = |c: char| odd::is_blank(c) || c == '\u{ff1a}';
    if after.len() == start.len() || !next.starts_with(is_hiding) {
        return None;
    }
    let (_, odd) = odd::first(next)?;
    let column = line.chars().count() - next.chars().count() + 1;
    let message = format!("invalid YAML: the key is followed by {odd}");
    let help = "write `: ` after the key, an ASCII colon and a space";
    Some(Fault::new(message, help).at(number, column, 1))
}

/// Reports characters that look like a colon, or like a quotation mark at the start of a value. Within a
/// string they are accepted.
fn odd_sign((number, line): Line<'_>) -> Option<Fault> {
    let is_quote = |c: char| matches!(c, '\u{201c}'..='\u{201e}' | '\u{2018}'..='\u{201a}');
    let mut before = ' ';
    let mut signs = line.chars().enumerate().filter(|(_, c)| {
        let begins = matches!(before, ' ' | '{' | '[' | ',' | ':');
        before = *c;
        *c == '\u{ff1a}' || (begins && is_quote(*c))
    });
    let (at, sign) = signs.next()?;
    let (_, odd) = odd::first(&sign.to_string())?;
    let message = format!("invalid YAML: the line contains {odd}");
    let help = "write the ASCII character: `\"`, `'` or `:`";
    Some(Fault::new(message, help).at(number, at + 1, 1))
}

/// Explains a `:` where no key is valid.
fn misplaced_colon((number, line): Line<'_>, before: Option<Line<'_>>, at: Place) -> Option<Fault> {
    let start: String = line.chars().take(at.column.saturating_sub(1)).collect();
    if start.contains(": ") {
        let message = "invalid YAML: a second `: ` after the key";
        return Some(Fault::new(
            message,
            "put the value in quotes if it contains `: `",
        ));
    }
    let (above, text) = before?;
    if let Some((column, what)) =
        [(number, line), (above, text)]
            .into_iter()
            .find_map(|(number, line)| {
                missing_space(line).map(|(column, what)| ((number, column), what))
            })
    {
        let message = format!("invalid YAML: a space is missing after `{what}`");
        let help = format!("write `{what} `, with a space");
        return Some(Fault::new(message, help).at(column.0, column.1, 1));
    }
    let (own, other) = (indentation(line), indentation_of_content(text));
    let message = "invalid YAML: the line above has a value, so it cannot have keys below it";
    let help = format!("indent this line by {other} spaces, like line {above}");
    (own > other).then(|| Fault::new(message, help))
}

/// The column and the character after which a space is missing: `interval:10s`, `-name: x`.
fn missing_space(line: &str) -> Option<(usize, char)> {
    let content = line.trim_start();
    let indented = indentation(line);
    if let Some(rest) = content.strip_prefix('-')
        && rest.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        return Some((indented + 1, '-'));
    }
    let key = content.trim_start_matches("- ");
    let indented = indented + content.len() - key.len();
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let end = key.find(|c| !is_word(c))?;
    let after = key[end..].strip_prefix(':')?;
    let is_joined = end > 0 && !after.is_empty() && !after.starts_with(char::is_whitespace);
    (is_joined && !key.contains(": ")).then_some((indented + end + 1, ':'))
}

/// Reports the required indentation of a key that belongs to the list item above.
fn indentation_of_item((number, line): Line<'_>, text: &str) -> Fault {
    let own = indentation(line);
    let above: Vec<_> = text.lines().enumerate().take(number - 1).collect();
    let mut above = above.into_iter().rev();
    let item =
        above.find(|(_, other)| indentation(other) <= own && other.trim_start().starts_with("- "));
    let message = "invalid YAML: a key is indented less than the other keys of its list item";
    let help = item.map_or_else(
        || "indent it like the other keys of the item".to_owned(),
        |(index, item)| {
            let spaces = indentation_of_content(item);
            format!(
                "indent this line by {spaces} spaces, like the other keys of the item in line {}",
                index + 1
            )
        },
    );
    Fault::new(message, help)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Indentation of a line's content, after the `- ` of a list item.
fn indentation_of_content(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}
