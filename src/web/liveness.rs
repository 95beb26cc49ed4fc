//! Whether the daemon is alive: the schedule runs, and results are published and evaluated. A daemon that
//! responds with 503 here should be restarted; a store that cannot be written is not a reason.

use super::{Problem, WebState};
use crate::alerting::AlertsView;
use crate::clock::Clock;
use crate::outcome::millis;
use crate::schedule::StallDetector;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The schedule checks the time four times a second, and alerts are evaluated every second; if either stops
/// for this long, the daemon hangs.
const ALIVE: Duration = Duration::from_secs(20);

/// Activity indicators of the daemon.
#[derive(Clone, Debug)]
pub struct Liveness {
    pub schedule: StallDetector,
    pub alerts: watch::Receiver<Arc<AlertsView>>,
    pub clock: Clock,
}

impl Liveness {
    /// What hangs, as a sentence.
    pub fn trouble(&self) -> Option<String> {
        let stalled = self.schedule.since_last(Instant::now());
        if stalled > ALIVE {
            return Some(format!(
                "the schedule has not run for {} s",
                stalled.as_secs()
            ));
        }
        let age_ms = self.clock.now().0 - self.alerts.borrow().at.0;
        (age_ms.abs() > millis(ALIVE))
            .then(|| format!("the alerts were last evaluated {} s ago", age_ms / 1000))
    }
}

pub async fn healthy(State(state): State<WebState>) -> Result<&'static str, Problem> {
    match state.liveness.trouble() {
        None => Ok("slod is healthy\n"),
        Some(trouble) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(Problem::new(status, "slod hangs").because(trouble))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_move_hangs() {
        let clock = Clock::manual(Timestamp::from_secs(1_790_000_000));
        let at = |clock: &Clock| Arc::new(AlertsView::new(clock.now(), Vec::new()));
        let (views, alerts) = watch::channel(at(&clock));
        let schedule = StallDetector::new(Instant::now());
        let liveness = Liveness {
            schedule: schedule.clone(),
            alerts,
            clock: clock.clone(),
        };
        assert_eq!(liveness.trouble(), None);
        advance(Duration::from_secs(30)).await;
        views.send_replace(at(&clock));
        let hangs = liveness.trouble().expect("the schedule hangs");
        assert_eq!(hangs, "the schedule has not run for 30 s");
        schedule.beat(Instant::now());
        assert_eq!(liveness.trouble(), None);
        for _ in 0..30 {
            advance(Duration::from_secs(1)).await;
            schedule.beat(Instant::now());
        }
        let hangs = liveness.trouble().expect("the ledger hangs");
        assert_eq!(hangs, "the alerts were last evaluated 30 s ago");
        // A clock that was set back must not make the daemon look dead for an hour.
        clock.jump(-3_600_000);
        assert!(liveness.trouble().is_some());
        views.send_replace(at(&clock));
        assert_eq!(liveness.trouble(), None);
    }
}
