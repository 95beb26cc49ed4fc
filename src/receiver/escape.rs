//! Escapes values for the markup of chat services, so that names, labels and quoted responses arrive as text
//! and mention nobody. Addresses stay as they are, because the services link them before they read other markup.

/// Escapes a value for the markup of a service.
pub(super) type Escape = fn(&str) -> String;

/// Characters of a URL that have no meaning in Markdown next to other ones of a URL.
const IN_URL: &str = "-._~:/?#@!$&'+,;=%";
/// An invisible character between `@` and a name, which the services then do not read as a mention.
const JOINER: char = '\u{2060}';

/// Escapes with backslashes for Markdown as in Adaptive Cards and Discord.
/// <https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features>
/// <https://support.discord.com/hc/en-us/articles/210298617-Markdown-Text-101-Chat-Formatting-Bold-Italic-Underline>
pub(super) fn markdown(text: &str) -> String {
    escaped(text, |out, c, place| {
        let is_markup = match c {
            '\\' | '*' | '`' | '~' | '|' | '[' | ']' | '<' => true,
            // Inside a word it has no meaning.
            '_' => !(place.is_after_word && place.is_before_word),
            '@' => !place.is_after_word,
            '#' | '>' => place.starts_line,
            _ => false,
        };
        if is_markup {
            out.push('\\');
        }
        out.push(c);
    })
}

/// Escapes for Slack, which has no way to escape other characters. Mattermost and Rocket.Chat read mentions
/// such as `@channel` in any text.
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>
pub(super) fn slack(text: &str) -> String {
    let text = mentionless(text).replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

/// Prevents that `@name` is read as a mention, as Telegram does in plain text.
/// <https://core.telegram.org/api/mentions>
pub(super) fn mentionless(text: &str) -> String {
    escaped(text, |out, c, place| {
        out.push(c);
        if c == '@' && !place.is_after_word && place.is_before_word {
            out.push(JOINER);
        }
    })
}

/// The surroundings of a character.
#[derive(Clone, Copy)]
struct Place {
    is_after_word: bool,
    is_before_word: bool,
    /// Whether it is the first one of a line, after spaces and dashes.
    starts_line: bool,
}

/// Writes each character of a text by a rule; those of URLs as they are.
fn escaped(text: &str, write: impl Fn(&mut String, char, Place)) -> String {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut out = String::with_capacity(text.len());
    let (mut before, mut starts_line, mut url_end) = (None, true, 0);
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        if at >= url_end && (rest.starts_with("http://") || rest.starts_with("https://")) {
            url_end = at + url_length(rest);
        }
        if at < url_end {
            out.push(c);
        } else {
            let place = Place {
                is_after_word: is_word(before),
                is_before_word: is_word(rest[c.len_utf8()..].chars().next()),
                starts_line,
            };
            write(&mut out, c, place);
        }
        starts_line = c == '\n' || (starts_line && (c == ' ' || c == '-'));
        before = Some(c);
    }
    out
}

fn url_length(text: &str) -> usize {
    let is_in_url = |c: char| c.is_ascii_alphanumeric() || IN_URL.contains(c);
    text.find(|c| !is_in_url(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_arrives_as_text() {
        for (text, expected) in [
            ("p95 of rag_api_v2 rose 34%", "p95 of rag_api_v2 rose 34%"),
            ("a_b_c*", r"a_b_c\*"),
            ("_a_ __b__", r"\_a\_ \_\_b\_\_"),
            (
                "**x** ~~y~~ ||z|| `c`",
                r"\*\*x\*\* \~\~y\~\~ \|\|z\|\| \`c\`",
            ),
            (
                "[here](http://evil.example)",
                r"\[here\](http://evil.example)",
            ),
            ("<x> <@80351110224678912>", r"\<x> \<\@80351110224678912>"),
            (
                "@everyone, oncall@example.com",
                r"\@everyone, oncall@example.com",
            ),
            ("# a\n> b\n-# c\nd # > e", "\\# a\n\\> b\n-\\# c\nd # > e"),
            (r"C:\tmp \*", r"C:\\tmp \\\*"),
            ("", ""),
        ] {
            assert_eq!(markdown(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses_stay_valid() {
        let url = "https://slod.example/services/a_b_?x=_1_&y=%2A#z";
        for escape in [markdown, mentionless] {
            assert_eq!(escape(&format!("see {url} now")), format!("see {url} now"));
            assert_eq!(escape(url), url);
        }
        assert_eq!(slack("http://a/?b&c"), "http://a/?b&amp;c");
        assert_eq!(
            markdown("http://a[b](http://c)*"),
            r"http://a\[b\](http://c)\*"
        );
    }

    #[test]
    fn nobody_is_mentioned() {
        assert_eq!(
            slack("<!channel> & @here"),
            "&lt;!channel&gt; &amp; @\u{2060}here"
        );
        assert_eq!(
            mentionless("@alice a@b @ @@bob"),
            "@\u{2060}alice a@b @ @@\u{2060}bob"
        );
    }

    proptest::proptest! {
        #[test]
        fn markdown_is_restored_without_its_backslashes(text in "([a_*@<#>~|`\\\\ \\n-]|ж|http://){0,30}") {
            let mut restored = String::new();
            let mut letters = markdown(&text);
            letters.push(' ');
            let mut letters = letters.chars();
            while let Some(c) = letters.next() {
                restored.extend(if c == '\\' { letters.next() } else { Some(c) });
            }
            restored.pop();
            proptest::prop_assert_eq!(restored, text);
        }
    }
}
