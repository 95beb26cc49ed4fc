use super::*;

#[test]
fn notices_held_back_by_a_silence_are_sent_when_it_ends_unless_the_alert_ended() {
    let (_folder, mut store) = Store::temporary();
    let (rag, chat) = (notice("rag", None), notice("chat", None));
    let both = [delivery(2000, rag.clone()), delivery(2000, chat.clone())];
    keep(&mut store, &both);
    let is_rag = |_: &str, one: &Notice| one.label("service") == Some("rag");
    let first = taken(&mut store, 3000, &[], &is_rag).expect("due");
    assert_eq!(first.notices, [chat]);
    delivered(&mut store, &first);
    assert_eq!(taken(&mut store, 62_999, &[], &is_rag), None, "not again");
    assert_eq!(taken(&mut store, 63_000, &[], &is_rag), None, "still muted");
    assert_eq!(next(&mut store, 123_000).expect("due").notices, [rag]);
    // An alert that ends meanwhile is not announced, whether its notice was checked before or not.
    for looks in [true, false] {
        let (_folder, mut store) = Store::temporary();
        let fires = delivery(2000, notice("rag", None));
        keep(&mut store, &[fires]);
        if looks {
            assert_eq!(taken(&mut store, 3000, &[], &is_rag), None);
        }
        let ends = delivery(4000, notice("rag", Some(4000)));
        keep(&mut store, &[ends]);
        assert_eq!(taken(&mut store, 90_000, &[], &is_rag), None);
        assert!(store.waiting().expect("reads").is_empty());
    }
}

#[test]
fn the_delivery_error_of_a_message_is_kept_until_it_is_delivered() {
    let (_folder, mut store) = Store::temporary();
    let both = ["rag", "chat"].map(|one| delivery(2000, notice(one, None)));
    keep(&mut store, &both);
    let batch = next(&mut store, 3000).expect("due");
    let later = [delivery(90_000, notice("web", None))];
    keep(&mut store, &later);
    assert!(store.failures().expect("reads").is_empty());
    for why in ["HTTP 500", "connection refused"] {
        store.note_failure(&batch, why).expect("kept");
        let failures = store.failures().expect("reads");
        assert_eq!(failures, [("oncall".to_owned(), why.to_owned())].into());
    }
    let pending = store.pending_notices(10).expect("reads");
    let known: Vec<_> = pending.iter().map(|one| one.failure.as_deref()).collect();
    let why = Some("connection refused");
    assert_eq!(known, [why, why, None]);
    delivered(&mut store, &batch);
    assert!(store.failures().expect("reads").is_empty());
}

/// Fails to deliver the due notices of the alerts `rag` and `chat`, then removes muted or handled
/// ones.
fn withheld(store: &mut Store, is_muted: bool, is_handled: bool, begun: &[&str]) -> u64 {
    let both = ["rag", "chat"].map(|name| delivery(2000, notice(name, None)));
    keep(store, &both);
    let batch = next(store, 3000).expect("due");
    store.note_failure(&batch, "503").expect("noted");
    look(store, 4000, is_muted, is_handled, begun)
}

fn look(store: &mut Store, now: i64, is_muted: bool, is_handled: bool, begun: &[&str]) -> u64 {
    let is_rag = |one: &Notice| one.label("service") == Some("rag");
    let taking = MessageFilter {
        now: Timestamp(now),
        is_muted: &|_, one| is_muted && is_rag(one),
        is_handled: &|one| is_handled && is_rag(one),
        ..QUIET
    };
    let begun = begun.iter().map(|one| (*one).to_owned()).collect();
    store.withhold(taking, &begun).expect("looks")
}

#[test]
fn an_alert_silenced_or_acknowledged_after_a_failure_is_not_retried() {
    for (is_muted, is_handled) in [(true, false), (false, true)] {
        let (_folder, mut store) = Store::temporary();
        assert_eq!(withheld(&mut store, is_muted, is_handled, &[]), 1);
        let batch = next(&mut store, 4000).expect("the other one waits");
        assert_eq!(batch.notices, [notice("chat", None)]);
        delivered(&mut store, &batch);
        assert!(store.failures().expect("reads").is_empty());
        let pending = store.pending_notices(9).expect("reads");
        let why = pending[0].failure.as_deref().expect("it is shown");
        assert!(why.starts_with("held back"), "{why}");
        // It is announced as soon as nothing holds it back.
        assert_eq!(look(&mut store, 5000, true, true, &[]), 0, "once");
        assert_eq!(next(&mut store, 63_999), None);
        let batch = next(&mut store, 64_000).expect("announced");
        assert_eq!(batch.notices, [notice("rag", None)]);
    }
}

#[test]
fn an_escalation_waits_until_maintenance_has_ended() {
    let (_folder, mut store) = Store::temporary();
    let escalation = NewDelivery {
        escalates: true,
        ..delivery(2000, notice("rag", None))
    };
    keep(
        &mut store,
        &[escalation, delivery(2000, notice("chat", None))],
    );
    let during = |store: &mut Store, now: i64, is_maintained: bool| {
        let taking = MessageFilter {
            now: Timestamp(now),
            is_maintained: &|_| is_maintained,
            ..QUIET
        };
        let withheld = store.withhold(taking, &BTreeSet::new()).expect("looks");
        let batch = store.next_batch(taking).expect("reads");
        let notices = batch.map_or_else(Vec::new, |batch| batch.notices);
        (withheld, notices.len())
    };
    // The first message about an alert is sent.
    assert_eq!(during(&mut store, 3000, true), (0, 1));
    let batch = next(&mut store, 3000).expect("taken");
    assert_eq!(batch.notices, [notice("chat", None)]);
    delivered(&mut store, &batch);
    assert_eq!(during(&mut store, 63_000, true), (0, 0));
    assert_eq!(during(&mut store, 123_000, false), (0, 1));
    // Maintenance begins before the attempt succeeds.
    let batch = next(&mut store, 123_000).expect("taken");
    store.note_failure(&batch, "503").expect("noted");
    assert_eq!(during(&mut store, 124_000, true), (1, 0));
    // The receiver may have got the failed attempt, so it gets the end.
    keep(
        &mut store,
        &[delivery(130_000, notice("rag", Some(130_000)))],
    );
    assert_eq!(during(&mut store, 184_000, true), (0, 1));
}

#[test]
fn a_message_that_some_recipients_have_does_not_change() {
    let (_folder, mut store) = Store::temporary();
    assert_eq!(withheld(&mut store, true, true, &["g"]), 0);
    assert_eq!(next(&mut store, 4000).expect("due").notices.len(), 2);
}

#[test]
fn the_end_of_an_alert_is_sent_where_a_failed_attempt_may_have_arrived() {
    // It ends before or after it is taken out of its message.
    for ends_first in [true, false] {
        let (_folder, mut store) = Store::temporary();
        let end = delivery(3500, notice("rag", Some(3500)));
        if ends_first {
            let fires = delivery(2000, notice("rag", None));
            keep(&mut store, &[fires]);
            let batch = next(&mut store, 3000).expect("due");
            store.note_failure(&batch, "503").expect("noted");
            keep(&mut store, std::slice::from_ref(&end));
            assert_eq!(look(&mut store, 4000, true, false, &[]), 1);
        } else {
            assert_eq!(withheld(&mut store, true, false, &[]), 1);
            let batch = next(&mut store, 4000).expect("the other one");
            delivered(&mut store, &batch);
            keep(&mut store, std::slice::from_ref(&end));
        }
        assert_eq!(
            next(&mut store, 4000).expect("the end").notices,
            [end.notice]
        );
        assert_eq!(store.waiting_for("oncall").expect("reads"), 1);
    }
}

/// Takes the next message; notices may be sent from this time on.
fn opened(store: &mut Store, now: i64, opens: i64) -> Option<Batch> {
    let taking = MessageFilter {
        now: Timestamp(now),
        opens: &|_, _| Timestamp(opens.max(now)),
        ..QUIET
    };
    store.next_batch(taking).expect("takes")
}

#[test]
fn notices_wait_for_the_hours_of_their_route() {
    let (_folder, mut store) = Store::temporary();
    let firing = delivery(2000, notice("rag", None));
    store.keep_deliveries(&[firing]).expect("kept");
    assert_eq!(opened(&mut store, 3000, 9000), None);
    let none = BTreeSet::new();
    let due = store.next_due("oncall", &none).expect("reads");
    assert_eq!(due, Some(Timestamp(9000)));
    let batch = opened(&mut store, 9000, 9000).expect("due");
    assert_eq!((batch.due, batch.notices.len()), (Timestamp(9000), 1));
    store
        .settle(&batch, &settled(&batch, true), None)
        .expect("settled");
    // Its end waits for the next hours.
    let end = delivery(10_000, notice("rag", Some(10_000)));
    store.keep_deliveries(&[end]).expect("kept");
    assert_eq!(opened(&mut store, 10_000, 20_000), None);
    assert!(opened(&mut store, 20_000, 20_000).expect("due").notices[0].is_resolved());
}

#[test]
fn an_alert_that_resolves_before_the_hours_begin_is_not_sent() {
    let (_folder, mut store) = Store::temporary();
    let end = || delivery(4000, notice("rag", Some(4000)));
    let firing = || delivery(2000, notice("rag", None));
    store.keep_deliveries(&[firing()]).expect("kept");
    assert_eq!(opened(&mut store, 3000, 9000), None);
    store.keep_deliveries(&[end()]).expect("kept");
    assert_eq!(opened(&mut store, 9000, 9000), None);
    // Also if the group was delivering something else when the hours ended.
    store.keep_deliveries(&[firing(), end()]).expect("kept");
    assert_eq!(opened(&mut store, 5000, 9000), None);
    assert_eq!(opened(&mut store, 9000, 9000), None);
    assert_eq!(store.waiting_for("oncall").expect("reads"), 0);
}
