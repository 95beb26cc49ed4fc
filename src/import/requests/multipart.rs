//! Multipart forms (`multipart/form-data`, RFC 7578).

/// The boundary between the parts of a form, which does not occur in normal text.
pub const BOUNDARY: &str = "slod-7d41b838c6a0f1e2";

/// A field of a form.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    pub name: &'a str,
    pub value: &'a str,
    /// Empty for text.
    pub media_type: &'a str,
}

pub fn is_multipart(media_type: &str) -> bool {
    let kind = media_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("multipart/form-data")
}

/// The boundary in a Content-Type header.
pub fn boundary(media_type: &str) -> Option<&str> {
    let mut parameters = media_type.split(';').skip(1).map(str::trim);
    let value = parameters.find_map(|one| {
        let (name, value) = one.split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    Some(value.trim_matches('"')).filter(|value| !value.is_empty())
}

/// Adds the boundary of a form to the headers. Another type than that of a form is kept.
pub fn announce(headers: &mut Vec<(String, String)>, used: &str) {
    let media_type = format!("multipart/form-data; boundary={used}");
    let mut all = headers.iter_mut();
    match all.find(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        Some((_, known)) if is_multipart(known) && boundary(known) != Some(used) => {
            *known = media_type;
        }
        Some(_) => {}
        None => headers.push(("content-type".to_owned(), media_type)),
    }
}

/// The body of a form; `None` if a name or a media type cannot be encoded.
pub fn write<'a>(boundary: &str, parts: impl IntoIterator<Item = Part<'a>>) -> Option<String> {
    let mut text = String::new();
    for part in parts {
        let Part {
            name,
            value,
            media_type,
        } = part;
        if name.contains(['"', '\r', '\n']) || media_type.contains(['\r', '\n']) {
            return None;
        }
        text.extend(["--", boundary, "\r\n"]);
        text.extend(["Content-Disposition: form-data; name=\"", name, "\"\r\n"]);
        if !media_type.is_empty() {
            text.extend(["Content-Type: ", media_type, "\r\n"]);
        }
        text.extend(["\r\n", value, "\r\n"]);
    }
    text.extend(["--", boundary, "--\r\n"]);
    Some(text)
}

/// Whether a part is a file. Browsers record its name without its content.
pub fn has_file(body: &str) -> bool {
    let mut lines = body.lines().map(str::to_ascii_lowercase);
    lines.any(|line| line.starts_with("content-disposition:") && line.contains("filename"))
}
