//! Delivers what is due to one receiver: one message of a group at a time, and several groups at once.

use super::backoff::is_expired;
use super::lanes::Lanes;
use super::messages::{self, WATCHDOG};
use super::send::{Answer, Delivery, Sender};
use super::task::Deps;
use super::{announce, silences};
use crate::alert::{Decisions, Notice};
use crate::outcome::Timestamp;
use crate::receiver::{Message, Receiver};
use crate::store::{Batch, Heard, Sent, Store, StoreError, Taking};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
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
    lanes: Lanes,
    attempts: JoinSet<Attempt>,
    /// When the alert that always fires was delivered last. The wall clock may be set back.
    watchdog: Option<Instant>,
}

/// What a message is made of.
enum About {
    New(Batch),
    /// What the receiver knows.
    Again(Batch),
    Watchdog,
}

/// A message that was sent.
struct Attempt {
    about: About,
    at: Timestamp,
    receiver: Receiver,
    message: Message,
    delivery: Delivery,
}

/// What the outbox has for the receiver.
struct Next {
    batch: Option<Batch>,
    due: Option<Timestamp>,
    waiting: i64,
    heard: Vec<Heard>,
}

/// Runs until a stop is requested, or the receiver is configured no more.
pub(super) async fn run(name: String, deps: Deps, sender: Sender) {
    let stop = deps.stop.clone();
    let woken = deps.waker.subscribe();
    let worker = Worker {
        name,
        deps,
        sender,
        lanes: Lanes::default(),
        attempts: JoinSet::new(),
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
            let rest = self.start_due().await;
            tokio::select! {
                () = sleep(rest) => {}
                // The commit comes within a second.
                _ = woken.changed() => sleep(SOON.min(rest)).await,
                Some(ended) = self.attempts.join_next() => {
                    if let Ok(attempt) = ended {
                        self.finish(attempt).await;
                    } else {
                        // It panicked, as the log says: all is tried anew, but not at once.
                        self.attempts = JoinSet::new();
                        self.lanes = Lanes::default();
                        sleep(SOON).await;
                    }
                }
            }
        }
    }

    /// Starts all that is due; returns how long to rest then.
    async fn start_due(&mut self) -> Duration {
        loop {
            let (now, instant) = (self.deps.clock.now(), Instant::now());
            let rest = self.lanes.rest(instant).unwrap_or(IDLE).min(IDLE);
            let Some(without) = self.lanes.without(instant) else {
                return rest;
            };
            let Some(receiver) = self.receiver() else {
                return SOON;
            };
            let Some(next) = self.next(&receiver, &without, now).await else {
                return SOON;
            };
            let queue = &self.deps.counters.queue;
            queue.with_label_values(&[&self.name]).set(next.waiting);
            if let Some(batch) = next.batch {
                let message = messages::of(&batch);
                self.start(About::New(batch), receiver, message, now);
                continue;
            }
            let repeated = self.repeat(&receiver, next.heard, &without, now).await;
            if self.lanes.without(Instant::now()).is_some() {
                self.watch(&receiver, &without, now);
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

    /// What is due, or else what the receiver knows.
    async fn next(
        &self,
        receiver: &Receiver,
        without: &BTreeSet<String>,
        now: Timestamp,
    ) -> Option<Next> {
        let decisions = self.deps.decisions.borrow().clone();
        let muted = self.muted(receiver, &decisions, now);
        let (name, without) = (self.name.clone(), without.clone());
        self.ask(move |store| {
            let is_muted = |one: &Notice| decisions.silence(&one.labels, now).is_some();
            let batch = store.next_batch(Taking {
                receiver: &name,
                now,
                without: &without,
                is_muted: &is_muted,
            })?;
            let waiting = store.waiting()?.get(&name).copied().unwrap_or_default();
            let heard = match batch {
                Some(_) => Vec::new(),
                None => store.heard_groups(&name, &muted)?,
            };
            Ok(Next {
                batch,
                due: store.next_due(&name, &without)?,
                waiting: waiting.cast_signed(),
                heard,
            })
        })
        .await
    }

    /// The alerts that nobody is reminded of: those that are silenced now, and those that somebody
    /// takes care of. One that expects all alerts again and again gets them.
    fn muted(&self, receiver: &Receiver, decisions: &Decisions, now: Timestamp) -> BTreeSet<u64> {
        let is_needed = receiver.channel.resend_every().is_none()
            && !(decisions.silences.is_empty() && decisions.acknowledged.is_empty());
        if !is_needed {
            return BTreeSet::new();
        }
        let alerts = self.deps.alerts.borrow().clone();
        let decided = alerts.decided(decisions, now).into_iter();
        let muted = decided.filter(|one| one.silenced_by.is_some() || one.acknowledged.is_some());
        muted
            .map(|one| alerts.rules.notice(&one).fingerprint())
            .collect()
    }

    /// Starts to send again the groups that fire for long; returns when the next one is due.
    async fn repeat(
        &mut self,
        receiver: &Receiver,
        heard: Vec<Heard>,
        without: &BTreeSet<String>,
        now: Timestamp,
    ) -> Option<Duration> {
        let every = |heard: &Heard| {
            let is_reminder = [announce::GROUP, silences::GROUP].contains(&heard.group.as_str());
            let routing = &self.deps.configs.borrow().routing;
            match receiver.channel.resend_every() {
                None if is_reminder => None,
                _ => Some(routing.repeat(receiver, &heard.example)),
            }
        };
        let groups: Vec<_> = heard
            .into_iter()
            .filter(|one| !without.contains(&one.group))
            .filter_map(|one| Some((every(&one)?, one)))
            .collect();
        let mut rest: Option<Duration> = None;
        for (every, Heard { group, at, .. }) in groups {
            let left = at.after(every).0.saturating_sub(now.0);
            if left > 0 {
                let left = Duration::from_millis(left.unsigned_abs());
                rest = Some(rest.map_or(left, |rest| rest.min(left)));
                continue;
            }
            if self.lanes.without(Instant::now()).is_none() {
                break;
            }
            let decisions = self.deps.decisions.borrow().clone();
            let muted = self.muted(receiver, &decisions, now);
            let (name, before) = (self.name.clone(), now.before(every));
            let found = self.ask(move |store| store.repeat_batch(&name, &group, before, &muted));
            if let Some(Some(batch)) = found.await {
                let due = at.after(every);
                let batch = Batch { due, ..batch };
                let message = messages::of(&batch);
                self.start(About::Again(batch), receiver.clone(), message, now);
            }
        }
        rest
    }

    /// Starts to send the alert that always fires, to receivers that expect alerts again and again.
    fn watch(&mut self, receiver: &Receiver, without: &BTreeSet<String>, now: Timestamp) {
        let Some(every) = receiver.channel.resend_every() else {
            return;
        };
        let is_due = self.watchdog.is_none_or(|last| last.elapsed() >= every);
        if is_due && !without.contains(WATCHDOG) && self.deps.is_healthy() {
            let message = messages::watchdog(&self.name, self.deps.states.borrow().at, now);
            self.start(About::Watchdog, receiver.clone(), message, now);
        }
    }

    fn start(&mut self, about: About, receiver: Receiver, message: Message, at: Timestamp) {
        self.lanes.start(about.group());
        let attempts = &self.deps.counters.attempts;
        attempts.with_label_values(&[&self.name]).inc();
        let sender = self.sender.clone();
        self.attempts.spawn(async move {
            let delivery = sender.deliver(&receiver, &message, at).await;
            Attempt {
                about,
                at,
                receiver,
                message,
                delivery,
            }
        });
    }

    async fn finish(&mut self, attempt: Attempt) {
        let Delivery { answer, posted } = &attempt.delivery;
        let delivered = matches!(answer, Answer::Delivered(_));
        if !delivered {
            let failures = &self.deps.counters.failures;
            failures.with_label_values(&[&self.name]).inc();
        }
        let redactions = &attempt.receiver.redactions;
        let text = redactions.cleaned(answer.text().to_owned());
        if let (Answer::Failed { retry_after, .. }, false) = (answer, attempt.is_given_up()) {
            self.failed(attempt.about.group(), *retry_after, &text);
            return;
        }
        let sent = attempt.sent(self.deps.clock.now(), text);
        let posted = posted.clone();
        let kept = match &attempt.about {
            About::New(batch) => {
                if !delivered {
                    self.give_up(&sent);
                }
                let batch = batch.clone();
                self.ask(move |store| store.settle(&batch, &sent, posted.as_deref()))
                    .await
            }
            // The history would be full of them.
            About::Again(batch) if attempt.receiver.channel.resend_every().is_some() => {
                let batch = batch.clone();
                self.ask(move |store| store.sent_again(&batch, sent.at))
                    .await
            }
            About::Again(batch) => {
                let batch = batch.clone();
                self.ask(move |store| store.settle(&batch, &sent, posted.as_deref()))
                    .await
            }
            About::Watchdog => {
                self.watchdog = Some(Instant::now());
                Some(())
            }
        };
        match kept {
            Some(()) => self.settled(attempt.about.group()),
            // Without the record, the message is delivered once more.
            None => self
                .lanes
                .postponed(attempt.about.group(), Instant::now() + SOON),
        }
    }

    fn failed(&mut self, group: &str, retry_after: Option<Duration>, text: &str) {
        let were_failing = self.lanes.failing();
        self.lanes.failed(group, retry_after, Instant::now());
        if were_failing == 0 {
            tracing::warn!(
                notifier = self.name,
                group,
                "a notification to {} failed, retrying: {text}",
                self.name
            );
        }
    }

    fn settled(&mut self, group: &str) {
        let were_failing = self.lanes.failing();
        self.lanes.settled(group);
        if were_failing > 0 && self.lanes.failing() == 0 {
            tracing::info!(
                notifier = self.name,
                "notifications to {} are delivered again",
                self.name
            );
        }
    }

    fn give_up(&self, sent: &Sent) {
        let given_up = &self.deps.counters.given_up;
        given_up.with_label_values(&[&self.name]).inc();
        tracing::error!(
            notifier = self.name,
            group = sent.group,
            "gave up on a notification to {}: {}",
            self.name,
            sent.answer
        );
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

impl About {
    /// What its lane is called.
    fn group(&self) -> &str {
        match self {
            Self::New(batch) | Self::Again(batch) => &batch.group,
            Self::Watchdog => WATCHDOG,
        }
    }
}

impl Attempt {
    /// Whether a failure is the last one.
    fn is_given_up(&self) -> bool {
        match &self.about {
            About::New(batch) => is_expired(batch.due, self.at),
            About::Again(_) | About::Watchdog => false,
        }
    }

    fn sent(&self, at: Timestamp, answer: String) -> Sent {
        let firing = self.message.firing().count();
        Sent {
            id: 0,
            at,
            receiver: self.receiver.name.clone(),
            group: self.message.group.clone(),
            key: self.message.key.clone(),
            firing: firing as u64,
            resolved: (self.message.notices.len() - firing) as u64,
            delivered: matches!(self.delivery.answer, Answer::Delivered(_)),
            answer,
        }
    }
}
