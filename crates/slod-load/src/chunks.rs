//! Incremental decoder for the chunked transfer coding (RFC 9112, section 7.1). Pure.

use crate::response::Invalid;

/// Maximum total size of extensions and trailers of a body, in bytes. They are ignored.
const EXTRA_MAX: usize = 16 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before the first digit of a size.
    Size,
    Digits,
    /// White space after a size.
    Space,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    TrailerLine,
    EndLf,
    Over,
}

/// The state of the decoder.
#[derive(Debug)]
pub struct Chunks {
    at: At,
    /// Remaining bytes of the current chunk.
    left: u64,
    extra: usize,
}

impl Chunks {
    pub const fn new() -> Self {
        Self {
            at: At::Size,
            left: 0,
            extra: 0,
        }
    }

    pub fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// Passes the decoded data to `data`. Returns the bytes after the end of the body.
    pub fn decode<'a>(
        &mut self,
        mut bytes: &'a [u8],
        data: &mut impl FnMut(&[u8]),
    ) -> Result<&'a [u8], Invalid> {
        while !self.is_over() {
            let Some((first, rest)) = bytes.split_first() else {
                break;
            };
            if self.at == At::Data {
                let most = usize::try_from(self.left).unwrap_or(usize::MAX);
                let (part, rest) = bytes.split_at(bytes.len().min(most));
                data(part);
                self.left -= part.len() as u64;
                if self.left == 0 {
                    self.at = At::DataCr;
                }
                bytes = rest;
            } else {
                self.step(*first)?;
                bytes = rest;
            }
        }
        Ok(bytes)
    }

    /// Processes a byte that is not data.
    fn step(&mut self, byte: u8) -> Result<(), Invalid> {
        self.at = match (self.at, byte) {
            (At::Size | At::Digits, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.add_digit(byte)?;
                At::Digits
            }
            (At::Digits | At::Space, b' ' | b'\t') => self.extra(At::Space)?,
            (At::Digits | At::Space, b';') => At::Extension,
            (At::Digits | At::Space | At::Extension, b'\r') => At::SizeLf,
            // Servers that end header lines with LF alone do so here, too.
            (At::Digits | At::Space | At::Extension | At::SizeLf, b'\n') if self.left == 0 => {
                At::Trailer
            }
            (At::Digits | At::Space | At::Extension | At::SizeLf, b'\n') => At::Data,
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataCr | At::DataLf, b'\n') => At::Size,
            (At::Trailer, b'\r') => At::EndLf,
            (At::Trailer | At::EndLf, b'\n') => At::Over,
            (At::TrailerLine, b'\n') => At::Trailer,
            (At::Trailer | At::TrailerLine, _) => self.extra(At::TrailerLine)?,
            (At::Extension, _) => self.extra(At::Extension)?,
            _ => return Err(Invalid("the chunked encoding is invalid")),
        };
        Ok(())
    }

    fn add_digit(&mut self, byte: u8) -> Result<(), Invalid> {
        let digit = char::from(byte).to_digit(16).unwrap_or_default();
        let shifted = self.left.checked_mul(16);
        let shifted = shifted.ok_or(Invalid("a chunk size is too large"))?;
        self.left = shifted | u64::from(digit);
        Ok(())
    }

    fn extra(&mut self, next: At) -> Result<At, Invalid> {
        self.extra += 1;
        if self.extra > EXTRA_MAX {
            return Err(Invalid("chunk extensions and trailers exceed 16 KiB"));
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data, and the bytes after the body.
    type Read = (Vec<u8>, Vec<u8>);

    /// `None` for an incomplete body.
    fn read(bytes: &[u8], cut: usize) -> Result<Option<Read>, Invalid> {
        let (mut chunks, mut body, mut behind) = (Chunks::new(), Vec::new(), Vec::new());
        for part in bytes.chunks(cut) {
            let rest = chunks.decode(part, &mut |data| body.extend_from_slice(data))?;
            behind.extend_from_slice(rest);
        }
        Ok(chunks.is_over().then_some((body, behind)))
    }

    #[test]
    fn chunks_are_decoded_for_any_split_of_the_bytes() {
        let whole = b"5\r\nhello\r\n1;name=\"v\"\r\n \r\n00A  \r\nworld\r\n567\r\n0\r\nTrailer: x\r\n\r\nHTTP/1.1";
        for cut in 1..=whole.len() {
            let (body, behind) = read(whole, cut).expect("valid").expect("over");
            assert_eq!(body, b"hello world\r\n567", "{cut}");
            assert_eq!(behind, b"HTTP/1.1", "{cut}");
        }
        for end in 0..whole.len() - 8 {
            assert_eq!(read(&whole[..end], 3).expect("valid"), None, "{end}");
        }
    }

    #[test]
    fn lines_may_end_with_lf_alone() {
        let whole = b"5\nhello\n6;name=v\n world\r\n0\nTrailer: x\n\nHTTP/1.1";
        for cut in 1..=whole.len() {
            let (body, behind) = read(whole, cut).expect("valid").expect("over");
            assert_eq!(
                (&body[..], &behind[..]),
                (&b"hello world"[..], &b"HTTP/1.1"[..])
            );
        }
    }

    #[test]
    fn invalid_chunks_are_rejected() {
        let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(EXTRA_MAX + 1));
        let trailers = format!("0\r\n{}\r\n", "a: b\r\n".repeat(EXTRA_MAX / 4));
        for invalid in [
            "\r\n",
            " 5\r\nhello\r\n",
            "-1\r\n",
            "0x5\r\nhello\r\n",
            "g\r\n",
            "5\r\nhello!\r\n",
            "5\rhello",
            "10000000000000000\r\n",
            &long,
            &trailers,
        ] {
            assert!(read(invalid.as_bytes(), 7).is_err(), "{invalid:.40}");
        }
        // Valid as long as the size itself is valid.
        assert!(read(b"ffffffffffffffff\r\nx", 5).is_ok());
    }
}
