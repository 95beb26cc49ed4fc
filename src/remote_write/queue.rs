//! The requests that wait for a destination.

use crate::exposition::WriteRequest;
use hyper::body::Bytes;
use std::collections::VecDeque;

/// Maximum size of all waiting requests, compressed. A page of 1,000 services with four objectives has 2.4 MB.
pub const BYTES_MAX: usize = 64 << 20;

/// Requests in the order of their samples. The oldest ones are dropped if there are too many.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    samples: u64,
    added: u64,
}

/// A request, with its number in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    number: u64,
    pub body: Bytes,
    pub samples: u64,
}

impl Queue {
    /// Adds requests; returns the number of samples dropped for them.
    pub fn add(&mut self, requests: Vec<WriteRequest>) -> u64 {
        for WriteRequest { body, samples } in requests {
            self.bytes += body.len();
            self.samples += samples;
            self.added += 1;
            self.waiting.push_back(Waiting {
                number: self.added,
                body,
                samples,
            });
        }
        let mut dropped = 0;
        while self.bytes > BYTES_MAX
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.bytes -= oldest.body.len();
            dropped += oldest.samples;
        }
        self.samples -= dropped;
        dropped
    }

    /// The oldest request.
    pub fn first(&self) -> Option<Waiting> {
        self.waiting.front().cloned()
    }

    /// Removes a request, unless it was dropped while it was sent.
    pub fn remove(&mut self, sent: &Waiting) {
        let is_first = self
            .waiting
            .front()
            .is_some_and(|first| first.number == sent.number);
        if is_first && let Some(first) = self.waiting.pop_front() {
            self.bytes -= first.body.len();
            self.samples -= first.samples;
        }
    }

    /// Number of waiting samples.
    pub const fn samples(&self) -> u64 {
        self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(length: usize, samples: u64) -> WriteRequest {
        WriteRequest {
            body: vec![0; length].into(),
            samples,
        }
    }

    #[test]
    fn requests_are_sent_in_order() {
        let mut queue = Queue::default();
        assert_eq!(queue.first(), None);
        assert_eq!(queue.add(vec![request(1, 10), request(2, 20)]), 0);
        let first = queue.first().expect("waiting");
        assert_eq!((first.samples, queue.samples()), (10, 30));
        queue.remove(&first);
        queue.remove(&first);
        assert_eq!(queue.first().expect("waiting").samples, 20);
        assert_eq!((queue.samples(), queue.bytes), (20, 2));
    }

    #[test]
    fn the_oldest_are_dropped_beyond_the_limit() {
        let mut queue = Queue::default();
        queue.add(vec![request(BYTES_MAX / 2, 1), request(BYTES_MAX / 2, 2)]);
        let first = queue.first().expect("waiting");
        assert_eq!(queue.add(vec![request(1, 4)]), 1);
        queue.remove(&first);
        assert_eq!(queue.samples(), 6, "it was dropped while it was sent");
        assert_eq!(queue.add(vec![request(BYTES_MAX + 1, 8)]), 14);
        assert_eq!((queue.samples(), queue.bytes), (0, 0));
    }
}
