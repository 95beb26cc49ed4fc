mod bounds;
mod withheld;

use super::*;
use crate::store::Store;

fn notice(service: &str, to: Option<i64>) -> Notice {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Notice {
        labels: [label("service", service), label("alertname", "A")].into(),
        annotations: [label("summary", "it \"burns\"")].into(),
        from: Timestamp(1000),
        to: to.map(Timestamp),
    }
}

fn delivery(due: i64, notice: Notice) -> NewDelivery {
    NewDelivery {
        receiver: "oncall".to_owned(),
        group: "g".to_owned(),
        due: Timestamp(due),
        at: Timestamp(0),
        escalates: false,
        notice,
    }
}

fn settled(batch: &Batch, delivered: bool) -> Sent {
    Sent {
        id: 0,
        at: Timestamp(5000),
        receiver: batch.receiver.clone(),
        group: batch.group.clone(),
        key: format!("slod-{}", batch.id),
        firing: 1,
        resolved: 0,
        delivered,
        answer: "200 OK".to_owned(),
    }
}

/// Stores deliveries, and returns how many were lost.
fn keep(store: &mut Store, deliveries: &[NewDelivery]) -> u64 {
    store.keep_deliveries(deliveries).expect("kept")
}

fn delivered(store: &mut Store, batch: &Batch) {
    let sent = settled(batch, true);
    store.settle(batch, &sent, None).expect("kept");
}

fn next(store: &mut Store, now: i64) -> Option<Batch> {
    taken(store, now, &[], &|_, _| false)
}

/// A filter at the beginning of time that holds nothing back.
const QUIET: MessageFilter<'static> = MessageFilter {
    receiver: "oncall",
    now: Timestamp(0),
    without: &BTreeSet::new(),
    is_muted: &|_, _| false,
    is_handled: &|_| false,
    is_maintained: &|_| false,
    opens: &|_, _| Timestamp(0),
};

/// Takes the next message, without some groups and without muted alerts.
fn taken(
    store: &mut Store,
    now: i64,
    without: &[&str],
    is_muted: &dyn Fn(&str, &Notice) -> bool,
) -> Option<Batch> {
    let taking = MessageFilter {
        now: Timestamp(now),
        without: &without.iter().map(|one| (*one).to_owned()).collect(),
        is_muted,
        ..QUIET
    };
    store.next_batch(taking).expect("reads")
}

fn known_groups(store: &Store) -> Vec<String> {
    let groups = store.known_groups("oncall", &BTreeSet::new(), Timestamp(i64::MAX));
    let groups = groups.expect("reads").into_iter();
    groups.map(|one| one.group).collect()
}

#[test]
fn a_message_stays_the_same_until_it_is_settled() {
    let (_folder, mut store) = Store::temporary();
    let (rag, chat) = (notice("rag", None), notice("chat", None));
    keep(&mut store, &[delivery(2000, rag.clone())]);
    assert_eq!(next(&mut store, 1999), None);
    let first = next(&mut store, 2000).expect("due");
    assert_eq!(first.notices, std::slice::from_ref(&rag));
    keep(&mut store, &[delivery(2100, chat.clone())]);
    assert_eq!(next(&mut store, 3000).as_ref(), Some(&first));
    delivered(&mut store, &first);
    let second = next(&mut store, 3000).expect("due");
    assert!(second.id > first.id);
    assert_eq!((second.notices, second.known), (vec![chat], vec![rag]));
}

#[test]
fn a_resolution_follows_due_notices_and_cancels_others() {
    let (_folder, mut store) = Store::temporary();
    keep(&mut store, &[delivery(2000, notice("rag", None))]);
    keep(&mut store, &[delivery(90_000, notice("chat", None))]);
    let ended = [
        delivery(3000, notice("rag", Some(3000))),
        delivery(3000, notice("chat", Some(3000))),
    ];
    keep(&mut store, &ended);
    let first = next(&mut store, 99_999).expect("due");
    assert_eq!(first.notices, [notice("rag", None)]);
    delivered(&mut store, &first);
    let second = next(&mut store, 99_999).expect("due");
    assert_eq!(second.notices, [notice("rag", Some(3000))]);
    delivered(&mut store, &second);
    assert_eq!(next(&mut store, 99_999), None);
    assert_eq!(known_groups(&store), [""; 0]);
    assert_eq!(store.notifications(i64::MAX, 9).expect("reads").len(), 2);
}

#[test]
fn an_acknowledgement_cancels_only_escalations() {
    let (_folder, mut store) = Store::temporary();
    let rag = notice("rag", None);
    let escalation = NewDelivery {
        receiver: "lead".to_owned(),
        escalates: true,
        ..delivery(90_000, rag.clone())
    };
    // The first notice waits for others of its group.
    let both = [delivery(30_000, rag.clone()), escalation];
    keep(&mut store, &both);
    store
        .cancel_escalations(rag.fingerprint(), Timestamp(2000))
        .expect("done");
    let waiting = store.waiting().expect("reads");
    assert_eq!(waiting, [("oncall".to_owned(), 1)].into());
    assert_eq!(next(&mut store, 30_000).expect("due").notices, [rag]);
}

#[test]
fn a_notice_does_not_wait_longer_if_the_clock_is_set_back() {
    let (_folder, mut store) = Store::temporary();
    let hour = 3_600_000;
    let waits = NewDelivery {
        at: Timestamp(hour),
        ..delivery(hour + 30_000, notice("rag", None))
    };
    keep(&mut store, &[waits]);
    assert_eq!(next(&mut store, 1000), None);
    let due = store.next_due("oncall", &BTreeSet::new());
    assert_eq!(due.expect("reads"), Some(Timestamp(31_000)));
    // The same if a silence holds it back before another step.
    assert_eq!(taken(&mut store, 31_000, &[], &|_, _| true), None);
    assert_eq!(next(&mut store, 2000), None);
    let due = store.next_due("oncall", &BTreeSet::new());
    assert_eq!(due.expect("reads"), Some(Timestamp(62_000)));
    assert!(next(&mut store, 62_000).is_some());
}

#[test]
fn every_notified_receiver_gets_one_resolution_even_if_routes_change() {
    let (_folder, mut store) = Store::temporary();
    let to = |receiver: &str, group: &str, to: Option<i64>| NewDelivery {
        receiver: receiver.to_owned(),
        group: group.to_owned(),
        ..delivery(2000, notice("rag", to))
    };
    let knows = [to("oncall", "g", None), to("lead", "old", None)];
    keep(&mut store, &knows);
    let batch = next(&mut store, 3000).expect("due");
    delivered(&mut store, &batch);
    // The routes lead to receivers and groups that were not notified of it.
    let ends = [to("lead", "new", Some(2500)), to("chat", "g", Some(2500))];
    store.keep_alerts(&[], &ends).expect("kept");
    store.keep_alerts(&[], &ends).expect("kept");
    let waiting = store.waiting().expect("reads");
    let expected = [("lead".to_owned(), 2), ("oncall".to_owned(), 1)];
    assert_eq!(waiting, expected.into());
    assert_eq!(
        next(&mut store, 3000).expect("due").notices,
        [notice("rag", Some(2500))]
    );
}

#[test]
fn notices_for_a_removed_receiver_are_given_up_once() {
    let (_folder, mut store) = Store::temporary();
    let gone = NewDelivery {
        receiver: "gone".to_owned(),
        ..delivery(9000, notice("rag", None))
    };
    let all = [delivery(9000, notice("rag", None)), gone];
    keep(&mut store, &all);
    let pending = store.pending_notices(10).expect("reads");
    assert_eq!(pending.len(), 2);
    assert!(pending.iter().all(|one| !one.is_tried));
    let configured = ["oncall".to_owned()];
    let ended = store.end_receivers(&configured, Timestamp(9500));
    let expected = Ended {
        receiver: "gone".to_owned(),
        notices: 1,
    };
    assert_eq!(ended.expect("ended"), [expected]);
    let waiting = store.waiting().expect("reads");
    assert_eq!(
        waiting.into_iter().collect::<Vec<_>>(),
        [("oncall".to_owned(), 1)]
    );
    let history = store.notifications(i64::MAX, 10).expect("reads");
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].firing, history[0].delivered), (1, false));
    let again = store.end_receivers(&configured, Timestamp(9600));
    assert_eq!(again.expect("reads"), []);
}

#[test]
fn a_receiver_restored_within_a_day_keeps_its_alerts() {
    let day = 86_400_000;
    for (back, knows) in [(3000 + day, true), (3001 + day, false)] {
        let (_folder, mut store) = Store::temporary();
        keep(&mut store, &[delivery(1000, notice("rag", None))]);
        let batch = next(&mut store, 2000).expect("due");
        delivered(&mut store, &batch);
        assert_eq!(known_groups(&store), ["g"]);
        let removed = store.end_receivers(&[], Timestamp(3000));
        assert_eq!(removed.expect("ended"), []);
        assert!(known_groups(&store).is_empty() && store.all_known().expect("reads").is_empty());
        let returned = store.end_receivers(&["oncall".to_owned()], Timestamp(back));
        assert_eq!(returned.expect("ended"), []);
        assert_eq!(!known_groups(&store).is_empty(), knows);
    }
}

#[test]
fn the_message_of_a_group_is_editable_while_an_alert_is_firing() {
    let (_folder, mut store) = Store::temporary();
    let mut deliver = |notice: Notice, posted: Option<&str>| {
        keep(&mut store, &[delivery(2000, notice)]);
        let batch = next(&mut store, 3000).expect("due");
        let sent = settled(&batch, true);
        store.settle(&batch, &sent, posted).expect("kept");
        batch.posted
    };
    let known = |id: &str| Some(id.to_owned());
    assert_eq!(deliver(notice("rag", None), Some("7")), None);
    assert_eq!(deliver(notice("chat", None), Some("7")), known("7"));
    assert_eq!(deliver(notice("rag", Some(2500)), Some("8")), known("7"));
    assert_eq!(deliver(notice("chat", Some(2600)), Some("8")), known("8"));
    assert_eq!(deliver(notice("rag", None), None), None, "a new incident");
}

#[test]
fn a_group_that_is_left_out_keeps_no_other_back() {
    let (_folder, mut store) = Store::temporary();
    let other = NewDelivery {
        group: "other".to_owned(),
        ..delivery(2500, notice("chat", None))
    };
    let both = [delivery(2000, notice("rag", None)), other];
    keep(&mut store, &both);
    assert_eq!(next(&mut store, 3000).expect("due").group, "g");
    // The first is being delivered.
    let second = taken(&mut store, 3000, &["g"], &|_, _| false).expect("due");
    assert_eq!(second.group, "other");
    assert_eq!(
        taken(&mut store, 3000, &["g", "other"], &|_, _| false),
        None
    );
    let due = store.next_due("oncall", &["g".to_owned()].into());
    assert_eq!(due.expect("reads"), Some(Timestamp(2500)));
}

#[test]
fn the_alert_sent_longest_ago_is_repeated_first_and_muted_ones_are_not() {
    let (_folder, mut store) = Store::temporary();
    let services = ["rag", "chat", "web"];
    let all = services.map(|one| delivery(2000, notice(one, None)));
    keep(&mut store, &all);
    let batch = next(&mut store, 3000).expect("due");
    delivered(&mut store, &batch);
    let muted = BTreeSet::from([notice("rag", None).fingerprint()]);
    let repeat = |store: &Store, before: i64, now: i64| {
        let batch = store.repeat_batch("oncall", "g", Timestamp(before), &muted, Timestamp(now));
        batch.expect("reads")
    };
    assert_eq!(repeat(&store, 4999, 5000), None);
    let batch = repeat(&store, 5000, 5000).expect("due");
    assert_eq!(batch.known.len(), 2);
    store.sent_again(&batch, Timestamp(9000)).expect("kept");
    assert_eq!(
        repeat(&store, 8999, 9000),
        None,
        "only the muted one is older"
    );
    let at = |muted: &BTreeSet<u64>, now: i64| {
        let groups = store.known_groups("oncall", muted, Timestamp(now));
        groups.expect("reads")[0].at
    };
    assert_eq!(at(&muted, 9000), Some(Timestamp(9000)));
    assert_eq!(at(&BTreeSet::new(), 9000), Some(Timestamp(5000)));
    // The clock is set back: everything is due.
    assert_eq!(at(&muted, 8999), None);
    assert_eq!(repeat(&store, 4000, 8999).expect("due").known.len(), 2);
}
