//! Announces maintenance (corrections) to receivers with `maintenance`: when it is planned, starts and ends.
//!
//! An announcement is a notice that fires while it applies. The store records what each receiver was
//! sent, so a restart or a reload does not repeat announcements.

use super::own_groups::{MAINTENANCE, group};
use super::task::Deps;
use crate::alert::{ANNOUNCED, MAINTENANCE_PLANNED, MAINTENANCE_RUNNING, Notice};
use crate::format::times;
use crate::outcome::Timestamp;
use crate::slo::correction::Correction;
use crate::slo::occurrence::{LISTED_AHEAD, Occurrence};
use crate::store::{NewDelivery, Store, StoreError};
use crate::tasks::blocking;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

/// Interval at which the corrections are checked.
const EVERY: Duration = Duration::from_secs(5);
/// Timeout of a request to the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);
/// The label with the time at which maintenance begins.
const BEGINS: &str = "begins";
/// Annotations of announcements.
const SERVICES: &str = "services";
const REASON: &str = "reason";
/// Maximum number of occurrences that are announced at the same time, the first ones.
const MAX_ANNOUNCED: usize = 100;

/// Runs until it is aborted.
pub(super) async fn run(deps: Deps) {
    loop {
        sleep(EVERY).await;
        let config = deps.configs.borrow().clone();
        let receivers = config
            .routing
            .receivers
            .iter()
            .filter(|one| one.maintenance);
        let names: Vec<String> = receivers.map(|one| one.name.clone()).collect();
        if names.is_empty() {
            continue;
        }
        let corrections = deps.states.borrow().corrections.clone();
        let (store, now) = (deps.store.clone(), deps.clock.now());
        let announce = move |store: &mut Store| {
            let mut wanted = wanted(&corrections, now);
            for one in &mut wanted {
                config.alerts.add_external(&mut one.labels);
            }
            announce(store, &names, &wanted, now)
        };
        let ask = move || store.ask(STORE_TIMEOUT, announce);
        // The store reports its own failures, and the next check retries.
        if let Ok(Some(Ok(1..))) = blocking(ask).await {
            deps.waker.wake();
        }
    }
}

/// Stores the changes that receivers have not been sent yet. Returns their number.
fn announce(
    store: &mut Store,
    receivers: &[String],
    wanted: &[Notice],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut deliveries = Vec::new();
    for receiver in receivers {
        let known = store.known_to(receiver, MAINTENANCE)?;
        let changes = changes(&known, wanted, MAINTENANCE, now);
        deliveries.extend(changes.map(|(group, mut notice)| {
            say_that_it_ended(&mut notice);
            NewDelivery::at_once(receiver, &group, notice, now)
        }));
    }
    store.keep_deliveries(&deliveries)?;
    Ok(deliveries.len())
}

/// Notices that are new, and known ones that no longer apply, each with its group.
pub(super) fn changes(
    known: &[(String, Notice)],
    wanted: &[Notice],
    kind: &str,
    now: Timestamp,
) -> impl Iterator<Item = (String, Notice)> {
    let before: BTreeSet<_> = known.iter().map(|(_, one)| one.fingerprint()).collect();
    let after: BTreeSet<_> = wanted.iter().map(Notice::fingerprint).collect();
    let over = known
        .iter()
        .filter(|(_, one)| !after.contains(&one.fingerprint()));
    let over = over.map(|(group, one)| {
        // The clock may have been set back.
        let to = Some(now.max(one.from));
        (group.clone(), Notice { to, ..one.clone() })
    });
    let new = wanted
        .iter()
        .filter(|one| !before.contains(&one.fingerprint()));
    let new = new.map(|one| (group(kind, one), one.clone()));
    over.chain(new).collect::<Vec<_>>().into_iter()
}

/// The announcements that apply now: those that begin first, if there are too many.
fn wanted(corrections: &[Correction], now: Timestamp) -> Vec<Notice> {
    let mut ahead: Vec<Occurrence<'_>> = corrections
        .iter()
        .flat_map(|correction| {
            let until = match correction.repeats {
                Some(_) => now.after(LISTED_AHEAD),
                None => Timestamp(i64::MAX),
            };
            let all = correction.occurrences(now, until).into_iter();
            all.map(move |(from, to)| Occurrence {
                from,
                to,
                correction,
            })
        })
        .collect();
    ahead.sort_by_key(|one| one.from);
    ahead.truncate(MAX_ANNOUNCED);
    ahead.iter().map(|one| notice(one, now)).collect()
}

fn notice(one: &Occurrence<'_>, now: Timestamp) -> Notice {
    let correction = one.correction;
    let is_planned = one.from > now;
    let name = if is_planned {
        MAINTENANCE_PLANNED
    } else {
        MAINTENANCE_RUNNING
    };
    let services = match &correction.services[..] {
        [] => "all services".to_owned(),
        names => names.join(", "),
    };
    let (from, to) = (one.from.to_utc(), one.to.to_utc());
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let mut labels = vec![
        pair("alertname", name.to_owned()),
        pair("severity", ANNOUNCED.to_owned()),
        pair("correction", correction.id.clone()),
        pair(BEGINS, times::machine(from)),
    ];
    if let [only] = &correction.services[..] {
        labels.push(pair("service", only.clone()));
    }
    let state = if is_planned {
        format!(
            "planned from {} to {}",
            times::minute(from),
            times::minute(to)
        )
    } else {
        format!("started, until {}", times::minute(to))
    };
    let reason = correction.reason.clone();
    let summary = format!("{services}: {state} UTC: {reason}");
    let description = format!(
        "Maintenance from {} to {} UTC, by {}.",
        times::second(from),
        times::second(to),
        correction.author
    );
    let annotations = [
        pair("summary", summary),
        pair("description", description),
        pair(SERVICES, services),
        pair(REASON, reason),
    ];
    Notice {
        labels: labels.into_iter().collect(),
        annotations: annotations.into(),
        from: if is_planned { now } else { one.from },
        to: None,
    }
}

/// Replaces the summary of an announcement that no longer applies. Maintenance that has started is no longer
/// planned, and maintenance that was revoked before it began is canceled.
fn say_that_it_ended(announcement: &mut Notice) {
    let begins = announcement.label(BEGINS).unwrap_or_default();
    let (Some(at), Some(services), Some(reason)) = (
        announcement.to.map(Timestamp::to_utc),
        announcement.annotation(SERVICES),
        announcement.annotation(REASON),
    ) else {
        return;
    };
    let is_planned = announcement.label("alertname") == Some(MAINTENANCE_PLANNED);
    // Times of this form are ordered as texts.
    let state = match (is_planned, times::machine(at).as_str() < begins) {
        (true, true) => "canceled".to_owned(),
        (true, false) => format!("started at {} UTC", times::minute(at)),
        (false, _) => format!("ended at {} UTC", times::minute(at)),
    };
    let summary = format!("{services}: {state}: {reason}");
    let annotations = &mut announcement.annotations;
    annotations.insert("summary".to_owned(), summary);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn correction(from: i64, to: i64) -> Correction {
        Correction {
            id: "7".to_owned(),
            services: vec!["rag".to_owned()],
            author: "ada".to_owned(),
            ..Correction::once(
                Timestamp::from_secs(from),
                Timestamp::from_secs(to),
                "upgrade",
            )
        }
    }

    fn known(notices: &[Notice]) -> Vec<(String, Notice)> {
        let notices = notices.iter();
        notices
            .map(|one| (MAINTENANCE.to_owned(), one.clone()))
            .collect()
    }

    #[test]
    fn a_correction_is_announced_when_planned_when_it_starts_and_when_it_ends() {
        let (_folder, mut store) = Store::temporary();
        let receivers = ["chat".to_owned()];
        let corrections = [correction(2_000_000, 2_000_600)];
        let mut look = |second: i64, corrections: &[Correction]| {
            let now = Timestamp::from_secs(second);
            let count = announce(&mut store, &receivers, &wanted(corrections, now), now);
            let known = store.known_to("chat", MAINTENANCE).expect("reads");
            let names = known.iter().map(|(_, one)| one.labels["alertname"].clone());
            (count.expect("kept"), names.collect::<Vec<_>>())
        };
        let planned = vec!["SlodMaintenancePlanned".to_owned()];
        assert_eq!(look(1_999_000, &corrections), (1, planned.clone()));
        assert_eq!(look(1_999_010, &corrections), (0, planned), "once");
        let running = vec!["SlodMaintenance".to_owned()];
        assert_eq!(look(2_000_000, &corrections), (2, running.clone()));
        assert_eq!(look(2_000_599, &corrections), (0, running));
        assert_eq!(look(2_000_600, &corrections), (1, Vec::new()));
        assert_eq!(look(2_000_700, &corrections), (0, Vec::new()));
    }

    #[test]
    fn of_too_many_corrections_those_that_begin_first_are_announced() {
        let later = (0..).take(MAX_ANNOUNCED).map(|number| Correction {
            id: format!("later-{number}"),
            ..correction(3_000_000 + number, 3_000_600)
        });
        let all: Vec<Correction> = later.chain([correction(2_000_000, 2_000_600)]).collect();
        let wanted = wanted(&all, Timestamp::from_secs(2_000_100));
        assert_eq!(wanted.len(), MAX_ANNOUNCED);
        assert_eq!(wanted[0].labels["alertname"], "SlodMaintenance");
        assert_eq!(wanted[1].labels["correction"], "later-0");
    }

    #[test]
    fn an_announcement_does_not_end_before_it_begins() {
        let running = wanted(
            &[correction(2_000_000, 2_000_600)],
            Timestamp::from_secs(2_000_100),
        );
        // The clock was set back.
        let known = known(&running);
        let over = changes(&known, &[], MAINTENANCE, Timestamp::from_secs(1_000));
        let over: Vec<_> = over.map(|(_, one)| one).collect();
        assert_eq!(over[0].to, Some(over[0].from));
    }

    #[test]
    fn a_revoked_correction_has_ended() {
        let now = Timestamp::from_secs(2_000_100);
        let running = wanted(&[correction(2_000_000, 2_000_600)], now);
        let known = known(&running);
        let over: Vec<_> = changes(&known, &[], MAINTENANCE, now).collect();
        assert_eq!((over.len(), over[0].1.to), (1, Some(now)));
        assert_eq!(
            over[0].0, "maintenance",
            "the group that the receiver knows it in"
        );
        assert_eq!(over[0].1.fingerprint(), running[0].fingerprint());
    }

    #[test]
    fn the_end_of_an_announcement_says_what_became_of_the_maintenance() {
        let correction = [correction(2_000_000, 2_000_600)];
        let end = |announced, ended| {
            let mut all = wanted(&correction, Timestamp::from_secs(announced));
            let mut one = all.remove(0);
            one.to = Some(Timestamp::from_secs(ended));
            say_that_it_ended(&mut one);
            one.annotations["summary"].clone()
        };
        assert_eq!(end(1_999_000, 1_999_500), "rag: canceled: upgrade");
        let started = "rag: started at 1970-01-24 03:33 UTC: upgrade";
        assert_eq!(end(1_999_000, 2_000_000), started);
        let ended = "rag: ended at 1970-01-24 03:43 UTC: upgrade";
        assert_eq!(end(2_000_000, 2_000_600), ended);
    }

    #[test]
    fn an_announcement_names_its_time_and_has_the_same_group_until_it_ends() {
        let correction = correction(2_000_000, 2_000_600);
        let at = |second| {
            let mut all = wanted(
                std::slice::from_ref(&correction),
                Timestamp::from_secs(second),
            );
            let mut one = all.remove(0);
            one.labels.insert("cluster".to_owned(), "eu1".to_owned());
            (group(MAINTENANCE, &one), one.annotations["summary"].clone())
        };
        let (planned, running) = (at(1_999_000), at(2_000_100));
        assert_eq!(
            planned.1,
            "rag: planned from 1970-01-24 03:33 to 1970-01-24 03:43 UTC: upgrade"
        );
        assert_eq!(
            running.1,
            "rag: started, until 1970-01-24 03:43 UTC: upgrade"
        );
        assert_eq!(planned.0, running.0);
        let expected = r#"maintenance{begins="1970-01-24T03:33:20Z",cluster="eu1",correction="7",service="rag"}"#;
        assert_eq!(running.0, expected);
    }
}
