//! Variables (`{{name}}`) in a collection.

use crate::import::requests::document::At;
use crate::import::requests::secrets::is_secret_name;
use crate::import::requests::text::reference;
use crate::import::requests::{RequestsError, SIZE_MAX};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

const COUNT_MAX: usize = 1_000;
/// Maximum nesting of variables in values.
const DEPTH_MAX: usize = 8;
/// Maximum length of a name in bytes.
const NAME_MAX: usize = 128;
/// Maximum length of a text after its variables are expanded.
const LENGTH_MAX: usize = 512 << 10;

/// Maximum number of bytes in all expanded texts of a collection, and for each text this many more.
const WORK_MAX: usize = 2 * SIZE_MAX;
const TEXT_WORK: usize = 64;

/// The variables of a collection or folder.
#[derive(Clone, Default)]
pub struct Variables {
    /// Values by name. Folders without variables share those of the collection.
    values: Arc<BTreeMap<String, String>>,
    /// The work so far in the collection.
    work: Rc<Cell<usize>>,
    /// The names of generated values, such as `$guid`, in the collection.
    dynamic: Rc<RefCell<BTreeSet<String>>>,
}

impl Variables {
    /// Adds the variables of a collection or folder. Secret ones have no value and stay references.
    pub fn add(&mut self, at: &At<'_>) -> Result<(), RequestsError> {
        for variable in at.items_of("variable")? {
            let name = variable.get("key").or_else(|| variable.get("id"));
            let (Some(name), Some(value)) = (name, variable.get("value")) else {
                continue;
            };
            let name = name.text()?;
            let is_secret = variable.text_of("type")? == "secret" || is_secret_name(name);
            let is_plain = !value.value.is_array() && !value.value.is_object();
            if !is_secret && is_plain && !variable.is("disabled") {
                let value = value.scalar()?;
                let known = Arc::make_mut(&mut self.values);
                known.insert(name.to_owned(), value);
                if known.len() > COUNT_MAX {
                    return Err(at.fault("expected at most 1,000 variables"));
                }
            }
        }
        Ok(())
    }

    /// The expanded value of a member of a list.
    pub fn value(&self, name: &str, at: &At<'_>) -> Result<String, RequestsError> {
        match at.get("value") {
            Some(_) if is_secret_name(name) => Ok(reference(name)),
            Some(value) => self.fill(&value),
            None => Ok(String::new()),
        }
    }

    /// Expands the variables in a text; those without a value become references.
    pub fn fill(&self, at: &At<'_>) -> Result<String, RequestsError> {
        let mut out = String::new();
        if self.write(&at.scalar()?, 0, &mut out) {
            Ok(out)
        } else {
            Err(at.fault("its variables are nested too deeply or are too large"))
        }
    }

    /// The names of values that Postman generates for each request.
    pub fn dynamic(&self) -> BTreeSet<String> {
        self.dynamic.borrow().clone()
    }

    /// Counts a text that is expanded. Returns whether more can be expanded.
    fn spend(&self, bytes: usize) -> bool {
        let work = self.work.get().saturating_add(bytes + TEXT_WORK);
        self.work.set(work);
        work <= WORK_MAX
    }

    /// Whether the result is within the limits.
    fn write(&self, text: &str, depth: usize, out: &mut String) -> bool {
        if depth > DEPTH_MAX || !self.spend(text.len()) {
            return false;
        }
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = variable(after) else {
                let braces = before.len() + 1;
                out.push_str(&rest[..braces]);
                rest = &rest[braces..];
                continue;
            };
            out.push_str(before);
            let name = name.trim();
            match self.values.get(name) {
                Some(value) if !self.write(value, depth + 1, out) => return false,
                Some(_) => {}
                None => {
                    out.push_str(&reference(name));
                    if name.starts_with('$') && self.dynamic.borrow().len() < COUNT_MAX {
                        self.dynamic.borrow_mut().insert(name.to_owned());
                    }
                }
            }
            if out.len() > LENGTH_MAX {
                return false;
            }
            rest = after;
        }
        out.push_str(rest);
        out.len() <= LENGTH_MAX
    }
}

/// Splits `name}}...` after the name. `None` if it is not one: the closing braces of nested JSON mappings are not those
/// of a variable.
fn variable(text: &str) -> Option<(&str, &str)> {
    let beginning = text
        .as_bytes()
        .get(..NAME_MAX + 2)
        .unwrap_or(text.as_bytes());
    let end = beginning.windows(2).position(|pair| pair == b"}}")?;
    let name = &text[..end];
    (!name.contains(['{', '"', '\n', ':', ','])).then_some((name, &text[end + 2..]))
}
