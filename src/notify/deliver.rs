//! Delivers a message: with its texts, instead of an earlier one or as a new one, and in parts if
//! the receiver finds it too large.

use super::send::{Answer, Recipients, Sender};
use crate::outcome::Timestamp;
use crate::receiver::{Message, Receiver, Reply, TemplateError, is_page};
use crate::text::printable;
use std::collections::{BTreeMap, BTreeSet};

/// Requests of one message at most: a receiver that takes only some alerts at a time is not to be
/// asked thousands of times.
const MAX_REQUESTS: usize = 64;

/// What of a message need not be sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The keys of its parts that were delivered.
    parts: BTreeSet<String>,
    /// Of parts that are mails, the recipients that have them or were refused.
    mails: BTreeMap<String, Recipients>,
}

impl Done {
    /// Whether somebody got some of the message.
    pub(super) fn is_begun(&self) -> bool {
        let mut recipients = self.mails.values().flat_map(BTreeMap::values);
        !self.parts.is_empty() || recipients.any(Option::is_none)
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub answer: Answer,
    /// What the receiver calls the message, if it can be edited.
    pub posted: Option<String>,
    /// Why the receiver's own texts could not be rendered; the message had the default ones.
    pub template_error: Option<TemplateError>,
    /// Alerts of a delivered message that the receiver refused.
    pub left_out: usize,
    /// What need not be sent again if the rest failed.
    pub(super) done: Done,
}

/// An answer to one request, and what the receiver calls the message.
struct Posted {
    answer: Answer,
    id: Option<String>,
    recipients: Recipients,
    template_error: Option<TemplateError>,
}

impl Sender {
    /// Delivers a message to a receiver, except for what was done of it before.
    pub async fn deliver(
        &self,
        receiver: &Receiver,
        message: &Message,
        done: Done,
        now: Timestamp,
    ) -> Delivery {
        let mut delivery = Delivery {
            answer: Answer::failed("nothing to send"),
            posted: None,
            template_error: None,
            left_out: 0,
            done,
        };
        let mut refusal = None;
        // The last one is sent first: what fires comes after what ended, so that a receiver which
        // has one state for a group keeps the right one.
        let mut waiting = vec![message.clone()];
        for _ in 0..MAX_REQUESTS {
            waiting.retain(|part| !delivery.done.parts.contains(&part.key));
            let Some(part) = waiting.pop() else {
                break;
            };
            let mails = &mut delivery.done.mails;
            let recipients = mails.entry(part.key.clone()).or_default();
            let sent = self.send_part(receiver, &part, recipients, now).await;
            recipients.extend(sent.recipients);
            delivery.template_error = sent.template_error.or(delivery.template_error);
            match sent.answer {
                Answer::Delivered(_) => {
                    delivery.answer = sent.answer;
                    delivery.posted = sent.id;
                    delivery.done.parts.insert(part.key);
                }
                Answer::TooLarge(why) if part.smaller().is_empty() => {
                    delivery.left_out += part.notices.len();
                    refusal = Some(why);
                }
                Answer::TooLarge(why) => {
                    waiting.extend(part.smaller());
                    refusal = Some(why);
                }
                Answer::Refused(why) => {
                    delivery.left_out += part.notices.len();
                    refusal = Some(why);
                }
                Answer::Failed { .. } => {
                    delivery.answer = sent.answer;
                    return delivery;
                }
            }
        }
        delivery.left_out += waiting.iter().map(|part| part.notices.len()).sum::<usize>();
        delivery.summed_up(refusal)
    }

    /// Sends a message. If the one that it replaces is not there any more, it is a new one.
    async fn send_part(
        &self,
        receiver: &Receiver,
        message: &Message,
        done: &Recipients,
        now: Timestamp,
    ) -> Posted {
        let (texts, template_error) = receiver.texts(message);
        let send = async |message: &Message| {
            let requests = receiver.requests(message, &texts, now);
            let exchange = self.exchange(requests, receiver.timeout, done).await;
            let reply = receiver.channel.reply(exchange.status, &exchange.body);
            // What came of a body may lack what confirms the message; the status does, unless it is of a page.
            let is_part = exchange.is_unfinished && !is_page(&exchange.body);
            let reply = reply.filter(|reply| {
                let is_of_whole = matches!(reply, Reply::Unconfirmed(_) | Reply::Refused(_));
                !(is_part && is_of_whole)
            });
            (exchange.answer, reply, exchange.recipients)
        };
        let (mut answer, mut reply, mut recipients) = send(message).await;
        if message.replaces.is_some() && reply == Some(Reply::Gone) {
            let anew = Message {
                replaces: None,
                ..message.clone()
            };
            (answer, reply, recipients) = send(&anew).await;
        }
        let (answer, id) = match (reply, answer) {
            (Some(Reply::Posted(id)), answer) => (answer, Some(id)),
            (Some(Reply::Same), _) => {
                let unchanged = Answer::Delivered("unchanged".to_owned());
                (unchanged, message.replaces.clone())
            }
            (Some(Reply::Busy(wait)), Answer::Failed { why, retry_after }) => {
                let retry_after = retry_after.or(Some(wait));
                (Answer::Failed { why, retry_after }, None)
            }
            (Some(Reply::Failed(why)), Answer::Delivered(_)) => {
                (Answer::failed(printable(&why).into_owned()), None)
            }
            (Some(Reply::Refused(why)), Answer::Delivered(_)) => {
                (Answer::Refused(printable(&why).into_owned()), None)
            }
            (Some(Reply::Unconfirmed(expected)), Answer::Delivered(said)) => (
                Answer::failed(format!("expected {expected}, got {said}")),
                None,
            ),
            (Some(Reply::Gone), Answer::Delivered(said)) => (Answer::failed(said), None),
            (_, answer) => (answer, None),
        };
        Posted {
            answer,
            id,
            recipients,
            template_error,
        }
    }
}

impl Delivery {
    /// Whether some alerts or some recipients of a message that was delivered were refused.
    pub(super) fn is_partial(&self) -> bool {
        let mut recipients = self.done.mails.values().flat_map(BTreeMap::values);
        self.left_out > 0 || recipients.any(Option::is_some)
    }

    /// The answer to a message of which nothing waits any more. `refusal` is why it was not taken as
    /// a whole.
    fn summed_up(mut self, refusal: Option<String>) -> Self {
        let Some(why) = refusal else {
            return self;
        };
        // It is several messages now.
        self.posted = None;
        if self.done.parts.is_empty() {
            self.answer = Answer::Refused(why);
            return self;
        }
        let text = match self.done.parts.len() {
            1 => "in one part".to_owned(),
            count => format!("in {count} parts"),
        };
        self.answer = Answer::Delivered(match self.left_out {
            0 => text,
            1 => format!("{text}, without one alert: {why}"),
            count => format!("{text}, without {count} alerts: {why}"),
        });
        self
    }
}

#[cfg(test)]
mod tests;
