//! The keys of the requests of load runs.

use crate::probe::http::keys::{EXPECT, HEADERS, METHOD};
use crate::yaml::{Form, Integer, Key, Keys, List, Mapping, SecretText, Span, Text};
use std::time::Duration;

/// Enough for the requests of an imported recording.
pub const REQUESTS_MAX: usize = 1_000;
pub const STEPS_MAX: usize = 1_000;
const CAPTURES_MAX: usize = 50;
const WEIGHT_MAX: u32 = 1_000_000;

/// Keys of an item of `load.requests`.
pub const REQUEST: Keys = &[
    &NAME, &WEIGHT, &METHOD, &PATH, &URL, &HEADERS, &JSON, &BODY, &EXPECT, &STEPS,
];

/// Keys of a step of a request.
pub const STEP: Keys = &[
    &NAME, &THINK, &METHOD, &PATH, &URL, &HEADERS, &JSON, &BODY, &EXPECT, &CAPTURE,
];

pub const NAME: Key<Text> = Key::optional(
    "name",
    Text,
    "Unique name, for reports. Default: the method and the path.",
);

pub const THINK: Key<Span> = Key::optional(
    "think",
    Span::within(Duration::ZERO, Duration::from_hours(1)),
    "Think time between the response of the previous step and this request, also in scenarios with `rate`. Default: the `think` of the scenario, or none in scenarios with `rate`. Invalid for the first step.",
);

pub const WEIGHT: Key<Integer> = Key::with_default(
    "weight",
    Integer(1, WEIGHT_MAX),
    "1",
    "How often the request is chosen, relative to the others.",
);

pub const PATH: Key<Text> = Key::optional(
    "path",
    Text,
    "Path and query on the server of `load.url` (or of the service's first `http` probe), such as `/chats?limit=10`. Values of `${captured.NAME}` and `${data.COLUMN}` are percent-encoded. At the start, a value is a path or a URL of the same server, such as a captured `Location`: `${captured.next}`.",
);

pub const URL: Key<Text> = Key::optional(
    "url",
    Text,
    "Complete URL instead of `path`. All requests of a service must have the same scheme, host and port.",
);

pub const JSON: Key<JsonBody> = Key::optional(
    "json",
    JsonBody,
    "Request body as JSON, sent with `Content-Type: application/json`. Values of `${captured.NAME}` and `${data.COLUMN}` are escaped. In a body written as a string, such as `'{ \"id\": ${data.id} }'`, a value outside of quotes is inserted unchanged if it is valid JSON, and otherwise as a JSON string.",
);

pub const BODY: Key<SecretText> = Key::optional(
    "body",
    SecretText,
    "Request body. Values of `${captured.NAME}` and `${data.COLUMN}` are escaped as JSON or as a form, depending on `Content-Type`, and otherwise inserted unchanged. A file is sent unchanged.",
);

pub const STEPS: Key<List<Mapping>> = Key::optional(
    "steps",
    List::up_to(STEPS_MAX, Mapping(STEP)),
    "Requests that one user sends in this order, instead of a single request. The first failed request ends the sequence.",
);

pub const CAPTURE: Key<List<Mapping>> = Key::optional(
    "capture",
    List::up_to(
        CAPTURES_MAX,
        Mapping(&[
            &CAPTURE_NAME,
            &FROM_JSON,
            &FROM_HEADER,
            &FROM_COOKIE,
            &FROM_REGEX,
        ]),
    ),
    "Values of the response for later steps, available as `${captured.NAME}` in their paths, headers and bodies. A response that lacks one of them is bad. Values are limited to 16 KiB, and only the first 1 MiB of the body is searched.",
);

pub const CAPTURE_NAME: Key<Text> = Key::required(
    "name",
    Text,
    "Name, consisting of letters, digits, `_` and `-`; unique within the sequence.",
);

pub const FROM_JSON: Key<Text> = Key::optional(
    "json",
    Text,
    "JSONPath query whose first result is the value. One of `json`, `header`, `cookie` and `regex` is required.",
);

pub const FROM_HEADER: Key<Text> = Key::optional("header", Text, "Name of a response header.");

pub const FROM_COOKIE: Key<Text> = Key::optional(
    "cookie",
    Text,
    "Name of a cookie that the response sets, or that the user has from an earlier response. The value is percent-decoded, as in a page that sends it in a header.",
);

pub const FROM_REGEX: Key<Text> = Key::optional(
    "regex",
    Text,
    "Regular expression for the body, or with `header` for the value of that header. The value is its first group, or the whole match if it has no group.",
);

/// JSON, written as a mapping, a list or a string.
#[derive(Clone, Copy, Debug)]
pub struct JsonBody;

impl Form for JsonBody {
    fn describe(&self) -> String {
        "mapping, list, or string with JSON".to_owned()
    }
}
