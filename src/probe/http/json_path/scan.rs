//! A position in the text of a query.

/// The rest of a query that is being parsed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'q> {
    whole: &'q str,
    rest: &'q str,
}

impl<'q> Scan<'q> {
    pub(super) const fn new(whole: &'q str) -> Self {
        let rest = whole;
        Self { whole, rest }
    }

    /// An error message that names the position.
    pub(super) fn expected(&self, what: &str) -> String {
        let read = &self.whole[..self.whole.len() - self.rest.len()];
        let position = read.chars().count() + 1;
        format!("expected {what} at position {position}")
    }

    pub(super) const fn is_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn next(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Consumes the next character.
    pub(super) fn take(&mut self) -> Option<char> {
        let next = self.next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Consumes a text if it is next; returns whether it was.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Consumes the next characters of a kind.
    pub(super) fn take_while(&mut self, is_kind: impl Fn(char) -> bool) -> &'q str {
        let end = self.rest.find(|c| !is_kind(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }

    /// Consumes a text and the white space around it if it is next; returns whether it was.
    pub(super) fn eat_spaced(&mut self, text: &str) -> bool {
        let mut after = *self;
        after.skip_space();
        let found = after.eat(text);
        if found {
            after.skip_space();
            *self = after;
        }
        found
    }
}
