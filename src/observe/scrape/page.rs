//! Reads a page as it arrives, line by line or message by message, in bounded memory.

use super::parse::{Line, PageFormat, excerpt, parse_line};
use super::protobuf::Families;
use super::scan::{Scan, Scanned};
use crate::outcome::Cause;
use crate::probe::dial::Failure;
use crate::probe::http::BodySink;
use crate::probe::http::fetch::check_status;
use crate::text::{beginning, printable};
use http::header::CONTENT_TYPE;
use http::response;

/// Maximum length of a line in bytes. A longer one is skipped and counted.
pub const LINE_MAX: usize = 64 * 1024;
/// Maximum number of lines of a page; more are an error.
pub const LINES_MAX: u64 = 1_000_000;

/// Reads one page.
pub struct PageReader<'p> {
    scan: Scan<'p>,
    format: PageFormat,
    content_type: String,
    /// For a page in protobuf.
    families: Option<Families>,
    /// The start of a line whose end has not arrived.
    partial: Vec<u8>,
    /// Whether the current line is too long.
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
            families: None,
            partial: Vec::new(),
            is_skipping: false,
            lines: 0,
            is_ended: false,
        }
    }

    /// Returns what the page contains, after it has arrived completely.
    pub fn finish(mut self) -> Result<Scanned, String> {
        if let Some(families) = self.families {
            families.finish()?;
            return Ok(self.scan.finish());
        }
        let rest = std::mem::take(&mut self.partial);
        if self.is_skipping {
            self.skipped();
        } else if !rest.is_empty() {
            self.line(&rest)?;
        }
        if self.format == PageFormat::OpenMetrics && !self.is_ended {
            return Err("the page does not end with `# EOF`: it is incomplete".to_owned());
        }
        Ok(self.scan.finish())
    }

    fn read(&mut self, part: &[u8]) -> Result<(), String> {
        match &mut self.families {
            Some(families) => families.read(part, &mut self.scan),
            None => self.read_text(part),
        }
    }

    fn read_text(&mut self, mut part: &[u8]) -> Result<(), String> {
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
        self.scan.drop_unread();
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        self.lines += 1;
        if self.lines > LINES_MAX {
            return Err(format!("the page has more than {LINES_MAX} lines"));
        }
        if self.is_ended {
            return Err("the page continues after `# EOF`".to_owned());
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

    /// Only the requested protobuf encoding is supported.
    fn in_protobuf(&self) -> Result<Families, Failure> {
        let parameters = self.content_type.split(';').map(str::trim);
        let is = |name: &str, wanted: &str| {
            let mut given = parameters.clone().filter_map(|one| one.strip_prefix(name));
            given.all(|value| value.trim_matches('"') == wanted)
        };
        if is("proto=", "io.prometheus.client.metricfamily") && is("encoding=", "delimited") {
            return Ok(Families::default());
        }
        let kind = beginning(&self.content_type, 120);
        let kind = printable(&kind);
        let message = format!(
            "the content type of the response is {kind}, not the requested protobuf format: proto=io.prometheus.client.MetricFamily;encoding=delimited"
        );
        Err(Failure::bad(Cause::Protocol, message))
    }

    fn invalid(&self, fault: &str) -> String {
        let kind = self.content_type.as_str();
        let is_page =
            kind.is_empty() || kind.contains("text/plain") || kind.contains("openmetrics");
        let hint = if is_page {
            String::new()
        } else {
            format!(
                " (the content type of the response is {}, not that of a metrics page)",
                excerpt(kind)
            )
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
            self.families = Some(self.in_protobuf()?);
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
