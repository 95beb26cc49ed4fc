//! Data files of load runs: CSV with a header, or JSON lines. Does no I/O.

use serde_json::{Map, Value};
use std::path::Path;

/// Maximum file size in bytes.
pub const SIZE_MAX: u64 = 16 << 20;
const COLUMNS_MAX: usize = 1_000;

/// Rows with a value for each column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Box<[Box<str>]>>,
}

impl Table {
    /// Parses the contents of a file; its extension determines the format. Errors never quote values.
    pub fn read(path: &Path, bytes: Vec<u8>) -> Result<Self, String> {
        let text = String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let ending = path.extension().and_then(|ending| ending.to_str());
        let table = match ending {
            Some("csv") => csv(text)?,
            Some("jsonl" | "ndjson") => json_lines(text)?,
            _ => return Err("unknown extension (expected .csv, .jsonl or .ndjson)".to_owned()),
        };
        if table.rows.is_empty() {
            return Err("no rows".to_owned());
        }
        Ok(table)
    }
}

fn csv(text: &str) -> Result<Table, String> {
    let mut table = Table::default();
    for record in Records::new(text) {
        let (line, fields) = record?;
        if table.columns.is_empty() {
            table.columns = header(&fields)?;
            continue;
        }
        let (found, expected) = (fields.len(), table.columns.len());
        if found != expected {
            return Err(format!(
                "line {line} has {found} fields, but the header has {expected}"
            ));
        }
        table
            .rows
            .push(fields.into_iter().map(String::into_boxed_str).collect());
    }
    Ok(table)
}

fn header(fields: &[String]) -> Result<Vec<String>, String> {
    if fields.len() > COLUMNS_MAX {
        return Err(format!("more than {COLUMNS_MAX} columns"));
    }
    let columns: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
    if columns
        .iter()
        .any(|name| name.is_empty() || name.contains('}'))
    {
        return Err("the header has a column without a name, or one that contains `}`".to_owned());
    }
    let twice = columns.iter().enumerate();
    let mut twice = twice.filter(|(at, name)| columns[..*at].contains(name));
    match twice.next() {
        Some(_) => Err("the header has a duplicate column".to_owned()),
        None => Ok(columns),
    }
}

/// An iterator over the records of a CSV text (RFC 4180), each with the number of its first line.
struct Records<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Records<'t> {
    const fn new(text: &'t str) -> Self {
        Self {
            rest: text,
            line: 1,
        }
    }

    /// Parses a field, and returns whether another one follows.
    fn field(&mut self) -> Result<(String, bool), String> {
        let mut field = String::new();
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let begin = self.line;
            self.rest = quoted;
            loop {
                let end = self.rest.find('"');
                let end = end.ok_or_else(|| format!("line {begin} has an unclosed quote"))?;
                field.push_str(&self.rest[..end]);
                self.line += self.rest[..end].matches('\n').count();
                self.rest = &self.rest[end + 1..];
                match self.rest.strip_prefix('"') {
                    Some(rest) => {
                        field.push('"');
                        self.rest = rest;
                    }
                    None => break,
                }
            }
        }
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        field.push_str(self.rest[..end].trim_end_matches('\r'));
        let follows = self.rest[end..].starts_with(',');
        self.line += usize::from(self.rest[end..].starts_with('\n'));
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Ok((field, follows))
    }
}

impl Iterator for Records<'_> {
    type Item = Result<(usize, Vec<String>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        // Empty lines are skipped.
        while let Some(rest) = self
            .rest
            .strip_prefix("\r\n")
            .or(self.rest.strip_prefix('\n'))
        {
            self.rest = rest;
            self.line += 1;
        }
        if self.rest.is_empty() {
            return None;
        }
        let (line, mut fields) = (self.line, Vec::new());
        loop {
            match self.field() {
                Ok((field, follows)) => {
                    fields.push(field);
                    if !follows {
                        return Some(Ok((line, fields)));
                    }
                }
                Err(fault) => {
                    self.rest = "";
                    return Some(Err(fault));
                }
            }
        }
    }
}

/// Parses JSON lines; the columns are the keys of the first line.
fn json_lines(text: &str) -> Result<Table, String> {
    let mut table = Table::default();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_str(line)
            .map_err(|_| format!("line {number} is not a JSON object"))?;
        if table.columns.is_empty() {
            if object.is_empty() {
                return Err(format!("line {number} has no keys"));
            }
            let names: Vec<String> = object.keys().cloned().collect();
            table.columns = header(&names)?;
        }
        let value = |column: &String| match object.get(column) {
            Some(Value::String(text)) => Ok(text.clone().into_boxed_str()),
            Some(Value::Null) => Ok("".into()),
            Some(other) => Ok(other.to_string().into_boxed_str()),
            None => Err(format!(
                "line {number} lacks `{column}`, a key of the first line"
            )),
        };
        let row: Result<Box<[Box<str>]>, String> = table.columns.iter().map(value).collect();
        table.rows.push(row?);
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Table, String> {
        Table::read(Path::new(name), text.into())
    }

    fn rows(name: &str, text: &str) -> Vec<Vec<String>> {
        let table = read(name, text).expect("valid");
        let row = |row: &[Box<str>]| row.iter().map(ToString::to_string).collect();
        table.rows.iter().map(|one| row(one)).collect()
    }

    #[test]
    fn csv_is_read_with_quotes_and_line_breaks() {
        let text =
            "\u{feff}user, password\r\nann,\"a \"\"b\"\", c\"\r\n\r\nbob,\"two\nlines\"\nlast,";
        let table = read("users.csv", text).expect("valid");
        assert_eq!(table.columns, ["user", "password"]);
        assert_eq!(
            rows("users.csv", text),
            [["ann", "a \"b\", c"], ["bob", "two\nlines"], ["last", ""]]
        );
    }

    #[test]
    fn json_lines_have_the_columns_of_the_first() {
        let text =
            "{\"id\":7,\"name\":\"a b\"}\n\n{\"name\":null,\"id\":{\"a\":[1.50]},\"more\":1}\n";
        assert_eq!(
            rows("a.jsonl", text),
            [["7", "a b"], ["{\"a\":[1.50]}", ""]]
        );
    }

    #[test]
    fn errors_name_the_line_but_no_value() {
        for (name, text, fault) in [
            (
                "a.csv",
                "a,b\n1,2\n\nhunter2\n",
                "line 4 has 1 fields, but the header has 2",
            ),
            (
                "a.csv",
                "a,b\n1,\"hunter2\n",
                "line 2 has an unclosed quote",
            ),
            ("a.csv", "a,b\n", "no rows"),
            ("a.csv", "", "no rows"),
            ("a.csv", "a,a\n1,2", "the header has a duplicate column"),
            (
                "a.csv",
                "a,\n1,2",
                "the header has a column without a name, or one that contains `}`",
            ),
            (
                "a.jsonl",
                "{\"a\":1}\n{\"b\":\"hunter2\"}",
                "line 2 lacks `a`, a key of the first line",
            ),
            ("a.ndjson", "hunter2", "line 1 is not a JSON object"),
            ("a.jsonl", "{}\n{\"a\":1}", "line 1 has no keys"),
            (
                "a.txt",
                "a\n1",
                "unknown extension (expected .csv, .jsonl or .ndjson)",
            ),
        ] {
            assert_eq!(read(name, text), Err(fault.to_owned()), "{text}");
        }
    }

    #[test]
    fn more_than_a_thousand_columns_are_refused() {
        let names: Vec<String> = (0..=COLUMNS_MAX)
            .map(|number| format!("c{number}"))
            .collect();
        let text = |names: &[String]| format!("{0}\n{0}\n", names.join(","));
        assert!(read("a.csv", &text(&names[1..])).is_ok());
        let fault = read("a.csv", &text(&names)).expect_err("too many");
        assert_eq!(fault, "more than 1000 columns");
    }
}
