//! The contents of a store other than outcomes and samples: decisions of users, reports of jobs, alerts and their messages.

use slod::alert::{Acknowledgement, AlertKey, AlertRecord, Matcher, Silence, Source, Urgency};
use slod::outcome::{ProbeKey, Timestamp};
use slod::probe::heartbeat::Beat;
use slod::receiver::Message;
use slod::slo::correction::Correction;
use slod::store::{AlertCursor, AuditEntry, Marker, MarkerCursor, NewDelivery, PendingBeat, Store};
use std::slice;
use std::time::Duration;

const RECEIVER: &str = "oncall";

fn key() -> ProbeKey {
    ProbeKey::new("a", "p")
}

fn alert(at: Timestamp) -> AlertRecord {
    let source = Source::Sign {
        sign: "leak".into(),
        subject: "b".into(),
    };
    AlertRecord {
        key: AlertKey {
            service: "a".into(),
            source,
        },
        alertname: "SlodLeak".into(),
        urgency: Urgency::Ticket,
        from: at,
        to: None,
        ended_because: "it is no longer in the config".into(),
        spent: None,
        summary: "memory grows".into(),
        evidence: "by 1 MiB an hour".into(),
        chart: "".into(),
        inhibited_by: None,
        silenced_by: Some(1),
        held_back: "silence 1 until today".into(),
        notified: true,
        acknowledged: None,
    }
}

/// One of each.
pub fn write(store: &mut Store, now: Timestamp) {
    let at = now.before(Duration::from_mins(10));
    let (me, service) = (|| "me".to_owned(), || "a".to_owned());
    let silence = Silence {
        id: 0,
        matchers: Matcher::parse_list("service=~\"a|b\",severity!=page").expect("valid"),
        from: at,
        to: now.after(Duration::from_hours(1)),
        author: me(),
        reason: "a test".to_owned(),
    };
    store.add_silence(&silence).expect("added");
    let correction = Correction {
        id: String::new(),
        from: at,
        to: now,
        repeats: None,
        services: vec![service()],
        slos: Vec::new(),
        reason: "maintenance".to_owned(),
        author: me(),
    };
    store.add_correction(&correction, now).expect("added");
    let marker = Marker {
        id: 0,
        at,
        service: service(),
        version: "v1".to_owned(),
        text: "new".to_owned(),
        author: me(),
    };
    store.add_marker(&marker).expect("added");
    let entry = AuditEntry {
        at,
        name: me(),
        action: "silence",
        object: "1".to_owned(),
        outcome: "ok".to_owned(),
    };
    store.add_audit(&entry).expect("added");
    let beat = Beat {
        at,
        failed: true,
        message: Some("disk full".into()),
    };
    let beats = [(key(), PendingBeat::new(beat, None))].into();
    store.keep_beats(&beats).expect("kept");
    let alert = alert(at);
    let notices = Message::sample(false, at).notices.into_iter();
    let deliveries: Vec<_> = notices
        .map(|notice| NewDelivery::at_once(RECEIVER, "a", notice, now))
        .collect();
    let kept = store.keep_alerts(slice::from_ref(&alert), &deliveries);
    kept.expect("kept");
    let given = Acknowledgement {
        at: now,
        by: me(),
        note: String::new(),
    };
    store.acknowledge(&alert.key, at, &given).expect("kept");
}

pub fn read(store: &Store) {
    let (first, last) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    let _ = store.decisions();
    let silences = store.silences().unwrap_or_default();
    let now = store.last_seen().ok().flatten().unwrap_or_default();
    let _ = store.silences_without_effect(&silences, now);
    for correction in store.corrections().unwrap_or_default() {
        correction.occurrences(now.before(Duration::from_hours(24)), now);
    }
    let _ = store.revoked_corrections();
    let _ = store.markers(None, (first, last), 9);
    let _ = store.markers_behind(MarkerCursor::FIRST, None, (first, last), 9);
    let _ = store.audit(i64::MAX, 9);
    for beat in store.beats().unwrap_or_default().into_values() {
        let _ = store.count_outcomes(&key(), beat.last.at, now);
        let _ = store.last_outcome(&key(), beat.last.at);
    }
    let _ = store.firing_alerts();
    for alert in store.alerts(first, last, 9).unwrap_or_default() {
        let _ = store.alerts_behind(&AlertCursor::behind(&alert), (first, last), 9);
    }
    let _ = store.notifications(i64::MAX, 9);
    let _ = store.pending_notices(9);
    let _ = store.failures();
    let _ = store.waiting();
    let _ = store.all_known();
}
