//! Reasoning in the text of an answer, in tags such as `<think>` and `</think>`, as it is sent by servers that
//! do not separate it. Pure.

/// The tags: of most open models, Amazon's Nova, Google, Bedrock's gpt-oss and MiniMax.
const TAGS: [(&str, &str); 5] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<mm:think>", "</mm:think>"),
];

/// Separates the reasoning from a text that arrives in parts.
#[derive(Debug, Default)]
pub struct Separator {
    state: State,
    /// Length of the white space before the first other character, which is examined only once.
    blank: usize,
    /// The end of the reasoning, which may be the beginning of the closing tag.
    end: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The text so far may become an opening tag.
    #[default]
    Start,
    /// Until this closing tag.
    Reasoning(&'static str),
    /// After the reasoning, before the first text.
    Between,
    Text,
}

/// What a part of a text contains.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Separated {
    /// Length of the reasoning in bytes.
    pub reasoning: usize,
    /// Whether text of the answer was added.
    pub has_text: bool,
}

impl Separator {
    /// Appends a part to the text of the answer, without its reasoning.
    pub fn take(&mut self, part: &str, text: &mut String) -> Separated {
        match self.state {
            State::Start => self.start(part, text),
            State::Reasoning(closing) => self.reason(part, closing, text),
            State::Between => self.begin(part, text),
            State::Text => {
                text.push_str(part);
                Separated {
                    reasoning: 0,
                    has_text: !part.is_empty(),
                }
            }
        }
    }

    fn start(&mut self, part: &str, text: &mut String) -> Separated {
        text.push_str(part);
        let begun = text[self.blank..].trim_start();
        self.blank = text.len() - begun.len();
        let mut tags = TAGS.iter();
        if let Some((opening, closing)) = tags.find(|(opening, _)| begun.starts_with(opening)) {
            let reasoning = begun[opening.len()..].to_owned();
            text.clear();
            let mut separated = self.reason(&reasoning, closing, text);
            separated.reasoning += opening.len();
            return separated;
        }
        if !TAGS.iter().any(|(opening, _)| opening.starts_with(begun)) {
            self.state = State::Text;
        }
        Separated {
            reasoning: 0,
            has_text: self.state == State::Text,
        }
    }

    fn reason(&mut self, part: &str, closing: &'static str, text: &mut String) -> Separated {
        let known = std::mem::take(&mut self.end) + part;
        let Some((_, after)) = known.split_once(closing) else {
            let kept = known.len().saturating_sub(closing.len() - 1);
            known[known.floor_char_boundary(kept)..].clone_into(&mut self.end);
            self.state = State::Reasoning(closing);
            return Separated {
                reasoning: part.len(),
                has_text: false,
            };
        };
        self.state = State::Between;
        let separated = self.begin(after, text);
        Separated {
            reasoning: part.len().saturating_sub(after.len()),
            ..separated
        }
    }

    fn begin(&mut self, part: &str, text: &mut String) -> Separated {
        let part = part.trim_start();
        if !part.is_empty() {
            self.state = State::Text;
            text.push_str(part);
        }
        Separated {
            reasoning: 0,
            has_text: !part.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, and the numbers of the parts with reasoning and with text.
    fn separated(parts: &[&str]) -> (String, Vec<usize>, Vec<usize>) {
        let (mut separator, mut text) = (Separator::default(), String::new());
        let (mut reasoning, mut texts) = (Vec::new(), Vec::new());
        for (number, part) in parts.iter().enumerate() {
            let found = separator.take(part, &mut text);
            if found.reasoning > 0 {
                reasoning.push(number);
            }
            if found.has_text {
                texts.push(number);
            }
        }
        (text, reasoning, texts)
    }

    #[test]
    fn white_space_before_an_answer_takes_linear_time() {
        let parts = vec![" \u{a0}\n".repeat(20); 200_000];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (text, reasoning, texts) =
            separated(&[&parts[..], &["<think>Hm</think>", "Hi"]].concat());
        assert_eq!((text.as_str(), texts), ("Hi", vec![parts.len() + 1]));
        assert_eq!(reasoning, [parts.len()]);
    }

    #[test]
    fn reasoning_is_separated_from_the_text() {
        for (parts, text, reasoning, texts) in [
            (&["Hello"][..], "Hello", &[][..], &[0][..]),
            (&["<think>Hm</think>\n\nHi"], "Hi", &[0], &[0]),
            (
                &["\n<think>", "Hm", "</think>", "\n\n", "Hi"],
                "Hi",
                &[0, 1, 2],
                &[4],
            ),
            (
                &["<th", "ink>é", "é</thi", "nk>H", "i"],
                "Hi",
                &[1, 2, 3],
                &[3, 4],
            ),
            (
                &["<think>", "\n\n", "</think>", "Hi"],
                "Hi",
                &[0, 1, 2],
                &[3],
            ),
            (&["<thought>Hm</thought>Hi"], "Hi", &[0], &[0]),
            (
                &["<think", "ing>a</think>", "b</thinking>Hi"],
                "Hi",
                &[1, 2],
                &[2],
            ),
            (&["<thi", "s> is"], "<this> is", &[], &[1]),
            (
                &["Use <think>", "x</think>"],
                "Use <think>x</think>",
                &[],
                &[0, 1],
            ),
            (&["<think>", "Hm"], "", &[0, 1], &[]),
            (&["<"], "<", &[], &[]),
            (&[" a", " b "], " a b ", &[], &[0, 1]),
        ] {
            let wanted = (text.to_owned(), reasoning.to_vec(), texts.to_vec());
            assert_eq!(separated(parts), wanted, "{parts:?}");
        }
    }

    #[test]
    fn the_kept_end_is_bounded() {
        let (mut separator, mut text) = (Separator::default(), String::new());
        separator.take("<think>", &mut text);
        for _ in 0..1000 {
            separator.take("long \u{1f600} reasoning", &mut text);
        }
        assert!(separator.end.len() < 12 && text.is_empty());
    }
}
