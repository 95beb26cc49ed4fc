//! The environment variables of a script, which carry its secrets.

use crate::export::ScriptText;
use std::collections::BTreeMap;

/// The kernel rejects longer ones.
const LENGTH_MAX: usize = 100 * 1024;

/// Variables that are set by the user who runs the script, or by slod, which then needs their values.
pub struct Variables {
    values: Option<BTreeMap<String, String>>,
}

impl Variables {
    /// Records only names, not values.
    pub const fn names_only() -> Self {
        Self { values: None }
    }

    /// Keeps the values, to start the script with them.
    pub const fn with_values() -> Self {
        Self {
            values: Some(BTreeMap::new()),
        }
    }

    pub const fn has_values(&self) -> bool {
        self.values.is_some()
    }

    /// Returns a reference to a variable whose name is based on `name`. Different values get different names.
    pub fn secret(&mut self, name: &str, value: &[u8]) -> Result<ScriptText, String> {
        let Some(values) = &mut self.values else {
            return Ok(ScriptText::environment(name));
        };
        let value = std::str::from_utf8(value).ok();
        let value = value.filter(|value| !value.contains('\0') && value.len() <= LENGTH_MAX);
        let value = value
            .ok_or_else(|| format!("the value of {name} must be UTF-8 text of at most 100 KiB"))?;
        let same = |other: &String| values.get(other).is_none_or(|known| known == value);
        let mut names = (1..).map(|number| match number {
            1 => name.to_owned(),
            number => format!("{name}_{number}"),
        });
        let name = names.find(same).unwrap_or_default();
        values.insert(name.clone(), value.to_owned());
        Ok(ScriptText::environment(name))
    }

    pub fn into_values(self) -> BTreeMap<String, String> {
        self.values.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_fits_the_limit_of_the_kernel() {
        let mut variables = Variables::with_values();
        assert!(variables.secret("A", &vec![b'x'; LENGTH_MAX]).is_ok());
        let fault = variables.secret("A", &vec![b'x'; LENGTH_MAX + 1]);
        assert!(fault.expect_err("long").contains("100 KiB"));
        assert!(variables.secret("A", b"a\0b").is_err());
    }
}
