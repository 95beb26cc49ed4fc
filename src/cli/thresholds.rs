//! Thresholds that users set for a run.

use super::unknown_name::unknown_name;
use crate::threshold::{Threshold, ThresholdMetric};

/// The form in which they are kept with the run.
pub fn written(thresholds: &[Threshold]) -> Vec<String> {
    thresholds.iter().map(Threshold::written).collect()
}

/// Rejects thresholds of requests that the run does not make.
pub fn check_names<'a>(
    thresholds: &[Threshold],
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), String> {
    let mut requests = thresholds.iter().filter_map(|one| one.request.as_deref());
    let unknown = requests.find(|name| !names.clone().any(|known| known == *name));
    unknown.map_or(Ok(()), |name| Err(unknown_name("request", name, names)))
}

/// Rejects thresholds of the time to first token for a run that does not measure it.
pub fn refuse_tokens(thresholds: &[Threshold], why: &str) -> Result<(), String> {
    let is_of_tokens = |one: &&Threshold| matches!(one.of, ThresholdMetric::FirstToken(_));
    let found = thresholds.iter().find(is_of_tokens);
    found.map_or(Ok(()), |one| Err(format!("{one}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_name_requests_of_the_run() {
        let of = |text: &str| {
            let threshold = text.parse().expect("valid");
            check_names(&[threshold], ["login", "chat"].into_iter())
        };
        assert_eq!(of("p95<1s"), Ok(()));
        assert_eq!(of("p95{name:chat}<1s"), Ok(()));
        let fault = "no request is named logn; did you mean login?".to_owned();
        assert_eq!(of("p95{name:logn}<1s"), Err(fault));
        let fault = "no request is named x; known: login, chat".to_owned();
        assert_eq!(of("p95{name:x}<1s"), Err(fault));
    }
}
