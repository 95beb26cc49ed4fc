//! Selections of the reader in the query of a page. Links to other selections keep the rest. Unknown
//! parameters are ignored: mail programs and proxies add some to links.

use super::charts::ChartSpan;
use std::borrow::Cow;
use url::form_urlencoded::{byte_serialize, parse};

/// Reloads the page periodically.
pub const RELOAD: &str = "reload";
/// Expands collapsed sections.
pub const UNFOLD: &str = "unfold";

/// The query as it was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageQuery<'a>(&'a str);

impl<'a> PageQuery<'a> {
    /// The empty query.
    pub const NONE: Self = Self("");

    pub fn of(query: Option<&'a str>) -> Self {
        query.map_or(Self::NONE, Self)
    }

    /// Whether it has a parameter, with or without a value.
    pub fn has(self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// The value of a parameter.
    pub fn value(self, name: &str) -> Option<String> {
        self.first(name).map(Cow::into_owned)
    }

    /// The value of a parameter that is a number.
    pub fn number(self, name: &str) -> Option<i64> {
        self.first(name)?.parse().ok()
    }

    fn first(self, name: &str) -> Option<Cow<'a, str>> {
        let mut pairs = parse(self.0.as_bytes());
        let found = pairs.find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    /// A link to the same page with a parameter.
    pub fn with(self, name: &str, value: &str) -> String {
        let value: String = byte_serialize(value.as_bytes()).collect();
        let part = match value.as_str() {
            "" => name.to_owned(),
            value => format!("{name}={value}"),
        };
        let rest = self.without(name);
        let join = if rest.len() > 1 { "&" } else { "" };
        format!("{rest}{join}{part}")
    }

    /// A link to the same page without a parameter.
    pub fn without(self, name: &str) -> String {
        format!("?{}", self.rest(name))
    }

    /// The query with these parameters only.
    pub fn only(self, names: &[&str]) -> String {
        let name_of = |part: &&str| {
            part.split('=')
                .next()
                .is_some_and(|name| names.contains(&name))
        };
        let kept = self.0.split('&').filter(name_of);
        kept.collect::<Vec<_>>().join("&")
    }

    /// The query without a parameter.
    pub fn rest(self, name: &str) -> String {
        let parts = self.0.split('&');
        let name_of = |part: &str| part.split('=').next() == Some(name);
        let kept = parts.filter(|part| !part.is_empty() && !name_of(part));
        kept.collect::<Vec<_>>().join("&")
    }
}

/// Selections for the history on a service's page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Time range of the charts.
    pub span: ChartSpan,
    /// Whether to show 90 days instead of 30.
    pub long: bool,
}

impl Choice {
    pub fn of(query: PageQuery<'_>) -> Self {
        Self {
            span: ChartSpan::of(query),
            long: query.number("days") == Some(90),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_choice_keeps_the_rest() {
        let of = |query| PageQuery::of(Some(query));
        assert_eq!(PageQuery::of(None).with(RELOAD, ""), "?reload");
        assert_eq!(
            of("service=web&cursor=40").with(RELOAD, ""),
            "?service=web&cursor=40&reload"
        );
        assert_eq!(
            of("service=web&cursor=40&reload").with("cursor", "20"),
            "?service=web&reload&cursor=20"
        );
        assert_eq!(of("").with("service", "a&b c"), "?service=a%26b+c");
        assert_eq!(of("reload&span=7d").without(RELOAD), "?span=7d");
        assert_eq!(of("reload=1").without(RELOAD), "?");
        assert_eq!(
            of("q=a&reload&span=7d").only(&[RELOAD, "span"]),
            "reload&span=7d"
        );
    }

    #[test]
    fn a_query_is_read_as_browsers_write_it() {
        let query = PageQuery::of(Some("a&reload=1&service=a%26b+c&cursor=7&x=y"));
        assert!(query.has("a") && query.has(RELOAD) && !query.has("reloads"));
        assert_eq!(query.value("service").as_deref(), Some("a&b c"));
        assert_eq!((query.number("cursor"), query.number("x")), (Some(7), None));
    }

    #[test]
    fn a_choice_is_one_of_those_offered() {
        let of = |query| Choice::of(PageQuery::of(Some(query)));
        assert!(of("span=30d&days=90&reload").long);
        assert_eq!(of("span=30d").span.name(), "30d");
        assert_eq!(of("days=9000&span=<b>&x"), Choice::default());
    }
}
