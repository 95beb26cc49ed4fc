//! ICMP (RFC 792) and `ICMPv6` (RFC 4443) echo requests and replies. Pure.

/// Length of a header in bytes: type, code, checksum, identifier and sequence number.
const HEADER: usize = 8;
/// Number of random bytes at the start of each payload, which identify the reply.
pub const TOKEN: u32 = 8;

/// A received message, compared with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The reply, with the length of its payload in bytes.
    Reply(usize),
    /// The reply, but with a different payload.
    Altered,
    /// Another message.
    Foreign,
}

/// One echo request.
#[derive(Debug)]
pub struct Echo {
    is_v6: bool,
    /// The kernel replaces it on unprivileged sockets.
    identifier: u16,
    sequence: u16,
    payload: Vec<u8>,
}

impl Echo {
    pub fn new(is_v6: bool, payload_size: usize) -> Self {
        let mut payload: Vec<u8> = (0..=u8::MAX).cycle().take(payload_size).collect();
        let token = fastrand::u64(..).to_be_bytes();
        for (byte, random) in payload.iter_mut().zip(token) {
            *byte = random;
        }
        Self {
            is_v6,
            identifier: fastrand::u16(..),
            sequence: fastrand::u16(..),
            payload,
        }
    }

    /// Encodes the message; the kernel adds the IP header, and the checksum of `ICMPv6`.
    pub fn encode(&self) -> Vec<u8> {
        let kind = if self.is_v6 { 128 } else { 8 };
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend(self.identifier.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(&self.payload);
        if !self.is_v6 {
            let sum = checksum(&bytes);
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }

    /// Maximum size of the reply in bytes, including the IP header.
    pub fn reply_max(&self) -> usize {
        60 + HEADER + self.payload.len() + 1
    }

    /// Compares a received message with this request. A raw socket also receives the IPv4 header, and
    /// the messages of all other programs. A message with a wrong checksum is ignored: on raw IPv4
    /// sockets, the kernel leaves this check to the receiver.
    pub fn answer(&self, bytes: &[u8], is_raw: bool) -> Answer {
        let message = if is_raw && !self.is_v6 {
            match message_of_packet(bytes) {
                Some(message) => message,
                None => return Answer::Foreign,
            }
        } else {
            bytes
        };
        let Some((header, payload)) = message.split_first_chunk::<HEADER>() else {
            return Answer::Foreign;
        };
        let kind = if self.is_v6 { 129 } else { 0 };
        let is_reply = header[0] == kind && header[1] == 0;
        if !is_reply || !self.is_own(*header, is_raw) {
            return Answer::Foreign;
        }
        if payload == self.payload {
            Answer::Reply(payload.len())
        } else {
            Answer::Altered
        }
    }

    /// Whether an error quotes this request; `message` is the start of the quoted message.
    pub fn is_quoted_by(&self, message: &[u8], is_raw: bool) -> bool {
        let header = message.first_chunk::<HEADER>();
        header.is_some_and(|header| self.is_own(*header, is_raw))
    }

    fn is_own(&self, header: [u8; HEADER], is_raw: bool) -> bool {
        let [_, _, _, _, identifier @ .., third, fourth] = header;
        let sequence = [third, fourth] == self.sequence.to_be_bytes();
        sequence && (!is_raw || identifier == self.identifier.to_be_bytes())
    }
}

/// The message in an IPv4 packet; `None` if its checksum is wrong. The checksum of a packet that was
/// truncated by the receive buffer is not verified.
fn message_of_packet(packet: &[u8]) -> Option<&[u8]> {
    let [first, _, high, low, ..] = *packet else {
        return None;
    };
    let header = usize::from(first & 0x0f) * 4;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > packet.len() {
        return packet.get(header..);
    }
    let message = packet.get(header..length)?;
    (checksum(message) == 0).then_some(message)
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(echo: &Echo) -> Vec<u8> {
        let mut bytes = echo.encode();
        bytes[0] = if echo.is_v6 { 129 } else { 0 };
        summed(bytes)
    }

    /// Sets the checksum.
    fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes[2..4].fill(0);
        let sum = checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// A packet as received by a raw IPv4 socket, with a header of 24 bytes.
    fn packet(message: &[u8]) -> Vec<u8> {
        let mut header = [0_u8; 24];
        header[0] = 0x46;
        let length = u16::try_from(24 + message.len()).expect("short");
        header[2..4].copy_from_slice(&length.to_be_bytes());
        [&header, message].concat()
    }

    #[test]
    fn the_checksum_of_a_message_makes_its_sum_zero() {
        for size in [8, 9, 56, 65_000] {
            assert_eq!(checksum(&Echo::new(false, size).encode()), 0);
        }
    }

    #[test]
    fn only_the_reply_to_the_request_is_its_answer() {
        for is_v6 in [false, true] {
            let echo = Echo::new(is_v6, 56);
            assert_eq!(echo.answer(&reply(&echo), false), Answer::Reply(56));
            assert_eq!(echo.answer(&echo.encode(), false), Answer::Foreign);
            let mut other = reply(&echo);
            other[7] ^= 1;
            assert_eq!(echo.answer(&other, false), Answer::Foreign);
            let mut altered = reply(&echo);
            altered[20] ^= 1;
            assert_eq!(echo.answer(&altered, false), Answer::Altered);
            altered.truncate(20);
            assert_eq!(echo.answer(&altered, false), Answer::Altered);
            let mut renamed = reply(&echo);
            renamed[4] ^= 1;
            assert_eq!(echo.answer(&renamed, false), Answer::Reply(56));
            let raw = |bytes: Vec<u8>| if is_v6 { bytes } else { packet(&summed(bytes)) };
            assert_eq!(echo.answer(&raw(reply(&echo)), true), Answer::Reply(56));
            assert_eq!(echo.answer(&raw(renamed), true), Answer::Foreign);
            assert!(echo.is_quoted_by(&echo.encode(), true));
            assert!(!echo.is_quoted_by(&other, false));
        }
    }

    #[test]
    fn raw_messages_with_wrong_checksums_are_ignored() {
        let echo = Echo::new(false, 57);
        let good = packet(&reply(&echo));
        assert_eq!(echo.answer(&good, true), Answer::Reply(57));
        for place in 24..good.len() {
            let mut damaged = good.clone();
            damaged[place] ^= 4;
            assert_eq!(echo.answer(&damaged, true), Answer::Foreign, "{place}");
        }
        // The kernel has already verified messages on unprivileged sockets.
        let mut unchecked = reply(&echo);
        unchecked[2] ^= 1;
        assert_eq!(echo.answer(&unchecked, false), Answer::Reply(57));
        // A message longer than the buffer was not truncated by the network.
        let mut longer = reply(&echo);
        longer.extend([7; 100]);
        let longer = packet(&summed(longer));
        assert_eq!(echo.answer(&longer, true), Answer::Altered);
        let room = echo.reply_max().min(longer.len() - 1);
        assert_eq!(echo.answer(&longer[..room], true), Answer::Altered);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), is_v6: bool, is_raw: bool) {
            let echo = Echo::new(is_v6, 56);
            prop_assert!(!matches!(echo.answer(&bytes, is_raw), Answer::Reply(_)));
            echo.is_quoted_by(&bytes, is_raw);
        }
    }
}
