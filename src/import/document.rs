//! The documents of a file, and a cursor that tracks its position.

use crate::diagnostic::{Diagnostic, Place, Severity, Source};
use crate::text::printable;
use crate::yaml::{Node, Value, mask, parse, shown_name};
use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::rc::Rc;

/// Maximum number of documents in a file. An export has one for each service, objective and alert
/// condition.
const DOCUMENTS_MAX: usize = 50_000;

/// A remark on something that a config cannot have, or has in another form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    pub file: String,
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, message) = (printable(&self.file), printable(&self.message));
        write!(f, "{file}:{}: {message}", self.line)
    }
}

/// The remarks collected so far.
#[derive(Default)]
pub(super) struct Remarks(RefCell<Vec<Remark>>);

/// A line in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    file: Rc<str>,
    line: usize,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", printable(&self.file), self.line)
    }
}

/// Escapes a text for a config, where `${NAME}` would be a variable.
pub(super) fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

impl Remarks {
    pub fn add(&self, spot: &Spot, message: impl Into<String>) {
        self.0.borrow_mut().push(Remark {
            file: spot.file.to_string(),
            line: spot.line,
            message: message.into(),
        });
    }

    pub fn finish(self) -> Vec<Remark> {
        let mut all = self.0.into_inner();
        all.sort();
        all.dedup();
        all
    }
}

pub(super) struct Document {
    file: Rc<Source>,
    root: Node,
}

impl Document {
    /// Reads all documents of a file. A line `---` starts the next one, which may continue on the
    /// same line.
    pub fn all(input: &Source) -> Result<Vec<Self>, String> {
        let file = Rc::new(input.clone());
        let mut documents = Vec::new();
        let (mut text, mut above) = (String::new(), 0);
        for (index, line) in file.text.lines().chain(["---"]).enumerate() {
            let begun = line.strip_prefix("---");
            let begun = begun.filter(|rest| !rest.starts_with(|c: char| !c.is_whitespace()));
            let Some(begun) = begun else {
                text.push_str(line);
                text.push('\n');
                continue;
            };
            // A directive (`%YAML 1.2`) belongs to the next document.
            let has_content =
                |line: &str| !line.trim().is_empty() && !line.trim().starts_with(['#', '%']);
            if text.lines().any(has_content) {
                documents.extend(Self::read(&file, mem::take(&mut text), above)?);
            }
            if documents.len() > DOCUMENTS_MAX {
                let name = &file.name;
                return Err(format!(
                    "{name}: there are more than {DOCUMENTS_MAX} documents"
                ));
            }
            // Keeps the column.
            text = format!("   {begun}\n");
            above = index;
        }
        Ok(documents)
    }

    /// Reads one document, or the items of its list or Kubernetes `List`. `above` is the number of lines before it in
    /// the file.
    fn read(file: &Rc<Source>, text: String, above: usize) -> Result<Vec<Self>, String> {
        let name = file.name.clone();
        let mut root = parse(&Source { name, text }).map_err(|mut fault| {
            if let Some(place) = &mut fault.place {
                place.line += above;
            }
            mask::foreign(file).draw(&fault, false)
        })?;
        root.move_down(above);
        let one = |root| Self {
            file: Rc::clone(file),
            root,
        };
        Ok(objects(root).into_iter().map(one).collect())
    }

    pub fn at<'a>(&'a self, remarks: &'a Remarks) -> At<'a> {
        At {
            source: &self.file,
            place: self.root.place,
            value: &self.root.value,
            remarks,
        }
    }
}

/// The items of a list, also of the `List` as which kubectl writes several objects.
fn objects(root: Node) -> Vec<Node> {
    let Value::Map(entries) = &root.value else {
        return match root.value {
            Value::List(items) => items,
            _ => vec![root],
        };
    };
    let find = |name: &str| {
        let mut entries = entries.iter();
        entries.find(|(key, _)| key.value.scalar().as_deref() == Some(name))
    };
    let kind = find("kind").and_then(|(_, kind)| kind.value.scalar());
    let items = find("items").map(|(_, items)| &items.value);
    match items {
        Some(Value::List(items)) if kind.is_some_and(|kind| kind.ends_with("List")) => {
            items.clone()
        }
        _ => vec![root],
    }
}

/// A value with its position.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    source: &'a Source,
    place: Place,
    value: &'a Value,
    remarks: &'a Remarks,
}

impl<'a> At<'a> {
    fn of(self, node: &'a Node) -> Self {
        Self {
            place: node.place,
            value: &node.value,
            ..self
        }
    }

    /// The same value with another list of remarks.
    pub fn with<'b>(self, remarks: &'b Remarks) -> At<'b>
    where
        'a: 'b,
    {
        At { remarks, ..self }
    }

    /// An empty value at the same position.
    pub fn empty(self) -> Self {
        Self {
            value: &Value::Null,
            ..self
        }
    }

    /// The value of the first of these keys that exists.
    pub fn get(self, names: &[&str]) -> Option<Self> {
        let entries = self.entries();
        let mut found = entries.into_iter().filter(|(key, value)| {
            names.contains(&key.as_str()) && !matches!(value.value, Value::Null)
        });
        found.next().map(|(_, value)| value)
    }

    /// A nested value, such as `spec.service`.
    pub fn path(self, names: &[&str]) -> Option<Self> {
        names.iter().try_fold(self, |at, name| at.get(&[name]))
    }

    pub fn entries(self) -> Vec<(String, Self)> {
        let Value::Map(entries) = self.value else {
            return Vec::new();
        };
        let named = entries
            .iter()
            .filter_map(|(key, value)| Some((key.value.scalar()?, self.of(value))));
        named.collect()
    }

    /// The items of a list; empty if it is not a list.
    pub fn items(self) -> Vec<Self> {
        match self.value {
            Value::List(items) => items.iter().map(|item| self.of(item)).collect(),
            _ => Vec::new(),
        }
    }

    /// The text as written in a config, where `${NAME}` would be a variable.
    pub fn text(self) -> Option<String> {
        Some(escaped(&self.raw()?))
    }

    /// The text as in the file.
    pub fn raw(self) -> Option<String> {
        self.value.scalar()
    }

    pub const fn value(self) -> &'a Value {
        self.value
    }

    /// The text of a key; `None` after a remark that it is missing.
    pub fn need(self, names: &[&str]) -> Option<String> {
        self.needed(names[0], self.get(names).and_then(Self::text))
    }

    /// The value of a key; `None` after a remark that it is missing.
    pub fn need_below(self, names: &[&str]) -> Option<Self> {
        self.needed(names[0], self.get(names))
    }

    /// The items of a key's list; empty after a remark that it is missing.
    pub fn need_items(self, name: &str) -> Vec<Self> {
        let list = self.get(&[name]);
        let list = list.filter(|at| matches!(at.value, Value::List(_)));
        self.needed(name, list).map(Self::items).unwrap_or_default()
    }

    fn needed<T>(self, name: &str, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.remark(format!("left out, because `{name}` is missing"));
        }
        found
    }

    /// The boolean, in every spelling that Go's YAML library accepts.
    pub fn boolean(self) -> Option<bool> {
        match self.raw()?.to_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        }
    }

    pub fn is_true(self) -> bool {
        self.boolean() == Some(true)
    }

    pub fn remark(self, message: impl Into<String>) {
        self.remarks.add(&self.spot(), message);
    }

    pub fn spot(self) -> Spot {
        Spot {
            file: self.source.name.as_str().into(),
            line: self.place.line,
        }
    }

    /// Formats an error with the line of the file, in which values are masked: they may be secrets.
    pub fn fault(self, message: impl Into<String>, help: impl Into<String>) -> String {
        let fault = Diagnostic {
            severity: Severity::Error,
            code: "invalid-value",
            place: Some(self.place),
            path: String::new(),
            message: message.into(),
            help: Some(help.into()),
        };
        mask::foreign(self.source).draw(&fault, false)
    }

    /// Adds a remark for every other key, since a config has no equivalent.
    pub fn only(self, known: &[&str]) {
        for (key, value) in self.entries() {
            if !known.contains(&key.as_str()) {
                let key = shown_name(&key);
                value.remark(format!("left out: slod has no equivalent of `{key}`"));
            }
        }
    }
}
