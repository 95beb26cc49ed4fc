//! The forms of scalar values: how they are parsed, what is valid, and how the docs describe them.

use super::form::{Form, OutOfRange, Scalar};
use crate::diagnostic::nearest;
use crate::units::Tz;
use crate::units::{self, Rate, likely, show_duration};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Text;

impl Form for Text {
    fn describe(&self) -> String {
        "string".to_owned()
    }
}

impl Scalar for Text {
    type Value = String;

    fn expected(&self, _: &str) -> String {
        "a string".to_owned()
    }

    fn parse(&self, text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

/// A string that is parsed to a value.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<T> {
    /// For the docs.
    pub label: &'static str,
    /// For errors.
    pub expected: &'static str,
    pub parse: fn(&str) -> Option<T>,
}

impl<T> Form for Parsed<T> {
    fn describe(&self) -> String {
        self.label.to_owned()
    }
}

impl<T> Scalar for Parsed<T> {
    type Value = T;

    fn expected(&self, _: &str) -> String {
        self.expected.to_owned()
    }

    fn parse(&self, text: &str) -> Option<T> {
        (self.parse)(text)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        // A space between words may be part of the value.
        let has_words = written.contains(char::is_alphabetic);
        let joined = || written.split_whitespace().collect();
        vec![if has_words {
            written.to_lowercase()
        } else {
            joined()
        }]
    }
}

/// `100/s`, `200/min`
#[derive(Clone, Copy, Debug)]
pub struct RateForm;

impl Form for RateForm {
    fn describe(&self) -> String {
        "rate".to_owned()
    }
}

impl Scalar for RateForm {
    type Value = Rate;

    fn expected(&self, _: &str) -> String {
        "a rate such as 100/s or 200/min".to_owned()
    }

    fn parse(&self, text: &str) -> Option<Rate> {
        Rate::parse(text)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        likely::rates(written)
    }
}

/// `Europe/Berlin`
#[derive(Clone, Copy, Debug)]
pub struct ZoneForm;

impl Form for ZoneForm {
    fn describe(&self) -> String {
        "time zone".to_owned()
    }
}

impl Scalar for ZoneForm {
    type Value = Tz;

    fn expected(&self, _: &str) -> String {
        "a time zone such as Europe/Berlin".to_owned()
    }

    fn parse(&self, text: &str) -> Option<Tz> {
        text.parse().ok()
    }

    fn likely(&self, written: &str) -> Vec<String> {
        likely::zone(written)
            .map(str::to_owned)
            .into_iter()
            .collect()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Bool;

impl Form for Bool {
    fn describe(&self) -> String {
        "`true` or `false`".to_owned()
    }
}

impl Scalar for Bool {
    type Value = bool;

    fn expected(&self, _: &str) -> String {
        "true or false".to_owned()
    }

    fn parse(&self, text: &str) -> Option<bool> {
        units::boolean(text)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        // Booleans of YAML 1.1.
        let meant = match written.trim().to_lowercase().as_str() {
            "yes" | "on" | "y" | "true" => "true",
            "no" | "off" | "n" | "false" => "false",
            _ => return Vec::new(),
        };
        vec![meant.to_owned()]
    }
}

/// An integer within an inclusive range.
#[derive(Clone, Copy, Debug)]
pub struct Integer(pub u32, pub u32);

impl Form for Integer {
    fn describe(&self) -> String {
        format!("integer from {} to {}", self.0, self.1)
    }
}

impl Scalar for Integer {
    type Value = u32;

    fn expected(&self, _: &str) -> String {
        format!("an {}", self.describe())
    }

    fn parse(&self, text: &str) -> Option<u32> {
        let number = u32::try_from(units::integer(text)?).ok()?;
        (self.0..=self.1).contains(&number).then_some(number)
    }
}

/// `500ms`, `10s`, `5m`, `2h`, `30d`
#[derive(Clone, Copy, Debug)]
pub struct Span {
    range: Option<(Duration, Duration)>,
}

impl Span {
    pub const ANY: Self = Self { range: None };

    pub const fn within(from: Duration, to: Duration) -> Self {
        Self {
            range: Some((from, to)),
        }
    }
}

impl Form for Span {
    fn describe(&self) -> String {
        self.range.map_or_else(
            || "duration".to_owned(),
            |(from, to)| {
                format!(
                    "duration from {} to {}",
                    show_duration(from),
                    show_duration(to)
                )
            },
        )
    }
}

impl Scalar for Span {
    type Value = Duration;

    fn expected(&self, _: &str) -> String {
        "a duration such as 500ms, 10s, 5m, 2h or 30d".to_owned()
    }

    fn parse(&self, text: &str) -> Option<Duration> {
        units::duration(text)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        if let Some(meant) = likely::duration(written) {
            return vec![meant];
        }
        let is_valid = |text: &String| {
            let span = self.parse(text);
            span.is_some_and(|span| self.check(&span).is_ok())
        };
        let mut all = likely::bare_durations(written);
        all.retain(is_valid);
        // If seconds or milliseconds are valid, longer units are not suggested.
        let is_short = |text: &&String| text.ends_with('s');
        let short = all.iter().filter(is_short).count();
        if short > 0 {
            all.truncate(short);
        }
        all
    }

    fn check(&self, span: &Duration) -> Result<(), OutOfRange> {
        let Some((from, to)) = self.range else {
            return Ok(());
        };
        if (from..=to).contains(span) {
            return Ok(());
        }
        let fault = if *span < from { "short" } else { "long" };
        Err(OutOfRange {
            message: format!("{} is too {fault}", show_duration(*span)),
            help: format!("expected {} to {}", show_duration(from), show_duration(to)),
        })
    }
}

/// `99.9%` or `0.999`
#[derive(Clone, Copy, Debug)]
pub struct Ratio;

impl Form for Ratio {
    fn describe(&self) -> String {
        "ratio".to_owned()
    }
}

impl Scalar for Ratio {
    type Value = f64;

    fn expected(&self, _: &str) -> String {
        "a ratio such as 99.9% or 0.999".to_owned()
    }

    fn parse(&self, text: &str) -> Option<f64> {
        units::ratio(text)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        likely::ratio(written).into_iter().collect()
    }
}

/// `64KiB`, up to a number of MiB.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub max_mib: u64,
}

impl Form for Size {
    fn describe(&self) -> String {
        format!("size up to {}MiB", self.max_mib)
    }
}

impl Scalar for Size {
    type Value = u64;

    fn expected(&self, _: &str) -> String {
        "a size such as 64KiB or 1MiB".to_owned()
    }

    fn parse(&self, text: &str) -> Option<u64> {
        units::size(text)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        likely::size(written).into_iter().collect()
    }

    fn check(&self, bytes: &u64) -> Result<(), OutOfRange> {
        if *bytes <= self.max_mib << 20 {
            return Ok(());
        }
        Err(OutOfRange {
            message: format!("{bytes} bytes is too large"),
            help: format!("expected at most {}MiB", self.max_mib),
        })
    }
}

/// One of a closed set of words, each of which stands for a value.
#[derive(Clone, Copy, Debug)]
pub struct Choice<T: 'static>(pub &'static [(&'static str, T)]);

impl<T: Sync> Form for Choice<T> {
    fn describe(&self) -> String {
        format!("`{}`", self.words().join("`, `"))
    }

    fn words(&self) -> Vec<&'static str> {
        self.0.iter().map(|(word, _)| *word).collect()
    }
}

impl<T: Copy + Sync> Scalar for Choice<T> {
    type Value = T;

    fn expected(&self, _: &str) -> String {
        format!("one of {}", self.words().join(", "))
    }

    fn parse(&self, text: &str) -> Option<T> {
        let mut known = self.0.iter();
        let found = known.find(|(word, _)| *word == text);
        found.map(|(_, value)| *value)
    }

    fn likely(&self, written: &str) -> Vec<String> {
        let near = nearest(written, self.words());
        near.map(str::to_owned).into_iter().collect()
    }
}

/// A path, relative to the config file.
#[derive(Clone, Copy, Debug)]
pub struct FilePath;

impl Form for FilePath {
    fn describe(&self) -> String {
        "path".to_owned()
    }
}

impl Scalar for FilePath {
    type Value = PathBuf;

    fn expected(&self, _: &str) -> String {
        "a path".to_owned()
    }

    fn parse(&self, text: &str) -> Option<PathBuf> {
        let is_path = !text.is_empty() && !text.contains('\0');
        is_path.then(|| text.into())
    }
}
