//! Lines of access logs: nginx, Apache, Envoy, Traefik, uvicorn.

use super::LogKind;

/// A response in an access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Method and path.
    pub request: &'a str,
    pub status: u16,
}

impl<'a> Response<'a> {
    /// Reads the request and the status in `"GET / HTTP/1.1" 200`; `None` for other lines.
    pub fn of(line: &'a str) -> Option<Self> {
        let (before, after) = line.split_once(" HTTP/")?;
        let (_, request) = before.rsplit_once('"')?;
        let (version, rest) = after.split_once('"')?;
        let digits = rest.strip_prefix(' ')?;
        let end = digits.find(|c: char| !c.is_ascii_digit());
        let (status, rest) = digits.split_at(end.unwrap_or(digits.len()));
        let is_status = status.len() == 3 && version.len() <= 3;
        if !is_status || !(rest.is_empty() || rest.starts_with(' ')) {
            return None;
        }
        Some(Self {
            request,
            status: status.parse().ok()?,
        })
    }

    /// The status decides: the path and the user agent may contain any words.
    pub const fn kind(self) -> Option<LogKind> {
        match self.status {
            408 | 504 => Some(LogKind::Timeout),
            429 => Some(LogKind::RateLimited),
            500..=599 => Some(LogKind::Error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_response_is_its_kind() {
        for (tail, kind) in [
            ("500 17 \"-\" \"curl\"", Some(LogKind::Error)),
            ("504", Some(LogKind::Timeout)),
            ("429 0", Some(LogKind::RateLimited)),
            ("200 17 \"-\" \"exception-monitor\"", None),
            ("404 0", None),
        ] {
            let line = format!("::1 - - [x] \"GET /errors/timeout HTTP/1.1\" {tail}");
            let response = Response::of(&line).expect("a response");
            assert_eq!(response.request, "GET /errors/timeout", "{line}");
            assert_eq!(response.kind(), kind, "{line}");
        }
        for line in [
            "upstream timed out, request: \"GET / HTTP/1.1\", upstream: x",
            "speaks HTTP/1.1 500",
            "\"GET / HTTP/1.1\" 5000",
            "\"GET / HTTP/1.1\"",
        ] {
            assert_eq!(Response::of(line), None, "{line}");
        }
    }
}
