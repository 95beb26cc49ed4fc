//! The states of circuit breakers in words.

/// Returns 1 for an open or half-open breaker and 0 for a closed one, in the words of resilience4j, Polly, gobreaker,
/// pybreaker, purgatory, opossum, Sentinel and Spring Boot's health endpoint, in any case; `None` for other words.
pub fn breaker_state(text: &str) -> Option<f64> {
    let letters = text.chars().filter(char::is_ascii_alphabetic);
    let word = letters.collect::<String>().to_ascii_lowercase();
    match word.strip_prefix("circuit").unwrap_or(&word) {
        "open" | "opened" | "halfopen" | "halfopened" | "forcedopen" | "isolated" | "tripped"
        | "down" | "true" => Some(1.0),
        "closed" | "disabled" | "metricsonly" | "up" | "false" => Some(0.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_known_in_any_notation() {
        for open in [
            "open",
            "OPENED",
            "half-open",
            "HALF_OPEN",
            "halfOpen",
            "FORCED_OPEN",
            "Isolated",
            "CIRCUIT_OPEN",
            " true ",
        ] {
            assert_eq!(breaker_state(open), Some(1.0), "{open}");
        }
        for closed in [
            "closed",
            "CLOSED",
            "DISABLED",
            "METRICS_ONLY",
            "UP",
            "false",
        ] {
            assert_eq!(breaker_state(closed), Some(0.0), "{closed}");
        }
        for other in ["", "unknown", "opening", "not open", "ouvert"] {
            assert_eq!(breaker_state(other), None, "{other}");
        }
    }
}
