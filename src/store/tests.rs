use super::*;

impl Store {
    /// Opens a new store in a temporary folder, as `slod.db`.
    pub(crate) fn temporary() -> (tempfile::TempDir, Self) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Self::open(&folder.path().join("slod.db")).expect("opens");
        (folder, store)
    }
}

#[test]
fn a_transaction_that_reads_first_locks_the_store_from_the_start() {
    let (folder, store) = Store::temporary();
    let other = Connection::open(folder.path().join("slod.db")).expect("opens");
    other.busy_timeout(Duration::ZERO).expect("set");
    let tx = writing(&store.conn).expect("begins");
    assert!(other.execute_batch("BEGIN IMMEDIATE").is_err());
    tx.commit().expect("ends");
    other.execute_batch("BEGIN IMMEDIATE").expect("its turn");
}
