//! What this program is.

/// The package's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, or `unknown`.
pub const REVISION: &str = env!("SLOD_BUILD_REVISION");
/// The compiler it was built with.
pub const RUSTC: &str = env!("SLOD_BUILD_RUSTC");
/// What `--version` prints.
pub const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("SLOD_BUILD_REVISION"),
    ", rustc ",
    env!("SLOD_BUILD_RUSTC"),
    ")"
);
