//! Who gets a mail, by what its server answers to each recipient: one that is refused for now, as
//! greylisting does, gets it at a later attempt, and the others get it once.

use super::{Reply, TOO_LARGE};
use crate::notify::send::{Answer, Exchange, Recipients};

/// What a server answered to the recipients of a mail.
#[derive(Default)]
pub(super) struct Named {
    pub taken: Vec<String>,
    /// Those that it does not take for now, such as at first (greylisting), and why.
    later: Recipients,
    /// Those that it never takes, and why.
    refused: Recipients,
}

impl Named {
    pub fn add(&mut self, to: String, reply: &Reply) {
        match reply.code {
            // It takes the mail, forwards it, or tries to (RFC 5321, 3.3).
            250..=252 => self.taken.push(to),
            500.. if reply.code != TOO_LARGE => {
                self.refused.insert(to, Some(reply.text()));
            }
            _ => {
                self.later.insert(to, Some(reply.text()));
            }
        }
    }

    /// Nobody is given up unless somebody has the mail: that all are refused is most likely a fault of the
    /// server, and passes.
    pub fn taken_by_nobody(self, done: &Recipients) -> Exchange {
        let all = self.later.iter().chain(&self.refused);
        let why = format!("every recipient was refused: {}", list(all));
        if done.is_empty() {
            return Answer::failed(why).into();
        }
        self.summed_up("no further recipient".to_owned(), done)
    }

    /// Somebody has the mail, by now or since an earlier attempt.
    pub fn summed_up(self, text: String, done: &Recipients) -> Exchange {
        let refused = done.iter().chain(&self.refused);
        let without = list(refused.filter(|(_, why)| why.is_some()));
        let answer = if !self.later.is_empty() {
            Answer::failed(format!("not taken yet: {}", list(&self.later)))
        } else if without.is_empty() {
            Answer::Delivered(text)
        } else {
            Answer::Delivered(format!("{text}, without {without}"))
        };
        let taken = self.taken.into_iter().map(|to| (to, None));
        Exchange {
            recipients: taken.chain(self.refused).collect(),
            ..answer.into()
        }
    }
}

/// Recipients with what was answered to them.
fn list<'r>(recipients: impl IntoIterator<Item = (&'r String, &'r Option<String>)>) -> String {
    let each = recipients.into_iter();
    let each = each.map(|(to, why)| format!("{to}: {}", why.as_deref().unwrap_or_default()));
    each.collect::<Vec<_>>().join("; ")
}
