//! An incremental parser of server-sent events (WHATWG HTML, "Server-sent events"). Pure: the same
//! bytes result in the same events, however they are split.

/// Maximum size of one event in bytes. An event of a language model is a few tokens, or one whole
/// answer.
const EVENT_MAX: usize = 512 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The beginning of a line with which Ollama reports an error within a stream.
const BARE_ERROR: &[u8] = b"{\"error\"";

/// An event with data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Empty if the server sets no type.
    pub name: String,
    pub data: String,
}

/// An event exceeds the maximum size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl TooLarge {
    pub const MAX_KIB: usize = EVENT_MAX >> 10;
}

/// Whether a body without events may be an event stream: it is empty, or begins with a comment or a field.
pub fn is_event_stream(beginning: &[u8]) -> bool {
    let beginning = beginning.trim_ascii_start();
    let starts = [&b":"[..], b"data:", b"event:", b"id:", b"retry:"];
    beginning.is_empty() || starts.iter().any(|start| beginning.starts_with(start))
}

/// The state of a partially received stream.
#[derive(Debug, Default)]
pub struct Reader {
    /// The current incomplete line.
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// Whether the last byte was a carriage return that ended a line, which a line feed may follow.
    after_return: bool,
    /// Whether the first line has ended.
    begun: bool,
}

impl Reader {
    /// Parses more bytes, and appends each completed event.
    pub fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLarge> {
        for byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ => self.line.push(*byte),
            }
            if self.line.len() + self.data.len() > EVENT_MAX {
                return Err(TooLarge);
            }
        }
        Ok(())
    }

    /// Ends the stream. The last event may lack the final empty line, which some servers omit.
    pub fn finish(mut self) -> Option<Event> {
        let last = if self.line.is_empty() {
            None
        } else {
            self.end_line()
        };
        last.or_else(|| self.dispatch())
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let mut rest = &line[..];
        if !std::mem::replace(&mut self.begun, true) {
            rest = rest.strip_prefix(BYTE_ORDER_MARK).unwrap_or(rest);
        }
        if rest.is_empty() {
            return self.dispatch();
        }
        if rest.starts_with(BARE_ERROR) {
            return Some(event(b"error", rest));
        }
        let colon = rest.iter().position(|byte| *byte == b':');
        let (field, value) = match colon {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            b"event" => self.name = value.to_vec(),
            // Comments, which keep connections open, and fields that are not used.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let (name, data) = (
            std::mem::take(&mut self.name),
            std::mem::take(&mut self.data),
        );
        std::mem::take(&mut self.has_data).then(|| event(&name, &data))
    }
}

fn event(name: &[u8], data: &[u8]) -> Event {
    Event {
        name: String::from_utf8_lossy(name).into_owned(),
        data: String::from_utf8_lossy(data).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The events of a stream that arrives in chunks, each with the index of the chunk that completed
    /// it.
    fn events(pieces: &[&[u8]]) -> Vec<Event> {
        let (mut reader, mut events) = (Reader::default(), Vec::new());
        for piece in pieces {
            reader.feed(piece, &mut events).expect("small");
        }
        events.extend(reader.finish());
        events
    }

    fn event(name: &str, data: &str) -> Event {
        super::event(name.as_bytes(), data.as_bytes())
    }

    #[test]
    fn the_format_is_read_as_browsers_read_it() {
        for (stream, wanted) in [
            ("data: a\n\n", vec![event("", "a")]),
            ("data:a\r\n\r\ndata:  b\r\rdata: c\n\n", {
                vec![event("", "a"), event("", " b"), event("", "c")]
            }),
            (": ping\n\ndata: a\n\n: ping\n\n", vec![event("", "a")]),
            ("event: x\ndata: 1\ndata: 2\ndata\n\n", {
                vec![event("x", "1\n2\n")]
            }),
            ("event: x\n\ndata: 1\n\n", vec![event("", "1")]),
            ("\u{feff}data: a\n\n", vec![event("", "a")]),
            ("id: 7\nretry: 10\nDATA: no\ndata:\n\n", vec![event("", "")]),
            ("data: a\n\n{\"error\":1}\n", {
                vec![event("", "a"), event("error", "{\"error\":1}")]
            }),
            ("{\"error\":1}", vec![event("error", "{\"error\":1}")]),
            ("data: [DONE]", vec![event("", "[DONE]")]),
            ("data: [DONE]\n", vec![event("", "[DONE]")]),
            ("data: é\u{1f600}\r\n\r\n", vec![event("", "é\u{1f600}")]),
            ("", vec![]),
            ("\n\n\r\n", vec![]),
        ] {
            assert_eq!(events(&[stream.as_bytes()]), wanted, "{stream:?}");
        }
    }

    #[test]
    fn events_are_emitted_with_their_last_byte() {
        let (mut reader, mut seen) = (Reader::default(), Vec::new());
        reader.feed(b"data: a\r\n", &mut seen).expect("small");
        assert_eq!(seen, []);
        reader.feed(b"\r", &mut seen).expect("small");
        assert_eq!(seen, [event("", "a")], "not only with the line feed");
        reader.feed(b"\ndata: b\n\n", &mut seen).expect("small");
        assert_eq!(seen, [event("", "a"), event("", "b")]);
    }

    #[test]
    fn the_memory_of_an_event_is_bounded() {
        let line = [b"data: ".to_vec(), vec![b'x'; 1000], b"\n".to_vec()].concat();
        for piece in [vec![b'x'; 1000], line] {
            let (mut reader, mut seen) = (Reader::default(), Vec::new());
            let fed = (0..10_000)
                .try_for_each(|_| reader.feed(&piece, &mut seen))
                .expect_err("too large");
            assert_eq!((fed, seen.len()), (TooLarge, 0));
            assert!(reader.line.capacity() + reader.data.capacity() < 4 * EVENT_MAX);
        }
    }

    proptest! {
        #[test]
        fn chunking_does_not_change_the_events(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "data: ", "data:", "event: ", "data", ":", " ", "\n", "\r", "\r\n", "\n\n",
                    "\r\n\r\n", "\u{feff}", "{\"a\":\"é\"}", "\u{1f600}", "[DONE]", ": ping\n",
                ]),
                0..60,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let stream = parts.concat().into_bytes();
            let whole = events(&[&stream]);
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            prop_assert_eq!(&events(&bytes), &whole);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
            prop_assert_eq!(&events(&pieces), &whole);
        }
    }
}
