//! The results of each named request of a run, as bytes.

use super::fields::{read_span, read_text, span, text};
use super::window::{
    causes, histogram, read_causes, read_count, read_histogram, read_transferred, transferred,
};
use crate::load::{RequestFigures, RetryAfter};
use crate::store::counts::{Bytes, Corrupt, put};

/// Instead of the flag for known waits: nothing read `Retry-After`.
const NOT_READ: u64 = 2;

/// Writes the number of requests, then each of them.
pub fn write(out: &mut Vec<u8>, requests: &[RequestFigures]) {
    put(out, requests.len() as u64);
    for one in requests {
        text(out, &one.name);
        put(out, one.good);
        causes(out, &one.failed);
        counts(out, &one.missing);
        histogram(out, &one.latency);
        histogram(out, &one.first_token);
        counts(out, &one.unmet);
        retry_after(out, one.retry_after);
        transferred(out, one.transferred);
    }
}

fn retry_after(out: &mut Vec<u8>, read: Option<RetryAfter>) {
    let RetryAfter { count, waits } = read.unwrap_or_default();
    put(out, count);
    match waits {
        _ if read.is_none() => put(out, NOT_READ),
        None => put(out, 0),
        Some((shortest, longest)) => {
            put(out, 1);
            span(out, shortest);
            span(out, longest);
        }
    }
}

fn counts(out: &mut Vec<u8>, counts: &[(String, u64)]) {
    put(out, counts.len() as u64);
    for (name, count) in counts {
        text(out, name);
        put(out, *count);
    }
}

/// Reads what a record of this format contains.
pub fn read(bytes: &mut Bytes<'_>, format: u64) -> Result<Vec<RequestFigures>, Corrupt> {
    let count: usize = bytes.small()?;
    (0..count).map(|_| read_one(bytes, format)).collect()
}

fn read_one(bytes: &mut Bytes<'_>, format: u64) -> Result<RequestFigures, Corrupt> {
    let mut one = RequestFigures {
        name: read_text(bytes)?,
        good: read_count(bytes)?,
        failed: read_causes(bytes)?,
        missing: read_counts(bytes)?,
        latency: read_histogram(bytes)?,
        first_token: read_histogram(bytes)?,
        ..RequestFigures::default()
    };
    if format >= 9 {
        one.unmet = read_counts(bytes)?;
        one.retry_after = read_retry_after(bytes)?;
    }
    if format >= 11 {
        one.transferred = read_transferred(bytes)?;
    }
    Ok(one)
}

fn read_counts(bytes: &mut Bytes<'_>) -> Result<Vec<(String, u64)>, Corrupt> {
    let count: usize = bytes.small()?;
    let one = |bytes: &mut Bytes<'_>| Ok((read_text(bytes)?, read_count(bytes)?));
    (0..count).map(|_| one(bytes)).collect()
}

fn read_retry_after(bytes: &mut Bytes<'_>) -> Result<Option<RetryAfter>, Corrupt> {
    let count = read_count(bytes)?;
    let waits = match bytes.number()? {
        0 => None,
        1 => Some((read_span(bytes)?, read_span(bytes)?)),
        NOT_READ => return Ok(None),
        _ => return Err(Corrupt),
    };
    Ok(Some(RetryAfter { count, waits }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    #[test]
    fn requests_of_earlier_formats_have_no_conditions() {
        let requests = [RequestFigures {
            name: "GET /chat".to_owned(),
            good: 3,
            failed: vec![(Cause::Timeout, 4)],
            missing: vec![("token".to_owned(), 3)],
            ..RequestFigures::default()
        }];
        let mut bytes = Vec::new();
        write(&mut bytes, &requests);
        // The counts of conditions and of headers, the flag of their waits, and the bytes.
        for expected in [0, 0, NOT_READ, 0, 0] {
            assert_eq!(bytes.pop().map(u64::from), Some(expected));
        }
        let mut bytes = Bytes(&bytes);
        assert_eq!(read(&mut bytes, 8).as_deref().ok(), Some(&requests[..]));
        assert!(bytes.0.is_empty());
    }
}
