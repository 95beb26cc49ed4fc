//! Files that may be compressed.

use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// Magic number of a gzip file (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a file, decompressed if it is compressed by gzip: k6 compresses its output if the name of the file ends
/// in `.gz`, and rotated logs are often compressed.
pub fn decompressed(file: File) -> io::Result<Box<dyn BufRead>> {
    let mut input = BufReader::new(file);
    Ok(if input.fill_buf()?.starts_with(&GZIP) {
        Box::new(BufReader::new(MultiGzDecoder::new(input)))
    } else {
        Box::new(input)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::{Read, Seek, Write};

    #[test]
    fn a_compressed_file_is_decompressed() {
        for is_compressed in [true, false] {
            let mut file = tempfile::tempfile().expect("a file");
            if is_compressed {
                let mut encoder = GzEncoder::new(&mut file, Compression::fast());
                encoder.write_all(b"a result").expect("written");
                encoder.finish().expect("written");
            } else {
                file.write_all(b"a result").expect("written");
            }
            file.rewind().expect("rewound");
            let mut text = String::new();
            let mut input = decompressed(file).expect("readable");
            input.read_to_string(&mut text).expect("readable");
            assert_eq!(text, "a result");
        }
    }
}
