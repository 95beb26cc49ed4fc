//! DNS messages: questions and replies (RFC 1035). Pure.

use super::name::display_name;
use super::reply::Reply;
use crate::outcome::Cause;
use crate::probe::dial::Failure;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use std::fmt;

/// Length of a message header in bytes.
const HEADER: usize = 12;
/// Maximum UDP payload that most networks carry without fragmentation (DNS Flag Day 2020).
const PAYLOAD: u16 = 1232;
/// Maximum number of datagrams skipped after one query.
const SKIPPED_MAX: u32 = 100;

/// The question of a query.
#[derive(Debug)]
pub struct Question {
    pub name: Name,
    pub record_type: RecordType,
    pub class: DNSClass,
    pub recursion: bool,
    pub edns: bool,
    /// Whether to request the AD flag, which reports that the answer was validated (RFC 6840).
    pub asks_authenticated: bool,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", display_name(&self.name), self.record_type)
    }
}

/// Why a message is not the reply to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidReply(pub String);

/// A received reply.
#[derive(Debug)]
pub enum Received {
    Whole(Reply),
    /// The answer does not fit into a datagram.
    Truncated,
}

impl Question {
    /// Encodes the query.
    pub fn encode(&self, id: u16) -> Result<Vec<u8>, Failure> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = self.recursion;
        message.metadata.authentic_data = self.asks_authenticated;
        let mut query = Query::query(self.name.clone(), self.record_type);
        query.set_query_class(self.class);
        message.add_query(query);
        if self.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD);
            message.set_edns(edns);
        }
        let unfit = |_| Failure::bad(Cause::Protocol, "the question does not fit into a message");
        message.to_vec().map_err(unfit)
    }

    /// Decodes a message if it is the reply to this question.
    pub fn decode(&self, id: u16, bytes: &[u8]) -> Result<Received, InvalidReply> {
        let unfit = |why: &str| Err(InvalidReply(why.to_owned()));
        let Some(header) = bytes.get(..HEADER) else {
            let length = bytes.len();
            return Err(InvalidReply(format!(
                "it has {length} bytes, less than a message header"
            )));
        };
        if header[..2] != id.to_be_bytes() {
            return unfit("it has the id of another question");
        }
        if header[2] & 0x80 == 0 {
            return unfit("it is a query itself");
        }
        // A truncated message may end in the middle of a record.
        if header[2] & 0x02 != 0 {
            return Ok(Received::Truncated);
        }
        // Checked before memory is allocated for the sections.
        if header[4] != 0 || header[5] > 1 {
            return unfit("it has several questions");
        }
        let message =
            Message::from_vec(bytes).map_err(|_| InvalidReply("it cannot be read".to_owned()))?;
        if message.metadata.op_code != OpCode::Query {
            return unfit("it has another opcode");
        }
        let rcode = message.metadata.response_code;
        let is_own = match message.queries.first() {
            Some(query) => self.is(query),
            // A server that fails early may omit the question.
            None => rcode != ResponseCode::NoError,
        };
        if !is_own {
            return unfit("it is for another question");
        }
        Ok(Received::Whole(Reply::of(self, &message)))
    }

    fn is(&self, query: &Query) -> bool {
        let fits = query.query_type() == self.record_type && query.query_class() == self.class;
        fits && query.name().eq_ignore_root(&self.name)
    }
}

/// Datagrams that are not a reply to the question. They are skipped, as resolvers do, because
/// anybody could have sent them.
#[derive(Debug, Default)]
pub struct Skipped {
    count: u32,
    /// Why the most recent one was skipped.
    why: String,
}

impl Skipped {
    /// Resets the state for the next question.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Counts another one; an error if there are too many.
    pub fn add(&mut self, InvalidReply(why): InvalidReply) -> Result<(), Failure> {
        self.count += 1;
        self.why = why;
        if self.count < SKIPPED_MAX {
            return Ok(());
        }
        Err(self.failure())
    }

    /// The failure if nothing else was received.
    pub fn failure(&self) -> Failure {
        let message = match self.count {
            1 => format!("the reply does not match the question: {}", self.why),
            count => format!(
                "{count} replies, none of which matches the question; the last one: {}",
                self.why
            ),
        };
        Failure::bad(Cause::Protocol, message)
    }
}
