//! What the reader of a page chose, in the page's query. A link to another choice keeps the rest.

use super::charts::ChartSpan;

/// Whether a query has a part, with or without a value.
pub fn asks_for(query: &str, name: &str) -> bool {
    query.split('&').any(|part| name_of(part) == name)
}

/// A link to the same page with a part such as `reload` or `before=7`.
pub fn with(query: &str, part: &str) -> String {
    let rest = without(query, name_of(part));
    let join = if rest.len() > 1 { "&" } else { "" };
    format!("{rest}{join}{part}")
}

/// A link to the same page without the part of a name.
pub fn without(query: &str, name: &str) -> String {
    let kept = query
        .split('&')
        .filter(|part| !part.is_empty() && name_of(part) != name);
    format!("?{}", kept.collect::<Vec<_>>().join("&"))
}

fn name_of(part: &str) -> &str {
    part.split('=').next().unwrap_or_default()
}

/// Of a service's page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Of the charts.
    pub span: ChartSpan,
    /// Whether the bars are of 90 days instead of 30.
    pub long: bool,
    pub reload: bool,
    pub unfold: bool,
}

impl Choice {
    pub fn of(query: &str) -> Self {
        let has = |name: &str| query.split('&').any(|part| part == name);
        Self {
            span: ChartSpan::of(query),
            long: has("days=90"),
            reload: has("reload"),
            unfold: has("unfold"),
        }
    }

    /// The query that stands for it, with its question mark.
    pub fn link(self) -> String {
        let mut parts = Vec::new();
        if self.span != ChartSpan::default() {
            parts.push(format!("span={}", self.span.name()));
        }
        for (is_on, part) in [
            (self.long, "days=90"),
            (self.reload, "reload"),
            (self.unfold, "unfold"),
        ] {
            if is_on {
                parts.push(part.to_owned());
            }
        }
        format!("?{}", parts.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_choice_keeps_the_rest() {
        assert_eq!(with("", "reload"), "?reload");
        assert_eq!(
            with("service=web&before=40", "reload"),
            "?service=web&before=40&reload"
        );
        assert_eq!(
            with("service=web&before=40&reload", "before=20"),
            "?service=web&reload&before=20"
        );
        assert_eq!(without("reload&span=7d", "reload"), "?span=7d");
        assert_eq!(without("reload=1", "reload"), "?");
        assert!(asks_for("a&reload=1", "reload") && !asks_for("reloads", "reload"));
    }

    #[test]
    fn a_link_is_read_as_it_was_written() {
        for query in [
            "?",
            "?span=7d",
            "?days=90",
            "?span=30d&days=90&reload&unfold",
        ] {
            assert_eq!(Choice::of(&query[1..]).link(), query);
        }
        assert_eq!(Choice::of("days=9000&span=<b>&x").link(), "?");
    }
}
