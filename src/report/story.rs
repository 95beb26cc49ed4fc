//! Pasts in words, for trying alerts on what never happened.

use crate::outcome::Timestamp;
use crate::yaml::units::{self, show_duration};
use std::time::Duration;

/// A past in words: `good x 72h, bad x 5m, bad 2% x 6h`.
#[derive(Clone, Debug, PartialEq)]
pub struct Story(Vec<Chapter>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Chapter {
    /// One attempt in so many fails; 0 for none.
    every: u64,
    length: Duration,
}

/// Longer stories than a year are a slip of the pen, and would take minutes.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

impl std::str::FromStr for Story {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let chapters: Result<Vec<_>, String> = text.split(',').map(chapter).collect();
        let story = Self(chapters?);
        if story.length() > LONGEST {
            return Err(format!("a story takes at most {}", show_duration(LONGEST)));
        }
        Ok(story)
    }
}

fn chapter(text: &str) -> Result<Chapter, String> {
    let expected = || {
        format!(
            "`{}` is no part of a story; expected such as `good x 72h`, `bad x 5m` or `bad 2% x 6h`",
            text.trim()
        )
    };
    let (what, length) = text.split_once(" x ").ok_or_else(expected)?;
    let length = units::duration(length).ok_or_else(expected)?;
    let every = match what.trim() {
        "good" => 0,
        "bad" => 1,
        what => {
            let ratio = what.strip_prefix("bad ").and_then(units::ratio);
            let ratio = ratio.filter(|ratio| *ratio > 0.0).ok_or_else(expected)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "1 or more, and saturates"
            )]
            let every = (1.0 / ratio).round() as u64;
            every
        }
    };
    Ok(Chapter { every, length })
}

impl Story {
    /// How long it takes.
    pub fn length(&self) -> Duration {
        self.0.iter().fold(Duration::ZERO, |sum, chapter| {
            sum.saturating_add(chapter.length)
        })
    }

    /// Whether a probe's attempt of this number, at this time since the start, fails. A chapter's
    /// border is after the attempt on it: `good x 72h` ends with a good one.
    pub fn fails(&self, at: Timestamp, number: u64) -> bool {
        let mut end = Timestamp(0);
        for chapter in &self.0 {
            end = end.after(chapter.length);
            if at <= end {
                return chapter.every > 0 && number.is_multiple_of(chapter.every);
            }
        }
        false
    }
}
