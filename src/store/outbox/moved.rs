//! New IDs of the destinations of receivers.

use crate::store::{Store, StoreError};
use rusqlite::{OptionalExtension, params};

/// The new ID of a destination, such as that of a chat group that became a supergroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The configured ID.
    pub destination: String,
    pub to: String,
}

impl Store {
    /// Returns the new ID of the destination of a receiver, if its service reported one.
    pub fn moved(&self, receiver: &str) -> Result<Option<Moved>, StoreError> {
        let sql = "SELECT destination, moved_to FROM moved WHERE receiver = ?1";
        let moved = self.conn.query_row(sql, [receiver], |row| {
            Ok(Moved {
                destination: row.get(0)?,
                to: row.get(1)?,
            })
        });
        moved
            .optional()
            .map_err(StoreError::sql("read a destination"))
    }

    /// Records the new ID of the destination of a receiver.
    pub fn keep_moved(&mut self, receiver: &str, moved: &Moved) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO moved (receiver, destination, moved_to)
                   VALUES (?1, ?2, ?3)";
        let values = params![receiver, moved.destination, moved.to];
        let kept = self.conn.execute(sql, values);
        kept.map(drop)
            .map_err(StoreError::sql("record a destination"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;

    #[test]
    fn a_new_destination_is_kept_until_the_receiver_is_removed() {
        let (_folder, mut store) = Store::temporary();
        let moved = |to: &str| Moved {
            destination: "-100".to_owned(),
            to: to.to_owned(),
        };
        assert_eq!(store.moved("chat").expect("reads"), None);
        for to in ["-1001", "-1002"] {
            store.keep_moved("chat", &moved(to)).expect("kept");
            assert_eq!(store.moved("chat").expect("reads"), Some(moved(to)));
        }
        let mut configured = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|one| (*one).to_owned()).collect();
            let ended = store.end_receivers(&names, Timestamp(0)).expect("kept");
            assert_eq!(ended, []);
            store.moved("chat").expect("reads").is_some()
        };
        assert!(configured(&["chat"]));
        assert!(!configured(&["mail"]));
    }
}
