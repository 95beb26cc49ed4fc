//! As much of `PromQL` as ratios of counters are written in: selectors, sums, rates, differences and quotients. A
//! whole parser is a generated one with tables of its own, and everything else is refused here in any case.

/// What a query computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// How fast the matching counters rise, all together.
    Counter(Counter),
    Minus(Box<Query>, Box<Query>),
    Per(Box<Query>, Box<Query>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    pub name: String,
    pub matchers: Vec<Matcher>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Matcher {
    pub label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub operator: &'static str,
    /// With its quotes.
    pub value: String,
}

/// Functions that leave a ratio of counters what it is.
const RATES: [&str; 4] = ["sum", "rate", "increase", "irate"];
const OPERATORS: [&str; 4] = ["=~", "!~", "!=", "="];
/// Nesting of brackets.
const DEPTH_MAX: usize = 20;

impl Query {
    /// `None` if it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest { text, depth: 0 };
        let query = rest.expression()?;
        // What counts nothing as 0 says nothing about what is counted.
        let lower = rest.text.trim().to_lowercase();
        let words = lower.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_end = [
            "",
            "or vector(0)",
            "or on() vector(0)",
            "or on () vector(0)",
        ];
        is_end.contains(&words.as_str()).then_some(query)
    }

    pub fn counter(&self) -> Option<&Counter> {
        match self {
            Self::Counter(counter) => Some(counter),
            _ => None,
        }
    }
}

impl Counter {
    /// As a config takes it.
    pub fn selector(&self) -> String {
        let matcher = |one: &Matcher| format!("{}{}{}", one.label, one.operator, one.value);
        let matchers: Vec<String> = self.matchers.iter().map(matcher).collect();
        if matchers.is_empty() {
            return self.name.clone();
        }
        format!("{}{{{}}}", self.name, matchers.join(","))
    }

    /// Takes the matchers of a label out.
    pub fn take(&mut self, label: &str) -> Option<Matcher> {
        let at = self.matchers.iter().position(|one| one.label == label)?;
        Some(self.matchers.remove(at))
    }
}

impl Matcher {
    pub fn negated(&self) -> Self {
        let operator = match self.operator {
            "=" => "!=",
            "!=" => "=",
            "=~" => "!~",
            _ => "=~",
        };
        Self {
            operator,
            ..self.clone()
        }
    }

    /// Without its quotes.
    pub fn plain(&self) -> &str {
        self.value.trim_matches(['"', '\'', '`'])
    }
}

/// What is not read yet.
struct Rest<'t> {
    text: &'t str,
    depth: usize,
}

impl Rest<'_> {
    fn expression(&mut self) -> Option<Query> {
        let left = self.term()?;
        if self.take("-") {
            return Some(Query::Minus(left.into(), self.term()?.into()));
        }
        if self.take("/") {
            return Some(Query::Per(left.into(), self.term()?.into()));
        }
        Some(left)
    }

    fn term(&mut self) -> Option<Query> {
        if self.take("(") {
            return self.inner();
        }
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')?;
        if RATES.contains(&name.as_str()) && self.take("(") {
            return self.inner();
        }
        let mut counter = Counter {
            name,
            matchers: Vec::new(),
        };
        if self.take("{") {
            self.matchers(&mut counter)?;
        }
        if self.take("[") {
            let end = self.text.find(']')?;
            self.text = &self.text[end + 1..];
        }
        Some(Query::Counter(counter))
    }

    fn inner(&mut self) -> Option<Query> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let inner = self.expression()?;
        self.depth -= 1;
        self.take(")").then_some(inner)
    }

    fn matchers(&mut self, counter: &mut Counter) -> Option<()> {
        while !self.take("}") {
            let label = self.word(|c| c.is_ascii_alphanumeric() || c == '_')?;
            let operator = OPERATORS.into_iter().find(|one| self.take(one))?;
            let value = self.quoted()?;
            counter.matchers.push(Matcher {
                label,
                operator,
                value,
            });
            self.take(",");
        }
        Some(())
    }

    fn take(&mut self, sign: &str) -> bool {
        let rest = self.text.trim_start();
        let after = rest.strip_prefix(sign);
        self.text = after.unwrap_or(rest);
        after.is_some()
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> Option<String> {
        let rest = self.text.trim_start();
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        self.text = after;
        let begins = word.starts_with(|c: char| !c.is_ascii_digit());
        (begins && !word.is_empty()).then(|| word.to_owned())
    }

    fn quoted(&mut self) -> Option<String> {
        let rest = self.text.trim_start();
        let quote = rest.chars().next().filter(|c| "\"'`".contains(*c))?;
        let mut is_escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            if is_escaped {
                is_escaped = false;
            } else if c == '\\' && quote != '`' {
                is_escaped = true;
            } else if c == quote {
                let (value, after) = rest.split_at(at + 1);
                self.text = after;
                return Some(value.to_owned());
            }
        }
        None
    }
}
