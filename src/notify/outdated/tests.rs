use super::*;
use crate::alert::{Acknowledgement, AlertKey, Condition, TIERS, Urgency};
use crate::config::Config;
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_secs(1_000_000_000);

/// A config with the receivers `a` and `b`, and routes in YAML.
fn routing(routes: &str) -> Arc<Routing> {
    let text = format!(
        "services: [ {{ name: web, probes: [ {{ name: p, tcp: {{ address: \"127.0.0.1:1\" }} }} ] }} ]
receivers:
  - {{ name: a, webhook: {{ url: \"http://127.0.0.1:1/a\" }} }}
  - {{ name: b, webhook: {{ url: \"http://127.0.0.1:1/b\" }} }}
routes: {routes}\n"
    );
    let config: Config = text.parse().expect("valid");
    config.routing
}

/// A notified alert that began a minute ago.
fn alert() -> AlertRecord {
    let key = AlertKey::budget("web".into(), "errors".into(), Condition::Tier(TIERS[0]));
    let from = NOW.before(Duration::from_mins(1));
    let mut alert = AlertRecord::new(key, "Burn", Urgency::Page, from, "it burns");
    alert.notified = true;
    alert
}

/// The state of the receivers with these routes.
fn known(alert: &AlertRecord, routes: &str) -> Vec<(String, String, Notice)> {
    let notice = AlertsView::default().rules.notice(alert);
    let routing = routing(routes);
    let places = routing.decide(&notice, NOW).into_iter();
    places
        .map(|one| (one.receiver.to_owned(), one.group, notice.clone()))
        .collect()
}

/// Differences with other routes: receiver, group, whether it is resolved there, and seconds until due.
fn wrong(known: &Known, alerts: &[AlertRecord], routes: &str) -> Vec<(String, String, bool, i64)> {
    let routing = routing(routes);
    let firing = firing(&AlertsView::default(), alerts, &routing, NOW);
    let found = differences(known, firing, &routing, NOW).into_values();
    let row = |one: NewDelivery| {
        let due = (one.due.0 - NOW.0) / 1000;
        (one.receiver, one.group, one.notice.is_resolved(), due)
    };
    found.map(row).collect()
}

fn row(receiver: &str, group: &str, ends: bool, due: i64) -> (String, String, bool, i64) {
    (receiver.to_owned(), group.to_owned(), ends, due)
}

#[test]
fn a_rerouted_alert_resolves_at_the_old_and_fires_at_the_new_receiver() {
    let alert = alert();
    let before = "[ { to: a, group_by: [service] } ]";
    let known = known(&alert, before);
    let firing = std::slice::from_ref(&alert);
    let group = "{service=\"web\"}";
    assert_eq!(wrong(&known, firing, before), []);
    assert_eq!(
        wrong(&known, firing, "[ { to: b, group_by: [service] } ]"),
        [row("a", group, true, 0), row("b", group, false, 5)]
    );
    assert_eq!(
        wrong(&known, firing, "[ { to: a, group_by: [slo] } ]"),
        [
            row("a", group, true, 0),
            row("a", "{slo=\"errors\"}", false, 5)
        ]
    );
    assert_eq!(wrong(&known, &[], before), [row("a", group, true, 0)]);
}

#[test]
fn an_escalation_follows_the_routes_unless_somebody_acknowledged_the_alert() {
    let mut alert = alert();
    let plain = "[ { to: a, group_by: [service] } ]";
    let escalates = "[ { to: a, group_by: [service], escalate: { after: 5m, to: b } } ]";
    let group = "{service=\"web\"}";
    let firing = std::slice::from_ref(&alert);
    assert_eq!(
        wrong(&known(&alert, escalates), firing, plain),
        [row("b", group, true, 0)]
    );
    // It began a minute ago.
    assert_eq!(
        wrong(&known(&alert, plain), firing, escalates),
        [row("b", group, false, 240)]
    );
    alert.acknowledged = Some(Arc::new(Acknowledgement {
        at: NOW,
        by: "ada".to_owned(),
        note: String::new(),
    }));
    let firing = std::slice::from_ref(&alert);
    assert_eq!(wrong(&known(&alert, plain), firing, escalates), []);
    let elsewhere = "[ { to: b, group_by: [service] } ]";
    let moved = [row("a", group, true, 0), row("b", group, false, 5)];
    assert_eq!(wrong(&known(&alert, plain), firing, elsewhere), moved);
}

#[test]
fn unannounced_alerts_stay_unannounced_and_silenced_ones_wait_in_the_outbox() {
    let mut alert = alert();
    let route = "[ { to: a, group_by: [service] } ]";
    alert.silenced_by = Some(1);
    let begins = [row("a", "{service=\"web\"}", false, 5)];
    assert_eq!(wrong(&[], std::slice::from_ref(&alert), route), begins);
    alert.notified = false;
    assert_eq!(wrong(&[], &[alert], route), []);
}
