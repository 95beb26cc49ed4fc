//! Converts k6 thresholds to those of scenarios.

use crate::threshold::Threshold;
use serde_json::Value;

const FAILED: &str = "http_req_failed";
/// The metric of a script that slod exported, which also counts responses with unexpected contents.
const FAILED_REQUESTS: &str = "failed_requests";

/// A condition of slod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub text: String,
    /// The only scenario that it is about, if any.
    pub scenario: Option<String>,
}

impl Condition {
    /// Whether the limit itself is a miss, as in all conditions but `errors==0`.
    fn excludes_limit(&self) -> bool {
        !self.text.contains("==")
    }
}

/// The parts of a selector that slod can express.
#[derive(Debug, Default)]
struct Selector<'a> {
    name: Option<&'a str>,
    scenario: Option<&'a str>,
}

/// Converts the supported thresholds in their order, with remarks on the others.
pub(super) fn read(thresholds: Option<&Value>, remarks: &mut Vec<String>) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    for (metric, list) in thresholds.and_then(Value::as_object).into_iter().flatten() {
        for one in list.as_array().into_iter().flatten() {
            let text = one.as_str().or_else(|| one.get("threshold")?.as_str());
            let Some(text) = text else { continue };
            let condition = condition(metric, text);
            let includes_limit = ["<=", ">="].iter().any(|sign| text.contains(sign));
            if includes_limit && condition.as_ref().is_some_and(Condition::excludes_limit) {
                remarks.push(format!(
                    "threshold {metric}: {text}: the limit itself is a miss in slod"
                ));
            }
            match condition {
                Some(condition) if all.contains(&condition) => {}
                Some(condition) => all.push(condition),
                None => remarks.push(format!(
                    "threshold {metric}: {text} is left out: {}",
                    why(metric)
                )),
            }
            if one.get("abortOnFail").and_then(Value::as_bool) == Some(true) {
                remarks.push(format!(
                    "threshold {metric}: {text} ends the run in k6: `slod load --abort` ends it once any threshold is missed over ten seconds"
                ));
            }
        }
    }
    if all.iter().any(|one| one.text.starts_with("rate")) {
        remarks.push(
            "`rate` counts only successful requests, whereas `http_reqs` in k6 counts all"
                .to_owned(),
        );
    }
    if all.iter().any(|one| one.text.contains("{name:")) {
        remarks.push(
            "thresholds of one request: the requests of `load` must have the same names".to_owned(),
        );
    }
    all
}

/// The equivalent condition in slod.
fn condition(metric: &str, text: &str) -> Option<Condition> {
    let (metric, selector) = match metric.split_once('{') {
        Some((metric, selector)) => (metric, Selector::read(selector.strip_suffix('}')?)?),
        None => (metric, Selector::default()),
    };
    let (of, rest) = of_metric(metric, text)?;
    let name = selector.name.map(|name| format!("{{name:{name}}}"));
    let text = format!("{of}{}{rest}", name.unwrap_or_default());
    text.parse::<Threshold>().ok()?;
    Some(Condition {
        text,
        scenario: selector.scenario.map(str::to_owned),
    })
}

impl<'a> Selector<'a> {
    /// `None` if slod has no equivalent.
    fn read(text: &'a str) -> Option<Self> {
        let mut selector = Self::default();
        for pair in text.split(',') {
            let (tag, value) = pair.split_once(':')?;
            let value = value.trim().trim_matches(['"', '\'']);
            match tag.trim() {
                "name" => selector.name = Some(value),
                "scenario" => selector.scenario = Some(value),
                _ => return None,
            }
        }
        Some(selector)
    }
}

/// The metric and the comparison in slod, for all requests.
fn of_metric(metric: &str, text: &str) -> Option<(String, String)> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let at = text.find(['<', '>', '=', '!'])?;
    let (of, rest) = text.split_at(at);
    let limit = rest.trim_start_matches(['<', '>', '=']);
    let number: f64 = limit
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    let (is_below, is_above) = (rest.starts_with('<'), rest.starts_with('>'));
    match metric {
        "http_req_duration" if is_below => {
            let name = match of {
                "avg" | "max" => of.to_owned(),
                "med" => "p50".to_owned(),
                _ => {
                    let percent: f64 = of.strip_prefix("p(")?.strip_suffix(')')?.parse().ok()?;
                    format!("p{percent}")
                }
            };
            // slod's limits are whole milliseconds.
            Some((name, format!("<{}ms", number.ceil())))
        }
        FAILED | FAILED_REQUESTS
            if of == "rate" && number <= 0.0 && (is_below || rest.starts_with("==")) =>
        {
            Some(("errors".to_owned(), "==0".to_owned()))
        }
        FAILED | FAILED_REQUESTS if is_below && of == "rate" => {
            Some(("errors".to_owned(), format!("<{limit}")))
        }
        "http_reqs" if is_above && of == "rate" => Some(("rate".to_owned(), format!(">{limit}/s"))),
        _ => None,
    }
}

fn why(metric: &str) -> &'static str {
    let (metric, selector) = metric.split_once('{').unwrap_or((metric, ""));
    if selector.contains("expected_response") {
        return "slod's latencies include those of failed requests";
    }
    if !selector.is_empty() && Selector::read(selector.trim_end_matches('}')).is_none() {
        return "slod selects requests only by `name`";
    }
    match metric {
        "http_req_duration" => "slod supports only upper limits of quantiles, `avg` and `max`",
        FAILED | FAILED_REQUESTS => {
            "slod supports only upper limits of the share of failed requests"
        }
        "http_reqs" => "slod supports only lower limits of the rate",
        "checks" => "use `expect` of a request to define good answers",
        _ => "slod does not measure it",
    }
}
