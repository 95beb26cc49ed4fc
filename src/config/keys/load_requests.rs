//! The keys of the requests of load runs.

use crate::probe::http::keys::{EXPECT_STATUS, HEADERS, METHOD};
use crate::yaml::{Form, Integer, Key, Keys, List, Mapping, SecretText, Span, Text};
use std::time::Duration;

/// Of one file of recorded requests.
pub const REQUESTS_MAX: usize = 1_000;
pub const STEPS_MAX: usize = 1_000;
const CAPTURES_MAX: usize = 50;
const WEIGHT_MAX: u32 = 1_000_000;

/// Of one of `load.requests`.
pub const REQUEST: Keys = &[
    &NAME, &WEIGHT, &METHOD, &PATH, &URL, &HEADERS, &JSON, &BODY, &EXPECT, &STEPS,
];

/// Of one of its steps.
pub const STEP: Keys = &[
    &NAME, &THINK, &METHOD, &PATH, &URL, &HEADERS, &JSON, &BODY, &EXPECT, &CAPTURE,
];

pub const NAME: Key<Text> = Key::optional(
    "name",
    Text,
    "Unique name, for reports. Left out, it is the method and the path.",
);

pub const THINK: Key<Span> = Key::optional(
    "think",
    Span::within(Duration::ZERO, Duration::from_hours(1)),
    "Time between the response of the step before and this request, also at a given rate. Left out, it is the `think` of the scenario. The first step has none.",
);

pub const WEIGHT: Key<Integer> = Key::with_default(
    "weight",
    Integer(1, WEIGHT_MAX),
    "1",
    "How often it is chosen, in relation to the others.",
);

pub const PATH: Key<Text> = Key::optional(
    "path",
    Text,
    "Path and query on the server of `load.url` (or of the service's first `http` probe), such as `/chats?limit=10`. May contain `${captured.NAME}` and `${data.COLUMN}`, whose values are percent-encoded.",
);

pub const URL: Key<Text> = Key::optional(
    "url",
    Text,
    "The whole address instead of `path`. All requests of a service go to the same scheme, host and port.",
);

pub const JSON: Key<JsonBody> = Key::optional(
    "json",
    JsonBody,
    "The request's body as JSON, sent with `Content-Type: application/json`. Values of `${captured.NAME}` and `${data.COLUMN}` are escaped. In a text of JSON, such as `'{ \"id\": ${data.id} }'`, a value outside of quotes is written as the JSON that it is, or else as a text.",
);

pub const BODY: Key<SecretText> = Key::optional(
    "body",
    SecretText,
    "The request's body. Values of `${captured.NAME}` and `${data.COLUMN}` are escaped as `Content-Type` requires it: as JSON or as a form, otherwise they are sent as they are. A file is sent as it is.",
);

pub const EXPECT: Key<Mapping> = Key::optional(
    "expect",
    Mapping(&[&EXPECT_STATUS]),
    "The expected response.",
);

pub const STEPS: Key<List<Mapping>> = Key::optional(
    "steps",
    List::up_to(STEPS_MAX, Mapping(STEP)),
    "Requests that one user makes in this order, instead of a single one. The first that fails ends the sequence.",
);

pub const CAPTURE: Key<List<Mapping>> = Key::optional(
    "capture",
    List::up_to(
        CAPTURES_MAX,
        Mapping(&[&CAPTURE_NAME, &FROM_JSON, &FROM_HEADER, &FROM_REGEX]),
    ),
    "Values of the response for later steps, as `${captured.NAME}` in their paths, headers and bodies. A response without one of them is bad. Values have up to 16 KiB, and are searched in the first 1 MiB of the body.",
);

pub const CAPTURE_NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Name, of letters, digits, `_` and `-`; unique in the sequence.",
);

pub const FROM_JSON: Key<Text> = Key::optional(
    "json",
    Text,
    "JSONPath query, whose first result is the value. One of `json`, `header` and `regex` is required.",
);

pub const FROM_HEADER: Key<Text> = Key::optional("header", Text, "Name of a response header.");

pub const FROM_REGEX: Key<Text> = Key::optional(
    "regex",
    Text,
    "Regular expression for the body: the value is its first group, or else its whole match.",
);

/// JSON, written as a mapping, a list or a text.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody;

impl Form for JsonBody {
    fn describe(&self) -> String {
        "mapping, list or text of JSON".to_owned()
    }
}
