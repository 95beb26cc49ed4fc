//! Errors and warnings that refer to a location in a file.

use crate::text::printable;
use std::fmt::{self, Write as _};

/// A location in a source text. Lines and columns start at 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    /// Number of characters to mark; at least 1 is drawn.
    pub len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
    /// Worth knowing, but often intended.
    Note,
}

impl Severity {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// An error or warning with all the information needed to fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// A stable short name such as `unknown-key`, for tests, filters and documentation.
    pub code: &'static str,
    pub place: Option<Place>,
    /// The path in the document, such as `services[0].probes[1].http.url`.
    pub path: String,
    /// What is invalid.
    pub message: String,
    /// What was expected, or how to fix it.
    pub help: Option<String>,
}

/// Maximum number of diagnostics drawn; further ones are only counted.
const DRAWN_MAX: usize = 100;

/// A named text in which locations are shown.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub name: String,
    pub text: String,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (name.into(), text.into());
        Self { name, text }
    }

    /// Draws a diagnostic with its source line and the location marked:
    ///
    /// ```text
    /// error[unknown-key]: unknown key `intervall`
    ///   --> slod.yaml:4:5
    ///    |
    ///  4 |     intervall: 10s
    ///    |     ^^^^^^^^^
    ///    = services[0].probes[0]
    ///    = help: did you mean `interval`?
    /// ```
    pub fn draw(&self, diagnostic: &Diagnostic, color: bool) -> String {
        let paint = Paint { color };
        let head = paint.severity(diagnostic.severity, diagnostic.code);
        let mut out = format!("{head}: {}\n", printable(&diagnostic.message));
        let margin = diagnostic
            .place
            .map_or(1, |place| place.line.to_string().len());
        match diagnostic.place {
            Some(place) => self.draw_place(&mut out, place, margin),
            None => {
                writeln!(out, "{:margin$}--> {}", "", printable(&self.name)).unwrap_or_default();
            }
        }
        let mut note = |text: fmt::Arguments<'_>| {
            writeln!(out, "{:margin$} = {text}", "").unwrap_or_default();
        };
        if !diagnostic.path.is_empty() {
            note(format_args!("at {}", printable(&diagnostic.path)));
        }
        if let Some(help) = &diagnostic.help {
            note(format_args!("help: {}", printable(help)));
        }
        out
    }

    /// Draws the first hundred diagnostics, with an empty line after each, and the number of further ones.
    pub fn draw_all<'d>(
        &self,
        diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
        color: bool,
    ) -> String {
        let mut rest = diagnostics.into_iter();
        let first = rest.by_ref().take(DRAWN_MAX);
        let mut out: String = first.map(|one| self.draw(one, color) + "\n").collect();
        match rest.count() {
            0 => {}
            more => writeln!(out, "and {more} more\n").unwrap_or_default(),
        }
        out
    }

    fn draw_place(&self, out: &mut String, place: Place, margin: usize) {
        let line = self.text.lines().nth(place.line - 1).unwrap_or_default();
        let (shown, before) = excerpt(line, place.column - 1);
        let room = shown.chars().count().saturating_sub(before);
        let marks = "^".repeat(place.len.min(room).max(1));
        let Place { line, column, .. } = place;
        let drawn = write!(
            out,
            "{:margin$}--> {}:{line}:{column}\n{:margin$} |\n{line:>margin$} | {shown}\n{:margin$} | {:pad$}{marks}\n",
            "",
            printable(&self.name),
            "",
            "",
            "",
            pad = before,
        );
        drawn.unwrap_or_default();
    }
}

/// Maximum number of characters drawn of a line: two lines of a wide terminal.
const LINE_LIMIT: usize = 240;

/// The part of a line around the character `at`, and the position of that character in the part.
fn excerpt(line: &str, at: usize) -> (String, usize) {
    let skipped = if line.chars().count() > LINE_LIMIT {
        at.saturating_sub(LINE_LIMIT / 2)
    } else {
        0
    };
    let shown: String = line.chars().skip(skipped).take(LINE_LIMIT).collect();
    // Characters are replaced one for one, so that the marks stay aligned.
    (printable(&shown).into_owned(), at - skipped)
}

struct Paint {
    color: bool,
}

impl Paint {
    fn severity(&self, severity: Severity, code: &str) -> String {
        let label = format!("{}[{code}]", severity.label());
        match (self.color, severity) {
            (false, _) => label,
            (true, Severity::Error) => format!("\x1b[1;31m{label}\x1b[0m"),
            (true, Severity::Warning) => format!("\x1b[1;33m{label}\x1b[0m"),
            (true, Severity::Note) => format!("\x1b[1;36m{label}\x1b[0m"),
        }
    }
}

/// Longer names, in bytes, are not considered misspellings.
const NAME_MAX: usize = 200;

/// The closest known name, if it is close enough to be meant: a few letters away, a prefix or suffix word
/// (`expect` for `expect_status`), or a completion.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.len() > NAME_MAX {
        return None;
    }
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .filter_map(|name| Some((likeness(&wrong, &name.to_lowercase())?, name)))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The first 12 names separated by commas, with `, ...` if there are more.
pub fn some_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const LISTED: usize = 12;
    let mut names = names.into_iter();
    let listed: Vec<&str> = names.by_ref().take(LISTED).collect();
    let rest = if names.next().is_some() { ", ..." } else { "" };
    listed.join(", ") + rest
}

/// The similarity of two names if one may be meant by the other. A common prefix alone is not enough:
/// `scrape_configs` is not `scenarios`.
fn likeness(wrong: &str, name: &str) -> Option<f64> {
    let likeness = strsim::jaro_winkler(wrong, name);
    let is_end = |rest: &str| rest.starts_with(['_', '-']) || rest.ends_with(['_', '-']);
    let mut ends = [wrong.strip_prefix(name), wrong.strip_suffix(name)]
        .into_iter()
        .flatten();
    let is_word = name.len() > 2 && ends.any(is_end);
    let is_beginning = wrong.len() > 2 && name.starts_with(wrong);
    let is_spelled_so = || strsim::normalized_damerau_levenshtein(wrong, name) >= 0.65;
    let is_meant = is_word || (likeness > 0.8 && (is_beginning || is_spelled_so()));
    is_meant.then_some(likeness)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_close_enough_to_be_meant() {
        let known = [
            "scenarios",
            "services",
            "receivers",
            "routes",
            "expect",
            "max_concurrent_probes",
            "url",
        ];
        for (wrong, meant) in [
            ("service", Some("services")),
            ("servcies", Some("services")),
            ("Routes", Some("routes")),
            ("route", Some("routes")),
            ("maxConcurrentProbes", Some("max_concurrent_probes")),
            ("max-concurrent-probes", Some("max_concurrent_probes")),
            ("expect_status", Some("expect")),
            ("uri", Some("url")),
            ("scen", Some("scenarios")),
            ("scrape_configs", None),
            ("server", None),
            ("global", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), meant, "{wrong}");
        }
    }
}
