//! Handles the results of delivery attempts.

use super::{Attempt, MessageKind, SOON, Worker};
use crate::notify::backoff::is_expired;
use crate::notify::send::Answer;
use crate::outcome::Timestamp;
use crate::receiver::{Receiver, TemplateError};
use crate::store::Sent;
use std::time::Duration;
use tokio::time::Instant;

impl Worker {
    pub(super) async fn finish(&mut self, attempt: Attempt) {
        let answer = &attempt.delivery.answer;
        if !matches!(answer, Answer::Delivered(_)) {
            let failures = &self.deps.counters.failures;
            failures.with_label_values(&[&self.name]).inc();
        }
        if let Some(to) = &attempt.delivery.moved {
            self.destination_moved(&attempt.receiver, to).await;
        }
        let redactions = &attempt.receiver.redactions;
        let text = redactions.cleaned(answer.text().to_owned());
        if let Some(error) = &attempt.delivery.template_error {
            self.template_failed(&attempt.receiver, error);
        }
        if let (Answer::Failed { retry_after, .. }, false) = (answer, self.is_given_up(&attempt)) {
            self.failed(attempt.about.group(), *retry_after, &text);
            let group = attempt.about.group().to_owned();
            let tried = (attempt.message, attempt.delivery.done);
            self.tried.insert(group, tried);
            if let MessageKind::New(batch) = attempt.about {
                // If this fails, the reason is only in the log.
                self.ask(move |store| store.note_failure(&batch, &text))
                    .await;
            }
            return;
        }
        match self.record(&attempt, text).await {
            Some(()) => self.settled(attempt.about.group()),
            // The delivery was not recorded, so the message is delivered again.
            None => self
                .lanes
                .postponed(attempt.about.group(), Instant::now() + SOON),
        }
    }

    /// Records a message that was delivered or given up.
    async fn record(&mut self, attempt: &Attempt, text: String) -> Option<()> {
        let sent = attempt.sent(self.deps.clock.now(), text);
        let posted = attempt.delivery.posted.clone();
        match &attempt.about {
            // Not recorded, because regular resends would fill the history.
            MessageKind::Again(batch) if attempt.receiver.channel.resend_every().is_some() => {
                let batch = batch.clone();
                self.ask(move |store| store.sent_again(&batch, sent.at))
                    .await
            }
            MessageKind::New(batch) | MessageKind::Again(batch) => {
                let is_new = matches!(attempt.about, MessageKind::New(_));
                let is_lost = is_new && (!sent.delivered || attempt.delivery.is_partial());
                let (batch, record) = (batch.clone(), sent.clone());
                self.ask(move |store| store.settle(&batch, &record, posted.as_deref()))
                    .await?;
                if is_lost {
                    self.give_up(&sent);
                }
                Some(())
            }
            MessageKind::Watchdog => {
                self.watchdog = Some(Instant::now());
                Some(())
            }
        }
    }

    /// Whether to give up on a message after a failed attempt.
    fn is_given_up(&self, attempt: &Attempt) -> bool {
        match &attempt.about {
            MessageKind::New(batch) => {
                let failures = self.lanes.failures(&batch.group) + 1;
                is_expired(batch.due, attempt.at, failures)
            }
            MessageKind::Again(_) | MessageKind::Watchdog => false,
        }
    }

    fn failed(&mut self, group: &str, retry_after: Option<Duration>, text: &str) {
        let were_failing = self.lanes.failing();
        self.lanes.failed(group, retry_after, Instant::now());
        self.deps.failing.failed(&self.name, text);
        if were_failing == 0 {
            tracing::warn!(
                notifier = self.name,
                group,
                "notification to {} failed, retrying: {text}",
                self.name
            );
        }
    }

    fn settled(&mut self, group: &str) {
        let were_failing = self.lanes.failing();
        self.lanes.settled(group);
        if were_failing > 0 && self.lanes.failing() == 0 {
            self.deps.failing.settled(&self.name);
            tracing::info!(
                notifier = self.name,
                "notifications to {} succeed again",
                self.name
            );
        }
    }

    fn template_failed(&self, receiver: &Receiver, error: &TemplateError) {
        let failures = &self.deps.counters.template_failures;
        failures.with_label_values(&[&self.name]).inc();
        let why = receiver.redactions.cleaned(error.message.clone());
        tracing::warn!(
            notifier = self.name,
            "sent a message to {} with the default templates, because its own cannot be rendered: {why}",
            self.name
        );
    }

    fn give_up(&self, sent: &Sent) {
        let given_up = &self.deps.counters.given_up;
        given_up.with_label_values(&[&self.name]).inc();
        tracing::error!(
            notifier = self.name,
            group = sent.group,
            "gave up on notification to {}: {}",
            self.name,
            sent.answer
        );
    }
}

impl Attempt {
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
