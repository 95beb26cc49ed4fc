//! Scripts of requests and folders. Only the statuses that tests expect are converted.

use crate::format::numbers;
use crate::import::requests::document::At;

/// Calls of tests that expect a status, and of their frame.
const CONVERTED: [&str; 2] = ["pm.test(", "pm.response.to.have.status("];

/// Says how many scripts of the collection do more than expect a status; `None` if there are none.
pub fn remark(root: &At<'_>) -> Option<String> {
    let count = unconverted(root);
    let scripts = numbers::plural(count, "script");
    (count > 0).then(|| {
        format!("{scripts} with more than the expected status: not converted; use `expect` and `capture` of the requests")
    })
}

/// The nesting is limited by that of the document.
fn unconverted(at: &At<'_>) -> u64 {
    let events = at.items_of("event").unwrap_or_default();
    let own = events.iter().filter(|event| does_more(event)).count() as u64;
    let items = at.items_of("item").unwrap_or_default();
    own + items.iter().map(unconverted).sum::<u64>()
}

fn does_more(event: &At<'_>) -> bool {
    let script = event.get("script").and_then(|script| script.get("exec"));
    let Some(script) = script else { return false };
    let calls = |text: &str| {
        let converted = CONVERTED.iter().map(|call| text.matches(call).count());
        text.matches("pm.").count() > converted.sum::<usize>()
    };
    if script.value.is_string() {
        return script.text().is_ok_and(calls);
    }
    let lines = script.value.as_array().into_iter().flatten();
    lines.filter_map(|line| line.as_str()).any(calls)
}
