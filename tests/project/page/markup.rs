//! Every page is safe and accessible markup, regardless of external texts.

use super::{SCRIPT, pages};
use slod::web::page::style::{HASH, NAME, STYLE};

#[test]
fn no_page_has_script_inline_style_or_foreign_resources() {
    for (name, html) in pages() {
        for forbidden in [
            "<script",
            " style=",
            "<style",
            " src=",
            "<img",
            "javascript:",
            "@import",
            "url(",
        ] {
            let mut places = html.match_indices(forbidden);
            // Text within an attribute value is harmless.
            let found = places.find(|(at, _)| forbidden.starts_with('<') || in_a_tag(&html, *at));
            assert!(found.is_none(), "{name} has {forbidden}");
        }
        for (tag, _) in html.match_indices("href=\"") {
            let target = &html[tag + 6..];
            let own = ["./", "../", "#", "?", "services/", "data:image/svg+xml,"];
            assert!(
                own.iter().any(|start| target.starts_with(start)),
                "{name}: {}",
                &target[..40]
            );
        }
        assert!(html.contains(&format!("{NAME}?v={}", *HASH)));
    }
    assert!(!STYLE.contains("@import") && !STYLE.contains("url("));
}

/// Whether `at` is within a tag, outside of attribute values.
fn in_a_tag(html: &str, at: usize) -> bool {
    let before = &html[..at];
    let tag = before.rfind('<').map_or("", |open| &before[open..]);
    !tag.contains('>') && tag.matches('"').count().is_multiple_of(2)
}

#[test]
fn hostile_values_never_become_markup() {
    for name in ["strange", "service-hostile"] {
        let html = &pages()[name];
        assert!(
            html.contains("&lt;script&gt;alert('x')&lt;/script&gt;&lt;img"),
            "{name} shows it"
        );
        assert!(
            html.contains("onerror=&quot;x&quot;&gt;&amp;amp;"),
            "{name} escapes all of it"
        );
        assert!(!html.contains(SCRIPT) && !html.contains("<img") && !html.contains("alert('x')<"));
    }
    let front = &pages()["strange"];
    assert!(front.contains("href=\"services/%3Cscript%3Ealert%28%27x%27%29%3C%2Fscript%3E"));
}

#[test]
fn no_page_has_control_or_invisible_characters() {
    for (name, html) in pages() {
        let found = html.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(found, None, "{name}");
        assert!(
            !html.contains(['\u{202e}', '\u{2066}', '\u{200b}']),
            "{name}"
        );
    }
    assert!(pages()["service-hostile"].contains("\u{fffd}[31mred\u{fffd}"));
}

/// The keyboard cannot scroll anything else.
#[test]
fn wide_tables_take_the_focus() {
    let mut count = 0;
    for (name, html) in pages() {
        for (at, _) in html.match_indices("class=\"scroll\"") {
            let (tag, _) = html[at..].split_once('>').expect("a tag");
            assert!(
                tag.contains("tabindex=\"0\"") && tag.contains("aria-label=\""),
                "{name}: {tag}"
            );
            count += 1;
        }
    }
    assert!(count > 0);
}

#[test]
fn headings_never_skip_a_level() {
    for (name, html) in pages() {
        let levels = html
            .match_indices("<h")
            .filter_map(|(at, _)| html[at + 2..].chars().next()?.to_digit(10));
        let mut before = 0;
        for level in levels {
            assert!(
                level <= before + 1,
                "{name}: h{before} is followed by h{level}"
            );
            before = level;
        }
    }
}
