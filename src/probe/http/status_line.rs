//! Corrects status lines that other clients accept and hyper does not, while they arrive.

const BEGIN: &[u8] = b"HTTP/1.";
/// Positions in a status line: `HTTP/1.1 200 OK`.
const VERSION_AT: usize = BEGIN.len();
const CODE_AT: usize = 9;
const WORDS_AT: usize = 12;

/// Corrects the status lines of an answer and of the informational answers (1xx) before it: the
/// version 1.0, with which hyper rejects chunked encoding, more than one space before the code, and
/// control characters in the reason phrase, which clients ignore (RFC 9112, section 4).
#[derive(Debug, Default)]
pub struct StatusLines(Place);

#[derive(Debug)]
enum Place {
    Line(Line),
    /// In the fields of an informational answer; whether the current line is empty so far.
    Fields {
        is_empty: bool,
    },
    /// The rest is passed on unchanged.
    Over,
}

/// The status line received so far.
#[derive(Debug, Default)]
struct Line {
    length: usize,
    code: [u8; 3],
}

impl Default for Place {
    fn default() -> Self {
        Self::Line(Line::default())
    }
}

impl StatusLines {
    /// Corrects the next bytes in place. Returns the number of remaining bytes.
    pub fn correct(&mut self, bytes: &mut [u8]) -> usize {
        let mut kept = 0;
        for at in 0..bytes.len() {
            if matches!(self.0, Place::Over) {
                bytes.copy_within(at.., kept);
                return kept + bytes.len() - at;
            }
            if let Some(byte) = self.next(bytes[at]) {
                bytes[kept] = byte;
                kept += 1;
            }
        }
        kept
    }

    /// The corrected byte; `None` if it must be removed.
    fn next(&mut self, byte: u8) -> Option<u8> {
        match &mut self.0 {
            Place::Line(line) => {
                let corrected = line.next(byte);
                if let Some(place) = line.end(byte) {
                    self.0 = place;
                }
                corrected
            }
            Place::Fields { is_empty } => {
                match byte {
                    b'\n' if *is_empty => self.0 = Place::default(),
                    b'\n' => *is_empty = true,
                    b'\r' => {}
                    _ => *is_empty = false,
                }
                Some(byte)
            }
            Place::Over => Some(byte),
        }
    }
}

impl Line {
    fn next(&mut self, byte: u8) -> Option<u8> {
        let at = self.length;
        // Empty lines before the status line are not part of it.
        if at == 0 && matches!(byte, b'\r' | b'\n') {
            return Some(byte);
        }
        if at == CODE_AT && byte == b' ' {
            return None;
        }
        self.length += 1;
        if let Some(digit) = at.checked_sub(CODE_AT).and_then(|at| self.code.get_mut(at)) {
            *digit = byte;
        }
        // NUL and CR are kept: they indicate an attack on parsers rather than a mistake.
        let is_control = byte.is_ascii_control() && !matches!(byte, 0 | b'\t' | b'\r' | b'\n');
        Some(match byte {
            b'0' if at == VERSION_AT => b'1',
            _ if at >= WORDS_AT && is_control => b' ',
            byte => byte,
        })
    }

    /// The next state, if the line ends with this byte or is not HTTP/1.
    fn end(&self, byte: u8) -> Option<Place> {
        let last = self.length.checked_sub(1)?;
        if BEGIN.get(last).is_some_and(|wanted| *wanted != byte) {
            return Some(Place::Over);
        }
        let is_informational = self.code[0] == b'1' && self.code != *b"101";
        (byte == b'\n').then_some(if is_informational {
            Place::Fields { is_empty: true }
        } else {
            Place::Over
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The corrected form of an answer that arrives in chunks of this size.
    fn corrected(answer: &[u8], size: usize) -> Vec<u8> {
        let mut lines = StatusLines::default();
        let mut left = Vec::new();
        for piece in answer.chunks(size) {
            let mut piece = piece.to_vec();
            let kept = lines.correct(&mut piece);
            left.extend_from_slice(&piece[..kept]);
        }
        left
    }

    #[test]
    fn status_lines_are_corrected_in_any_chunks() {
        for (sent, wanted) in [
            (
                &b"HTTP/1.0 200 OK\r\n\r\nHTTP/1.0  5"[..],
                &b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.0  5"[..],
            ),
            (b"HTTP/1.1   200  OK\r\nX:  \r\n", b"HTTP/1.1 200  OK\r\nX:  \r\n"),
            (
                b"HTTP/1.0 200 O\x1b\x7fK\r\nX: \x1b\r\n",
                b"HTTP/1.1 200 O  K\r\nX: \x1b\r\n",
            ),
            (b"\r\n\nHTTP/1.0 204 \x01\n\n", b"\r\n\nHTTP/1.1 204  \n\n"),
            // Informational answers, up to the final one.
            (
                b"HTTP/1.1 100 \x1b\r\n\r\nHTTP/1.0  103 \x7f\r\nLink: \x1b\r\n\r\nHTTP/1.0 200 O\x1bK\r\n\r\nHTTP/1.0 \x1b",
                b"HTTP/1.1 100  \r\n\r\nHTTP/1.1 103  \r\nLink: \x1b\r\n\r\nHTTP/1.1 200 O K\r\n\r\nHTTP/1.0 \x1b",
            ),
            (
                b"HTTP/1.1 103 A\nLink: x\n\nHTTP/1.1 200 \x02\n\n",
                b"HTTP/1.1 103 A\nLink: x\n\nHTTP/1.1 200  \n\n",
            ),
        ] {
            for size in 1..=sent.len() {
                let left = corrected(sent, size);
                assert_eq!(left.escape_ascii().to_string(), wanted.escape_ascii().to_string());
            }
        }
    }

    #[test]
    fn other_bytes_are_kept() {
        for kept in [
            &b"HTTP/1.1 200 O\0\rK\r\n"[..],
            b"HTTP/1.1 2\x1b0 OK\r\n",
            b"\x15\x03\x01\0\x02\x02\x50\x01\x01\x01\x01\x01\x01\x01\x01\n",
            b"SSH-2.0-x  \x1b\r\n\r\nHTTP/1.0 200 \x1b\r\n",
            // Another protocol follows.
            b"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.0 \x1b",
        ] {
            for size in 1..=kept.len() {
                assert_eq!(corrected(kept, size), kept);
            }
        }
    }
}
