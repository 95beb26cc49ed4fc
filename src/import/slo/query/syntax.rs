//! Parses `PromQL`: everything that its grammar allows, as far as a query of an objective can contain it.

mod number;

use number::number;
use slod_core::selector::{QUOTES, SeriesSelector, is_name_char, quoted, skip_blank};

/// Maximum size of a query in bytes.
const SIZE_MAX: usize = 16 << 10;
/// Maximum number of expressions in a query. Each may add a level to the tree, which is read and dropped recursively.
const EXPRESSIONS_MAX: usize = 200;

#[derive(Debug)]
pub(super) enum Expression {
    Number(f64),
    Text,
    Selector(Selection),
    Call {
        function: String,
        arguments: Vec<Self>,
    },
    Aggregate {
        /// In lower case.
        operator: String,
        arguments: Vec<Self>,
        /// `by (...)` or `without (...)`; `None` if all series are combined.
        grouping: Option<String>,
    },
    Negative(Box<Self>),
    Binary {
        operator: &'static str,
        left: Box<Self>,
        right: Box<Self>,
    },
}

/// The series of a selector.
#[derive(Debug)]
pub(super) struct Selection {
    pub series: SeriesSelector,
    pub has_range: bool,
    pub has_offset: bool,
}

/// Operators with their precedence. An operator that others begin with is after them.
const OPERATORS: [(&str, u8); 16] = [
    ("or", 1),
    ("and", 2),
    ("unless", 2),
    ("==", 3),
    ("!=", 3),
    ("<=", 3),
    (">=", 3),
    ("<", 3),
    (">", 3),
    ("+", 4),
    ("-", 4),
    ("*", 5),
    ("/", 5),
    ("%", 5),
    ("atan2", 5),
    (POWER, 6),
];
/// The only operator that is evaluated from right to left.
const POWER: &str = "^";
const POWER_PRECEDENCE: u8 = 6;

const AGGREGATES: [&str; 14] = [
    "sum",
    "avg",
    "count",
    "min",
    "max",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "count_values",
    "quantile",
    "limitk",
    "limit_ratio",
];

/// Parses a query. Returns an error message if it is invalid, too large, or has a part that no objective can express.
pub(super) fn parse(query: &str) -> Result<Expression, String> {
    if query.len() > SIZE_MAX {
        return Err(format!("the query is longer than {SIZE_MAX} bytes"));
    }
    let mut parser = Parser {
        rest: query,
        expressions: 0,
    };
    let expression = parser.expression(0)?;
    match parser.peek() {
        Some(_) => Err(parser.invalid()),
        None => Ok(expression),
    }
}

struct Parser<'q> {
    /// What is not parsed yet.
    rest: &'q str,
    expressions: usize,
}

impl<'q> Parser<'q> {
    /// Parses an expression of operators with at least this precedence.
    fn expression(&mut self, precedence_min: u8) -> Result<Expression, String> {
        let mut left = self.operand()?;
        while let Some((operator, precedence)) = self.operator(precedence_min) {
            self.modifiers()?;
            let right = self.expression(precedence + u8::from(operator != POWER))?;
            left = Expression::Binary {
                operator,
                left: Box::new(left),
                right: Box::new(right),
            };
        }
        Ok(left)
    }

    /// Takes the next operator if it has at least this precedence.
    fn operator(&mut self, precedence_min: u8) -> Option<(&'static str, u8)> {
        self.skip_blank();
        let word = self.word().to_ascii_lowercase();
        let mut operators = OPERATORS.into_iter();
        let found = operators.find(|(operator, _)| match word.as_str() {
            "" => self.rest.starts_with(operator),
            word => word == *operator,
        });
        let found = found.filter(|(_, precedence)| *precedence >= precedence_min)?;
        self.rest = &self.rest[found.0.len()..];
        Some(found)
    }

    /// Skips how the series of both sides are matched.
    fn modifiers(&mut self) -> Result<(), String> {
        loop {
            self.skip_blank();
            match self.word().to_ascii_lowercase().as_str() {
                "bool" => return Err(super::cannot("`bool`")),
                word @ ("on" | "ignoring" | "group_left" | "group_right") => {
                    self.rest = &self.rest[word.len()..];
                    if self.peek() == Some('(') {
                        self.labels()?;
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn operand(&mut self) -> Result<Expression, String> {
        self.expressions += 1;
        if self.expressions > EXPRESSIONS_MAX {
            return Err(format!(
                "the query has more than {EXPRESSIONS_MAX} expressions"
            ));
        }
        match self.peek() {
            Some('-') => {
                self.take("-")?;
                let of = self.expression(POWER_PRECEDENCE)?;
                Ok(Expression::Negative(Box::new(of)))
            }
            Some('+') => {
                self.take("+")?;
                self.expression(POWER_PRECEDENCE)
            }
            Some('(') => {
                self.take("(")?;
                let inner = self.expression(0)?;
                self.take(")")?;
                self.refuse_subquery()?;
                Ok(inner)
            }
            Some('{') => self.selector(),
            Some(c) if QUOTES.contains(&c) => {
                self.rest = quoted(self.rest, "the string")?.1;
                Ok(Expression::Text)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if is_in_word(c) => self.named(),
            _ => Err(self.invalid()),
        }
    }

    fn number(&mut self) -> Result<Expression, String> {
        let (value, rest) = number(self.rest).ok_or_else(|| self.invalid())?;
        self.rest = rest;
        Ok(Expression::Number(value))
    }

    /// Parses an expression that begins with a word.
    fn named(&mut self) -> Result<Expression, String> {
        let start = self.rest;
        let word = self.word();
        let lower = word.to_ascii_lowercase();
        self.rest = &self.rest[word.len()..];
        let next = self.peek();
        let following = self.word().to_ascii_lowercase();
        let is_grouped = next == Some('(') || matches!(following.as_str(), "by" | "without");
        if is_grouped && AGGREGATES.contains(&lower.as_str()) {
            return self.aggregate(lower);
        }
        if next == Some('(') {
            let call = Expression::Call {
                function: word.to_owned(),
                arguments: self.arguments()?,
            };
            self.refuse_subquery()?;
            return Ok(call);
        }
        self.rest = start;
        if matches!(lower.as_str(), "inf" | "nan") {
            return self.number();
        }
        self.selector()
    }

    fn aggregate(&mut self, operator: String) -> Result<Expression, String> {
        let before = self.grouping()?;
        let arguments = self.arguments()?;
        let grouping = match before {
            Some(_) => before,
            None => self.grouping()?,
        };
        self.refuse_subquery()?;
        Ok(Expression::Aggregate {
            operator,
            arguments,
            grouping: grouping.filter(|grouping| grouping != "by ()"),
        })
    }

    fn grouping(&mut self) -> Result<Option<String>, String> {
        self.skip_blank();
        let word = self.word().to_ascii_lowercase();
        if !matches!(word.as_str(), "by" | "without") {
            return Ok(None);
        }
        self.rest = &self.rest[word.len()..];
        Ok(Some(format!("{word} ({})", self.labels()?.join(", "))))
    }

    fn labels(&mut self) -> Result<Vec<String>, String> {
        self.list(|parser| {
            if parser.rest.starts_with(QUOTES) {
                let (label, rest) = quoted(parser.rest, "the label")?;
                parser.rest = rest;
                return Ok(label);
            }
            let label = parser.word();
            if label.is_empty() {
                return Err(parser.invalid());
            }
            parser.rest = &parser.rest[label.len()..];
            Ok(label.to_owned())
        })
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, String> {
        self.list(|parser| parser.expression(0))
    }

    /// Parses a list in parentheses.
    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        self.take("(")?;
        let mut items = Vec::new();
        while self.peek() != Some(')') {
            items.push(item(self)?);
            if self.peek() != Some(')') {
                self.take(",")?;
            }
            self.skip_blank();
        }
        self.take(")")?;
        Ok(items)
    }

    fn selector(&mut self) -> Result<Expression, String> {
        let (series, rest) = SeriesSelector::read(self.rest)
            .map_err(|why| format!("the query is not valid PromQL: {why}"))?;
        self.rest = rest;
        let mut selection = Selection {
            series,
            has_range: false,
            has_offset: false,
        };
        loop {
            match self.peek() {
                Some('[') => {
                    if selection.has_range || selection.has_offset || self.is_subquery()? {
                        return Err(super::cannot("a subquery"));
                    }
                    // A config has no ranges, so templates such as `{{.window}}` may occur there.
                    self.rest = self.rest.split_once(']').map_or("", |(_, rest)| rest);
                    selection.has_range = true;
                }
                Some('@') => return Err(super::cannot("`@`")),
                _ if self.word().eq_ignore_ascii_case("offset") => {
                    self.rest = &self.rest["offset".len()..];
                    self.offset()?;
                    selection.has_offset = true;
                }
                _ => return Ok(Expression::Selector(selection)),
            }
        }
    }

    fn offset(&mut self) -> Result<(), String> {
        while matches!(self.peek(), Some('+' | '-')) {
            self.rest = &self.rest[1..];
        }
        self.number().map(drop)
    }

    fn is_subquery(&self) -> Result<bool, String> {
        let range = self.rest.split_once(']').ok_or_else(|| self.invalid())?.0;
        Ok(range.contains(':'))
    }

    fn refuse_subquery(&mut self) -> Result<(), String> {
        match self.peek() {
            Some('[') => Err(super::cannot("a subquery")),
            _ => Ok(()),
        }
    }

    /// The word at the start of the rest; empty if there is none.
    fn word(&self) -> &'q str {
        let end = self.rest.find(|c| !is_in_word(c));
        &self.rest[..end.unwrap_or(self.rest.len())]
    }

    fn take(&mut self, symbol: &str) -> Result<(), String> {
        self.skip_blank();
        self.rest = self
            .rest
            .strip_prefix(symbol)
            .ok_or_else(|| self.invalid())?;
        Ok(())
    }

    /// The next character that is neither blank nor in a comment.
    fn peek(&mut self) -> Option<char> {
        self.skip_blank();
        self.rest.chars().next()
    }

    fn skip_blank(&mut self) {
        self.rest = skip_blank(self.rest);
    }

    fn invalid(&self) -> String {
        match self.rest {
            "" => "the query is not valid PromQL: it ends too early".to_owned(),
            rest => format!("the query is not valid PromQL at `{rest:.20}`"),
        }
    }
}

fn is_in_word(c: char) -> bool {
    is_name_char(c) || c == ':'
}
