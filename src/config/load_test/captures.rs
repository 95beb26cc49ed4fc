//! Reads from where a step captures a value.

use crate::config::keys::load_requests::{FROM_COOKIE, FROM_HEADER, FROM_JSON, FROM_REGEX};
use crate::config::sequence::WrittenSource;
use crate::probe::http::captured;
use crate::yaml::{Key, Section, Text};
use http::HeaderName;
use slod_load::{Extract, Source};
use std::sync::Arc;

/// The source as written and as used by the load engine; errors are reported.
pub fn read(section: &Section<'_>) -> Option<(WrittenSource, Source)> {
    let has = [&FROM_JSON, &FROM_HEADER, &FROM_COOKIE, &FROM_REGEX].map(|key| section.has(key));
    match has {
        [true, false, false, false] => json(section),
        [false, true, false, has_part] => header(section, has_part),
        [false, false, true, false] => cookie(section),
        [false, false, false, true] => regex(section),
        _ => {
            let message = "one of `json`, `header`, `cookie` and `regex` is required";
            let help = "set one of them, such as `{ name: token, json: $.access_token }`, or `header` with `regex`";
            let reader = section.reader();
            reader.error("missing-key", section.spot(), message, help);
            None
        }
    }
}

fn json(section: &Section<'_>) -> Option<(WrittenSource, Source)> {
    let query = section.get(&FROM_JSON)?;
    let source = valid(section, &FROM_JSON, captured::json(&query))?;
    Some((WrittenSource::Json(query), Source::Body(source)))
}

fn regex(section: &Section<'_>) -> Option<(WrittenSource, Source)> {
    let (expression, source) = pattern(section)?;
    Some((WrittenSource::Regex(expression), Source::Body(source)))
}

fn header(section: &Section<'_>, has_part: bool) -> Option<(WrittenSource, Source)> {
    let written = section.get(&FROM_HEADER)?;
    let name = HeaderName::try_from(&written).map_err(|_| "invalid header name".to_owned());
    let name = valid(section, &FROM_HEADER, name)?;
    let (expression, part) = if has_part {
        pattern(section).map(|(expression, part)| (Some(expression), Some(part)))?
    } else {
        (None, None)
    };
    let written = WrittenSource::Header(written, expression);
    Some((written, Source::Header { name, part }))
}

fn cookie(section: &Section<'_>) -> Option<(WrittenSource, Source)> {
    let name = section.get(&FROM_COOKIE)?;
    let is_apart = |c: char| matches!(c, '=' | ';' | ',') || c.is_whitespace() || c.is_control();
    let checked = if name.is_empty() || name.contains(is_apart) {
        Err("invalid cookie name".to_owned())
    } else {
        Ok(name)
    };
    let name = valid(section, &FROM_COOKIE, checked)?;
    Some((WrittenSource::Cookie(name.clone()), Source::Cookie(name)))
}

fn pattern(section: &Section<'_>) -> Option<(String, Arc<dyn Extract>)> {
    let expression = section.get(&FROM_REGEX)?;
    let source = valid(section, &FROM_REGEX, captured::pattern(&expression))?;
    Some((expression, source))
}

/// Reports an error.
fn valid<T>(section: &Section<'_>, key: &Key<Text>, read: Result<T, String>) -> Option<T> {
    read.map_err(|fault| {
        let help = "expected a value such as `json: $.access_token`, `header: Location`, `cookie: XSRF-TOKEN` or `regex: 'id=(\\d+)'`";
        section.error("invalid-value", key, fault, help);
    })
    .ok()
}
