//! Converts k6 thresholds to conditions of `slod load --threshold`.

use serde_json::Value;

/// Converts the supported thresholds in their order, with remarks on the others.
pub(super) fn read(thresholds: Option<&Value>, remarks: &mut Vec<String>) -> Vec<String> {
    let mut all = Vec::new();
    for (metric, list) in thresholds.and_then(Value::as_object).into_iter().flatten() {
        for one in list.as_array().into_iter().flatten() {
            let text = one.as_str().or_else(|| one.get("threshold")?.as_str());
            let Some(text) = text else { continue };
            match condition(metric, text) {
                Some(condition) if all.contains(&condition) => {}
                Some(condition) => all.push(condition),
                None => remarks.push(format!(
                    "threshold {metric}: {text} is left out: {}",
                    why(metric)
                )),
            }
            if text.contains('=') {
                remarks.push(format!(
                    "threshold {metric}: {text}: the limit itself is a miss in slod"
                ));
            }
            if one.get("abortOnFail").and_then(Value::as_bool) == Some(true) {
                remarks.push(format!(
                    "threshold {metric}: {text} ends the run in k6: `slod load --abort` ends it once any threshold is missed over ten seconds"
                ));
            }
        }
    }
    if all.iter().any(|one| one.starts_with("rate>")) {
        remarks.push(
            "`rate` counts only successful requests, whereas `http_reqs` in k6 counts all"
                .to_owned(),
        );
    }
    all
}

/// The equivalent condition in slod.
fn condition(metric: &str, text: &str) -> Option<String> {
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
            Some(format!("{name}<{}ms", number.ceil()))
        }
        "http_req_failed" if is_below && of == "rate" => Some(format!("errors<{limit}")),
        "http_reqs" if is_above && of == "rate" => Some(format!("rate>{limit}/s")),
        _ => None,
    }
}

fn why(metric: &str) -> &'static str {
    if metric.contains('{') {
        return "slod supports only thresholds for the whole run";
    }
    match metric {
        "http_req_duration" => "slod supports only upper limits of quantiles, `avg` and `max`",
        "http_req_failed" => "slod supports only upper limits of the share of failed requests",
        "http_reqs" => "slod supports only lower limits of the rate",
        "checks" => "use `expect` of a request to define good answers",
        _ => "slod does not measure it",
    }
}
