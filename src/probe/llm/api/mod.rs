//! The APIs of language models: how to build requests and parse answers. Pure.

mod chat;
mod embeddings;
mod messages;
mod responses;

use super::answer::{Answer, Piece, reported_error};
use super::reported::{document, error_in};
use super::sse::Event;
use crate::outcome::Cause;
use crate::probe::dial::Failure;
use crate::probe::json_text;
use crate::probe::quoted::quoted;
use serde_json::{Map, Value, json};

/// An API of language models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// OpenAI's chat completions, which most providers and servers support.
    Chat,
    /// OpenAI's legacy text completions.
    Completions,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// OpenAI's embeddings.
    Embeddings,
}

/// A message of the conversation.
#[derive(Clone, Debug)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    Developer,
    User,
    Assistant,
}

impl Role {
    pub const BY_LABEL: &'static [(&'static str, Self)] = &[
        ("system", Self::System),
        ("developer", Self::Developer),
        ("user", Self::User),
        ("assistant", Self::Assistant),
    ];

    fn label(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// The question, with all parameters of its request.
#[derive(Clone, Debug)]
pub struct Question {
    pub model: String,
    pub messages: Vec<Message>,
    pub max_tokens: u32,
    pub stream: bool,
    /// Additional fields of the request; null removes one.
    pub parameters: Vec<(String, Value)>,
}

impl Question {
    /// Whether the model may answer with a tool call.
    pub fn offers_tools(&self) -> bool {
        let mut names = self.parameters.iter().map(|(name, _)| &**name);
        names.any(|name| matches!(name, "tools" | "functions"))
    }
}

impl Api {
    pub const BY_LABEL: &'static [(&'static str, Self)] = &[
        ("chat", Self::Chat),
        ("completions", Self::Completions),
        ("responses", Self::Responses),
        ("messages", Self::Messages),
        ("embeddings", Self::Embeddings),
    ];

    /// Whether the API takes a conversation, not only a text.
    pub const fn takes_messages(self) -> bool {
        matches!(self, Self::Chat | Self::Responses | Self::Messages)
    }

    pub const fn can_stream(self) -> bool {
        !matches!(self, Self::Embeddings)
    }

    /// The usual end of its path.
    pub const fn usual_path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Responses => "/responses",
            Self::Messages => "/messages",
            Self::Embeddings => "/embeddings",
        }
    }

    /// OpenTelemetry's name of the operation.
    pub const fn operation(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses | Self::Messages => "chat",
            Self::Completions => "text_completion",
            Self::Embeddings => "embeddings",
        }
    }

    /// Builds the body of a request.
    pub fn request(self, question: &Question) -> Value {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(question.model));
        let fields = match self {
            Self::Chat => chat::question(question),
            Self::Completions => chat::text_question(question),
            Self::Responses => responses::question(question),
            Self::Messages => messages::question(question),
            Self::Embeddings => embeddings::question(question),
        };
        body.extend(fields);
        if self.can_stream() && question.stream {
            body.insert("stream".to_owned(), json!(true));
        }
        for (name, value) in &question.parameters {
            match value {
                Value::Null => drop(body.remove(name)),
                value => drop(body.insert(name.clone(), value.clone())),
            }
        }
        Value::Object(body)
    }

    /// Processes an event of a stream.
    pub fn take_event(self, answer: &mut Answer, event: &Event) -> Result<Piece, Failure> {
        let is_terminator = event.data.trim() == "[DONE]";
        if is_terminator && matches!(self, Self::Chat | Self::Completions) {
            answer.ended = true;
            return Ok(Piece::Nothing);
        }
        if event.data.trim().is_empty() || event.name == "ping" {
            return Ok(Piece::Nothing);
        }
        if event.name == "error" {
            let data = document(event.data.as_bytes());
            return Err(reported_error(error_in(&data).unwrap_or(&data)));
        }
        let data: Value = json_text::parse(event.data.as_bytes()).map_err(|_| {
            let seen = quoted(event.data.as_bytes());
            Failure::bad(Cause::Protocol, format!("an event is not JSON: {seen}"))
        })?;
        check_error(&data)?;
        match self {
            Self::Chat | Self::Completions => chat::take_chunk(answer, &data),
            Self::Responses => responses::take_event(answer, &data),
            Self::Messages => messages::take_event(answer, &data),
            Self::Embeddings => Ok(Piece::Nothing),
        }
    }

    /// Parses an answer that is not streamed.
    pub fn take_whole(self, answer: &mut Answer, data: &Value) -> Result<(), Failure> {
        check_error(data)?;
        match self {
            Self::Chat | Self::Completions => chat::take_whole(answer, data)?,
            Self::Responses => responses::take_whole(answer, data)?,
            Self::Messages => messages::take_whole(answer, data)?,
            Self::Embeddings => embeddings::take_whole(answer, data)?,
        }
        answer.ended = true;
        Ok(())
    }

    /// Checks that a finished stream is a complete answer.
    pub fn check_end(self, answer: &Answer) -> Result<(), Failure> {
        let missing = if answer.ended {
            // Without a finish reason, the rest may be missing, even if a proxy added a terminator.
            answer.finish.is_none().then_some("a finish reason")
        } else {
            Some(match self {
                Self::Chat | Self::Completions | Self::Embeddings => "`data: [DONE]`",
                Self::Responses => "`response.completed`",
                Self::Messages => "`message_stop`",
            })
        };
        match missing {
            None => Ok(()),
            Some(missing) => {
                let message = format!("the stream ended without {missing}");
                Err(Failure::bad(Cause::StreamBroken, message))
            }
        }
    }
}

/// Checks for an error in place of an answer or a part of it.
pub fn check_error(data: &Value) -> Result<(), Failure> {
    let is_error = |name: &str| text(data, name) == Some("error");
    // The format of older servers of open models.
    let flat = || (is_error("object") || is_error("type")).then_some(data);
    let error = error_in(data).or_else(flat);
    error.map_or(Ok(()), |error| Err(reported_error(error)))
}

/// The failure for an answer without a required field.
fn missing(what: &str) -> Failure {
    Failure::bad(Cause::Protocol, format!("the answer has no `{what}`"))
}

/// The string in a field of an object.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// The items of the list in a field; empty if there is none.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let list = value.get(name).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// The conversation in the format of OpenAI and Anthropic.
fn conversation<'a>(messages: impl Iterator<Item = &'a Message>) -> Value {
    let messages =
        messages.map(|message| json!({ "role": message.role.label(), "content": message.content }));
    Value::Array(messages.collect())
}

/// The question as a single text.
fn prompt(question: &Question) -> String {
    let texts = question.messages.iter();
    let texts: Vec<_> = texts.map(|message| message.content.as_str()).collect();
    texts.join("\n")
}
