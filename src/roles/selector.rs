//! PromQL series selectors: a name and label matchers.

use crate::probe::pattern::{expected, whole_text_regex};
use regex::Regex;
use slod_core::selector::{LabelMatcher, SeriesSelector};
use std::borrow::Cow;
use std::fmt;

/// The label of the metric name.
const NAME: &str = "__name__";

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
        let (SeriesSelector { name, matchers }, rest) = SeriesSelector::read(text)?;
        let rest = rest.trim();
        if !rest.is_empty() {
            let after = if text.contains('{') {
                "`}`"
            } else {
                "the metric name"
            };
            return Err(format!("unexpected `{rest:.20}` after {after}"));
        }
        let compiled = matchers.into_iter().map(Matcher::compile);
        let (names, matchers): (Vec<_>, Vec<_>) = compiled
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .partition(|matcher| matcher.label == NAME);
        if name.is_none() && names.iter().all(Matcher::takes_empty) {
            return Err("the selector has no metric name".to_owned());
        }
        Ok(Self {
            name,
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
    fn compile(written: LabelMatcher) -> Result<Self, String> {
        let LabelMatcher {
            label,
            operator,
            value,
        } = written;
        let test = if operator.is_regex() {
            Test::Matches(whole_text_regex(&value).ok_or_else(|| {
                let expected = expected(&value);
                format!("the value of `{label:.60}` is not {expected}")
            })?)
        } else {
            Test::Equal(value)
        };
        Ok(Self {
            label,
            negated: operator.is_negated(),
            test,
        })
    }

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
