//! The one style sheet and the name it is cached under.

use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;
use std::sync::LazyLock;

pub const STYLE: &str = concat!(
    include_str!("style.css"),
    include_str!("../../report/load_run/run.css")
);

/// The path of [`STYLE`], without a query.
pub const NAME: &str = "style.css";

/// Changes whenever [`STYLE`] does, so that what was fetched under it may be cached without end:
/// fit for an `ETag` and for the query behind [`NAME`].
pub static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = SipHasher13::new();
    hasher.write(STYLE.as_bytes());
    format!("{:016x}", hasher.finish())
});
