//! Samples the host again and again, away from the probes.

use crate::metrics::Own;
use crate::observe::HostSampler;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Also the span that the processors' usage is averaged over.
const EVERY: Duration = Duration::from_secs(10);

/// Runs until a stop. A host that cannot be sampled is told once, and costs nothing else.
pub(super) async fn run(own: Own, stop: CancellationToken) {
    let opened = HostSampler::new().map_err(|error| error.to_string());
    let prepared =
        opened.and_then(|sampler| Ok((sampler, own.host().map_err(|error| error.to_string())?)));
    let (mut sampler, mut instruments) = match prepared {
        Ok(ready) => ready,
        Err(error) => {
            tracing::warn!("the host is not sampled: {error}");
            stop.cancelled().await;
            return;
        }
    };
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let work = tokio::task::spawn_blocking(move || {
            let view = sampler.sample();
            (sampler, view)
        });
        match work.await {
            Ok((back, view)) => {
                instruments.set(&view);
                sampler = back;
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Only a runtime that ends cancels such work.
            Err(_cancelled) => return,
        }
    }
}
