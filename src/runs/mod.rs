//! What is known of kept load runs, computed once for the pages, the API and the metrics.

mod digests;

pub use digests::{Digest, Digests};
