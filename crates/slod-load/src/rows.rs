//! Rows of a data file. Each iteration takes the next one, on any thread.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Rows {
    /// At least one.
    all: Vec<Box<[Box<str>]>>,
    next: AtomicUsize,
}

/// Values may be secrets.
impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.all.len())
    }
}

impl Rows {
    /// `None` without rows.
    pub fn new(all: Vec<Box<[Box<str>]>>) -> Option<Self> {
        let next = AtomicUsize::new(0);
        (!all.is_empty()).then_some(Self { all, next })
    }

    /// The number of the next row; starts over after the last one.
    pub(crate) fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.all.len()
    }

    pub(crate) fn get(&self, number: usize) -> Option<&[Box<str>]> {
        self.all.get(number).map(AsRef::as_ref)
    }
}
