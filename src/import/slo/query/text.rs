//! Prepares the text of a query for the parser.

/// Maximum size of a query in bytes.
const SIZE_MAX: usize = 16 << 10;
/// Maximum number of tokens outside selectors. Each may add a level to the tree, which is read and dropped
/// recursively; a level uses up to 4 KiB of a thread's stack of 2 MiB.
const NESTED_MAX: usize = 400;
/// Replaces every range and offset, which a config does not have; templates such as `{{.window}}` may occur there.
const SPAN: &str = "5m";

/// A text for the parser. Returns an error message if the query is too large.
pub(super) fn prepare(written: &str) -> Result<String, String> {
    if written.len() > SIZE_MAX {
        return Err(format!("the query is longer than {SIZE_MAX} bytes"));
    }
    let mut scan = Scan {
        rest: written,
        out: String::with_capacity(written.len()),
        is_after_offset: false,
        is_in_selector: false,
        nested: 0,
    };
    while scan.token() {
        if scan.nested > NESTED_MAX {
            return Err(format!("the query has more than {NESTED_MAX} tokens"));
        }
    }
    Ok(scan.out)
}

struct Scan<'q> {
    rest: &'q str,
    out: String,
    is_after_offset: bool,
    is_in_selector: bool,
    nested: usize,
}

impl Scan<'_> {
    /// Copies the next token. Returns whether there was one.
    fn token(&mut self) -> bool {
        self.skip_blank();
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        self.nested += usize::from(!self.is_in_selector);
        let is_after_offset = std::mem::take(&mut self.is_after_offset);
        match first {
            '"' | '\'' | '`' => self.copy(text_end(self.rest, first)),
            '[' => self.range(),
            '+' | '-' if is_after_offset => {
                self.copy(1);
                self.is_after_offset = true;
            }
            c if is_in_word(c) => {
                let end = self.rest.find(|c| !is_in_word(c));
                let word = &self.rest[..end.unwrap_or(self.rest.len())];
                let is_duration = is_after_offset && is_number(word);
                self.is_after_offset = word.eq_ignore_ascii_case("offset");
                if is_duration {
                    self.rest = &self.rest[word.len()..];
                    self.out.push_str(SPAN);
                } else {
                    self.copy(word.len());
                }
            }
            c => {
                self.is_in_selector = c == '{' || self.is_in_selector && c != '}';
                self.copy(c.len_utf8());
            }
        }
        true
    }

    /// Blanks and comments separate tokens.
    fn skip_blank(&mut self) {
        let start = self.rest;
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix('#') else {
                break;
            };
            self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
        }
        if self.rest.len() < start.len() {
            self.out.push(' ');
        }
    }

    fn range(&mut self) {
        let end = self.rest.find(']').map_or(self.rest.len(), |end| end + 1);
        let is_subquery = self.rest[..end].contains(':');
        self.rest = &self.rest[end..];
        let colon = if is_subquery { ":" } else { "" };
        self.out.extend(["[", SPAN, colon, "]"]);
    }

    fn copy(&mut self, length: usize) {
        let (token, rest) = self.rest.split_at(length);
        self.out.push_str(token);
        self.rest = rest;
    }
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || "_:.".contains(c)
}

fn is_number(word: &str) -> bool {
    let is_named = ["inf", "nan"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name));
    is_named || word.starts_with(|c: char| c.is_ascii_digit() || c == '.')
}

/// The end of a quoted string.
fn text_end(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' && quote != '`' {
            is_escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}
