//! `${NAME}`: values from the environment.

use super::{Reader, Spot};

impl Reader<'_> {
    /// Replaces `${NAME}` by the environment's value; `$${` stands for a literal `${`.
    pub(in crate::yaml) fn expand(&self, text: &str, at: &Spot) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                out.push_str(&rest[..start]);
                out.push('{');
                rest = &rest[start + 2..];
                continue;
            }
            out.push_str(&rest[..start]);
            let tail = &rest[start + 2..];
            let Some(end) = tail.find('}') else {
                self.error(
                    "invalid-value",
                    at,
                    "`${` without a closing `}`",
                    "write ${NAME}, or $${ for a literal ${",
                );
                return None;
            };
            let value = self.variable(&tail[..end], at)?;
            self.note_outside(value.as_bytes());
            self.variables.borrow_mut().extend(at.place);
            self.redact(&value, &rest[start..start + end + 3]);
            out.push_str(&value);
            rest = &tail[end + 1..];
        }
        out.push_str(rest);
        Some(out)
    }

    fn variable(&self, name: &str, at: &Spot) -> Option<String> {
        let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if name.is_empty() || !name.chars().all(word) {
            self.error(
                "invalid-value",
                at,
                // Without the text, which may be a part of a secret.
                "the text in `${...}` is not the name of an environment variable",
                "write ${NAME}, or $${ for a literal ${",
            );
            return None;
        }
        let value = (self.env)(name);
        if value.is_none() {
            self.error(
                "unset-variable",
                at,
                format!("the environment variable {name} is not set"),
                "set it in the environment of slod, or write the value here",
            );
        }
        value
    }
}
