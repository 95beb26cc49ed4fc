//! Values of `Location` headers, as a browser uses them.

use percent_encoding::percent_decode_str;

/// The value as a path or URL: a relative reference is resolved against the target of the request (RFC 3986,
/// section 5.2), of which PHP and others send many.
pub fn resolved(location: &str, target: &str) -> String {
    if location.is_empty() || location.starts_with('/') || has_scheme(location) {
        return location.to_owned();
    }
    let path = path_of(target);
    let (relative, rest) = location.split_at(path_of(location).len());
    if relative.is_empty() {
        return path.to_owned() + rest;
    }
    let mut segments: Vec<&str> = path.split('/').collect();
    segments.pop();
    let mut is_folder = false;
    for segment in relative.split('/') {
        is_folder = matches!(segment, "." | "..");
        if !is_folder {
            segments.push(segment);
        } else if segment == ".." && segments.len() > 1 {
            segments.pop();
        }
    }
    if is_folder {
        segments.push("");
    }
    segments.join("/") + rest
}

/// A part of it, which is percent-encoded, unless it is a path or URL itself.
pub fn decoded(part: &str) -> String {
    if part.starts_with('/') || part.contains("://") {
        return part.to_owned();
    }
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

fn path_of(target: &str) -> &str {
    &target[..target.find(['?', '#']).unwrap_or(target.len())]
}

fn has_scheme(location: &str) -> bool {
    let scheme = path_of(location).split('/').next().unwrap_or_default();
    scheme.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_references_are_resolved() {
        for (location, expected) in [
            ("/x", "/x"),
            ("https://a.example/x", "https://a.example/x"),
            ("//a.example/x", "//a.example/x"),
            ("", ""),
            ("next?a=b/../c", "/shop/next?a=b/../c"),
            ("?page=2", "/shop/cart?page=2"),
            ("./", "/shop/"),
            ("../a/./b", "/a/b"),
            ("../..", "/"),
            ("a/..", "/shop/"),
        ] {
            assert_eq!(
                resolved(location, "/shop/cart?x=/1#y"),
                expected,
                "{location}"
            );
        }
        assert_eq!(resolved("x", "/"), "/x");
    }

    #[test]
    fn parts_are_decoded() {
        assert_eq!(decoded("a%2Bb%2F%3D"), "a+b/=");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("/a%20b"), "/a%20b");
        assert_eq!(decoded("http://a.example/%20"), "http://a.example/%20");
    }
}
