//! Waiting until a deadline. A program that was stopped, frozen or without processor time notices it late.

use super::dial::Failure;
use crate::outcome::{Cause, VoidReason};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// A deadline that is noticed later than this was missed by slod. What arrived meanwhile is looked at for as
/// long.
pub const LATE: Duration = Duration::from_millis(50);

/// Why work did not end by its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// The deadline was noticed in time.
    Timeout,
    /// It was noticed so much later.
    Stalled(Duration),
}

/// Waits for `work` until a deadline. If slod notices the deadline late, it looks once more for what arrived
/// meanwhile: after SIGCONT, the kernel reports no sockets at first.
pub async fn within<T>(deadline: Instant, work: impl Future<Output = T>) -> Result<T, Overdue> {
    let mut work = pin!(work);
    if let Ok(done) = timeout_at(deadline, &mut work).await {
        return Ok(done);
    }
    let late = Instant::now().saturating_duration_since(deadline);
    if late <= LATE {
        return Err(Overdue::Timeout);
    }
    let again = timeout(LATE, work).await;
    again.map_err(|_elapsed| Overdue::Stalled(late))
}

/// Until when an answer may be judged that was read by a deadline, or when slod looked once more.
pub fn judged_until(deadline: Instant) -> Instant {
    let now = Instant::now();
    if now < deadline { deadline } else { now + LATE }
}

impl Overdue {
    /// Bad; void if slod was stalled, since nobody knows what it would have seen in time.
    pub fn failure(self, message: impl Into<String>) -> Failure {
        let message = message.into();
        match self {
            Self::Timeout => Failure::bad(Cause::Timeout, message),
            Self::Stalled(late) => Failure::void(
                VoidReason::Stalled,
                format!(
                    "{message}; slod itself was stalled and noticed the timeout {} ms late, so whether a response would have arrived is unknown",
                    late.as_millis()
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Verdict;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;
    use tokio::time::advance;

    const TIMEOUT: Duration = Duration::from_millis(100);

    /// Waits for an answer that comes, if it does, after the deadline was noticed `late`.
    async fn waited(late: Duration, answer: Option<u32>) -> Result<u32, Overdue> {
        let (sender, receiver) = oneshot::channel();
        let work = async { receiver.await.expect("an answer") };
        let waiting = tokio::spawn(within(Instant::now() + TIMEOUT, work));
        yield_now().await;
        advance(TIMEOUT + late).await;
        yield_now().await;
        let _silent = match answer {
            Some(answer) => {
                // Nobody waits for it any more where the deadline was noticed in time.
                let _ = sender.send(answer);
                None
            }
            None => Some(sender),
        };
        waiting.await.expect("no panic")
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_noticed_late_leaves_time_to_look_once_more() {
        let late = Duration::from_millis(400);
        assert_eq!(waited(late, Some(7)).await, Ok(7));
        let overdue = waited(late, None).await.expect_err("no answer");
        assert!(
            matches!(overdue, Overdue::Stalled(by) if by >= late),
            "{overdue:?}"
        );
        let failure = overdue.failure("no answer");
        assert_eq!(failure.verdict, Verdict::Void(VoidReason::Stalled));
        let in_time = waited(Duration::from_millis(5), Some(7)).await;
        assert_eq!(in_time, Err(Overdue::Timeout));
        let failure = Overdue::Timeout.failure("no answer");
        assert_eq!(failure, Failure::bad(Cause::Timeout, "no answer"));
    }
}
