//! The most tokens that one attempt can use, derived from its request. Pure.

use super::api::{Api, Question};
use super::budget::Tokens;
use serde_json::Value;

/// Maximum number of tokens that roles and templates add to a message.
const PER_MESSAGE: u64 = 16;
/// The fields that limit the length of an answer; some servers support several of them.
const LIMITS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
/// The fields that set the number of answers.
const ANSWERS: [&str; 2] = ["n", "best_of"];

/// The most tokens that an attempt can use. Without a limit on the answer, the output is `u64::MAX`.
pub fn worst(api: Api, question: &Question) -> Tokens {
    let output = if api == Api::Embeddings {
        0
    } else {
        longest_answers(&api.request(question))
    };
    Tokens {
        input: longest_prompt(question),
        output,
    }
}

/// An upper bound of the prompt's tokens, as no token is shorter than a byte. Parameters such as
/// tool descriptions count too.
fn longest_prompt(question: &Question) -> u64 {
    let size = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let messages = question.messages.iter();
    let messages = messages.map(|message| size(message.content.len()).saturating_add(PER_MESSAGE));
    let parameters = question.parameters.iter().map(|(_, value)| value);
    let structures = parameters.filter(|value| value.is_array() || value.is_object());
    let structures = structures.map(|value| size(value.to_string().len()));
    messages.chain(structures).fold(0, u64::saturating_add)
}

fn longest_answers(body: &Value) -> u64 {
    let most = |names: &[&str]| {
        let values = names.iter().filter_map(|name| body.get(name)?.as_u64());
        values.max()
    };
    let each = most(&LIMITS).unwrap_or(u64::MAX);
    each.saturating_mul(most(&ANSWERS).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::llm::api::{Message, Role};
    use serde_json::json;

    fn of(api: Api, parameters: &[(&str, Value)]) -> Tokens {
        let parameters = parameters.iter().cloned();
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value));
        let question = Question {
            model: "m".to_owned(),
            messages: vec![Message {
                role: Role::User,
                content: "hello".to_owned(),
            }],
            max_tokens: 64,
            stream: true,
            parameters: parameters.collect(),
        };
        worst(api, &question)
    }

    #[test]
    fn parameters_change_how_long_answers_can_be() {
        let output = |parameters: &[(&str, Value)]| of(Api::Chat, parameters).output;
        let long = ("max_completion_tokens", json!(100_000));
        assert_eq!(output(&[]), 64);
        assert_eq!(
            output(&[("max_tokens", Value::Null), long.clone()]),
            100_000
        );
        assert_eq!(output(std::slice::from_ref(&long)), 100_000);
        assert_eq!(output(&[("n", json!(3))]), 192);
        assert_eq!(output(&[("max_tokens", Value::Null)]), u64::MAX);
        assert_eq!(of(Api::Responses, &[]).output, 64);
        assert_eq!(of(Api::Messages, &[]).output, 64);
        assert_eq!(of(Api::Completions, &[("best_of", json!(2))]).output, 128);
        assert_eq!(of(Api::Embeddings, &[]).output, 0);
    }

    #[test]
    fn everything_sent_with_the_messages_counts() {
        let input = |parameters: &[(&str, Value)]| of(Api::Chat, parameters).input;
        assert_eq!(input(&[("temperature", json!(0.5))]), 5 + PER_MESSAGE);
        let tools = json!([{ "name": "f" }]);
        assert_eq!(input(&[("tools", tools)]), 5 + PER_MESSAGE + 14);
    }
}
