use super::*;
use crate::store::outbox::history::HISTORY_MAX;

/// Fills a table with `rows` rows.
fn fill(store: &Store, rows: i64, insert: &str) {
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) {insert} FROM n"
    );
    store.conn.execute_batch(&sql).expect("filled");
}

const NOTICES: &str = "INSERT INTO outbox (receiver, grouping, fingerprint, due_at, notice)
    SELECT 'oncall', 'g', i, 1000, '{}'";

#[test]
fn a_full_outbox_takes_no_more() {
    let (_folder, mut store) = Store::temporary();
    fill(&store, OUTBOX_MAX as i64 - 1, NOTICES);
    let deliveries = [
        delivery(2000, notice("rag", None)),
        delivery(2000, notice("chat", None)),
    ];
    let lost = keep(&mut store, &deliveries);
    assert_eq!(lost, 1);
    let waiting = store.waiting().expect("reads");
    assert_eq!(waiting["oncall"], OUTBOX_MAX as u64);
}

#[test]
fn a_message_has_a_bounded_number_of_notices() {
    let (_folder, mut store) = Store::temporary();
    fill(&store, BATCH_MAX + 1, NOTICES);
    let first = next(&mut store, 2000).expect("due");
    assert_eq!(first.notices.len() as i64, BATCH_MAX);
    delivered(&mut store, &first);
    let second = next(&mut store, 2000).expect("due");
    assert_eq!(second.notices.len(), 1);
}

#[test]
fn the_history_has_a_bounded_number_of_messages() {
    let (_folder, mut store) = Store::temporary();
    let sent = "INSERT INTO notification (at, receiver, grouping, key, firing, resolved, delivered, answer)
        SELECT i, 'oncall', 'g', 'k', 1, 0, 1, 'ok'";
    fill(&store, HISTORY_MAX, sent);
    keep(&mut store, &[delivery(2000, notice("rag", None))]);
    let batch = next(&mut store, 2000).expect("due");
    delivered(&mut store, &batch);
    let count = |sql| store.conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    assert_eq!(count("SELECT count(*) FROM notification"), Ok(HISTORY_MAX));
    assert_eq!(count("SELECT min(id) FROM notification"), Ok(2));
}
