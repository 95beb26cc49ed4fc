//! The syntax of PromQL series selectors: a name and label matchers.

use std::fmt;

/// Maximum length of a selector in bytes.
const LENGTH_MAX: usize = 2000;
/// Maximum number of matchers in a selector.
const MATCHERS_MAX: usize = 20;
/// The quotes of strings.
pub const QUOTES: [char; 3] = ['"', '\'', '`'];

/// A selector as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesSelector {
    /// The metric name, unless it is selected by matchers of `__name__` only.
    pub name: Option<String>,
    pub matchers: Vec<LabelMatcher>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelMatcher {
    pub label: String,
    pub operator: MatchOperator,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchOperator {
    NotEqual,
    NotMatches,
    Equal,
    Matches,
}

impl SeriesSelector {
    /// Parses the selector at the start of a text; also returns the rest. Returns an error message if there is none.
    pub fn read(text: &str) -> Result<(Self, &str), String> {
        let text = skip_blank(text);
        let end = text
            .find(|c: char| !is_name_char(c) && c != ':')
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("`{name:.60}` is not a valid metric name"));
        }
        let mut read = Self::default();
        if !name.is_empty() {
            read.name = Some(name.to_owned());
        }
        let rest = match skip_blank(rest).strip_prefix('{') {
            Some(inner) => read.matchers(inner)?,
            None => rest,
        };
        if text.len() - rest.len() > LENGTH_MAX {
            return Err(format!("the selector is longer than {LENGTH_MAX} bytes"));
        }
        Ok((read, rest))
    }

    /// Parses the text after the opening brace up to the closing one: matchers, and the name if it is quoted, as in
    /// Prometheus 3. Returns the rest.
    fn matchers<'a>(&mut self, text: &'a str) -> Result<&'a str, String> {
        let mut rest = skip_blank(text);
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                return Ok(after);
            }
            if self.matchers.len() == MATCHERS_MAX {
                return Err(format!(
                    "the selector has more than {MATCHERS_MAX} matchers"
                ));
            }
            let (label, after) = read_label(rest)?;
            let (after, is_quoted) = (skip_blank(after), rest.starts_with(QUOTES));
            rest = if is_quoted && (after.starts_with([',', '}']) || after.is_empty()) {
                if self.name.replace(label).is_some() {
                    return Err("the selector has two metric names".to_owned());
                }
                after
            } else {
                let (matcher, after) = LabelMatcher::read(label, after)?;
                self.matchers.push(matcher);
                skip_blank(after)
            };
            rest = match rest.strip_prefix(',') {
                Some(after) => skip_blank(after),
                None if rest.starts_with('}') => rest,
                None if rest.is_empty() => return Err("`}` is missing at the end".to_owned()),
                None if rest.starts_with("or ") => {
                    return Err("selectors with `or` are not supported".to_owned());
                }
                None => return Err(format!("expected `,` or `}}` before `{rest:.20}`")),
            };
        }
    }
}

impl LabelMatcher {
    /// Parses the operator and the value after the name of a label; also returns the rest.
    fn read(label: String, rest: &str) -> Result<(Self, &str), String> {
        let found = MatchOperator::ALL
            .into_iter()
            .find_map(|operator| Some((operator, rest.strip_prefix(operator.as_str())?)));
        let Some((operator, rest)) = found else {
            return Err(format!("expected =, !=, =~ or !~ after `{label:.60}`"));
        };
        let (value, rest) = quoted(skip_blank(rest), &format!("the value of `{label:.60}`"))?;
        let matcher = Self {
            label,
            operator,
            value,
        };
        Ok((matcher, rest))
    }

    /// Matches what this matcher does not match.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self {
            operator: self.operator.negated(),
            ..self.clone()
        }
    }
}

impl MatchOperator {
    /// Operators that others begin with are last.
    const ALL: [Self; 4] = [Self::Matches, Self::NotMatches, Self::NotEqual, Self::Equal];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        }
    }

    pub fn is_negated(self) -> bool {
        matches!(self, Self::NotEqual | Self::NotMatches)
    }

    pub fn is_regex(self) -> bool {
        matches!(self, Self::Matches | Self::NotMatches)
    }

    fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Matches => Self::NotMatches,
            Self::NotMatches => Self::Matches,
        }
    }
}

impl fmt::Display for MatchOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Skips spaces, line breaks and comments.
pub fn skip_blank(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(comment) = rest.strip_prefix('#') {
        let end = comment.find('\n').unwrap_or(comment.len());
        rest = comment[end..].trim_start();
    }
    rest
}

/// Characters of label names; metric names may also have colons.
pub fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Parses the name of a label, or a quoted name; also returns the rest.
fn read_label(text: &str) -> Result<(String, &str), String> {
    if text.starts_with(QUOTES) {
        return match quoted(text, "the name")? {
            (name, _) if name.is_empty() => Err("a quoted name is empty".to_owned()),
            read => Ok(read),
        };
    }
    let end = text.find(|c: char| !is_name_char(c)).unwrap_or(text.len());
    let (label, rest) = text.split_at(end);
    if label.is_empty() || label.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(if text.is_empty() {
            "`}` is missing at the end".to_owned()
        } else {
            format!("expected a label name before `{text:.20}`")
        });
    }
    Ok((label.to_owned(), rest))
}

/// Parses a string in quotes; also returns the rest. As in PromQL, a backslash escapes, unless the quotes are
/// backticks. `what` names the string in error messages.
pub fn quoted<'a>(text: &'a str, what: &str) -> Result<(String, &'a str), String> {
    let open = text.chars().next().filter(|c| QUOTES.contains(c));
    let Some(open) = open else {
        return Err(format!("{what} is not in quotes"));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            value.push(match c {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' | '"' | '\'' => c,
                _ => return Err(format!("`\\{c}` is not a valid escape; write `\\\\{c}`")),
            });
            escaped = false;
        } else if c == open {
            return Ok((value, &text[at + 1..]));
        } else if c == '\\' && open != '`' {
            escaped = true;
        } else {
            value.push(c);
        }
    }
    Err(format!("{what} has no closing quote"))
}
