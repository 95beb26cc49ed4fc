//! Tracks the recipients of a mail. Temporarily rejected ones (greylisting) get the mail in a later attempt,
//! and the others get it only once.

use super::{Reply, TOO_LARGE};
use crate::notify::send::{Answer, Exchange, Recipients};

/// The recipients of a mail, by the server's replies.
#[derive(Default)]
pub(super) struct RecipientReplies {
    pub accepted: Vec<String>,
    /// Temporarily rejected recipients (greylisting), with the reply.
    later: Recipients,
    /// Permanently rejected recipients, with the reply.
    refused: Recipients,
}

impl RecipientReplies {
    pub fn add(&mut self, to: String, reply: &Reply) {
        match reply.code {
            // The server accepts the mail, forwards it, or tries to (RFC 5321, 3.3).
            250..=252 => self.accepted.push(to),
            500.. if reply.code != TOO_LARGE => {
                self.refused.insert(to, Some(reply.text()));
            }
            _ => {
                self.later.insert(to, Some(reply.text()));
            }
        }
    }

    /// The result if no recipient was accepted. Recipients are given up only if another one has the mail,
    /// because a rejection of all of them is most likely a temporary problem of the server.
    pub fn rejected_by_all(self, done: &Recipients) -> Exchange {
        let all = self.later.iter().chain(&self.refused);
        let why = format!("all recipients were rejected: {}", list(all));
        if done.is_empty() {
            return Answer::failed(why).into();
        }
        self.summarized("no further recipient".to_owned(), done)
    }

    /// The result if at least one recipient has the mail, from this or an earlier attempt.
    pub fn summarized(self, text: String, done: &Recipients) -> Exchange {
        let refused = done.iter().chain(&self.refused);
        let without = list(refused.filter(|(_, why)| why.is_some()));
        let answer = if !self.later.is_empty() {
            Answer::failed(format!("temporarily rejected: {}", list(&self.later)))
        } else if without.is_empty() {
            Answer::Delivered(text)
        } else {
            Answer::Delivered(format!("{text}, without {without}"))
        };
        let accepted = self.accepted.into_iter().map(|to| (to, None));
        Exchange {
            recipients: accepted.chain(self.refused).collect(),
            ..answer.into()
        }
    }
}

/// Lists recipients with the replies to them.
fn list<'r>(recipients: impl IntoIterator<Item = (&'r String, &'r Option<String>)>) -> String {
    let each = recipients.into_iter();
    let each = each.map(|(to, why)| format!("{to}: {}", why.as_deref().unwrap_or_default()));
    each.collect::<Vec<_>>().join("; ")
}
