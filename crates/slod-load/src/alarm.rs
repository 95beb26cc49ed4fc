//! A precise timer. The timers of tokio fire at the end of a millisecond, which is as long as ten requests
//! at 10,000 per second; a kernel timer fires within some microseconds.

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::io;
use std::time::Duration;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, sleep_until};

/// A kernel timer; a tokio timer if no file descriptor is available.
pub struct Alarm(Option<Receiver>);

impl Alarm {
    pub fn new() -> Self {
        Self(timer().ok())
    }

    pub async fn until(&mut self, moment: Instant) {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let ready = match &self.0 {
            Some(timer) => ring(timer, left).await,
            None => Err(io::Error::from(io::ErrorKind::Unsupported)),
        };
        if ready.is_err() {
            self.0 = None;
            sleep_until(moment).await;
        }
    }
}

/// A timer file descriptor becomes readable when the timer fires, like a pipe.
fn timer() -> io::Result<Receiver> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    Receiver::from_owned_fd_unchecked(timerfd_create(TimerfdClockId::Monotonic, flags)?)
}

async fn ring(timer: &Receiver, left: Duration) -> io::Result<()> {
    let time = |span: Duration| Timespec {
        tv_sec: span.as_secs().cast_signed(),
        tv_nsec: span.subsec_nanos().into(),
    };
    let once = Itimerspec {
        it_interval: time(Duration::ZERO),
        it_value: time(left),
    };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &once)?;
    loop {
        timer.readable().await?;
        match timer.try_read(&mut [0; 8]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_fires_in_time_and_again() {
        let mut alarm = Alarm::new();
        let mut lates = Vec::new();
        // A busy machine delays some of them, or all of them for a while.
        for _ in 0..20 {
            lates.clear();
            for _ in 0..50 {
                let moment = Instant::now() + Duration::from_micros(1300);
                alarm.until(moment).await;
                let now = Instant::now();
                assert!(now >= moment);
                lates.push(now - moment);
            }
            lates.sort_unstable();
            if lates[10] < Duration::from_micros(600) {
                break;
            }
        }
        assert!(lates[10] < Duration::from_micros(600), "{lates:?}");
        alarm.until(Instant::now()).await;
        Alarm(None)
            .until(Instant::now() + Duration::from_millis(2))
            .await;
    }
}
