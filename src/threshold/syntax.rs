//! Syntax of thresholds, and suggestions for invalid ones.

use super::{Threshold, ThresholdMetric};
use crate::format::numbers::percentage;
use crate::units::{self, likely};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Aliases of metrics in lower case: names of k6 and Locust, and common ones.
const NAMES: &[(&[&str], &str)] = &[
    (&["med", "median"], "p50"),
    (&["average", "mean"], "avg"),
    (&["maximum", "p100"], "max"),
    (
        &[
            "error",
            "error_rate",
            "error_ratio",
            "failed",
            "failures",
            "fail_ratio",
            "http_req_failed",
        ],
        "errors",
    ),
    (&["rps", "reqs", "throughput", "http_reqs"], "rate"),
];

/// Maximum length of a request name in bytes.
const NAME_MAX: usize = 400;
/// The start of a selector of one request, as in k6.
const SELECTOR: &str = "{name:";

/// Prefix for quantiles of the time to first token.
const TTFT: &str = "ttft_";
const SIGNS: [char; 3] = ['<', '>', '='];

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text).ok_or_else(|| fault(text))
    }
}

/// Parses a threshold that can be met: no value is below 0.
fn read(text: &str) -> Option<Threshold> {
    let (threshold, sign) = form(text)?;
    let is_none = threshold.limit <= 0.0;
    (is_none == (sign == "==") || sign == ">").then_some(threshold)
}

/// Splits a text into the metric, the selector in braces and the rest: `p95`, `{name:login}`, `<500ms`. A name
/// can contain any character.
fn split(text: &str) -> Option<(&str, Option<&str>, &str)> {
    match (text.find('{'), text.rfind('}')) {
        (Some(from), Some(to)) if from < to => {
            Some((&text[..from], Some(&text[from..=to]), &text[to + 1..]))
        }
        _ => {
            let at = text.find(SIGNS)?;
            Some((&text[..at], None, &text[at..]))
        }
    }
}

fn request(selector: &str) -> Option<Arc<str>> {
    let name = selector.strip_prefix(SELECTOR)?.strip_suffix('}')?.trim();
    let is_valid = !name.is_empty() && name.len() <= NAME_MAX && !is_quoted(name);
    (is_valid && !name.contains(char::is_control)).then(|| name.into())
}

fn is_quoted(name: &str) -> bool {
    name.len() > 1 && name.starts_with('"') && name.ends_with('"')
}

/// Parses a threshold and its operator, with any limit.
fn form(text: &str) -> Option<(Threshold, &str)> {
    let (name, selector, rest) = split(text)?;
    let request = match selector {
        Some(selector) => Some(request(selector)?),
        None => None,
    };
    let (name, rest) = (name.trim(), rest.trim_start());
    let limit = rest.trim_start_matches(SIGNS);
    let sign = &rest[..rest.len() - limit.len()];
    let of = match (name, sign) {
        ("avg", "<") => ThresholdMetric::Average,
        ("max", "<") => ThresholdMetric::Maximum,
        ("errors", "<" | "==") => ThresholdMetric::Errors,
        ("rate", ">") => ThresholdMetric::Rate,
        (name, "<") => {
            let first_token = name.strip_prefix(TTFT);
            let percent = first_token.unwrap_or(name).strip_prefix('p')?;
            let quantile = percent.parse::<f64>().ok()? / 100.0;
            let is_valid = quantile > 0.0 && quantile < 1.0;
            is_valid.then_some(match first_token {
                Some(_) => ThresholdMetric::FirstToken(quantile),
                None => ThresholdMetric::Quantile(quantile),
            })?
        }
        _ => return None,
    };
    let limit = limit.trim();
    let limit = match of {
        ThresholdMetric::Errors => units::ratio(limit)?,
        ThresholdMetric::Rate => units::Rate::parse(limit)?.per_second(),
        _ => units::duration(limit)?.as_secs_f64(),
    };
    Some((Threshold { request, of, limit }, sign))
}

/// What is expected instead of an invalid threshold.
pub fn expected() -> &'static str {
    "a threshold such as `p95<500ms`, `avg<400ms`, `max<2s`, `ttft_p95<1s`, `errors<0.1%`, `errors==0` or `rate>100/s`, of one request `p95{name:login}<500ms`"
}

/// Describes the error and the nearest valid form.
fn fault(text: &str) -> String {
    let parts: Vec<&str> = text.split([',', ';', '&']).map(str::trim).collect();
    let parts: Vec<&str> = parts.into_iter().filter(|one| !one.is_empty()).collect();
    if parts.len() > 1 && !text.contains('{') {
        let each = parts.iter().filter_map(|one| match read(one) {
            Some(_) => Some((*one).to_owned()),
            None => suggestion(one),
        });
        let each: Vec<String> = each.map(|one| format!("--threshold '{one}'")).collect();
        if each.len() == parts.len() {
            return format!("a threshold has one condition; write {}", each.join(" "));
        }
    }
    let why = match form(text) {
        Some((_, "<")) => "no value is below 0; ",
        _ => "",
    };
    format!(
        "{why}expected {}{}",
        expected(),
        likely::question(suggestion(text).as_slice())
    )
}

/// Returns the nearest valid form, considering names, operators and units of k6 and common ones.
pub fn suggestion(text: &str) -> Option<String> {
    let (name, selector, rest) = split(text)?;
    let selector = match selector {
        Some(selector) => likely_selector(selector)?,
        None => String::new(),
    };
    let (name, rest) = (name.to_lowercase(), rest.trim_start().to_lowercase());
    let limit = rest.trim_start_matches(SIGNS).trim();
    let name: String = name.chars().filter(|c| !"() \"'".contains(*c)).collect();
    let known = NAMES.iter().find(|(names, _)| names.contains(&&*name));
    let name = known.map_or(&*name, |(_, ours)| ours);
    // In k6, `rate<0.01` limits the ratio of failed requests.
    let is_share = units::ratio(limit).is_some() && !rest.starts_with('>');
    let valid = |name: &str, sign: &str, limit: &str| {
        let text = format!("{name}{selector}{sign}{limit}");
        read(&text).map(|_| text)
    };
    let is_none = likely::ratio(limit).and_then(|limit| units::ratio(&limit)) == Some(0.0);
    let limits = match name {
        "errors" if is_none => return valid("errors", "==", "0"),
        "rate" if is_share && is_none => return valid("errors", "==", "0"),
        "rate" if is_share => return valid("errors", "<", limit),
        "errors" => vec![likely::ratio(limit)?],
        "rate" => likely::rates(limit),
        _ => {
            let bare = likely::bare_durations(limit);
            // Numbers without a unit are milliseconds in k6.
            let bare = bare.into_iter().next();
            vec![bare.or_else(|| likely::duration(limit))?]
        }
    };
    let sign = if name == "rate" { ">" } else { "<" };
    limits.iter().find_map(|limit| valid(name, sign, limit))
}

/// The selector of the same request in the syntax of thresholds: `{name="login"}` becomes `{name:login}`.
fn likely_selector(selector: &str) -> Option<String> {
    let inside = selector.strip_prefix('{')?.strip_suffix('}')?.trim();
    let name = inside.strip_prefix("name")?.trim_start();
    let name = name.strip_prefix([':', '='])?.trim();
    let name = if is_quoted(name) {
        &name[1..name.len() - 1]
    } else {
        name
    };
    (!name.is_empty()).then(|| format!("{SELECTOR}{name}}}"))
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            ThresholdMetric::Quantile(q) => write!(f, "p{}", percentage(q))?,
            ThresholdMetric::FirstToken(q) => write!(f, "{TTFT}p{}", percentage(q))?,
            ThresholdMetric::Average => f.write_str("avg")?,
            ThresholdMetric::Maximum => f.write_str("max")?,
            ThresholdMetric::Errors => f.write_str("errors")?,
            ThresholdMetric::Rate => f.write_str("rate")?,
        }
        f.write_str(&self.selector())?;
        let sign = match self.of {
            ThresholdMetric::Rate => '>',
            ThresholdMetric::Errors if self.is_none() => return f.write_str(" == 0"),
            _ => '<',
        };
        match self.of {
            // A limit is never rounded to zero.
            ThresholdMetric::Errors => write!(f, " {sign} {}%", percentage(self.limit)),
            _ => write!(f, " {sign} {}", self.of.show(self.limit)),
        }
    }
}

impl Threshold {
    /// `{name:login}`; empty for all requests.
    fn selector(&self) -> String {
        let name = self.request.as_ref();
        name.map_or_else(String::new, |name| format!("{SELECTOR}{name}}}"))
    }

    /// The form that is parsed back to exactly the same limit.
    pub fn written(&self) -> String {
        let (ms, of) = ((self.limit * 1000.0).round(), self.selector());
        match self.of {
            ThresholdMetric::Quantile(q) => format!("p{}{of}<{ms}ms", percentage(q)),
            ThresholdMetric::FirstToken(q) => format!("{TTFT}p{}{of}<{ms}ms", percentage(q)),
            ThresholdMetric::Average => format!("avg{of}<{ms}ms"),
            ThresholdMetric::Maximum => format!("max{of}<{ms}ms"),
            ThresholdMetric::Errors if self.is_none() => format!("errors{of}==0"),
            ThresholdMetric::Errors => format!("errors{of}<{}", self.limit),
            ThresholdMetric::Rate => format!("rate{of}>{}/s", self.limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_and_written() {
        for (text, shown) in [
            ("p95<500ms", "p95 < 500ms"),
            ("p99.9 < 2s", "p99.9 < 2.00s"),
            ("ttft_p95<1s", "ttft_p95 < 1.00s"),
            ("avg<400ms", "avg < 400ms"),
            ("errors<0.1%", "errors < 0.1%"),
            ("errors==0", "errors == 0"),
            ("errors == 0%", "errors == 0"),
            ("rate>100/s", "rate > 100.0/s"),
            ("p95{name:login}<500ms", "p95{name:login} < 500ms"),
            ("errors{name: a}<b} } ==0", "errors{name:a}<b}} == 0"),
            (
                "rate {name:GET /x?a=1,b} > 7/s",
                "rate{name:GET /x?a=1,b} > 7.0/s",
            ),
            ("ttft_p95{name:chat}<1s", "ttft_p95{name:chat} < 1.00s"),
        ] {
            let read: Threshold = text.parse().expect(text);
            assert_eq!(read.to_string(), shown);
            assert_eq!(read.written().parse(), Ok(read));
        }
        for text in [
            "p58<1h1ms",
            "p99.999<1ms",
            "max<1234ms",
            "errors<1e-9",
            "rate>7/min",
        ] {
            let read: Threshold = text.parse().expect(text);
            let written = read.written();
            assert_eq!(written.parse(), Ok(read), "{written}");
        }
        for bad in [
            "",
            "p95",
            "p95>500ms",
            "p0<1s",
            "p100<1s",
            "ttft_avg<1s",
            "errors<x",
            "rate<100/s",
            "q95<1s",
            "errors<=1%",
            "errors==1%",
            "p95{name:}<1s",
            "p95{name:a\nb}<1s",
            "p95{login}<1s",
            "p95{name:login<1s",
            "{name:login}<1s",
        ] {
            assert!(bad.parse::<Threshold>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_of_nothing_is_no_limit() {
        for written in [
            "errors<0%",
            "errors<=0%",
            "errors<0",
            "errors=0",
            "http_req_failed<=0",
            "rate==0",
            "rate<=0",
        ] {
            let fault = written.parse::<Threshold>().expect_err(written);
            assert!(fault.ends_with("; did you mean `errors==0`?"), "{fault}");
        }
        for written in ["p95<0s", "avg<0ms", "max<0ms", "errors<0%"] {
            let fault = written.parse::<Threshold>().expect_err(written);
            assert!(fault.starts_with("no value is below 0; "), "{fault}");
        }
    }

    #[test]
    fn an_invalid_threshold_gets_a_suggestion() {
        for (written, near) in [
            ("p95<500", "p95<500ms"),
            ("rate>100", "rate>100/s"),
            ("rate>=100 rps", "rate>100/s"),
            ("errors<=1%", "errors<1%"),
            ("p(95)<500", "p95<500ms"),
            ("p(99.9) < 1.5s", "p99.9<1s500ms"),
            ("P95<500ms", "p95<500ms"),
            ("p95>500ms", "p95<500ms"),
            ("med<1s", "p50<1s"),
            ("mean<1 sec", "avg<1s"),
            ("TTFT_p(95)<500", "ttft_p95<500ms"),
            ("rate<0.01", "errors<0.01"),
            ("rate<100/s", "rate>100/s"),
            ("Error_Rate < 1 %", "errors<1%"),
            ("p(95){name:Login}<500", "p95{name:Login}<500ms"),
            ("p95{name=\"a b\"} < 1s", "p95{name:a b}<1s"),
            ("http_req_failed{name:a}<=0.01", "errors{name:a}<0.01"),
        ] {
            let fault = written.parse::<Threshold>().expect_err(written);
            let end = format!("; did you mean `{near}`?");
            assert!(fault.ends_with(&end), "{written}: {fault}");
            assert!(near.parse::<Threshold>().is_ok(), "{near}");
        }
        let fault = "p95<500ms, avg<1".parse::<Threshold>().expect_err("two");
        assert_eq!(
            fault,
            "a threshold has one condition; write --threshold 'p95<500ms' --threshold 'avg<1ms'"
        );
        for written in [
            "",
            "fast",
            "q95<1s",
            "p95",
            "p95<",
            "<1s",
            "p95<x,avg<1s",
            "<",
            "é<1",
        ] {
            let fault = written.parse::<Threshold>().expect_err(written);
            assert!(!fault.contains("did you mean"), "{written}: {fault}");
        }
    }
}
