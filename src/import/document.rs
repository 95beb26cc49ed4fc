//! The documents of a file, and a cursor that knows where it is.

use crate::diagnostic::Source;
use crate::text::printable;
use crate::yaml::{Node, Value, parse};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// Something that a config has no place for, or has otherwise.
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

/// What was found so far.
#[derive(Default)]
pub(super) struct Remarks(RefCell<Vec<Remark>>);

impl Remarks {
    pub fn finish(self) -> Vec<Remark> {
        let mut all = self.0.into_inner();
        all.sort();
        all.dedup();
        all
    }
}

/// A file with its name.
pub struct Input {
    pub name: String,
    pub text: String,
}

pub(super) struct Document {
    source: Rc<Source>,
    root: Node,
}

impl Document {
    /// Those of a file, which `---` separates. Lines before a document are kept blank, so that its places are those
    /// of the file.
    pub fn all(input: &Input) -> Result<Vec<Self>, String> {
        let mut documents = Vec::new();
        let (mut text, mut count) = (String::new(), 0);
        for line in input.text.lines().chain(["---"]) {
            count += 1;
            if line.trim_end() != "---" {
                text.push_str(line);
                text.push('\n');
                continue;
            }
            documents.extend(Self::read(&input.name, text)?);
            text = "\n".repeat(count);
        }
        Ok(documents)
    }

    /// One document, or each item of its list.
    fn read(file: &str, text: String) -> Result<Vec<Self>, String> {
        let has_content = |line: &str| !line.trim().is_empty() && !line.trim().starts_with('#');
        if !text.lines().any(has_content) {
            return Ok(Vec::new());
        }
        let name = file.to_owned();
        let source = Source { name, text };
        let root = parse(&source).map_err(|fault| source.draw(&fault, false))?;
        let roots = match root.value {
            Value::List(items) => items,
            _ => vec![root],
        };
        let source = Rc::new(source);
        let one = |root| Self {
            source: Rc::clone(&source),
            root,
        };
        Ok(roots.into_iter().map(one).collect())
    }

    pub fn at<'a>(&'a self, remarks: &'a Remarks) -> At<'a> {
        At {
            source: &self.source,
            node: &self.root,
            remarks,
        }
    }
}

/// A value with its place.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    source: &'a Source,
    node: &'a Node,
    remarks: &'a Remarks,
}

impl<'a> At<'a> {
    fn of(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    /// The value of the first of these keys that is there.
    pub fn get(self, names: &[&str]) -> Option<Self> {
        let entries = self.entries();
        let mut found = entries.into_iter().filter(|(key, value)| {
            names.contains(&key.as_str()) && !matches!(value.node.value, Value::Null)
        });
        found.next().map(|(_, value)| value)
    }

    /// A value below others: `spec.service`.
    pub fn path(self, names: &[&str]) -> Option<Self> {
        names.iter().try_fold(self, |at, name| at.get(&[name]))
    }

    pub fn entries(self) -> Vec<(String, Self)> {
        let Value::Map(entries) = &self.node.value else {
            return Vec::new();
        };
        let named = entries
            .iter()
            .filter_map(|(key, value)| Some((key.value.scalar()?, self.of(value))));
        named.collect()
    }

    /// The items of a list; nothing if it is none.
    pub fn items(self) -> Vec<Self> {
        match &self.node.value {
            Value::List(items) => items.iter().map(|item| self.of(item)).collect(),
            _ => Vec::new(),
        }
    }

    /// As a config writes it, where `${NAME}` would be a variable.
    pub fn text(self) -> Option<String> {
        let text = self.node.value.scalar()?;
        Some(text.replace("${", "$${"))
    }

    /// The text of a key, or a remark that it is missing.
    pub fn need(self, names: &[&str]) -> Option<String> {
        let found = self.get(names).and_then(Self::text);
        if found.is_none() {
            self.remark(format!("left out, because `{}` is missing", names[0]));
        }
        found
    }

    pub fn is_true(self) -> bool {
        self.text().is_some_and(|text| text == "true")
    }

    pub fn remark(self, message: impl Into<String>) {
        self.remarks.0.borrow_mut().push(Remark {
            file: self.source.name.clone(),
            line: self.node.place.line,
            message: message.into(),
        });
    }

    /// Names every key other than these: it has no place in a config.
    pub fn only(self, known: &[&str]) {
        for (key, value) in self.entries() {
            if !known.contains(&key.as_str()) {
                value.remark(format!(
                    "left out: `{key}` has no place in a config of slod"
                ));
            }
        }
    }
}
