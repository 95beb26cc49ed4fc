//! Counters, and sums and differences of them.

use crate::import::document::escaped;
use crate::text::quoted;
use slod_core::selector::{LabelMatcher, MatchOperator, SeriesSelector, is_name_char};

/// A selection of counter series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::import::slo) struct Counter {
    /// Empty if only matchers of `__name__` select the series.
    pub name: String,
    /// Sorted, since the order of matchers is irrelevant.
    pub matchers: Vec<LabelMatcher>,
}

const NAME: &str = "__name__";

impl Counter {
    /// The series of a selector. Returns an error message if a config cannot select them.
    pub(super) fn of(selector: SeriesSelector) -> Result<Self, String> {
        let mut counter = Self {
            name: selector.name.unwrap_or_default(),
            matchers: Vec::new(),
        };
        for matcher in selector.matchers {
            if matcher.label == NAME && matcher.operator == MatchOperator::Equal {
                counter.name = matcher.value;
            } else if is_plain(&matcher.label) {
                counter.matchers.push(matcher);
            } else {
                return Err(format!(
                    "selectors in a config do not support the label `{}`",
                    matcher.label
                ));
            }
        }
        counter.matchers.sort();
        counter.matchers.dedup();
        // The `+Inf` bucket counts all observations of a histogram.
        if let (Some(base), Some(f64::INFINITY)) = (counter.histogram(), counter.bound()) {
            counter.name = format!("{base}_count");
            counter.take("le");
        }
        Ok(counter)
    }

    /// The number of observations in a native histogram.
    pub(super) fn count(mut self) -> Self {
        self.name.push_str("_count");
        self
    }

    /// The number of observations that do not exceed the bound.
    pub(super) fn bucket(mut self, bound: f64) -> Self {
        self.name.push_str("_bucket");
        self.matchers.push(LabelMatcher {
            label: "le".to_owned(),
            operator: MatchOperator::Equal,
            value: bound.to_string(),
        });
        self.matchers.sort();
        self
    }

    /// The name of the histogram, if this is a bucket.
    pub fn histogram(&self) -> Option<&str> {
        self.name.strip_suffix("_bucket")
    }

    /// The bound of a bucket. Client libraries write `1` or `1.0`, so some queries match both.
    pub fn bound(&self) -> Option<f64> {
        let le = self.matchers.iter().find(|one| one.label == "le")?;
        let mut bounds = match le.operator {
            MatchOperator::Equal => vec![le.value.parse().ok()?],
            MatchOperator::Matches => {
                let values = le.value.replace('\\', "");
                let all: Result<Vec<f64>, _> = values.split('|').map(str::parse).collect();
                all.ok()?
            }
            _ => return None,
        };
        bounds.dedup();
        match bounds[..] {
            [bound] => Some(bound),
            _ => None,
        }
    }

    /// The selector for a config.
    pub fn selector(&self) -> String {
        let is_plain = self.name.chars().all(|c| c == ':' || is_name_char(c));
        let name = (!is_plain).then(|| format!("{NAME}={}", quoted(&self.name)));
        let matcher =
            |one: &LabelMatcher| format!("{}{}{}", one.label, one.operator, quoted(&one.value));
        let matchers: Vec<String> = name
            .into_iter()
            .chain(self.matchers.iter().map(matcher))
            .collect();
        let name = if is_plain { self.name.as_str() } else { "" };
        let written = match &matchers[..] {
            [] => name.to_owned(),
            _ => format!("{name}{{{}}}", matchers.join(",")),
        };
        escaped(&written)
    }

    /// Removes and returns the matcher of a label.
    pub fn take(&mut self, label: &str) -> Option<LabelMatcher> {
        let at = self.matchers.iter().position(|one| one.label == label)?;
        Some(self.matchers.remove(at))
    }
}

/// Added and subtracted counters.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::import::slo) struct Events {
    pub plus: Vec<Counter>,
    pub minus: Vec<Counter>,
    per: Per,
}

/// What each value of the events is for.
#[derive(Clone, Debug, PartialEq)]
enum Per {
    Series,
    Group(String),
    Query,
}

impl Events {
    pub(super) fn of(counter: Counter) -> Self {
        Self {
            plus: vec![counter],
            minus: Vec::new(),
            per: Per::Series,
        }
    }

    pub(super) fn summed(self, grouping: Option<&str>) -> Self {
        let per = grouping.map_or(Per::Query, |grouping| Per::Group(grouping.to_owned()));
        Self { per, ..self }
    }

    pub(super) fn is_of_series(&self) -> bool {
        self.per == Per::Series
    }

    pub(super) fn grouping(&self) -> Option<&str> {
        match &self.per {
            Per::Group(grouping) => Some(grouping),
            Per::Series | Per::Query => None,
        }
    }

    pub(super) fn plus(mut self, other: Self) -> Self {
        self.plus.extend(other.plus);
        self.minus.extend(other.minus);
        self.cancelled()
    }

    pub fn minus(mut self, other: Self) -> Self {
        self.plus.extend(other.minus);
        self.minus.extend(other.plus);
        self.cancelled()
    }

    /// Removes counters that are both added and subtracted.
    fn cancelled(mut self) -> Self {
        let minus = std::mem::take(&mut self.minus);
        for counter in minus {
            match self.plus.iter().position(|one| *one == counter) {
                Some(at) => drop(self.plus.remove(at)),
                None => self.minus.push(counter),
            }
        }
        self.plus.sort();
        self.minus.sort();
        self
    }

    /// Whether both count the same events.
    pub(super) fn same(&self, other: &Self) -> bool {
        (&self.plus, &self.minus) == (&other.plus, &other.minus)
    }

    /// The same events with other samples of these histograms.
    pub(super) fn renamed(&self, name: impl Fn(Counter) -> Counter) -> Result<Self, String> {
        let mut counters = self.plus.iter().chain(&self.minus);
        if counters.any(|one| one.name.is_empty()) {
            return Err("a histogram has no name".to_owned());
        }
        let renamed = |all: &[Counter]| all.iter().cloned().map(&name).collect();
        Ok(Self {
            plus: renamed(&self.plus),
            minus: renamed(&self.minus),
            per: self.per.clone(),
        })
    }

    /// A single counter that selects all of them; `None` unless they differ only in their names, or in
    /// the values of one label.
    pub fn merged(&self) -> Option<Counter> {
        let [first, others @ ..] = &self.plus[..] else {
            return None;
        };
        if !self.minus.is_empty() {
            return None;
        }
        if others.is_empty() {
            return Some(first.clone());
        }
        merged_names(&self.plus).or_else(|| merged_values(&self.plus))
    }
}

fn merged_names(all: &[Counter]) -> Option<Counter> {
    let (first, mut names) = (all.first()?, Vec::new());
    for counter in all {
        if counter.matchers != first.matchers || names.contains(&regex::escape(&counter.name)) {
            return None;
        }
        names.push(regex::escape(&counter.name));
    }
    let mut merged = first.clone();
    merged.name.clear();
    merged.matchers.push(LabelMatcher {
        label: NAME.to_owned(),
        operator: MatchOperator::Matches,
        value: names.join("|"),
    });
    merged.matchers.sort();
    Some(merged)
}

fn merged_values(all: &[Counter]) -> Option<Counter> {
    let first = all.first()?;
    let of_first = |one: &LabelMatcher| all.iter().all(|counter| counter.matchers.contains(one));
    let own = first.matchers.iter().find(|one| !of_first(one))?;
    let mut rest = first.clone();
    rest.take(&own.label);
    let mut values = Vec::new();
    for counter in all {
        let mut other = counter.clone();
        let value = other.take(&own.label)?;
        let value = match value.operator {
            MatchOperator::Equal => regex::escape(&value.value),
            MatchOperator::Matches => value.value,
            _ => return None,
        };
        if other != rest || values.contains(&value) {
            return None;
        }
        values.push(value);
    }
    rest.matchers.push(LabelMatcher {
        label: own.label.clone(),
        operator: MatchOperator::Matches,
        value: values.join("|"),
    });
    rest.matchers.sort();
    Some(rest)
}

fn is_plain(name: &str) -> bool {
    name.chars().all(is_name_char) && !name.starts_with(|c: char| c.is_ascii_digit())
}
