//! Responses to the load engine.

use super::Run;
use http::Method;
use slod_load::{Keep, Response};

/// What a complete response of these bytes is, cut into parts: status, length of the body, and whether the connection
/// can be used again.
fn read(bytes: &[u8], method: &Method, cut: usize) -> Option<(u16, usize, bool)> {
    let mut response = Response::new(method, Keep::All);
    let mut length = 0;
    for part in bytes.chunks(cut.max(1)) {
        response.feed(part, &mut |data| length += data.len()).ok()?;
    }
    let is_reusable = response.is_reusable();
    let is_complete = response.close();
    is_complete.then(|| (response.status(), length, is_reusable))
}

/// However it is cut, it is the same response.
pub fn responses() -> Run {
    Box::new(|data| {
        let Some((first, bytes)) = data.split_first() else {
            return;
        };
        let method = if first % 4 == 0 {
            Method::HEAD
        } else {
            Method::GET
        };
        let whole = read(bytes, &method, bytes.len());
        for cut in [1, 1 + usize::from(*first)] {
            assert_eq!(read(bytes, &method, cut), whole, "{cut}");
        }
    })
}
