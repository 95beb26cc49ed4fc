//! Numbers of an attempt other than durations: a closed set, stored exactly.

use super::FinishReason;
use super::closed_set::closed_set;
use std::fmt;
use std::num::NonZeroU32;

closed_set! {
    /// A number from a response. The stored codes are distinct from those of measurements.
    Figure {
        /// Tokens in the prompt, as counted by the provider.
        InputTokens = 64, "input_tokens";
        /// Tokens in the answer including its reasoning, as counted by the provider.
        OutputTokens = 65, "output_tokens";
        /// The code of a [`FinishReason`].
        FinishReason = 66, "finish_reason";
    }
}

/// The figures of one attempt. Stored plus one, so that absent values need no extra space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures([Option<NonZeroU32>; Figure::ALL.len()]);

impl Figures {
    pub fn get(&self, one: Figure) -> Option<u32> {
        self.0[one as usize].map(|value| value.get() - 1)
    }

    /// Values are clamped to `u32::MAX - 1`.
    pub fn set(&mut self, one: Figure, value: u32) {
        self.0[one as usize] = Some(NonZeroU32::MIN.saturating_add(value));
    }

    pub fn finish_reason(&self) -> Option<FinishReason> {
        let code = u8::try_from(self.get(Figure::FinishReason)?).ok()?;
        FinishReason::from_code(code)
    }

    /// The present values as text.
    pub fn words(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        Figure::ALL.iter().filter_map(|one| {
            let value = match one {
                Figure::FinishReason => self.finish_reason()?.label().to_owned(),
                Figure::InputTokens | Figure::OutputTokens => self.get(*one)?.to_string(),
            };
            Some((one.label(), value))
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self
            .words()
            .map(|(label, value)| format!("{label} {value}"));
        f.write_str(&words.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Measurement;

    #[test]
    fn stored_codes_are_unique_and_apart_from_those_of_measurements() {
        for (at, one) in Figure::ALL.iter().enumerate() {
            assert_eq!(*one as usize, at);
            assert_eq!(Figure::from_code(one.code()), Some(*one));
            assert_eq!(Measurement::from_code(one.code()), None);
        }
    }

    #[test]
    fn values_come_back_in_words() {
        let mut figures = Figures::default();
        assert_eq!(figures.to_string(), "");
        figures.set(Figure::OutputTokens, 0);
        figures.set(Figure::FinishReason, FinishReason::Length.code().into());
        assert_eq!(figures.to_string(), "output_tokens 0, finish_reason length");
        figures.set(Figure::InputTokens, u32::MAX);
        assert_eq!(figures.get(Figure::InputTokens), Some(u32::MAX - 1));
    }
}
