//! Tables as GitHub-flavored Markdown.

use super::{Cell, Kind, Table};
use crate::text::printable;
use std::fmt::Write as _;

impl Table {
    pub fn to_markdown(&self, page: &mut String) {
        let heads = self.columns.iter().map(|column| column.head.to_owned());
        row(page, &heads.collect::<Vec<_>>());
        let rules = self.columns.iter().map(|column| match column.kind {
            Kind::Number => "--:".to_owned(),
            Kind::Text | Kind::Time | Kind::Long => "---".to_owned(),
        });
        row(page, &rules.collect::<Vec<_>>());
        for cells in &self.rows {
            row(
                page,
                &cells.iter().map(Cell::to_markdown).collect::<Vec<_>>(),
            );
        }
    }
}

impl Cell {
    fn to_markdown(&self) -> String {
        match self {
            Self::Trusted(text) => text.replace('<', "&lt;"),
            Self::Untrusted(text) | Self::Link { name: text, .. } | Self::Bars(text) => {
                code_span(text)
            }
            Self::Sentence(text) => escaped(text),
            Self::Badge(_, word) => (*word).to_owned(),
            Self::Unknown => "-".to_owned(),
        }
    }
}

pub fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").unwrap_or_default();
}

fn row(page: &mut String, cells: &[String]) {
    line(page, &format!("| {} |", cells.join(" | ")));
}

/// Formats untrusted text as a code span: nothing in it is interpreted as markup, link or mention.
pub fn code_span(text: &str) -> String {
    let text = printable(text).replace('`', "'");
    // Tables split cells at pipes even in code spans, and a backslash before our own backslash would undo
    // the escape.
    let text = text.replace("\\|", "\\ |").replace('|', "\\|");
    match text.trim() {
        "" => "–".to_owned(),
        text => format!("`{text}`"),
    }
}

/// Escapes a sentence that may contain untrusted names.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            // A word joiner prevents mentions.
            '@' => out.push_str("@\u{2060}"),
            // URLs would become links.
            ':' if text.contains("://") => out.push_str("&#58;"),
            '.' if text.contains("www.") => out.push_str("&#46;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_is_never_markup() {
        assert_eq!(code_span("<script>*a*</script>"), "`<script>*a*</script>`");
        assert_eq!(code_span("a|b\nc`d"), "`a\\|b c'd`");
        assert_eq!(code_span("a\\|b"), "`a\\ \\|b`");
        assert_eq!(code_span(" \n"), "–");
        assert_eq!(
            escaped("a|b <img> *c* [d](e) @all"),
            "a\\|b &lt;img> \\*c\\* \\[d\\](e) @\u{2060}all"
        );
        assert_eq!(
            escaped("http://a.b, www.c"),
            "http&#58;//a&#46;b, www&#46;c"
        );
        assert_eq!(
            escaped("p95 was 61 ms, above 60 ms"),
            "p95 was 61 ms, above 60 ms"
        );
    }
}
