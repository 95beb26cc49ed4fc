//! Destinations with a new ID, such as a chat group that became a supergroup. The ID is kept, so that only
//! one message needs a second request.

use super::Worker;
use crate::receiver::Receiver;
use crate::store::Moved;

impl Worker {
    /// Reads the new ID of the destination, and logs that the config has the old one.
    pub(super) async fn recall_destination(&mut self) {
        let name = self.name.clone();
        self.moved = self.ask(move |store| store.moved(&name)).await.flatten();
        let receiver = self.receiver();
        if let Some(to) = receiver.and_then(|receiver| self.new_destination(&receiver)) {
            self.log_destination(&to);
        }
    }

    /// The new ID of the configured destination, if any.
    pub(super) fn new_destination(&self, receiver: &Receiver) -> Option<String> {
        let configured = receiver.channel.destination()?;
        let moved = self.moved.as_ref();
        let moved = moved.filter(|moved| moved.destination == configured);
        moved.map(|moved| moved.to.clone())
    }

    /// Keeps the new ID of the destination.
    pub(super) async fn destination_moved(&mut self, receiver: &Receiver, to: &str) {
        let Some(destination) = receiver.channel.destination() else {
            return;
        };
        let moved = Moved {
            destination: destination.to_owned(),
            to: to.to_owned(),
        };
        self.moved = Some(moved.clone());
        self.log_destination(to);
        let name = self.name.clone();
        // The store reports its own failures. If it cannot keep the ID, the next process learns it again.
        self.ask(move |store| store.keep_moved(&name, &moved)).await;
    }

    fn log_destination(&self, to: &str) {
        tracing::warn!(
            notifier = self.name,
            "the destination of {} has the new ID {to}, which messages are sent to: set it in the config",
            self.name
        );
    }
}
