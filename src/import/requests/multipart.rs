//! Multipart forms (`multipart/form-data`, RFC 7578).

/// The boundary between the parts of a form, which does not occur in normal text.
pub const BOUNDARY: &str = "slod-7d41b838c6a0f1e2";

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

/// The body of a form; `None` if a name cannot be encoded.
pub fn write<'a>(
    boundary: &str,
    parts: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<String> {
    let mut text = String::new();
    for (name, value) in parts {
        if name.contains(['"', '\r', '\n']) {
            return None;
        }
        text.extend(["--", boundary, "\r\n"]);
        text.extend([
            "Content-Disposition: form-data; name=\"",
            name,
            "\"\r\n\r\n",
        ]);
        text.extend([value, "\r\n"]);
    }
    text.extend(["--", boundary, "--\r\n"]);
    Some(text)
}

/// Whether a part is a file. Browsers record its name without its content.
pub fn has_file(body: &str) -> bool {
    let mut lines = body.lines().map(str::to_ascii_lowercase);
    lines.any(|line| line.starts_with("content-disposition:") && line.contains("filename"))
}
