//! The style sheet and its cache key.

use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;
use std::sync::LazyLock;

pub const STYLE: &str = concat!(
    include_str!("style.css"),
    include_str!("../../report/load_run/run.css")
);

/// Path of [`STYLE`], without a query.
pub const NAME: &str = "style.css";

/// Hash of [`STYLE`], used in the `ETag` and in the query of [`NAME`], so that the style sheet can be
/// cached permanently.
pub static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = SipHasher13::new();
    hasher.write(STYLE.as_bytes());
    format!("{:016x}", hasher.finish())
});
