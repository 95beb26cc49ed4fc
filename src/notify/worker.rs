//! Delivers due messages to one receiver: one message of a group at a time, several groups concurrently.

mod finish;
mod moved;
mod repeat;

use super::deliver::{Delivery, Done};
use super::lanes::Lanes;
use super::messages::{self, WATCHDOG, renew};
use super::own_groups::is_routed;
use super::send::Sender;
use super::task::Deps;
use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::receiver::{Message, Receiver};
use crate::store::{Batch, KnownGroup, MessageFilter, Moved, Store, StoreError};
use crate::tasks::blocking;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Timeout of a request to the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum time between two checks of the outbox.
const IDLE: Duration = Duration::from_secs(30);
/// Delay after the store failed, or after a notice was passed to it.
const SOON: Duration = Duration::from_secs(1);

struct Worker {
    name: String,
    deps: Deps,
    sender: Sender,
    lanes: Lanes,
    attempts: JoinSet<Attempt>,
    /// Messages whose last attempt failed, with their delivered parts, by group.
    tried: BTreeMap<String, (Message, Done)>,
    /// The new ID of the destination, if its service reported one.
    moved: Option<Moved>,
    /// When the watchdog alert was last delivered. Monotonic, because the wall clock can be set back.
    watchdog: Option<Instant>,
}

/// The content of a message.
enum MessageKind {
    New(Batch),
    /// Alerts that the receiver knows, to send again.
    Again(Batch),
    Watchdog,
}

/// A message that was sent.
struct Attempt {
    about: MessageKind,
    at: Timestamp,
    receiver: Receiver,
    message: Message,
    delivery: Delivery,
}

/// The next work from the outbox.
struct Next {
    batch: Option<Batch>,
    due: Option<Timestamp>,
    known_groups: Vec<KnownGroup>,
    /// Number of notices that were silenced or acknowledged, or escalations whose alert is in maintenance, since
    /// their last attempt failed.
    withheld: u64,
}

/// Runs until a stop is requested, or the receiver is removed from the config.
pub(super) async fn run(name: String, deps: Deps, sender: Sender) {
    let stop = deps.stop.clone();
    let woken = deps.waker.subscribe();
    let worker = Worker {
        name,
        deps,
        sender,
        lanes: Lanes::default(),
        attempts: JoinSet::new(),
        tried: BTreeMap::new(),
        moved: None,
        watchdog: None,
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = worker.work(woken) => {}
    }
}

impl Worker {
    async fn work(mut self, mut woken: watch::Receiver<u64>) {
        self.recall_destination().await;
        loop {
            woken.borrow_and_update();
            let rest = self.start_due().await;
            tokio::select! {
                () = sleep(rest) => {}
                // The notice is committed within a second.
                _ = woken.changed() => sleep(SOON.min(rest)).await,
                Some(ended) = self.attempts.join_next() => {
                    if let Ok(attempt) = ended {
                        self.finish(attempt).await;
                    } else {
                        // The attempt panicked, which is logged. Everything is retried after a pause.
                        self.attempts = JoinSet::new();
                        self.lanes = Lanes::default();
                        self.tried = BTreeMap::new();
                        sleep(SOON).await;
                    }
                }
            }
        }
    }

    /// Starts all due attempts. Returns the time until the next one.
    async fn start_due(&mut self) -> Duration {
        loop {
            let (now, instant) = (self.deps.clock.now(), Instant::now());
            let rest = self.lanes.until_next(instant).unwrap_or(IDLE).min(IDLE);
            // The queue length is exported even if the receiver accepts nothing.
            if self.count_waiting().await.is_none() {
                return SOON;
            }
            let Some(without) = self.lanes.without(instant) else {
                return rest;
            };
            let Some(receiver) = self.receiver() else {
                return SOON;
            };
            let Some(next) = self.next(&receiver, &without, now).await else {
                return SOON;
            };
            if let Some(mut batch) = next.batch {
                let firing = self.firing(&batch);
                renew(&mut batch, firing);
                let message = self.as_begun(messages::of(&batch));
                self.start(MessageKind::New(batch), receiver, message, now);
                continue;
            }
            let repeated = self
                .repeat(&receiver, next.known_groups, &without, now)
                .await;
            if self.lanes.without(Instant::now()).is_some() {
                self.watch(&receiver, &without, now);
                self.lanes.remove_idle(&without);
                if self.lanes.failing() == 0 {
                    self.deps.failing.settled(&self.name);
                }
                self.tried.retain(|group, _| self.lanes.is_failing(group));
            }
            let due = next.due.map(|due| due.0.saturating_sub(now.0).max(1));
            let due = due.map(|left| Duration::from_millis(left.unsigned_abs()));
            let watchdog = self.watchdog.map(|last| last.elapsed());
            let watchdog = receiver.channel.resend_every().zip(watchdog);
            let watchdog = watchdog.map(|(every, since)| every.saturating_sub(since).max(SOON));
            let all = [due, repeated, watchdog, Some(rest)].into_iter().flatten();
            return all.min().unwrap_or(IDLE);
        }
    }

    fn receiver(&self) -> Option<Receiver> {
        let config = self.deps.configs.borrow();
        config.routing.receiver(&self.name).cloned()
    }

    /// Updates the queue length.
    async fn count_waiting(&self) -> Option<()> {
        let name = self.name.clone();
        let waiting = self.ask(move |store| store.waiting_for(&name)).await?;
        let queue = &self.deps.counters.queue;
        queue
            .with_label_values(&[&self.name])
            .set(waiting.cast_signed());
        Some(())
    }

    /// The next due batch.
    async fn next(
        &self,
        receiver: &Receiver,
        without: &BTreeSet<String>,
        now: Timestamp,
    ) -> Option<Next> {
        let decisions = self.deps.decisions.borrow().clone();
        let muted = self.muted(receiver, &decisions, now);
        let maintained = self.maintained(receiver);
        let (name, without) = (self.name.clone(), without.clone());
        let begun = self.tried.iter().filter(|(_, (_, done))| done.is_begun());
        let begun: BTreeSet<String> = begun.map(|(group, _)| group.clone()).collect();
        let routing = self.deps.configs.borrow().routing.clone();
        let has_hours = receiver.channel.resend_every().is_none();
        let next = self.ask(move |store| {
            let opens = |group: &str, one: &Notice| {
                if has_hours && is_routed(group) {
                    routing.opens(one, now)
                } else {
                    now
                }
            };
            let is_muted = |group: &str, one: &Notice| {
                if is_routed(group) {
                    decisions.silence(&one.labels, now).is_some()
                } else {
                    decisions.mutes_announcement(&one.labels, now)
                }
            };
            let is_handled = |one: &Notice| muted.contains(&one.fingerprint());
            let is_maintained = |one: &Notice| maintained.contains(&one.fingerprint());
            let taking = MessageFilter {
                receiver: &name,
                now,
                without: &without,
                is_muted: &is_muted,
                is_handled: &is_handled,
                is_maintained: &is_maintained,
                opens: &opens,
            };
            let withheld = store.withhold(taking, &begun)?;
            let batch = store.next_batch(taking)?;
            let known_groups = match batch {
                Some(_) => Vec::new(),
                None => store.known_groups(&name, &(&muted | &maintained), now)?,
            };
            Ok(Next {
                batch,
                due: store.next_due(&name, &without)?,
                known_groups,
                withheld,
            })
        });
        let next = next.await?;
        let withheld = &self.deps.counters.withheld;
        withheld
            .with_label_values(&[&self.name])
            .inc_by(next.withheld);
        Some(next)
    }

    /// The message as some of its recipients have it, if it was delivered to them: the others get the same one.
    fn as_begun(&self, message: Message) -> Message {
        match self.tried.get(&message.group) {
            Some((sent, done)) if done.is_begun() && sent.key == message.key => sent.clone(),
            _ => message,
        }
    }

    fn start(
        &mut self,
        about: MessageKind,
        receiver: Receiver,
        mut message: Message,
        at: Timestamp,
    ) {
        message.moved = self.new_destination(&receiver);
        self.lanes.start(about.group());
        let attempts = &self.deps.counters.attempts;
        attempts.with_label_values(&[&self.name]).inc();
        let sender = self.sender.clone();
        let tried = self.tried.remove(about.group());
        let done = tried.map(|(_, done)| done).unwrap_or_default();
        self.attempts.spawn(async move {
            let delivery = sender.deliver(&receiver, &message, done, at).await;
            Attempt {
                about,
                at,
                receiver,
                message,
                delivery,
            }
        });
    }

    /// Runs a job in the store's writer thread; `None` if it failed, which the store reports.
    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<T> {
        let store = self.deps.store.clone();
        let asked = blocking(move || store.ask(STORE_TIMEOUT, job)).await;
        asked.ok()??.ok()
    }
}

impl MessageKind {
    /// The group of the message.
    fn group(&self) -> &str {
        match self {
            Self::New(batch) | Self::Again(batch) => &batch.group,
            Self::Watchdog => WATCHDOG,
        }
    }
}
