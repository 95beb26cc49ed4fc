//! Names that are valid in Kubernetes and `OpenSLO`, derived from config names, which may contain any
//! characters.

use crate::text;

/// Maximum length of a label (RFC 1123).
const LONGEST: usize = 63;

/// Gives each text a unique name, since different texts may have the same valid form.
#[derive(Default)]
pub(super) struct Names(text::Names);

impl Names {
    /// Appends a number to a name that was already used.
    pub fn give(&mut self, text: &str) -> String {
        self.0.give(valid(text), |name, number| {
            let end = format!("-{number}");
            let begin = &name[..name.len().min(LONGEST - end.len())];
            format!("{}{end}", begin.trim_end_matches('-'))
        })
    }
}

/// The closest valid name.
pub(super) fn valid(text: &str) -> String {
    text::slug(text, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_texts_get_different_names() {
        let mut names = Names::default();
        let long = "x".repeat(80);
        for (text, name) in [
            ("a.b", "a-b".to_owned()),
            ("a-b", "a-b-2".to_owned()),
            ("A B", "a-b-3".to_owned()),
            ("a-b-2", "a-b-2-2".to_owned()),
            ("検索", "unnamed".to_owned()),
            ("…", "unnamed-2".to_owned()),
            (&long, "x".repeat(63)),
            (&format!("{long}y"), format!("{}-2", "x".repeat(61))),
        ] {
            assert_eq!(names.give(text), name, "{text}");
        }
    }
}
