//! The content of an answer, independent of the API. Pure.

use super::reported::describe;
use super::think::Separator;
use crate::outcome::{Cause, Figure, Figures, FinishReason};
use crate::probe::dial::Failure;
use serde_json::Value;

/// Minimum number of bytes per reasoning token of a text that is not a summary. Tokens have three to four
/// bytes on average; summaries have a tenth of the text.
const WHOLE_MIN: u64 = 2;

/// The part of an answer received so far.
#[derive(Debug, Default)]
pub struct Answer {
    /// The text of the answer, without reasoning.
    pub text: String,
    /// Whether the model calls a tool, which is an answer without text if tools are allowed.
    pub calls_tool: bool,
    /// Whether reasoning was received.
    pub reasons: bool,
    /// The length of its text.
    pub reasoning_bytes: u64,
    /// Finds reasoning in the text.
    separator: Separator,
    /// Number of dimensions of each embedding vector.
    pub dimensions: Option<usize>,
    pub finish: Option<FinishReason>,
    pub usage: Usage,
    /// Whether the stream's terminator was received.
    pub ended: bool,
}

/// Token counts of the provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: Option<u64>,
    pub output: Option<u64>,
    /// The reasoning tokens, which are part of the output tokens.
    pub reasoning: Option<u64>,
}

/// What an event of a stream contributes, in ascending order of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// Nothing that is part of an answer, such as a ping.
    Nothing,
    /// A chunk without output, such as one with only a role.
    Frame,
    Reasoning,
    Answer,
}

impl Answer {
    /// Appends a text of the answer, which may be empty.
    pub fn add_text(&mut self, text: &str) -> Piece {
        self.text.push_str(text);
        if text.is_empty() {
            Piece::Frame
        } else {
            Piece::Answer
        }
    }

    /// Appends a text that may begin with reasoning.
    pub fn add_mixed_text(&mut self, text: &str) -> Piece {
        let separated = self.separator.take(text, &mut self.text);
        if separated.reasoning > 0 {
            self.reasons = true;
            self.reasoning_bytes += separated.reasoning as u64;
        }
        match separated {
            _ if separated.has_text => Piece::Answer,
            _ if separated.reasoning > 0 => Piece::Reasoning,
            _ => Piece::Frame,
        }
    }

    /// Appends a text with which the model refuses to answer.
    pub fn add_refusal(&mut self, text: &str) -> Piece {
        if !text.is_empty() && matches!(self.finish, None | Some(FinishReason::Stop)) {
            self.finish = Some(FinishReason::Refusal);
        }
        self.add_text(text)
    }

    /// Sets the finish reason, if the answer has ended; a refusal ends with `stop` like other answers.
    pub fn end(&mut self, word: &str) -> Result<(), Failure> {
        if let Some(reason) = finish_reason(word)?
            && (self.finish != Some(FinishReason::Refusal) || reason != FinishReason::Stop)
        {
            self.finish = Some(reason);
        }
        Ok(())
    }

    pub fn add_reasoning(&mut self, text: &str) -> Piece {
        if text.is_empty() {
            return Piece::Frame;
        }
        self.reasons = true;
        self.reasoning_bytes += text.len() as u64;
        Piece::Reasoning
    }

    pub fn add_tool_call(&mut self) -> Piece {
        self.calls_tool = true;
        Piece::Answer
    }

    pub fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        for (figure, tokens) in [
            (Figure::InputTokens, self.usage.input),
            (Figure::OutputTokens, self.usage.output),
        ] {
            if let Some(tokens) = tokens {
                figures.set(figure, u32::try_from(tokens).unwrap_or(u32::MAX));
            }
        }
        if let Some(finish) = self.finish {
            figures.set(Figure::FinishReason, finish.code().into());
        }
        figures
    }

    /// Whether all reasoning tokens were streamed, instead of none or a summary of them.
    pub fn streams_reasoning(&self) -> bool {
        let whole = |tokens: u64| self.reasoning_bytes >= tokens.saturating_mul(WHOLE_MIN);
        self.reasons && self.usage.reasoning.is_none_or(whole)
    }

    /// The number of streamed tokens, from which the time per token is computed: all output tokens,
    /// without reasoning tokens if the reasoning was not streamed.
    pub fn streamed_tokens(&self) -> Option<u64> {
        let output = self.usage.output?;
        let hidden = if self.streams_reasoning() {
            0
        } else {
            self.usage.reasoning.unwrap_or(0)
        };
        Some(output.saturating_sub(hidden))
    }

    /// Checks that the answer is not empty, which is bad regardless of the expectations. A tool call is
    /// an answer if the model `may_call` tools.
    pub fn check_presence(&self, may_call: bool) -> Result<(), Failure> {
        let is_empty = self.text.trim().is_empty() && !(self.calls_tool && may_call);
        if !is_empty || self.dimensions.is_some_and(|numbers| numbers > 0) {
            return Ok(());
        }
        let reasoned = self.reasons || self.usage.reasoning.is_some_and(|tokens| tokens > 0);
        let message = match self.finish {
            _ if self.calls_tool => {
                "the answer has no text, only a tool call, and the probe offers no tools".to_owned()
            }
            Some(FinishReason::Length) if reasoned => {
                "the answer is empty: `max_tokens` was used up by reasoning".to_owned()
            }
            Some(finish) => format!("the answer is empty (finish reason {finish})"),
            None => "the answer is empty".to_owned(),
        };
        Err(Failure::bad(Cause::EmptyAnswer, message))
    }
}

impl Usage {
    /// Updates the counts from a usage object. Counts only grow during a stream.
    pub fn take(&mut self, usage: &Value) {
        let number = |names: &[&str]| {
            let mut values = names.iter().map(|name| usage.get(name));
            values.find_map(|value| value.and_then(Value::as_u64))
        };
        // Anthropic counts tokens read from or written to its cache separately. Proxies that translate
        // its answers, such as LiteLLM, return these counts as well, but include them in `prompt_tokens`.
        let apart = || {
            let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
            let cached = cached.iter().filter_map(|name| number(&[name]));
            Some(number(&["input_tokens"])?.saturating_add(cached.sum()))
        };
        let input = number(&["prompt_tokens"]).or_else(apart);
        let output = number(&["completion_tokens", "output_tokens"]);
        let details = ["completion_tokens_details", "output_tokens_details"];
        let mut details = details.iter().filter_map(|name| usage.get(name));
        let reasoning = details.find_map(|details| details.get("reasoning_tokens")?.as_u64());
        // xAI and Google count hidden reasoning only in the total.
        let total = number(&["total_tokens"]).zip(input);
        let made = total.map(|(total, input)| total.saturating_sub(input));
        let hidden = made.map(|made| made.saturating_sub(output.unwrap_or(0)));
        let hidden = hidden.filter(|hidden| *hidden > 0);
        let output = hidden.map_or(output, |_| made);
        self.input = self.input.max(input);
        self.output = self.output.max(output);
        self.reasoning = self.reasoning.max(reasoning).max(hidden);
    }
}

/// Maps the finish reasons of OpenAI, Anthropic, Google, vLLM and others. `None` if the answer continues,
/// which some servers express as an empty text or `null`. Reasons with which providers report that they
/// broke off the answer are an error.
pub fn finish_reason(word: &str) -> Result<Option<FinishReason>, Failure> {
    // Google's may have a detail: `content_filter: RECITATION`.
    let kind = word.split(':').next().unwrap_or_default().trim();
    Ok(Some(match kind.to_ascii_lowercase().as_str() {
        "" | "null" => return Ok(None),
        "stop" | "end_turn" | "stop_sequence" | "eos" | "eos_token" | "complete" | "completed" => {
            FinishReason::Stop
        }
        "length"
        | "max_tokens"
        | "max_output_tokens"
        | "model_length"
        | "model_context_window_exceeded" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" | "safety" | "recitation" | "blocklist" | "prohibited_content"
        | "spii" | "sensitive" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        "abort"
        | "aborted"
        | "canceled"
        | "cancelled"
        | "error"
        | "failed"
        | "insufficient_system_resource"
        | "network_error" => {
            let message = format!("the provider broke off the answer (finish reason {kind})");
            return Err(Failure::bad(Cause::StreamError, message));
        }
        _ => FinishReason::Other,
    }))
}

/// The failure for an error in an answer with status 200.
pub fn reported_error(error: &Value) -> Failure {
    let message = match describe(error) {
        Some(words) => format!("the answer contains an error: {words}"),
        None => "the answer contains an error".to_owned(),
    };
    Failure::bad(Cause::StreamError, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_of_a_cache_are_counted_once() {
        let input = |usage: &Value| {
            let mut counted = Usage::default();
            counted.take(usage);
            counted.input
        };
        let litellm = json!({
            "prompt_tokens": 1200, "completion_tokens": 5,
            "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 100,
        });
        assert_eq!(input(&litellm), Some(1200));
        let anthropic = json!({
            "input_tokens": 100, "output_tokens": 5,
            "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 100,
        });
        assert_eq!(input(&anthropic), Some(1200));
        assert_eq!(input(&json!({ "cache_read_input_tokens": 1 })), None);
    }
    #[test]
    fn hidden_reasoning_is_counted_as_output() {
        let tokens = |usage: &Value| {
            let mut counted = Usage::default();
            counted.take(usage);
            (counted.output, counted.reasoning)
        };
        let xai = json!({
            "prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 120,
            "completion_tokens_details": { "reasoning_tokens": 107 },
        });
        assert_eq!(tokens(&xai), (Some(110), Some(107)));
        let openai = json!({
            "prompt_tokens": 10, "completion_tokens": 110, "total_tokens": 120,
            "completion_tokens_details": { "reasoning_tokens": 107 },
        });
        assert_eq!(tokens(&openai), (Some(110), Some(107)));
        let google = json!({ "prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 1016 });
        assert_eq!(tokens(&google), (Some(996), Some(572)));
        let without_answer = json!({ "prompt_tokens": 20, "total_tokens": 84 });
        assert_eq!(tokens(&without_answer), (Some(64), Some(64)));
        let embedding = json!({ "prompt_tokens": 8, "total_tokens": 8 });
        assert_eq!(tokens(&embedding), (None, None));
    }

    #[test]
    fn finish_reasons_of_all_providers_are_known() {
        for (word, wanted) in [
            ("stop", Some(FinishReason::Stop)),
            ("STOP", Some(FinishReason::Stop)),
            ("MAX_TOKENS", Some(FinishReason::Length)),
            ("model_length", Some(FinishReason::Length)),
            (
                "content_filter: RECITATION",
                Some(FinishReason::ContentFilter),
            ),
            ("SAFETY", Some(FinishReason::ContentFilter)),
            ("pause_turn", Some(FinishReason::Other)),
            ("", None),
            ("null", None),
        ] {
            assert_eq!(finish_reason(word).expect("no error"), wanted, "{word}");
        }
        for word in ["insufficient_system_resource", "abort", "network_error"] {
            let failure = finish_reason(word).expect_err("broken off");
            assert!(failure.message.contains(word), "{failure:?}");
        }
    }
}
