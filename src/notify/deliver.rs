//! Delivers a message: renders its texts, sends it as a new message or as an edit of an earlier one, and
//! splits it if the receiver finds it too large.

use super::send::{Answer, Recipients, Sender};
use crate::outcome::Timestamp;
use crate::receiver::{Message, Receiver, Reply, TemplateError, Texts, is_page};
use crate::text::printable;
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of requests per message, for receivers that accept only a few alerts at a time.
const MAX_REQUESTS: usize = 64;

/// The parts of a message that must not be sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Keys of the delivered parts.
    parts: BTreeSet<String>,
    /// For parts that are mails: the recipients that received them or were rejected.
    mails: BTreeMap<String, Recipients>,
}

impl Done {
    /// Whether any part of the message was delivered to anybody.
    pub(super) fn is_begun(&self) -> bool {
        let mut recipients = self.mails.values().flat_map(BTreeMap::values);
        !self.parts.is_empty() || recipients.any(Option::is_none)
    }
}

/// The result of delivering a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub answer: Answer,
    /// The receiver's ID of the message, if it can be edited.
    pub posted: Option<String>,
    /// Why the receiver's templates could not be rendered, so that the default ones were used.
    pub template_error: Option<TemplateError>,
    /// Number of alerts of a delivered message that the receiver rejected.
    pub left_out: usize,
    /// The new ID of the destination, if the service reported it now.
    pub moved: Option<String>,
    /// The parts that must not be sent again if the rest failed.
    pub(super) done: Done,
}

/// The answer to a request, and the receiver's ID of the message.
struct Posted {
    answer: Answer,
    id: Option<String>,
    /// Whether the message to edit does not exist, or can no longer be edited.
    is_gone: bool,
    /// The new ID of the destination, if the service reported one.
    moved: Option<String>,
    recipients: Recipients,
}

impl Sender {
    /// Delivers a message to a receiver, except for the parts that are done.
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
            moved: None,
            done,
        };
        let mut refusal = None;
        // The last part is sent first, so that firing alerts are sent after resolved ones, and a
        // receiver with one state per group keeps the right one.
        let mut waiting = vec![message.clone()];
        for _ in 0..MAX_REQUESTS {
            waiting.retain(|part| !delivery.done.parts.contains(&part.key));
            let Some(mut part) = waiting.pop() else {
                break;
            };
            let mails = &mut delivery.done.mails;
            let recipients = mails.entry(part.key.clone()).or_default();
            let (texts, error) = receiver.texts(&part);
            delivery.template_error = error.or(delivery.template_error);
            let sent = self.send_part(receiver, &part, &texts, recipients, now);
            let sent = sent.await;
            recipients.extend(sent.recipients);
            if sent.moved.is_some() {
                for one in waiting.iter_mut().chain([&mut part]) {
                    one.moved.clone_from(&sent.moved);
                }
                delivery.moved = sent.moved;
            }
            match sent.answer {
                Answer::Delivered(_) => {
                    delivery.answer = sent.answer;
                    delivery.posted = sent.id;
                    delivery.done.parts.insert(part.key);
                }
                Answer::TooLarge(why) if !part.smaller().is_empty() => {
                    waiting.extend(part.smaller());
                    refusal = Some(why);
                }
                Answer::TooLarge(why) | Answer::Refused(why) => {
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
        delivery.summarized(refusal)
    }

    /// Sends a message. If it cannot edit the earlier one, it is sent as a new one, and if its destination has a
    /// new ID, it is sent there.
    async fn send_part(
        &self,
        receiver: &Receiver,
        message: &Message,
        texts: &Texts,
        done: &Recipients,
        now: Timestamp,
    ) -> Posted {
        let (mut message, mut moved) = (message.clone(), None);
        loop {
            let posted = self.post_or_edit(receiver, &message, texts, done, now);
            let posted = posted.await;
            let is_rejected = posted.is_gone || matches!(posted.answer, Answer::Refused(_));
            if posted.moved.is_some() && moved.is_none() {
                moved.clone_from(&posted.moved);
                message.moved = posted.moved;
            } else if message.replaces.is_some() && is_rejected {
                message.replaces = None;
            } else {
                return Posted { moved, ..posted };
            }
        }
    }

    async fn post_or_edit(
        &self,
        receiver: &Receiver,
        message: &Message,
        texts: &Texts,
        done: &Recipients,
        now: Timestamp,
    ) -> Posted {
        let requests = receiver.requests(message, texts, now);
        let exchange = self.exchange(requests, receiver.timeout, done).await;
        let reply = receiver.channel.reply(exchange.status, &exchange.body);
        // A partial body may lack the confirmation. Then the status decides, unless the body is a web page.
        let is_part = exchange.is_unfinished && !is_page(&exchange.body);
        let reply = reply.filter(|reply| {
            let is_of_whole = matches!(reply, Reply::Unconfirmed(_) | Reply::Refused(_));
            !(is_part && is_of_whole)
        });
        let is_gone = reply == Some(Reply::Gone);
        let moved = match &reply {
            Some(Reply::Moved(id)) => Some(id.clone()),
            _ => None,
        };
        let (mut answer, id) = interpreted(reply, exchange.answer, message);
        if let (Answer::Delivered(text), Some(to)) = (&mut answer, &message.moved) {
            *text = format!("{text}; the destination has the new ID {to}: set it in the config");
        }
        Posted {
            answer,
            id,
            is_gone,
            moved,
            recipients: exchange.recipients,
        }
    }
}

/// The answer and the ID of a message, by the reply of its service and the answer of its status.
fn interpreted(
    reply: Option<Reply>,
    answer: Answer,
    message: &Message,
) -> (Answer, Option<String>) {
    let answer = match (reply, answer) {
        (Some(Reply::Posted(id)), answer) => return (answer, Some(id)),
        (Some(Reply::Same), _) => {
            let unchanged = Answer::Delivered("unchanged".to_owned());
            return (unchanged, message.replaces.clone());
        }
        (Some(Reply::Busy(wait)), Answer::Failed { why, retry_after }) => Answer::Failed {
            why,
            retry_after: retry_after.or(Some(wait)),
        },
        (Some(Reply::Failed(why)), Answer::Delivered(_) | Answer::Refused(_)) => {
            Answer::failed(printable(&why))
        }
        (Some(Reply::Refused(why)), Answer::Delivered(_)) => {
            Answer::Refused(printable(&why).into_owned())
        }
        (Some(Reply::Unconfirmed(expected)), Answer::Delivered(text)) => {
            Answer::failed(format!("expected {expected}, got {text}"))
        }
        (Some(Reply::Gone), Answer::Delivered(text)) => Answer::failed(text),
        (Some(Reply::Moved(to)), Answer::Delivered(_) | Answer::Refused(_)) => {
            Answer::failed(format!("the destination has the new ID {to}"))
        }
        (_, answer) => answer,
    };
    (answer, None)
}

impl Delivery {
    /// Whether some alerts or some recipients of a delivered message were rejected.
    pub(super) fn is_partial(&self) -> bool {
        let mut recipients = self.done.mails.values().flat_map(BTreeMap::values);
        self.left_out > 0 || recipients.any(Option::is_some)
    }

    /// The answer to a message without remaining parts. `refusal` is why it was not accepted as a
    /// whole.
    fn summarized(mut self, refusal: Option<String>) -> Self {
        let Some(why) = refusal else {
            return self;
        };
        // The message was split into several.
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
