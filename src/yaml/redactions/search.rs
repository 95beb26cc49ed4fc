//! Finds a secret in a text.

use super::TOKEN_MIN;
use crate::text::CUT;

/// Minimum number of characters of a secret before a truncation to recognize it; of a URL, after the scheme.
const BEGINNING_MIN: usize = 2;
/// Marks the middle of a secret that another program masked: `sk-abcd********wxyz`.
const MASK: &str = "***";

/// Where a secret, or its beginning, is in a text.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) length: usize,
}

/// Finds a secret in a text, from its start to its end. Each part of the text is searched only once, since
/// servers choose what they repeat.
pub(super) struct Search<'t> {
    secret: &'t str,
    text: &'t str,
    /// The next place of each kind.
    known: [Next; FINDERS.len()],
}

#[derive(Clone, Copy)]
enum Next {
    Unknown,
    At(Place),
    Nowhere,
}

impl Next {
    /// Whether it must be searched after an index.
    const fn is_unknown(self, from: usize) -> bool {
        match self {
            Self::Unknown => true,
            Self::At(place) => place.at < from,
            Self::Nowhere => false,
        }
    }

    const fn place(self) -> Option<Place> {
        match self {
            Self::At(place) => Some(place),
            Self::Unknown | Self::Nowhere => None,
        }
    }
}

/// Finds the first place of a secret in a text.
type Finder = fn(&str, &str) -> Option<Place>;

const FINDERS: [Finder; 3] = [
    whole,
    |secret, text| before(secret, text, text.match_indices(CUT)),
    |secret, text| before(secret, text, text.match_indices(MASK)),
];

impl<'t> Search<'t> {
    pub(super) const fn new(secret: &'t str, text: &'t str) -> Self {
        Self {
            secret,
            text,
            known: [Next::Unknown; FINDERS.len()],
        }
    }

    /// The first place at or after an index, which is the start of the text or the end of another value, and the
    /// longest one there.
    pub(super) fn next(&mut self, from: usize) -> Option<Place> {
        let rest = &self.text[from..];
        for (known, find) in self.known.iter_mut().zip(FINDERS) {
            if known.is_unknown(from) {
                let place = find(self.secret, rest).map(|place| place.after(from));
                *known = place.map_or(Next::Nowhere, Next::At);
            }
        }
        // A place that was rejected within a word may be right after another value.
        let here = at_start(self.secret, rest).map(|place| place.after(from));
        let known = self.known.into_iter().filter_map(Next::place);
        let places = known.chain(here);
        places.min_by_key(|place| (place.at, usize::MAX - place.length))
    }
}

impl Place {
    const fn after(self, from: usize) -> Self {
        Self {
            at: from + self.at,
            ..self
        }
    }
}

/// A short secret must be a whole word.
fn whole(secret: &str, text: &str) -> Option<Place> {
    let length = secret.len();
    let mut places = text.match_indices(secret).map(|(at, _)| at);
    let at = places
        .find(|at| begins_word(secret, &text[..*at]) && ends_word(secret, &text[at + length..]))?;
    Some(Place { at, length })
}

/// The beginning of a secret before a mark.
fn before<'t>(
    secret: &str,
    text: &str,
    mut marks: impl Iterator<Item = (usize, &'t str)>,
) -> Option<Place> {
    marks.find_map(|(mark, _)| {
        let longest = beginnings(secret)
            .take_while(|end| *end <= mark)
            .filter(|end| text[..mark].ends_with(&secret[..*end]))
            .filter(|end| begins_word(secret, &text[..mark - end]))
            .last();
        longest.map(|length| Place {
            at: mark - length,
            length,
        })
    })
}

/// A secret, or its beginning before a mark, at the start of a text.
fn at_start(secret: &str, text: &str) -> Option<Place> {
    let after = text.strip_prefix(secret);
    let is_whole = after.is_some_and(|after| ends_word(secret, after));
    let is_marked = |end: &usize| {
        let after = &text[*end..];
        after.starts_with(CUT) || after.starts_with(MASK)
    };
    let repeated = beginnings(secret).take_while(|end| text.starts_with(&secret[..*end]));
    let length = if is_whole {
        secret.len()
    } else {
        repeated.filter(is_marked).last()?
    };
    Some(Place { at: 0, length })
}

/// The lengths of the beginnings of a secret that are recognized.
fn beginnings(secret: &str) -> impl Iterator<Item = usize> {
    let scheme = secret.find("://").map_or(0, |at| at + "://".len());
    let ends = secret[scheme..].char_indices();
    ends.map(move |(at, c)| scheme + at + c.len_utf8())
        .skip(BEGINNING_MIN - 1)
}

fn is_short(secret: &str) -> bool {
    secret.len() < TOKEN_MIN
}

/// Whether a secret can begin after a text; a short one cannot begin within a word.
fn begins_word(secret: &str, before: &str) -> bool {
    let is_inner = secret.starts_with(|c: char| c.is_ascii_alphanumeric())
        && before.ends_with(|c: char| c.is_ascii_alphanumeric());
    !(is_short(secret) && is_inner) || ends_escaped(before)
}

/// Whether a secret can end before a text; a short one cannot end within a word.
fn ends_word(secret: &str, after: &str) -> bool {
    let is_inner = secret.ends_with(|c: char| c.is_ascii_alphanumeric())
        && after.starts_with(|c: char| c.is_ascii_alphanumeric());
    !(is_short(secret) && is_inner)
}

/// Whether a text ends with an escape sequence: `%3D`, `\n`, `\u003d`.
fn ends_escaped(text: &str) -> bool {
    let escaped = |lead: &str, length: usize| {
        let from = text.len().checked_sub(length);
        let digits = from.and_then(|from| text.get(from..)?.strip_prefix(lead));
        digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let letter = text.strip_suffix(['n', 'r', 't', 'b', 'f']);
    escaped("%", 3)
        || escaped("\\x", 4)
        || escaped("\\u", 6)
        || letter.is_some_and(|before| before.ends_with('\\'))
}
