//! Names of keys as messages show them.

use std::borrow::Cow;

/// Longer names are shown in part.
const NAME_MAX: usize = 64;

/// Whether a key can be what its author took for a name; others may hold a value by a typing error,
/// such as `token:secret` without the space.
pub(super) fn is_plain_name(name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || "_-.$[]*@".contains(c);
    name.len() <= NAME_MAX && name.chars().all(word)
}

/// A name as messages show it: what cannot be a part of it is left out.
pub fn shown_name(name: &str) -> Cow<'_, str> {
    if is_plain_name(name) {
        return Cow::Borrowed(name);
    }
    let word = |c: &char| c.is_alphanumeric() || "_-.$".contains(*c);
    let beginning: String = name.chars().take_while(word).take(NAME_MAX).collect();
    Cow::Owned(beginning + "\u{2026}")
}
