//! Reads a page as it arrives: line by line, in bounded memory.

use super::parse::{Line, PageFormat, parse_line, shown};
use super::scan::{Findings, Scan};
use crate::outcome::Cause;
use crate::probe::dial::Failure;
use crate::probe::http::BodySink;
use crate::probe::http::fetch::check_status;
use http::header::CONTENT_TYPE;
use http::response;

/// Bytes of a line. A longer one is skipped and counted.
pub const LINE_MAX: usize = 64 * 1024;
/// Lines of a page; more are an error.
pub const LINES_MAX: u64 = 1_000_000;

/// A page on its way.
pub struct PageReader<'p> {
    scan: Scan<'p>,
    format: PageFormat,
    content_type: String,
    /// The start of a line whose end has not arrived.
    partial: Vec<u8>,
    /// Whether the line that arrives is too long.
    is_skipping: bool,
    lines: u64,
    is_ended: bool,
}

impl<'p> PageReader<'p> {
    pub fn new(scan: Scan<'p>) -> Self {
        Self {
            scan,
            format: PageFormat::Text,
            content_type: String::new(),
            partial: Vec::new(),
            is_skipping: false,
            lines: 0,
            is_ended: false,
        }
    }

    /// What the page has, once it is there as a whole.
    pub fn finish(mut self) -> Result<Findings, String> {
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            self.line(&rest)?;
        }
        if self.format == PageFormat::OpenMetrics && !self.is_ended {
            return Err("the page does not end with `# EOF`: it is incomplete".to_owned());
        }
        Ok(self.scan.finish())
    }

    fn read(&mut self, mut part: &[u8]) -> Result<(), String> {
        while let Some(end) = memchr::memchr(b'\n', part) {
            let (line, rest) = (&part[..end], &part[end + 1..]);
            if self.is_skipping {
                self.skipped();
            } else if self.partial.is_empty() {
                self.bounded(line)?;
            } else if self.partial.len() + line.len() > LINE_MAX {
                self.skipped();
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.line(&whole)?;
                whole.clear();
                self.partial = whole;
            }
            part = rest;
        }
        if self.is_skipping || self.partial.len() + part.len() > LINE_MAX {
            self.is_skipping = true;
            self.partial.clear();
        } else {
            self.partial.extend_from_slice(part);
        }
        Ok(())
    }

    fn bounded(&mut self, line: &[u8]) -> Result<(), String> {
        if line.len() > LINE_MAX {
            self.skipped();
            return Ok(());
        }
        self.line(line)
    }

    fn skipped(&mut self) {
        self.is_skipping = false;
        self.partial.clear();
        self.lines += 1;
        self.scan.drop_line();
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        self.lines += 1;
        if self.lines > LINES_MAX {
            return Err(format!("the page has more than {LINES_MAX} lines"));
        }
        if self.is_ended {
            return Err("the page goes on after `# EOF`".to_owned());
        }
        match parse_line(line, self.format) {
            Ok(Line::Sample(sample)) => self.scan.take(&sample),
            Ok(Line::Type { family, .. }) => self.scan.describe(family),
            Ok(Line::Eof) => self.is_ended = true,
            Ok(_) => {}
            Err(fault) => return Err(self.invalid(&fault)),
        }
        Ok(())
    }

    fn invalid(&self, fault: &str) -> String {
        let kind = self.content_type.as_str();
        let is_page =
            kind.is_empty() || kind.contains("text/plain") || kind.contains("openmetrics");
        let hint = if is_page {
            String::new()
        } else {
            format!(" (the answer is {}, not a page of metrics)", shown(kind))
        };
        format!("line {}: {fault}{hint}", self.lines)
    }
}

impl BodySink for PageReader<'_> {
    fn begin(&mut self, head: &response::Parts) -> Result<(), Failure> {
        check_status(head)?;
        let kind = head.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        self.content_type = kind.to_ascii_lowercase();
        if self
            .content_type
            .starts_with("application/vnd.google.protobuf")
        {
            let message = "the answer is in protobuf, but text was asked for";
            return Err(Failure::bad(Cause::Protocol, message));
        }
        if self
            .content_type
            .starts_with("application/openmetrics-text")
        {
            self.format = PageFormat::OpenMetrics;
        }
        Ok(())
    }

    fn wants_body(&self) -> bool {
        true
    }

    fn take(&mut self, part: &[u8]) -> Result<(), Failure> {
        self.read(part)
            .map_err(|fault| Failure::bad(Cause::Protocol, fault))
    }
}
