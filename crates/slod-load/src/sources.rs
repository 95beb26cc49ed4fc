//! The sources of errors.

use std::error::Error;
use std::iter::successors;

/// An error and its sources, from the outermost to the innermost.
pub fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| (*error).source())
}

/// The first error of type `T` among an error and its sources.
pub fn source_of<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    sources(error).find_map(|error| error.downcast_ref())
}
