//! Reads the options of the kind, reporting each error at its key.

use super::api::{Api, Message, Question, Role};
use super::budget::{Budget, Price};
use super::expect::{Bounds, Expect};
use super::keys;
use super::names::{Convention, provider};
use super::worst::worst;
use super::{LlmProbe, Subject};
use crate::outcome::FinishReason;
use crate::probe::http::HttpProbe;
use crate::probe::http::json::JsonCondition;
use crate::probe::http::keys as shared;
use crate::probe::http::read::{AGENT, read_authorization, read_url};
use crate::probe::http::request::Request;
use crate::probe::http::sent::read_headers;
use crate::yaml::{Key, Mapping, Section};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use hyper::body::Bytes;
use serde_json::Value;
use std::sync::{Arc, OnceLock};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// The only version since 2023.
const VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

pub fn read(section: &Section<'_>) -> Option<LlmProbe> {
    let api = section.get(&keys::API);
    let question = read_question(section, api);
    let expect = read_expect(section, api);
    let url = read_url(section, &shared::URL);
    let headers = read_all_headers(section, api, question.as_ref());
    let body_limit = section.get(&keys::BODY_LIMIT);
    let convention = section.get(&keys::OPENTELEMETRY);
    let budget = read_budget(section, question.as_ref().zip(api));
    let asked = api.zip(question.as_ref());
    let body = asked.map(|(api, question)| api.request(question).to_string());
    let request = url
        .zip(headers)
        .zip(body)
        .map(|((url, headers), body)| Request {
            method: Method::POST,
            headers,
            body: Bytes::from(body),
            cookies: None,
            redirect_auth: None,
            url,
        });
    let http = HttpProbe::of(section, request);
    let (api, question, http, expect) = (api?, question?, http?, expect?);
    let may_call = question.offers_tools() || expect.finish.contains(&FinishReason::ToolCalls);
    Some(LlmProbe {
        subject: subject(api, &question, &http.request, convention?),
        api,
        stream: question.stream,
        may_call,
        http: HttpProbe {
            body_limit: body_limit?,
            ..http
        },
        expect: Arc::new(expect),
        budget,
        worst: worst(api, &question),
        spending: OnceLock::new(),
    })
}

fn subject(api: Api, question: &Question, request: &Request, convention: Convention) -> Subject {
    let owner = match api {
        Api::Messages => "anthropic",
        Api::Chat | Api::Completions | Api::Responses | Api::Embeddings => "openai",
    };
    Subject {
        model: question.model.as_str().into(),
        provider: provider(&request.url, owner),
        operation: api.operation(),
        convention,
    }
}

/// Reads all keys even if the API is invalid, so that all errors are reported at once.
fn read_question(section: &Section<'_>, api: Option<Api>) -> Option<Question> {
    let messages = read_messages(section, api);
    let stream = section.get(&keys::STREAM);
    let can_stream = api.is_none_or(Api::can_stream);
    if !can_stream && section.has(&keys::STREAM) && stream == Some(true) {
        let help = "remove it, or use a different `api`";
        section.error(
            "conflict",
            &keys::STREAM,
            "embeddings are never streamed",
            help,
        );
    }
    let parameters = section.map(&keys::PARAMETERS).into_iter();
    let parameters = parameters.map(|(name, value, _)| {
        let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
        (name, value)
    });
    let parameters = parameters.collect();
    let (model, max_tokens) = (section.get(&keys::MODEL), section.get(&keys::MAX_TOKENS));
    Some(Question {
        model: model?,
        messages: messages?,
        max_tokens: max_tokens?,
        stream: stream? && can_stream,
        parameters,
    })
}

fn read_messages(section: &Section<'_>, api: Option<Api>) -> Option<Vec<Message>> {
    if !section.has(&keys::MESSAGES) {
        let content = section.get(&keys::PROMPT)?;
        let role = Role::User;
        return Some(vec![Message { role, content }]);
    }
    if section.has(&keys::PROMPT) {
        let message = "`prompt` and `messages` are mutually exclusive";
        section.error("conflict", &keys::MESSAGES, message, "remove one of them");
    }
    if api.is_some_and(|api| !api.takes_messages()) {
        let message = "this API takes a text, not a conversation";
        section.error("conflict", &keys::MESSAGES, message, "use `prompt`");
    }
    let messages = section.sections(&keys::MESSAGES).map(|message| {
        let (role, content) = (message.get(&keys::ROLE), message.get(&keys::CONTENT));
        Some(Message {
            role: role?,
            content: content?,
        })
    });
    // All of them are read before one fails.
    messages.collect::<Vec<_>>().into_iter().collect()
}

/// Reads the headers of all requests, with defaults that `headers` can replace.
fn read_all_headers(
    section: &Section<'_>,
    api: Option<Api>,
    question: Option<&Question>,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let accept = if question.is_some_and(|question| question.stream) {
        "text/event-stream"
    } else {
        "application/json"
    };
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if api == Some(Api::Messages) {
        headers.insert(ANTHROPIC_VERSION, VERSION);
    }
    let faultless = read_headers(section, &mut headers);
    if let Some(key) = section.secret(&keys::API_KEY) {
        if headers.contains_key(X_API_KEY) {
            let message = "both `api_key` and the header x-api-key are set";
            section.error("conflict", &keys::API_KEY, message, "remove one of them");
        }
        match Request::secret(key.reveal()) {
            Some(value) => drop(headers.insert(X_API_KEY, value)),
            None => section.error(
                "invalid-value",
                &keys::API_KEY,
                "the value is not valid in a header",
                "a key on one line",
            ),
        }
    }
    if let Some(value) = read_authorization(section) {
        headers.insert(AUTHORIZATION, value);
    }
    faultless.then_some(headers)
}

fn read_expect(section: &Section<'_>, api: Option<Api>) -> Option<Expect> {
    let at = section.section_or_empty(&keys::EXPECT)?;
    let mut json = Vec::new();
    for (query, wanted, spot) in at.map(&keys::EXPECT_JSON) {
        match JsonCondition::new(&query, &wanted) {
            Ok(condition) => json.push(condition),
            Err(fault) => {
                let help = "such as `\"$.city\": Paris` or `\"$.items.length\": \"> 3\"`";
                at.reader().error("invalid-value", &spot, fault, help);
            }
        }
    }
    let expect = Expect {
        text: at.all(&keys::EXPECT_TEXT),
        regex: at.all(&keys::EXPECT_REGEX),
        regex_not: at.all(&keys::EXPECT_REGEX_NOT),
        json,
        length: read_bounds(&at, &keys::MIN_LENGTH, &keys::MAX_LENGTH),
        tokens: read_bounds(&at, &keys::MIN_OUTPUT_TOKENS, &keys::MAX_OUTPUT_TOKENS),
        finish: at.all(&keys::FINISH_REASON),
        dimensions: at.get(&keys::DIMENSIONS),
    };
    let is_embedding = api.map(|api| api == Api::Embeddings);
    if is_embedding == Some(true) && expect.is_about_text() {
        let message = "embeddings have no text";
        section.error("conflict", &keys::EXPECT, message, "only `dimensions`");
    }
    if is_embedding == Some(false) && expect.dimensions.is_some() {
        let help = "`api: embeddings`, or remove it";
        at.error(
            "conflict",
            &keys::DIMENSIONS,
            "only embeddings have dimensions",
            help,
        );
    }
    Some(expect)
}

fn read_bounds(
    section: &Section<'_>,
    min: &Key<crate::yaml::Integer>,
    max: &Key<crate::yaml::Integer>,
) -> Bounds {
    let bounds = Bounds {
        min: section.get(min),
        max: section.get(max),
    };
    if let (Some(least), Some(most)) = (bounds.min, bounds.max)
        && least > most
    {
        let message = format!("{most} is below `{}`, which is {least}", min.name);
        section.error(
            "out-of-range",
            max,
            message,
            "use a number that is not below it",
        );
    }
    bounds
}

fn read_budget(section: &Section<'_>, asked: Option<(&Question, Api)>) -> Option<Budget> {
    let at = section.section(&keys::BUDGET)?;
    let (tokens, cost) = (at.get(&keys::TOKENS), at.get(&keys::COST));
    let (price, zone) = (read_price(&at, &keys::PRICE), at.get(&keys::TIMEZONE));
    if !at.has(&keys::TOKENS) && !at.has(&keys::COST) {
        let help = "`tokens`, or `cost` and `price`";
        section.error(
            "missing-key",
            &keys::BUDGET,
            "the budget has no limit",
            help,
        );
        return None;
    }
    if at.has(&keys::COST) && !at.has(&keys::PRICE) {
        let help = "`price: { input: 0.88, output: 0.88 }`, of a million tokens each";
        at.error("missing-key", &keys::COST, "`price` is missing", help);
    }
    let budget = Budget {
        tokens: tokens.map(u64::from),
        cost,
        price: price.unwrap_or_default(),
        zone: zone?,
    };
    let worst = asked.map(|(question, api)| worst(api, question));
    match worst {
        Some(worst) if worst.output == u64::MAX => {
            let message = "nothing limits the tokens of an answer, so one could exceed any budget";
            let help = "`max_tokens`, or `max_completion_tokens` in `parameters`";
            section.error("missing-key", &keys::BUDGET, message, help);
        }
        Some(worst) if budget.is_below(worst) => {
            let message = "the budget is too small for a single attempt";
            let help = "use a larger budget, a lower `max_tokens` or a shorter prompt";
            section.error("out-of-range", &keys::BUDGET, message, help);
        }
        _ => {}
    }
    Some(budget)
}

fn read_price(section: &Section<'_>, key: &Key<Mapping>) -> Option<Price> {
    let price = section.section(key)?;
    let (input, output) = (
        price.get(&keys::PRICE_INPUT),
        price.get(&keys::PRICE_OUTPUT),
    );
    Some(Price {
        input: input?,
        output: output?,
    })
}
