//! The content of a reply: the records that answer its question, and possible reasons for missing ones.

use super::data;
use super::keys::RCODES;
use super::message::Question;
use super::name::display_name;
use crate::format::numbers::plural;
use crate::probe::quoted::quoted;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::fmt;

/// Maximum number of aliases that are followed in one answer.
const ALIASES_MAX: usize = 32;
/// The EDNS option of extended DNS errors (RFC 8914).
const EXTENDED_ERROR: EdnsCode = EdnsCode::Unknown(15);
/// Names of extended errors in the IANA registry, indexed by code.
const EXTENDED_ERRORS: [&str; 31] = [
    "Other",
    "Unsupported DNSKEY Algorithm",
    "Unsupported DS Digest Type",
    "Stale Answer",
    "Forged Answer",
    "DNSSEC Indeterminate",
    "DNSSEC Bogus",
    "Signature Expired",
    "Signature Not Yet Valid",
    "DNSKEY Missing",
    "RRSIGs Missing",
    "No Zone Key Bit Set",
    "NSEC Missing",
    "Cached Error",
    "Not Ready",
    "Blocked",
    "Censored",
    "Filtered",
    "Prohibited",
    "Stale NXDOMAIN Answer",
    "Not Authoritative",
    "Not Supported",
    "No Reachable Authority",
    "Network Error",
    "Invalid Data",
    "Signature Expired before Valid",
    "Too Early",
    "Unsupported NSEC3 Iterations Value",
    "Unable to conform to policy",
    "Synthesized",
    "Invalid Query Type",
];

/// A reply that matches its question.
#[derive(Debug)]
pub struct Reply {
    pub rcode: ResponseCode,
    pub authoritative: bool,
    pub authenticated: bool,
    /// The data of each record of the requested type, as in zone files.
    pub records: Vec<String>,
    /// Number of records of other types in the answer, such as aliases.
    others: usize,
    /// Number of records that no resolver would use: of another class, or of names that no alias leads
    /// to.
    strays: usize,
    /// The first of these records.
    stray: Option<String>,
    /// The server's extended error, in its own words.
    extended_error: Option<String>,
    /// Whether the server rejected a query with EDNS as one that does not support it does (RFC 6891,
    /// section 7).
    lacks_edns: bool,
}

impl Reply {
    pub fn of(question: &Question, message: &Message) -> Self {
        let owners = owners(question, &message.answers);
        let is_own =
            |record: &&Record| record.dns_class == question.class && owners.contains(&&record.name);
        let (own, strays): (Vec<_>, Vec<_>) = message.answers.iter().partition(is_own);
        let wanted = |record: &&&Record| {
            question.record_type == RecordType::ANY || record.record_type() == question.record_type
        };
        let records = own.iter().filter(wanted);
        let records: Vec<String> = records.map(|record| data::text(&record.data)).collect();
        Self {
            rcode: message.metadata.response_code,
            authoritative: message.metadata.authoritative,
            authenticated: message.metadata.authentic_data,
            others: own.len() - records.len(),
            records,
            strays: strays.len(),
            stray: strays.first().map(|record| whole(record)),
            extended_error: extended_error(message),
            lacks_edns: question.edns && message.edns.is_none() && rejects_form(message),
        }
    }

    /// The response code as a number.
    pub fn code(&self) -> u32 {
        u16::from(self.rcode).into()
    }

    /// Possible reasons for an unexpected answer; empty if there are none.
    pub fn remarks(&self) -> String {
        let stray = self.stray.as_ref().map(|stray| {
            let stray = quoted(stray.as_bytes());
            let more = match self.strays {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            format!("; records that do not answer the question are not counted: {stray}{more}")
        });
        let error = self.extended_error.as_ref();
        let error = error.map(|error| format!("; the server reports {error}"));
        let edns = "; the server may not support EDNS: set `edns: false`".to_owned();
        let edns = self.lacks_edns.then_some(edns);
        [stray, error, edns].into_iter().flatten().collect()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = plural(self.records.len() as u64, "record");
        write!(f, "{}, {records}", rcode_name(self.rcode))?;
        if self.others > 0 {
            write!(f, " and {} of other types", self.others)?;
        }
        for (flag, is_set) in [
            ("authoritative", self.authoritative),
            ("authenticated", self.authenticated),
        ] {
            if is_set {
                write!(f, ", {flag}")?;
            }
        }
        f.write_str(&self.remarks())
    }
}

/// The queried name, and the names that its aliases lead to. A DNAME is accompanied by the CNAME that it
/// stands for (RFC 6672, section 3.1).
fn owners<'a>(question: &'a Question, answers: &'a [Record]) -> Vec<&'a Name> {
    let mut owners = vec![&question.name];
    let alias = |of: &Name| {
        answers.iter().find_map(|record| match &record.data {
            RData::CNAME(to) if record.name == *of && record.dns_class == question.class => {
                Some(&to.0)
            }
            _ => None,
        })
    };
    while let Some(next) = owners.last().and_then(|last| alias(last)) {
        if owners.len() > ALIASES_MAX || owners.contains(&next) {
            break;
        }
        owners.push(next);
    }
    owners
}

/// Formats a record with its owner, class and type.
fn whole(record: &Record) -> String {
    let (class, kind) = (record.dns_class, record.record_type());
    format!(
        "{} {class} {kind} {}",
        display_name(&record.name),
        data::text(&record.data)
    )
}

fn rejects_form(message: &Message) -> bool {
    use ResponseCode::{FormErr, NotImp};
    matches!(message.metadata.response_code, FormErr | NotImp)
}

fn extended_error(message: &Message) -> Option<String> {
    let edns = message.edns.as_ref()?;
    let Some(EdnsOption::Unknown(_, data)) = edns.option(EXTENDED_ERROR) else {
        return None;
    };
    let (code, words) = data.split_first_chunk::<2>()?;
    let code = u16::from_be_bytes(*code);
    let name = EXTENDED_ERRORS.get(usize::from(code));
    let name = name.map_or(String::new(), |name| format!(" ({name})"));
    let words = if words.is_empty() {
        String::new()
    } else {
        format!(": {}", quoted(words))
    };
    Some(format!("extended error {code}{name}{words}"))
}

/// The IANA name of a response code, or its number.
pub fn rcode_name(code: ResponseCode) -> String {
    let known = RCODES.iter().find(|(_, known)| *known == code);
    known.map_or_else(
        || format!("response code {}", u16::from(code)),
        |(name, _)| (*name).to_owned(),
    )
}
