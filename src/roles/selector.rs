//! PromQL series selectors: a name and label matchers.

use crate::probe::pattern::{expected, whole_text_regex};
use regex::Regex;
use std::borrow::Cow;
use std::fmt;

/// Maximum length of a selector in bytes.
const LENGTH_MAX: usize = 2000;
/// Maximum number of matchers in a selector.
const MATCHERS_MAX: usize = 20;

/// Selects the series of a name whose labels all match.
#[derive(Clone, Debug)]
pub struct Selector {
    /// Without a name, `{__name__=~"..."}` selects it.
    name: Option<String>,
    /// Matchers of `__name__`.
    names: Vec<Matcher>,
    matchers: Vec<Matcher>,
    written: String,
}

#[derive(Clone, Debug)]
struct Matcher {
    label: String,
    negated: bool,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Equal(String),
    Matches(Regex),
}

/// The labels of a series.
pub trait Labels {
    fn get(&self, name: &str) -> Option<Cow<'_, str>>;
}

impl Selector {
    /// Parses a selector. Returns an error message if it is invalid.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LENGTH_MAX {
            return Err(format!("the selector is longer than {LENGTH_MAX} bytes"));
        }
        let mut rest = text.trim();
        let name_end = rest
            .find(|c: char| !is_name_char(c) && c != ':')
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("`{name:.60}` is not a valid metric name"));
        }
        rest = after.trim_start();
        let (quoted, names, matchers) = match rest.strip_prefix('{') {
            Some(inner) => matchers(inner)?,
            None if rest.is_empty() => Default::default(),
            None => return Err(format!("unexpected `{rest:.20}` after the metric name")),
        };
        if quoted.is_some() && !name.is_empty() {
            return Err("the selector has two metric names".to_owned());
        }
        let name = quoted.unwrap_or_else(|| name.to_owned());
        if name.is_empty() && names.iter().all(Matcher::takes_empty) {
            return Err("the selector has no metric name".to_owned());
        }
        Ok(Self {
            name: Some(name).filter(|name| !name.is_empty()),
            names,
            matchers,
            written: text.trim().to_owned(),
        })
    }

    /// The metric name, unless it is selected by a matcher.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub fn takes_name(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|own| own == name)
            && self.names.iter().all(|matcher| matcher.takes(name))
    }

    /// Whether the labels of a series match. As in PromQL, a missing label is empty.
    pub fn takes_labels(&self, labels: &impl Labels) -> bool {
        let takes = |matcher: &Matcher| {
            let value = labels.get(&matcher.label).unwrap_or_default();
            matcher.takes(&value)
        };
        self.matchers.iter().all(takes)
    }

    /// Whether the series has all labels that could make it match with other values.
    pub fn knows_labels(&self, labels: &impl Labels) -> bool {
        let mut needed = self.matchers.iter().filter(|one| !one.takes_empty());
        needed.all(|matcher| labels.get(&matcher.label).is_some())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Matcher {
    fn takes(&self, value: &str) -> bool {
        let fits = match &self.test {
            Test::Equal(wanted) => wanted == value,
            Test::Matches(regex) => regex.is_match(value),
        };
        fits != self.negated
    }

    fn takes_empty(&self) -> bool {
        self.takes("")
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

type Matchers = (Option<String>, Vec<Matcher>, Vec<Matcher>);

/// Parses the text after the opening brace: matchers of the name and of labels, and the name if it is
/// quoted, as in Prometheus 3.
fn matchers(text: &str) -> Result<Matchers, String> {
    let (mut name, mut names, mut found) = (None, Vec::new(), Vec::new());
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return if after.trim().is_empty() {
                Ok((name, names, found))
            } else {
                Err(format!("unexpected `{:.20}` after `}}`", after.trim()))
            };
        }
        if names.len() + found.len() == MATCHERS_MAX {
            return Err(format!(
                "the selector has more than {MATCHERS_MAX} matchers"
            ));
        }
        let (label, after) = read_label(rest)?;
        let (after, is_quoted) = (after.trim_start(), rest.starts_with(QUOTES));
        if is_quoted && (after.starts_with([',', '}']) || after.is_empty()) {
            if name.replace(label).is_some() {
                return Err("the selector has two metric names".to_owned());
            }
            rest = after;
        } else {
            let (matcher, after) = read_matcher(label, after)?;
            if matcher.label == "__name__" {
                names.push(matcher);
            } else {
                found.push(matcher);
            }
            rest = after.trim_start();
        }
        rest = match rest.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if rest.starts_with('}') => rest,
            None if rest.is_empty() => return Err("`}` is missing at the end".to_owned()),
            None => return Err(format!("expected `,` or `}}` before `{rest:.20}`")),
        };
    }
}

/// The quotes of strings.
const QUOTES: [char; 3] = ['"', '\'', '`'];

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

/// Parses the operator and the value after the name of a label; also returns the rest.
fn read_matcher(label: String, rest: &str) -> Result<(Matcher, &str), String> {
    let operators = [("=~", false, true), ("!~", true, true), ("!=", true, false)];
    let mut operators = operators.into_iter().chain([("=", false, false)]);
    let found = operators.find_map(|(operator, negated, is_regex)| {
        Some((rest.strip_prefix(operator)?, negated, is_regex))
    });
    let Some((rest, negated, is_regex)) = found else {
        return Err(format!("expected =, !=, =~ or !~ after `{label:.60}`"));
    };
    let (value, rest) = quoted(rest.trim_start(), &format!("the value of `{label:.60}`"))?;
    let check = if is_regex {
        let regex = whole_text_regex(&value).ok_or_else(|| {
            let expected = expected(&value);
            format!("the value of `{label:.60}` is not {expected}")
        })?;
        Test::Matches(regex)
    } else {
        Test::Equal(value)
    };
    Ok((
        Matcher {
            label,
            negated,
            test: check,
        },
        rest,
    ))
}

/// Parses a quoted string; also returns the rest. As in PromQL, a backslash escapes.
fn quoted<'a>(text: &'a str, what: &str) -> Result<(String, &'a str), String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Pairs(&'static [(&'static str, &'static str)]);

    impl Labels for Pairs {
        fn get(&self, name: &str) -> Option<Cow<'_, str>> {
            let found = self.0.iter().find(|(label, _)| *label == name);
            found.map(|(_, value)| (*value).into())
        }
    }

    #[test]
    fn selectors_match_as_in_promql() {
        let series = Pairs(&[("code", "503"), ("method", "GET")]);
        for (selector, wanted) in [
            ("x", true),
            ("x{}", true),
            (r#"x{code="503"}"#, true),
            (r#" x { code = "503" , } "#, true),
            ("x{code='503',method=`GET`}", true),
            (r#"x{code=~"5.."}"#, true),
            (r#"x{code=~"50"}"#, false),
            (r#"x{code!~"5.."}"#, false),
            (r#"x{code!="200"}"#, true),
            (r#"x{missing=""}"#, true),
            (r#"x{missing!=""}"#, false),
            (r#"x{missing!="a"}"#, true),
            (r#"{__name__="x"}"#, true),
            (r#"{__name__=~"x|y",code="503"}"#, true),
            (r#"{__name__=~"y"}"#, false),
            ("y", false),
        ] {
            let read = Selector::parse(selector).expect(selector);
            let takes = read.takes_name("x") && read.takes_labels(&series);
            assert_eq!(takes, wanted, "{selector}");
            assert_eq!(read.to_string(), selector.trim());
        }
    }

    #[test]
    fn quoted_names_may_have_any_characters() {
        let series = Pairs(&[("http.status", "503")]);
        for (selector, wanted) in [
            (r#"{"http.requests"}"#, true),
            (r#"{'http.requests',"http.status"=~"5.."}"#, true),
            (r#"{"http.status"="503", "http.requests",}"#, true),
            (r#"{"http.requests","http.status"="200"}"#, false),
            (r#"{"http.errors"}"#, false),
        ] {
            let read = Selector::parse(selector).expect(selector);
            let takes = read.takes_name("http.requests") && read.takes_labels(&series);
            assert_eq!(takes, wanted, "{selector}");
            assert!(read.name().is_some(), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_with_its_fault() {
        let many = format!("x{{{}}}", "a=\"\",".repeat(21));
        for (selector, fault) in [
            ("", "no metric name"),
            ("{}", "no metric name"),
            (r#"{code="500"}"#, "no metric name"),
            (r#"{__name__=~".*"}"#, "no metric name"),
            ("9x", "not a valid metric name"),
            ("x-y", "unexpected `-y`"),
            ("rate(x[5m])", "unexpected `(x[5m])`"),
            ("x[5m]", "unexpected `[5m]`"),
            ("x{code}", "expected =, !=, =~ or !~ after `code`"),
            ("x{code=500}", "not in quotes"),
            ("x{code=\"500}", "no closing quote"),
            ("x{code=\"500\"", "`}` is missing"),
            ("x{", "`}` is missing"),
            ("x{code=\"1\" b=\"2\"}", "expected `,` or `}`"),
            ("x{code=~\"(\"}", "the value of `code` is not a regular"),
            ("x{code=~\")(\"}", "the value of `code` is not a regular"),
            ("x{code=~\"\\\\w{1000}{1000}\"}", "not a regular"),
            ("x{code=~\"\\d\"}", "write `\\\\d`"),
            ("x{a=\"\"} or y", "after `}`"),
            ("x{\"y\"}", "two metric names"),
            ("{\"x\",\"y\"}", "two metric names"),
            ("{\"\"}", "quoted name is empty"),
            ("{\"x", "the name has no closing quote"),
            ("{\"x\"", "`}` is missing"),
            ("{\"x.y\"=\"1\"}", "no metric name"),
            (&many, "more than 20 matchers"),
            (&"x".repeat(2001), "longer than 2000"),
        ] {
            let refused = Selector::parse(selector).expect_err(selector);
            assert!(refused.contains(fault), "{selector}: {refused}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_selectors_do_not_panic(text in "(x|\\{|\\}|\"|=|~|!|,|\\\\|a|'|`|\\PC){0,30}") {
            let _ = Selector::parse(&text);
        }
    }
}
