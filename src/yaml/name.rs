//! Names of keys in messages.

use std::borrow::Cow;

/// Longer names are truncated.
const NAME_MAX: usize = 64;

/// Whether a key looks like a name. Other keys may contain a value because of a typing error, such as
/// `token:secret` without a space.
pub(super) fn is_plain_name(name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || "_-.$[]*@".contains(c);
    name.len() <= NAME_MAX && name.chars().all(word)
}

/// A name for messages, truncated at the first character that cannot be part of a name.
pub fn shown_name(name: &str) -> Cow<'_, str> {
    if is_plain_name(name) {
        return Cow::Borrowed(name);
    }
    let word = |c: &char| c.is_alphanumeric() || "_-.$".contains(*c);
    let beginning: String = name.chars().take_while(word).take(NAME_MAX).collect();
    Cow::Owned(beginning + "\u{2026}")
}
