//! The table of the demo.

use crate::cli::screen::{Screen, Size, fitting};
use crate::format::times;
use crate::report::status::Status;
use std::io::{self, Stdout};
use std::time::Duration;

/// The time between two redraws.
pub const fn pace(screen: &Screen<Stdout>) -> Duration {
    Duration::from_secs(if screen.is_terminal() { 1 } else { 10 })
}

/// Draws the current status.
pub fn show(screen: &mut Screen<Stdout>, status: &Status) -> io::Result<()> {
    let plain = || format!("{}\n{}\n", heading(status), status.to_text());
    screen.show(|size| lines(status, size), plain)
}

fn lines(status: &Status, size: Size) -> Vec<String> {
    let width = size.0.saturating_sub(1);
    let text = format!("{}\n\n{}", heading(status), status.to_text_within(width));
    fitting(&text, size)
}

fn heading(status: &Status) -> String {
    format!("Simulated services, {}", times::second(status.at) + " UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits() {
        let status = Status {
            at: chrono::DateTime::UNIX_EPOCH,
            future_outcomes: 0,
            future_until: None,
            services: Vec::new(),
            alerts: Vec::new(),
        };
        let wide = lines(&status, (80, 24));
        assert_eq!(wide[0], "Simulated services, 1970-01-01 00:00:00 UTC");
        assert_eq!(lines(&status, (12, 3)), ["Simulated s", "(2 more lin"]);
    }
}
