//! Delivers what is due to one receiver, one message after the other.

use super::backoff::{is_expired, pause};
use super::send::{Answer, Delivery, Sender};
use super::task::Deps;
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::receiver::{Message, Receiver};
use crate::store::{Batch, Sent, Store, StoreError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The outbox is looked at this often at least.
const IDLE: Duration = Duration::from_secs(30);
/// The store fails, or a notice was just passed to it.
const SOON: Duration = Duration::from_secs(1);

struct Worker {
    name: String,
    deps: Deps,
    sender: Sender,
    /// Attempts that failed since the last success.
    failures: u32,
    /// When the alert that always fires was delivered last. The wall clock may be set back.
    watchdog: Option<Instant>,
}

/// What the outbox has for the receiver.
struct Next {
    batch: Option<Batch>,
    due: Option<Timestamp>,
    waiting: i64,
    groups: Vec<(String, Notice)>,
}

/// Runs until a stop is requested, or the receiver is configured no more.
pub(super) async fn run(name: String, deps: Deps, sender: Sender) {
    let stop = deps.stop.clone();
    let woken = deps.waker.subscribe();
    let worker = Worker {
        name,
        deps,
        sender,
        failures: 0,
        watchdog: None,
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = worker.work(woken) => {}
    }
}

impl Worker {
    async fn work(mut self, mut woken: watch::Receiver<u64>) {
        loop {
            woken.borrow_and_update();
            let rest = self.round().await;
            tokio::select! {
                () = sleep(rest) => {}
                // The commit comes within a second.
                _ = woken.changed(), if self.failures == 0 => sleep(SOON.min(rest)).await,
            }
        }
    }

    /// Does one thing that is due; returns how long to rest then.
    async fn round(&mut self) -> Duration {
        let now = self.deps.clock.now();
        let name = self.name.clone();
        let next = self.ask(move |store| next(store, &name, now)).await;
        let (Some(next), Some(receiver)) = (next, self.receiver()) else {
            return SOON;
        };
        let queue = &self.deps.counters.queue;
        queue.with_label_values(&[&self.name]).set(next.waiting);
        if let Some(batch) = next.batch {
            return self.deliver(&receiver, &batch, now).await;
        }
        if let Some(rest) = self.repeat(&receiver, &next.groups, now).await {
            return rest;
        }
        self.watch(&receiver, now).await;
        let repeat = next.groups.iter().map(|(_, example)| {
            self.deps
                .configs
                .borrow()
                .routing
                .repeat(&receiver, example)
        });
        let repeat = repeat.chain(receiver.channel.resend_every()).min();
        let due = next.due.map(|due| {
            let left = due.0.saturating_sub(self.deps.clock.now().0);
            Duration::from_millis(left.max(1).unsigned_abs())
        });
        [due, repeat, Some(IDLE)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(IDLE)
    }

    fn receiver(&self) -> Option<Receiver> {
        let config = self.deps.configs.borrow();
        config.routing.receiver(&self.name).cloned()
    }

    async fn deliver(&mut self, receiver: &Receiver, batch: &Batch, now: Timestamp) -> Duration {
        let message = message(batch);
        let Delivery { answer, posted } = self.attempt(receiver, &message, now).await;
        let text = receiver.redactions.cleaned(answer.text().to_owned());
        let expired = is_expired(batch.due, now);
        let delivered = matches!(answer, Answer::Delivered(_));
        if let (Answer::Failed { retry_after, .. }, false) = (&answer, expired) {
            if self.failures == 1 {
                tracing::warn!(
                    notifier = self.name,
                    "a notification to {} failed, retrying: {text}",
                    self.name
                );
            }
            return pause(self.failures, *retry_after, fastrand::f64());
        }
        if !delivered {
            let given_up = &self.deps.counters.given_up;
            given_up.with_label_values(&[&self.name]).inc();
            tracing::error!(
                notifier = self.name,
                group = batch.group,
                "gave up on a notification to {}: {text}",
                self.name
            );
        }
        self.settle(batch, &message, (delivered, text), posted)
            .await
    }

    /// Sends once, and counts.
    async fn attempt(
        &mut self,
        receiver: &Receiver,
        message: &Message,
        now: Timestamp,
    ) -> Delivery {
        let delivery = self.sender.deliver(receiver, message, now).await;
        let counters = &self.deps.counters;
        counters.attempts.with_label_values(&[&self.name]).inc();
        if matches!(delivery.answer, Answer::Delivered(_)) {
            if self.failures > 0 {
                tracing::info!(
                    notifier = self.name,
                    "notifications to {} are delivered again",
                    self.name
                );
            }
            self.failures = 0;
        } else {
            counters.failures.with_label_values(&[&self.name]).inc();
            self.failures = self.failures.saturating_add(1);
        }
        delivery
    }

    async fn settle(
        &self,
        batch: &Batch,
        message: &Message,
        (delivered, answer): (bool, String),
        posted: Option<String>,
    ) -> Duration {
        let firing = message.firing().count();
        let sent = Sent {
            id: 0,
            at: self.deps.clock.now(),
            receiver: self.name.clone(),
            group: batch.group.clone(),
            key: message.key.clone(),
            firing: firing as u64,
            resolved: (message.notices.len() - firing) as u64,
            delivered,
            answer,
        };
        let batch = batch.clone();
        let settled = self
            .ask(move |store| store.settle(&batch, &sent, posted.as_deref()))
            .await;
        // Without the record, the message is delivered once more.
        settled.map_or(SOON, |()| Duration::ZERO)
    }

    /// Sends one group again that fires for long; `None` if there is none.
    async fn repeat(
        &mut self,
        receiver: &Receiver,
        groups: &[(String, Notice)],
        now: Timestamp,
    ) -> Option<Duration> {
        for (group, example) in groups {
            let every = self.deps.configs.borrow().routing.repeat(receiver, example);
            let (name, group) = (self.name.clone(), group.clone());
            let found = self.ask(move |store| store.repeat_batch(&name, &group, now.before(every)));
            let Some(Some(batch)) = found.await else {
                continue;
            };
            let message = message(&batch);
            let Delivery { answer, posted } = self.attempt(receiver, &message, now).await;
            let text = receiver.redactions.cleaned(answer.text().to_owned());
            return Some(match answer {
                Answer::Failed { retry_after, .. } => {
                    pause(self.failures, retry_after, fastrand::f64())
                }
                Answer::Delivered(_) => {
                    let sent = (true, text);
                    self.settle(&batch, &message, sent, posted).await
                }
                Answer::Refused(_) => {
                    let sent = (false, text);
                    self.settle(&batch, &message, sent, None).await
                }
            });
        }
        None
    }

    /// Sends the alert that always fires to receivers that expect alerts again and again.
    async fn watch(&mut self, receiver: &Receiver, now: Timestamp) {
        let Some(every) = receiver.channel.resend_every() else {
            return;
        };
        let is_due = self.watchdog.is_none_or(|last| last.elapsed() >= every);
        if is_due && self.deps.is_healthy() {
            let notice = watchdog(self.deps.states.borrow().at);
            let message = Message::new(
                &self.name,
                "{}",
                "slod-watchdog".to_owned(),
                now,
                vec![notice],
            );
            let delivery = self.attempt(receiver, &message, now).await;
            if matches!(delivery.answer, Answer::Delivered(_)) {
                self.watchdog = Some(Instant::now());
            }
        }
    }

    /// Lets the writing thread of the store do something; `None` if it failed, which the store's own
    /// state shows.
    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        let store = self.deps.store.clone();
        let asked = tokio::task::spawn_blocking(move || store.ask(PATIENCE, job)).await;
        asked.ok()??.ok()
    }
}

fn next(store: &mut Store, name: &str, now: Timestamp) -> Result<Next, StoreError> {
    let batch = store.next_batch(name, now)?;
    let waiting = store.waiting()?.get(name).copied().unwrap_or_default();
    Ok(Next {
        batch,
        due: store.next_due(name)?,
        waiting: waiting.cast_signed(),
        groups: store.firing_groups(name)?,
    })
}

/// The message of a batch, with a key that each attempt has.
fn message(batch: &Batch) -> Message {
    let about = batch.notices.iter().chain(&batch.known);
    let hash = about.fold(batch.due.0.unsigned_abs(), |hash, notice| {
        let ended = notice.to.map_or(0, |to| to.0);
        let word = notice.fingerprint() ^ notice.from.0.unsigned_abs() ^ ended.unsigned_abs();
        hash.rotate_left(5) ^ word
    });
    let key = format!("slod-{}-{hash:016x}", batch.id);
    let notices = [batch.notices.clone(), batch.known.clone()].concat();
    // An edited message notifies nobody: that is right for an end only.
    let only_ends = batch.notices.iter().all(Notice::is_resolved);
    Message {
        replaces: batch.posted.clone().filter(|_| only_ends),
        ..Message::new(&batch.receiver, &batch.group, key, batch.due, notices)
    }
}

fn watchdog(since: Timestamp) -> Notice {
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Notice {
        labels: [text("alertname", "SlodWatchdog"), text("severity", "none")].into(),
        annotations: [text(
            "summary",
            "Always fires while slod works. Its absence means that slod or the way to Alertmanager is down.",
        )]
        .into(),
        from: since,
        to: None,
    }
}
