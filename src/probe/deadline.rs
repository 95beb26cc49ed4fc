//! Waiting for work with a deadline. A process that was suspended, frozen or starved of CPU notices a
//! deadline late.

use super::dial::Failure;
use crate::outcome::{Cause, VoidReason};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Deadlines noticed later than this count as missed by slod itself. It is also how long the work may then
/// continue, to process what arrived in the meantime.
pub const LATE: Duration = Duration::from_millis(50);

/// Why work did not finish by its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// The deadline was noticed in time.
    Timeout,
    /// The deadline was noticed this much later.
    Stalled(Duration),
}

/// Waits for `work` until a deadline. If slod notices the deadline late, it polls `work` for another
/// [`LATE`] for what arrived in the meantime: after SIGCONT, the kernel reports no ready sockets at first.
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

/// The time until which an answer may be evaluated that was read by the deadline, or in the extra time after
/// a stall.
pub fn judged_until(deadline: Instant) -> Instant {
    let now = Instant::now();
    if now < deadline { deadline } else { now + LATE }
}

impl Overdue {
    /// Bad; void if slod was stalled, because what it would have received in time is unknown.
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

    /// Waits for an answer that, if there is one, arrives after the deadline was noticed `late`.
    async fn waited(late: Duration, answer: Option<u32>) -> Result<u32, Overdue> {
        let (sender, receiver) = oneshot::channel();
        let work = async { receiver.await.expect("an answer") };
        let waiting = tokio::spawn(within(Instant::now() + TIMEOUT, work));
        yield_now().await;
        advance(TIMEOUT + late).await;
        yield_now().await;
        let _silent = match answer {
            Some(answer) => {
                // The receiver is gone if the deadline was noticed in time.
                let _ = sender.send(answer);
                None
            }
            None => Some(sender),
        };
        waiting.await.expect("no panic")
    }

    #[tokio::test(start_paused = true)]
    async fn work_may_finish_after_a_late_deadline() {
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
