//! Which values of a mapping can be shown.

use super::Section;
use crate::yaml::form::Structure;
use crate::yaml::secret::resembles_secret;
use crate::yaml::tree::{Node, Value};

impl Section<'_> {
    /// Marks the values of declared keys that are not secret as public. A mapping instead of a string, or
    /// with keys that are not known yet, stays hidden.
    pub(super) fn publish(&self) {
        self.reader.publish_keys(self.entries);
        for (key, value) in self.entries {
            let name = key.value.scalar().unwrap_or_default();
            if self.is_public(&name, value) {
                self.reader.publish(value);
            }
        }
    }

    /// Marks the value of a probably misspelled key as public, unless it may be a secret.
    pub fn publish_misspelled(&self, name: &str, meant: Option<&str>, value: &Node) {
        // A name with an additional word may be something else: `hook_url` is not `url`.
        let is_whole = |meant: &&str| {
            let has_words = name.contains(['_', '-']) && name.len() > meant.len();
            !(has_words && name.contains(*meant))
        };
        let meant = meant.filter(is_whole);
        if meant.is_some_and(|meant| self.is_public(meant, value)) && !resembles_secret(name) {
            self.reader.publish(value);
        }
    }

    /// Whether the value of a declared key can be shown.
    pub(super) fn is_public(&self, name: &str, value: &Node) -> bool {
        let is_map = matches!(value.value, Value::Map(_));
        self.declared().any(|key| {
            let structure = key.form().structure();
            let takes_map = matches!(structure, Structure::Map { .. });
            if key.name() == name {
                return structure.is_public() && (takes_map || !is_map);
            }
            // A path.
            !is_map && key.file_name().as_deref() == Some(name)
        })
    }
}
