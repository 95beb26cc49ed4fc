//! Characters that look like others or are invisible, which often come from text copied from a web page
//! or a chat.

/// The characters, with their descriptions.
const ODD: &[(char, &str)] = &[
    ('\u{a0}', "a no-break space"),
    ('\u{ad}', "a soft hyphen"),
    ('\u{2007}', "a figure space"),
    ('\u{2009}', "a thin space"),
    ('\u{200b}', "a zero-width space"),
    ('\u{200c}', "a zero-width non-joiner"),
    ('\u{200d}', "a zero-width joiner"),
    ('\u{200e}', "a left-to-right mark"),
    ('\u{200f}', "a right-to-left mark"),
    ('\u{2010}', "a typographic hyphen"),
    ('\u{2011}', "a no-break hyphen"),
    ('\u{2013}', "an en dash"),
    ('\u{2014}', "an em dash"),
    ('\u{2018}', "a typographic quotation mark"),
    ('\u{2019}', "a typographic quotation mark"),
    ('\u{201a}', "a typographic quotation mark"),
    ('\u{201c}', "a typographic quotation mark"),
    ('\u{201d}', "a typographic quotation mark"),
    ('\u{201e}', "a typographic quotation mark"),
    ('\u{202f}', "a narrow no-break space"),
    ('\u{2060}', "a word joiner"),
    ('\u{2212}', "a minus sign instead of a hyphen"),
    ('\u{3000}', "an ideographic space"),
    ('\u{feff}', "a byte order mark"),
    ('\u{ff1a}', "a full-width colon"),
];

/// The index and the description of the first such character in a text, such as
/// `U+00A0, a no-break space`.
pub(super) fn first(text: &str) -> Option<(usize, String)> {
    let mut all = text.chars().enumerate();
    let (at, odd, name) = all.find_map(|(at, c)| Some((at, c, name(c)?)))?;
    Some((at, format!("U+{:04X}, {name}", u32::from(odd))))
}

fn name(c: char) -> Option<&'static str> {
    let known = ODD.iter().find(|(odd, _)| *odd == c);
    known.map(|(_, name)| *name).or_else(|| match c {
        c if !is_blank(c) => None,
        c if c.is_whitespace() => Some("a space that is not ASCII"),
        _ => Some("an invisible character"),
    })
}

/// Whether a character is one of these and invisible.
pub(super) fn is_blank(c: char) -> bool {
    let is_joiner = matches!(
        c,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    );
    is_joiner || (c.is_whitespace() && !c.is_ascii())
}

/// Replaces these characters with those that they look like, and removes surrounding quotation marks.
pub(super) fn plain(text: &str) -> String {
    let plain: String = text.chars().filter_map(plain_character).collect();
    plain.trim_matches([' ', '"', '\'']).to_owned()
}

fn plain_character(c: char) -> Option<char> {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201a}' => Some('\''),
        '\u{201c}' | '\u{201d}' | '\u{201e}' => Some('"'),
        '\u{2010}' | '\u{2011}' | '\u{2013}' | '\u{2014}' | '\u{2212}' => Some('-'),
        '\u{ff1a}' => Some(':'),
        c if c.is_whitespace() => Some(' '),
        c if is_blank(c) => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookalike_characters_are_named_and_replaced() {
        assert_eq!(
            first("a\u{a0}b"),
            Some((1, "U+00A0, a no-break space".to_owned()))
        );
        assert_eq!(
            first("\u{2003}"),
            Some((0, "U+2003, a space that is not ASCII".to_owned()))
        );
        assert_eq!(
            first("\u{202e}"),
            Some((0, "U+202E, an invisible character".to_owned()))
        );
        assert_eq!(first("größe 5 €"), None);
        assert_eq!(plain("\u{201c}http://h/\u{201d}"), "http://h/");
        assert_eq!(plain("\u{feff}10\u{a0}s\u{200b}"), "10 s");
        assert_eq!(plain("200\u{2013}299"), "200-299");
        for (odd, _) in ODD {
            assert!(!plain(&odd.to_string()).contains(*odd), "{odd:?}");
        }
    }
}
