//! Texts shared by many findings: most of thousands of services have the same ones.

use crate::signal::{Finding, Indicator};
use std::collections::HashSet;
use std::sync::Arc;

/// The distinct texts.
#[derive(Debug, Default)]
pub(super) struct Texts(HashSet<Arc<str>>);

impl Texts {
    pub(super) fn finding(&mut self, mut finding: Finding) -> Finding {
        self.share(&mut finding.subject);
        self.share(&mut finding.evidence);
        finding
    }

    pub(super) fn indicator(&mut self, mut indicator: Indicator) -> Indicator {
        self.share(&mut indicator.evidence);
        indicator
    }

    /// Replaces a text by an equal one that is already shared.
    pub(super) fn share(&mut self, text: &mut Arc<str>) {
        match self.0.get(text) {
            Some(known) => *text = known.clone(),
            None => {
                self.0.insert(text.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_shared() {
        let mut texts = Texts::default();
        let [mut first, mut second, mut other]: [Arc<str>; 3] = ["a", "a", "b"].map(Arc::from);
        assert!(!Arc::ptr_eq(&first, &second));
        for text in [&mut first, &mut second, &mut other] {
            texts.share(text);
        }
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!((&*first, &*second, &*other), ("a", "a", "b"));
    }
}
