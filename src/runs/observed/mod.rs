//! Observed runs: from live samples (`slod observe`), and from what the daemon stored.

mod past;
mod probes;
mod watch;

pub use past::{LONGEST, past};
pub use watch::Watch;

use crate::threshold::Threshold;

/// Rejects thresholds of single requests, of which an observed run has no figures.
pub fn check_thresholds(thresholds: &[Threshold]) -> Result<(), String> {
    let named = thresholds.iter().find(|one| one.request.is_some());
    named.map_or(Ok(()), |one| {
        Err(format!(
            "{one}: an observed run has no figures of single requests"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observed_run_has_no_thresholds_of_single_requests() {
        let check = |text: &str| check_thresholds(&[text.parse().expect("valid")]);
        assert_eq!(check("p95<1s"), Ok(()));
        let fault = "p95{name:chat} < 1.00s: an observed run has no figures of single requests";
        assert_eq!(check("p95{name:chat}<1s"), Err(fault.to_owned()));
    }
}
