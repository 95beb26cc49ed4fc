//! The keys of the `llm` kind.

use super::api::{Api, Role};
use super::names::Convention;
use crate::outcome::FinishReason;
use crate::probe::dial::options;
use crate::probe::http::keys as shared;
use crate::probe::http::oauth2::keys::OAUTH2;
use crate::probe::pattern::{Pattern, text_regex};
use crate::yaml::{
    Bool, Choice, Integer, Key, Keys, List, Map, Mapping, Parsed, SecretText, Size, Text, ZoneForm,
};
use regex::Regex;

pub const KEYS: Keys = &[
    &API,
    &shared::URL,
    &MODEL,
    &PROMPT,
    &MESSAGES,
    &MAX_TOKENS,
    &STREAM,
    &PARAMETERS,
    &shared::BEARER,
    &API_KEY,
    &shared::BASIC_AUTH,
    &OAUTH2,
    &shared::HEADERS,
    &EXPECT,
    &BODY_LIMIT,
    &BUDGET,
    &OPENTELEMETRY,
    &shared::TLS,
    &options::IP_VERSION,
    &shared::HTTP_VERSION,
    &shared::PROXY,
    &shared::PROXY_AUTH,
    &shared::UNIX_SOCKET,
];

pub const API: Key<Choice<Api>> = Key::with_default(
    "api",
    Choice(Api::BY_LABEL),
    "chat",
    "The API behind `url`: `chat`, `completions`, `responses` and `embeddings` are OpenAI's, which most providers and servers of open models support; `messages` is Anthropic's, for which `anthropic-version: 2023-06-01` is sent unless `headers` sets another version.",
);

pub const MODEL: Key<Text> = Key::required(
    "model",
    Text,
    "The provider's name of the model. It is also a label of the metrics.",
);

pub const PROMPT: Key<Text> = Key::with_default(
    "prompt",
    Text,
    "Reply with the single word: pong",
    "The question, or the text to embed.",
);

pub const MESSAGES: Key<List<Mapping>> = Key::optional(
    "messages",
    List::up_to(64, Mapping(&[&ROLE, &CONTENT])),
    "A conversation to continue, instead of `prompt`.",
);

pub const ROLE: Key<Choice<Role>> = Key::with_default(
    "role",
    Choice(Role::BY_LABEL),
    "user",
    "The role of the message's author.",
);

pub const CONTENT: Key<Text> = Key::required("content", Text, "The text of the message.");

pub const MAX_TOKENS: Key<Integer> = Key::with_default(
    "max_tokens",
    Integer(1, 100_000),
    "64",
    "Maximum number of output tokens. Reasoning models may need many more before they answer. For models that reject `max_tokens`: `parameters: { max_tokens: null, max_completion_tokens: 64 }`.",
);

pub const STREAM: Key<Bool> = Key::with_default(
    "stream",
    Bool,
    "true",
    "Whether to stream the answer, with its usage at the end. The times of the first chunk, of the first token and per output token are only measured for streamed answers. Embeddings are never streamed.",
);

pub const PARAMETERS: Key<Map<Text>> = Key::optional(
    "parameters",
    Map {
        item: Text,
        null: Some("null"),
    },
    "Additional fields of the request, each a JSON value or a string, such as `temperature: 0`. `null` removes a default field, such as `stream_options`.",
);

pub const API_KEY: Key<SecretText> = Key::optional(
    "api_key",
    SecretText,
    "A key, sent as `x-api-key`, as Anthropic expects it. For Azure: `headers: { api-key: \"${KEY}\" }`.",
);

/// Embeddings of the largest models have about 100 KiB.
pub const BODY_LIMIT: Key<Size> = Key::with_default(
    "body_limit",
    Size { max_mib: 16 },
    "1MiB",
    "Maximum size of the decoded response. A larger one is bad, and the rest of it is not read. The same applies to a stream event above 512 KiB.",
);

pub const OPENTELEMETRY: Key<Choice<Convention>> = Key::with_default(
    "opentelemetry",
    Choice(Convention::BY_LABEL),
    "v1",
    "OpenTelemetry's conventions for generative AI under whose names the metrics are also exported: `v1` are the names before 2026 (`gen_ai_client_operation_duration_seconds`), `v2` the current ones (`gen_ai_client_inference_duration_seconds`).",
);

pub const EXPECT: Key<Mapping> = Key::optional(
    "expect",
    Mapping(&[
        &EXPECT_TEXT,
        &EXPECT_REGEX,
        &EXPECT_REGEX_NOT,
        &EXPECT_JSON,
        &MIN_LENGTH,
        &MAX_LENGTH,
        &MIN_OUTPUT_TOKENS,
        &MAX_OUTPUT_TOKENS,
        &FINISH_REASON,
        &DIMENSIONS,
    ]),
    "The expected answer, without its reasoning. An empty answer is always bad. A tool call is an answer only if `parameters` offer tools, or `finish_reason: tool_calls` is expected.",
);

const REGEX: Pattern<Regex> = Pattern(text_regex);

pub const EXPECT_TEXT: Key<List<Text>> = Key::optional(
    "text",
    List::of(Text),
    "Texts that the answer must all contain.",
);

pub const EXPECT_REGEX: Key<List<Pattern<Regex>>> = Key::optional(
    "regex",
    List::of(REGEX),
    "Regular expressions that must all match the answer.",
);

pub const EXPECT_REGEX_NOT: Key<List<Pattern<Regex>>> = Key::optional(
    "regex_not",
    List::of(REGEX),
    "Regular expressions that must not match the answer.",
);

pub const EXPECT_JSON: Key<Map<Text>> = Key::optional(
    "json",
    shared::EXPECT_JSON.form,
    "The answer must be JSON. JSONPath queries on it, each with a value or a condition, as in `expect.json` of the `http` kind.",
);

pub const MIN_LENGTH: Key<Integer> = Key::optional(
    "min_length",
    Integer(1, 10_000_000),
    "Minimum length of the answer in characters.",
);

pub const MAX_LENGTH: Key<Integer> = Key::optional(
    "max_length",
    Integer(1, 10_000_000),
    "Maximum length of the answer in characters.",
);

pub const MIN_OUTPUT_TOKENS: Key<Integer> = Key::optional(
    "min_output_tokens",
    Integer(1, 10_000_000),
    "Minimum number of output tokens. An answer without a token count is bad.",
);

pub const MAX_OUTPUT_TOKENS: Key<Integer> = Key::optional(
    "max_output_tokens",
    Integer(1, 10_000_000),
    "Maximum number of output tokens. An answer without a token count is bad.",
);

pub const FINISH_REASON: Key<List<Choice<FinishReason>>> = Key::optional(
    "finish_reason",
    List::of(Choice(&[
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("tool_calls", FinishReason::ToolCalls),
        ("content_filter", FinishReason::ContentFilter),
        ("refusal", FinishReason::Refusal),
    ])),
    "Good finish reasons. Those of other providers are mapped: `end_turn` is `stop`, and `max_tokens` is `length`.",
);

pub const DIMENSIONS: Key<Integer> = Key::optional(
    "dimensions",
    Integer(1, 1_000_000),
    "Number of dimensions that each embedding vector must have.",
);

pub const BUDGET: Key<Mapping> = Key::optional(
    "budget",
    Mapping(&[&TOKENS, &COST, &PRICE, &TIMEZONE]),
    "Daily budget of this probe. Attempts that could exceed it are not made: they are void with the reason `quota`. After a restart, the amount spent is read from the stored outcomes. An attempt whose usage is unknown counts as the most that it can use.",
);

pub const TOKENS: Key<Integer> = Key::optional(
    "tokens",
    Integer(1, u32::MAX),
    "Maximum number of input and output tokens per day.",
);

pub const COST: Key<Parsed<f64>> = Key::optional(
    "cost",
    AMOUNT,
    "Maximum cost per day, in the currency of `price`.",
);

pub const PRICE: Key<Mapping> = Key::optional(
    "price",
    Mapping(&[&PRICE_INPUT, &PRICE_OUTPUT]),
    "Price per million tokens; required for `cost`.",
);

pub const PRICE_INPUT: Key<Parsed<f64>> =
    Key::required("input", AMOUNT, "Price per million input tokens.");

pub const PRICE_OUTPUT: Key<Parsed<f64>> =
    Key::with_default("output", AMOUNT, "0", "Price per million output tokens.");

const AMOUNT: Parsed<f64> = Parsed {
    label: "amount",
    expected: "an amount such as 1.50, without a currency",
    parse: |text| {
        let amount: f64 = text.parse().ok()?;
        (amount.is_finite() && amount >= 0.0).then_some(amount)
    },
};

pub const TIMEZONE: Key<ZoneForm> = Key::with_default(
    "timezone",
    ZoneForm,
    "UTC",
    "Time zone of the days, such as `Europe/Berlin`.",
);
