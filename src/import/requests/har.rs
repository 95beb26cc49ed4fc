//! HAR 1.2: what a browser or proxy recorded.

use super::collector::{Collector, Draft};
use super::document::At;
use super::text::encode_value;
use super::{LeftOut, RequestsError};

pub(super) fn read(root: &At<'_>, collector: &mut Collector) -> Result<(), RequestsError> {
    for entry in root.need("log")?.need("entries")?.items()? {
        let request = entry.need("request")?;
        let mut draft = Draft {
            method: request.need("method")?.text()?.to_owned(),
            address: request.need("url")?.text()?.to_owned(),
            statuses: statuses(&entry),
            ..Draft::default()
        };
        for header in request.items_of("headers")? {
            let name = header.need("name")?.text()?;
            draft
                .headers
                .push((name.to_owned(), header.text_of("value")?.to_owned()));
        }
        if let Some(data) = request.get("postData") {
            if data.items_of("params")?.iter().any(is_file) {
                collector.leave_out(LeftOut::Upload);
                continue;
            }
            body(&data, &mut draft)?;
        }
        collector.add(&request, draft)?;
    }
    Ok(())
}

/// The recorded status. A failure of the server is no expectation; a `304` was asked for with the
/// headers of a cache, which are not sent again.
fn statuses(entry: &At<'_>) -> Vec<std::ops::RangeInclusive<u16>> {
    let status = entry
        .get("response")
        .and_then(|response| response.get("status"));
    let status = status.and_then(|status| status.value.as_u64());
    match status.and_then(|status| u16::try_from(status).ok()) {
        Some(304) => vec![200..=200],
        Some(status @ 200..=499) => vec![status..=status],
        _ => Vec::new(),
    }
}

fn is_file(param: &At<'_>) -> bool {
    param.get("fileName").is_some()
}

fn body(data: &At<'_>, draft: &mut Draft) -> Result<(), RequestsError> {
    let media_type = data.text_of("mimeType")?;
    let is_content_type = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
    if !media_type.is_empty() && !draft.headers.iter().any(is_content_type) {
        let header = ("content-type".to_owned(), media_type.to_owned());
        draft.headers.push(header);
    }
    let text = data.text_of("text")?;
    draft.body = Some(text.to_owned());
    // A form may be recorded as parameters only.
    if text.is_empty() {
        let pair = |param: At<'_>| {
            let (name, value) = (param.text_of("name")?, param.text_of("value")?);
            Ok(format!("{}={}", encode_value(name), encode_value(value)))
        };
        let pairs: Result<Vec<String>, RequestsError> =
            data.items_of("params")?.into_iter().map(pair).collect();
        draft.body = Some(pairs?.join("&"));
    }
    Ok(())
}
