//! What the reader of a service's page chose, in the page's query. A link to another choice keeps the rest.

use super::charts::ChartSpan;

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
